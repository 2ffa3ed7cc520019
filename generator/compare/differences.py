"""Differences between two documents, and the steps that all levels of a comparison share.

Each level of a document (operation, parameter, schema, ...) has a list of the keywords that the comparison knows. A
keyword that is not in the list, or whose change a handler has no words for, gets a line of the kind "no rule". So a
difference is never silent, unless it is one of words: titles, descriptions, summaries and examples.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from .. import names
from ..rules import RULES, Direction, Typing, Verdict
from ..tree import is_list, is_object

Object: TypeAlias = "dict[str, Any]"

WORDS = frozenset({"title", "description", "summary", "example", "examples"})

# The keys of these objects are names that the specification gives, and no keywords.
_MAPS = frozenset(
    {
        *("properties", "patternProperties", "schemas", "$defs", "definitions"),
        *("dependentSchemas", "responses", "headers", "content", "paths", "callbacks", "links"),
        *("requestBodies", "securitySchemes", "variables", "encoding", "mapping", "webhooks"),
        *("scopes", "security", "pathItems"),
    }
)

# The values of these keys are data, in which "description" is no description.
_DATA = frozenset({"default", "enum", "const", "required"})


@frozen
class Change:
    """One difference between two specifications."""

    place: str
    """The place by the names of the specification, such as `Option.responseTokens`."""
    kind: str
    """The kind of the change, which rules.py explains."""
    text: str
    """The change in words, on one line."""
    direction: Direction
    old: Any = None
    new: Any = None
    python: str = ""
    """The place by its names in Python, such as `Option.response_tokens`."""
    hidden: bool = False
    """Whether the overlay hides the change from callers."""
    typing: Typing = "value"
    """How Python types the place, which rules.py explains."""

    @property
    def verdict(self) -> Verdict:
        """What the change does to callers: it breaks them, or somebody has to check it, or it is safe."""
        return "safe" if self.hidden else RULES[self.kind].verdict(self.direction, self.typing)

    @property
    def adds(self) -> bool:
        """Whether the change adds something that callers can use."""
        return not self.hidden and RULES[self.kind].adds

    @property
    def reason(self) -> str:
        """Why the change has this verdict."""
        if self.hidden:
            return "The overlay hides the change from callers."
        rule = RULES[self.kind]
        if self.typing == "item" and rule.verdict(self.direction) != self.verdict:
            return "A type checker takes no list or dict of one type for a list or dict of another type."
        return rule.why


@frozen
class Where:
    """A place that is compared."""

    place: str
    python: str
    direction: Direction
    typing: Typing = "value"

    def at(self, suffix: str, direction: Direction | None = None, typing: Typing | None = None) -> Where:
        """Return a place inside this one that has no name in Python."""
        return Where(f"{self.place}{suffix}", self.python, direction or self.direction, typing or self.typing)

    def item(self, suffix: str) -> Where:
        """Return the place of the items of a list, or of the values of a map."""
        typing: Typing = "item" if self.typing == "value" else self.typing
        return Where(f"{self.place}{suffix}", f"{self.python}{suffix}", self.direction, typing)

    def property(self, name: str) -> Where:
        """Return the place of a property."""
        typing: Typing = "untyped" if self.typing == "untyped" else "value"
        return Where(f"{self.place}.{name}", f"{self.python}.{names.attribute(name)}", self.direction, typing)

    def change(self, kind: str, text: str, old: Any = None, new: Any = None) -> Change:
        """Return a change at this place."""
        return Change(self.place, kind, printable(text), self.direction, old, new, self.python, typing=self.typing)


Handler: TypeAlias = Callable[[Where, Object, Object], Iterable[Change]]

Handlers: TypeAlias = "Sequence[tuple[tuple[str, ...], Handler | None]]"


def members(where: Where, old: Object, new: Object, handlers: Handlers) -> Iterator[Change]:
    """Yield the changes of an object, of which each handler explains those of some keywords."""
    known: set[str] = set(WORDS)
    for keys, handler in handlers:
        known.update(keys)
        if handler is None or not differ(old, new, keys):
            continue
        found = list(handler(where, old, new))
        yield from found or unexplained(where, old, new, keys)
    yield from unexplained(where, old, new, sorted((old.keys() | new.keys()) - known))


def unexplained(where: Where, old: Object, new: Object, keys: Iterable[str]) -> Iterator[Change]:
    """Yield a line for each of `keys` that differs and that nothing else explains."""
    for key in keys:
        if differ(old, new, (key,)):
            kind = "extension changed" if key.startswith("x-") else "no rule"
            yield where.change(kind, became(key, old, new), old.get(key), new.get(key))


def information(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Yield the changes of members that only inform."""
    for key in ("openapi", "externalDocs", "termsOfService", "contact", "license"):
        if differ(old, new, (key,)):
            yield where.change("information changed", became(key, old, new), old.get(key), new.get(key))


def deprecated(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare whether something is deprecated."""
    before, after = old.get("deprecated") is True, new.get("deprecated") is True
    if before is after:
        yield where.change("written differently", became("deprecated", old, new))
    elif after:
        yield where.change("deprecated added", "deprecated", before, after)
    else:
        yield where.change("deprecated removed", "no longer deprecated", before, after)


def required(where: Where, old: Object, new: Object, what: str) -> Iterator[Change]:
    """Compare whether a parameter, a body or a header is required."""
    before, after = old.get("required") is True, new.get("required") is True
    if before is after:
        yield where.change("written differently", became("required", old, new))
    else:
        kind = f"{what} required" if after else f"{what} not required"
        yield where.change(kind, "now required" if after else "no longer required", before, after)


def reordered(where: Where, old: Object, new: Object, key: str) -> Iterator[Change]:
    """Yield a change if two lists have the same members in another order."""
    before, after = (sorted(map(as_json, listed(without_words({key: side.get(key)})[key]))) for side in (old, new))
    if before == after and not same(*(without_words({key: side.get(key)}) for side in (old, new))):
        yield where.change("written differently", f"the order of {key} changed", old.get(key), new.get(key))
    elif set(before) == set(after) and before != after:
        yield where.change("written differently", f"{key} repeats an entry, or no longer does")


def pairs(old: Mapping[str, Any], new: Mapping[str, Any], *, objects: bool = True) -> Iterator[tuple[str, Any, Any]]:
    """Yield each name with its old and its new value, of which one is None if the name was added or removed.

    Args:
        old: the old values by name.
        new: the new values by name.
        objects: whether values must be objects, so that another value counts as an empty object.

    """
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if objects:
            was, now = (
                (value if is_object(value) else {}) if name in side else None
                for value, side in ((was, old), (now, new))
            )
        yield name, was, now


def differ(old: Object, new: Object, keys: Iterable[str]) -> bool:
    """Whether two objects differ in one of the keywords, words aside."""
    was, now = ({key: side[key] for key in keys if key in side} for side in (old, new))
    return not same(without_words(was), without_words(now))


def became(key: str, old: Object, new: Object) -> str:
    """Return in words how the member `key` changed."""
    if key not in new:
        return f"{key} {short(old[key])} removed"
    if key not in old:
        return f"{key} {short(new[key])} added"
    return f"{key} {short(old[key])} became {short(new[key])}"


def gone(renamed: str | None, how: str = "renamed") -> str:
    """Return in words that something was removed, and what it may have become."""
    return f"removed; perhaps {how} to {renamed}" if renamed else "removed"


def by(values: Any, key: str) -> dict[str, Object]:
    """Return the objects of a list by their member `key`."""
    return {str(item.get(key)): item for item in listed(values) if is_object(item)}


def member(holder: Any, key: str) -> Object:
    """Return the member `key` of an object, or an empty object if there is none."""
    value = holder.get(key) if is_object(holder) else None
    return value if is_object(value) else {}


def listed(value: Any) -> list[Any]:
    """Return a list as it is, and an empty list for any other value."""
    return value if is_list(value) else []


def as_json(value: Any) -> str:
    """Return a value as JSON, the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def printable(text: str) -> str:
    """Return `text` on one line, with escapes for the characters that a terminal would act on."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def short(value: Any) -> str:
    """Return a value of the document in at most 60 characters."""
    text = str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else as_json(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def without_words(value: Any, *, names: bool = False) -> Any:
    """Return `value` without descriptions, summaries and examples.

    Args:
        value: a part of a specification.
        names: whether the keys of `value` are names that the specification gives, such as names of properties.

    """
    if is_list(value):
        return [without_words(item, names=names) for item in value]
    if not is_object(value):
        return value
    if names:
        return {key: without_words(item) for key, item in value.items()}
    return {
        key: item
        if key in _DATA or key.startswith("x-")
        else without_words(item, names=key in _MAPS or (key in ("parameters", "callbacks") and is_object(item)))
        for key, item in value.items()
        if key not in WORDS
    }


def same(old: Any, new: Any) -> bool:
    """Whether two JSON values are equal. Unlike ==, true differs from 1."""
    if is_object(old) and is_object(new):
        return old.keys() == new.keys() and all(same(item, new[key]) for key, item in old.items())
    if is_list(old) and is_list(new):
        return len(old) == len(new) and all(map(same, old, new))
    return isinstance(old, bool) is isinstance(new, bool) and bool(old == new)
