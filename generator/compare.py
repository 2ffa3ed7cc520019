"""Compare two specifications: what changed, where, and in which direction.

Each level of a document (operation, parameter, schema, ...) has a list of the keywords that the comparison knows. A
keyword that is not in the list, or whose change a handler has no words for, gets a line of the kind "no rule". So a
difference is never silent, unless it is one of words: titles, descriptions, summaries and examples.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, TypeAlias

from attrs import evolve, frozen
from openapi_python_client.strings import PythonIdentifier, snake_case

from .rules import RULES, Direction, Verdict
from .tree import COMPONENTS, component, is_list, is_object

Object: TypeAlias = "dict[str, Any]"

WORDS = frozenset({"title", "description", "summary", "example", "examples"})
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

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
# Two names are alike if SequenceMatcher gives them at least this ratio.
_ALIKE = 0.6


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

    @property
    def verdict(self) -> Verdict:
        """What the change does to callers: it breaks them, or somebody has to check it, or it is safe."""
        return "safe" if self.hidden else RULES[self.kind].verdict(self.direction)

    @property
    def adds(self) -> bool:
        """Whether the change adds something that callers can use."""
        return not self.hidden and RULES[self.kind].adds

    @property
    def reason(self) -> str:
        """Why the change has this verdict."""
        return "The overlay hides the change from callers." if self.hidden else RULES[self.kind].why


@frozen
class Where:
    """A place that is compared."""

    place: str
    python: str
    direction: Direction

    def at(self, suffix: str, direction: Direction | None = None) -> Where:
        """Return a place inside this one that has no name in Python."""
        return Where(f"{self.place}{suffix}", self.python, direction or self.direction)

    def property(self, name: str) -> Where:
        """Return the place of a property."""
        return Where(f"{self.place}.{name}", f"{self.python}.{snake_case(name)}", self.direction)

    def change(self, kind: str, text: str, old: Any = None, new: Any = None) -> Change:
        """Return a change at this place."""
        return Change(self.place, kind, printable(text), self.direction, old, new, self.python)


Handler: TypeAlias = Callable[[Where, Object, Object], Iterable[Change]]
Handlers: TypeAlias = "Sequence[tuple[tuple[str, ...], Handler | None]]"


def changes(published: tuple[Object, Object], overlaid: tuple[Object, Object]) -> list[Change]:
    """Return the changes from an old specification to a new one, those that break callers first.

    Args:
        published: the old and the new specification as published, flattened.
        overlaid: the old and the new specification with the overlay applied, flattened. Callers of the SDK see
            these, so a change that only the published ones have is hidden from callers.

    """
    found = {(change.place, change.text): change for change in compare(*overlaid)}
    for change in compare(*published):
        text = f"{change.text} (hidden by the overlay)"
        if (change.place, change.text) not in found:
            found.setdefault((change.place, text), evolve(change, text=text, hidden=True))
    return sorted(found.values(), key=lambda change: (change.place, change.text))


def compare(old: Object, new: Object) -> Iterator[Change]:
    """Yield the differences between two bundled and flattened documents."""
    return _Comparison(old, new).document()


def printable(text: str) -> str:
    """Return `text` on one line, with escapes for the characters that a terminal would act on."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def short(value: Any) -> str:
    """Return a value of the document in at most 60 characters."""
    text = str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else _json(value)
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


class _Comparison:
    """The comparison of two documents."""

    def __init__(self, old: Object, new: Object) -> None:
        self.old, self.new = old, new
        self.known_before, self.known = _named(old), _named(new)
        uses = [_uses(old), _uses(new)]
        self.sent = {name for use in uses for name in use[0]}
        self.received = {name for use in uses for name in use[1]}

    def document(self) -> Iterator[Change]:
        whole = Where("API", "API", "both")
        handlers: Handlers = (
            (("openapi", "externalDocs"), self.information),
            (("info",), self.info),
            (("servers",), self.servers),
            (("tags",), self.tags_listed),
            (("paths",), self.paths),
            (("components",), self.components),
            (("security",), self.security_of_all),
            (("webhooks",), self.callbacks),
        )
        yield from self.members(whole, self.old, self.new, handlers)

    def members(self, where: Where, old: Object, new: Object, handlers: Handlers) -> Iterator[Change]:
        """Yield the changes of an object, of which each handler explains those of some keywords."""
        known: set[str] = set(WORDS)
        for keys, handler in handlers:
            known.update(keys)
            if handler is None or not _differ(old, new, keys):
                continue
            found = list(handler(where, old, new))
            yield from found or self.unexplained(where, old, new, keys)
        yield from self.unexplained(where, old, new, sorted((old.keys() | new.keys()) - known))

    def unexplained(self, where: Where, old: Object, new: Object, keys: Iterable[str]) -> Iterator[Change]:
        for key in keys:
            if _differ(old, new, (key,)):
                kind = "extension changed" if key.startswith("x-") else "no rule"
                yield where.change(kind, _became(key, old, new), old.get(key), new.get(key))

    # The document.

    def information(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for key in ("openapi", "externalDocs", "termsOfService", "contact", "license"):
            if _differ(old, new, (key,)):
                yield where.change("information changed", _became(key, old, new), old.get(key), new.get(key))

    def info(self, _: Where, old: Object, new: Object) -> Iterator[Change]:
        handlers: Handlers = (
            (("version",), self.version),
            (("termsOfService", "contact", "license"), self.information),
        )
        yield from self.members(Where("info", "info", "both"), _object(old, "info"), _object(new, "info"), handlers)

    def version(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        major, other = (str(side.get("version")).partition(".")[0] for side in (old, new))
        kind = "API version" if major == other else "API version, major"
        yield where.change(kind, _became("version", old, new), old.get("version"), new.get("version"))

    def servers(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (_by(side.get("servers"), "url") for side in (old, new))
        renamed = _renamed(before, after)
        for url, was, now in _pairs(before, after):
            place = where.at(f" server {url}" if where.place != "API" else "", "both")
            place = evolve(place, place=f"server {url}") if where.place == "API" else place
            if now is None:
                yield place.change("server removed", _gone(renamed.get(url)), was)
            elif was is None:
                yield place.change("server added", "added", None, now)
            else:
                yield from self.members(place, was, now, ((("variables",), self.variables), (("url",), None)))
        yield from _reordered(where, old, new, "servers")

    def variables(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for name, was, now in _pairs(_object(old, "variables"), _object(new, "variables")):
            if not same(without_words(was), without_words(now)):
                text = f"variable {name} " + ("removed" if now is None else "added" if was is None else "changed")
                yield where.change("server variable changed", text, was, now)

    def tags_listed(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for name, was, now in _pairs(_by(old.get("tags"), "name"), _by(new.get("tags"), "name")):
            if not same(without_words(was), without_words(now)):
                text = "removed" if now is None else "added" if was is None else "changed"
                yield where.change("tags changed", f"tag {name} {text}", was, now)
        yield from _reordered(where, old, new, "tags")

    def security_of_all(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield from self.requirements(where, old.get("security", []), new.get("security", []))

    def requirements(self, where: Where, old: Any, new: Any) -> Iterator[Change]:
        """Compare two lists of alternative requirements. An empty list, and an alternative `{}`, require nothing."""
        before, after = ({_json(item): item for item in _list(side) or [{}]} for side in (old, new))
        free = {"{}"}
        for key in sorted(before.keys() - after.keys()):
            if key == "{}" and before.keys() == free:
                continue
            kind = "security removed" if after.keys() == free else "security alternative removed"
            yield where.change(kind, f"security {key} removed", before[key])
        for key in sorted(after.keys() - before.keys()):
            if key == "{}" and after.keys() == free:
                continue
            kind = "security added" if before.keys() == free else "security alternative added"
            yield where.change(kind, f"security {key} required", None, after[key])
        if before.keys() == after.keys() and not same(old, new):
            yield where.change("written differently", "security is written differently", old, new)

    def callbacks(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for key in ("callbacks", "links", "webhooks"):
            for name, was, now in _pairs(_object(old, key), _object(new, key)):
                if not same(without_words(was), without_words(now)):
                    text = "removed" if now is None else "added" if was is None else "changed"
                    yield where.change("callback or link changed", f"{key} {name} {text}", was, now)

    def components(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _object(old, "components"), _object(new, "components")
        handlers: Handlers = (
            (("schemas",), self.schemas),
            (("securitySchemes",), self.security_schemes),
            (("parameters", "responses", "headers", "requestBodies", "links", "callbacks", "pathItems"), self.unused),
        )
        yield from self.members(evolve(where, place="components", python="components"), before, after, handlers)

    def security_schemes(self, _: Where, old: Object, new: Object) -> Iterator[Change]:
        for name, was, now in _pairs(_object(old, "securitySchemes"), _object(new, "securitySchemes")):
            where = Where(f"security scheme {name}", name, "both")
            if now is None or was is None:
                what = "removed" if now is None else "added"
                yield where.change(f"security scheme {what}", what, was, now)
            elif not same(without_words(was), without_words(now)):
                keys = sorted(key for key in was.keys() | now.keys() if _differ(was, now, (key,)))
                yield where.change("security scheme changed", f"changed: {', '.join(keys)}", was, now)

    def unused(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for key in ("parameters", "responses", "headers", "requestBodies", "links", "callbacks", "pathItems"):
            for name, was, now in _pairs(_object(old, key), _object(new, key)):
                if not same(without_words(was), without_words(now)):
                    text = "removed" if now is None else "added" if was is None else "changed"
                    yield where.at(f".{key}.{name}").change("unused definition changed", text, was, now)

    def schemas(self, _: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _object(old, "schemas"), _object(new, "schemas")
        renamed = _renamed(before, after)
        for name, was, now in _pairs(before, after, objects=False):
            where = Where(name, name, _direction(name in self.sent, name in self.received))
            if name not in after:
                kind = "schema removed" if _is_class(was, self.known_before) else "schema without a class removed"
                yield where.change(kind, f"schema {_gone(renamed.get(name))}", was)
            elif name not in before:
                kind = "schema added" if _is_class(now, self.known) else "schema without a class added"
                yield where.change(kind, "schema added", None, now)
            else:
                yield from self.schema(where, was, now)

    # Paths and operations.

    def paths(self, _: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _object(old, "paths"), _object(new, "paths")
        moved = _moved(before, after)
        for path, was, now in _pairs(before, after):
            place = Where(path, path, "both")
            found = list(self.path(place, was or {}, now or {}, moved))
            if (was is None or now is None) and not found:
                found = [place.change("no rule", f"path {path} {'removed' if now is None else 'added'}", was, now)]
            yield from found

    def path(self, where: Where, old: Object, new: Object, moved: Mapping[str, str]) -> Iterator[Change]:
        shared = False
        for method in METHODS:
            was, now = (_object(side, method) if is_object(side.get(method)) else None for side in (old, new))
            name = f"{method.upper()} {where.place}"
            place = Where(name, name, "both")
            if was is None and now is None:
                continue
            if now is None:
                yield place.change("operation removed", f"operation {_gone(moved.get(name), 'moved')}", was)
            elif was is None:
                yield place.change("operation added", "operation added", None, now)
            else:
                before, after = _effective(old, was), _effective(new, now)
                shared = shared or not same(without_words(before["parameters"]), without_words(after["parameters"]))
                yield from self.operation(place, before, after)
        handlers: Handlers = (
            (METHODS, None),
            (("parameters",), None if shared else self.rewritten),
            (("servers",), self.servers),
        )
        yield from self.members(where, old, new, handlers)

    def rewritten(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield where.change("written differently", "parameters are written differently", old, new)

    def operation(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        handlers: Handlers = (
            (("operationId",), self.operation_id),
            (("tags",), self.tags),
            (("parameters",), self.parameters),
            (("requestBody",), self.body),
            (("responses",), self.responses),
            (("deprecated",), self.deprecated),
            (("security",), self.security),
            (("servers",), self.servers),
            (("callbacks",), self.callbacks),
            (("externalDocs",), self.information),
        )
        yield from self.members(where, old, new, handlers)

    def operation_id(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = old.get("operationId"), new.get("operationId")
        alike = _identifier(before) == _identifier(after)
        kind = "name changed, not in Python" if alike else "operationId changed"
        yield where.change(kind, _became("operationId", old, new), before, after)

    def tags(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _list(old.get("tags")), _list(new.get("tags"))
        first, now = ((side or ["default"])[0] for side in (before, after))
        if first == now:
            yield where.change("tags changed", _became("tags", old, new), before, after)
        elif _identifier(first) == _identifier(now):
            yield where.change("name changed, not in Python", f"tag {short(first)} became {short(now)}", first, now)
        else:
            yield where.change("module tag changed", f"tag {short(first)} became {short(now)}", first, now)

    def security(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (
            side.get("security", document.get("security", [])) for side, document in ((old, self.old), (new, self.new))
        )
        found = list(self.requirements(where, before, after))
        yield from found or [where.change("written differently", "security is written differently", before, after)]

    def parameters(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (
            {(str(item.get("in")), str(item.get("name"))): item for item in side["parameters"]} for side in (old, new)
        )
        goes, comes = before.keys() - after.keys(), after.keys() - before.keys()
        moved = {place: other for place in goes for other in comes if place[1] == other[1]}
        renamed = _renamed(
            {name: before[way, name] for way, name in goes}, {name: after[way, name] for way, name in comes}
        )
        sent = where.direction if where.direction == "received" else "sent"
        for way, name in sorted(before.keys() | after.keys()):
            was, now = before.get((way, name)), after.get((way, name))
            place = Where(f"{where.place} {way} parameter {name}", _identifier(name), sent)
            if was is None and (way, name) in moved.values():
                continue
            if (way, name) in moved:
                other = moved[way, name]
                yield place.change("parameter moved", f"moved from the {way} to the {other[0]}", was, after[other])
                yield from self.parameter(place, was or {}, after[other])
            elif now is None:
                yield place.change("parameter removed", _gone(renamed.get(name)), was)
            elif was is None:
                needed = now.get("required") is True
                kind = "required parameter added" if needed else "parameter added"
                yield place.change(kind, "added, required" if needed else "added", None, now)
            else:
                yield from self.parameter(place, was, now)
        yield from _reordered(where, old, new, "parameters")

    def parameter(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        if where.direction == "received":
            needed: Handler = lambda where, old, new: _required(where, old, new, "header")  # noqa: E731
        else:
            needed = lambda where, old, new: _required(where, old, new, "parameter")  # noqa: E731
        handlers: Handlers = (
            (("name", "in"), None),
            (("required",), needed),
            (("schema",), self.schema_of),
            (("content",), self.content),
            (("style", "explode", "allowReserved"), self.encoding),
            (("allowEmptyValue",), self.empty),
            (("deprecated",), self.deprecated),
        )
        yield from self.members(where, old, new, handlers)

    def schema_of(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield from self.schema(where, old.get("schema", {}), new.get("schema", {}))
        if ("schema" in old) is not ("schema" in new):
            text = "schema added" if "schema" in new else "schema removed"
            yield where.change("no rule", text, old.get("schema"), new.get("schema"))

    def encoding(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _style(old), _style(new)
        for key, was, now in _pairs(before, after, objects=False):
            if was != now:
                yield where.change("encoding changed", f"{key} {short(was)} became {short(now)}", was, now)
        if before == after:
            yield where.change("written differently", "style is written differently", before, after)

    def empty(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = bool(old.get("allowEmptyValue")), bool(new.get("allowEmptyValue"))
        kind = "empty value allowed" if after else "empty value refused"
        if before is after:
            kind = "written differently"
        yield where.change(kind, _became("allowEmptyValue", old, new), before, after)

    def deprecated(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = old.get("deprecated") is True, new.get("deprecated") is True
        if before is after:
            yield where.change("written differently", _became("deprecated", old, new))
        elif after:
            yield where.change("deprecated added", "deprecated", before, after)
        else:
            yield where.change("deprecated removed", "no longer deprecated", before, after)

    def body(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        place = where.at(" body", "sent")
        was, now = old.get("requestBody"), new.get("requestBody")
        if not is_object(was) or not is_object(now):
            if is_object(now):
                needed = now.get("required") is True
                text = "added, required" if needed else "added"
                yield place.change("required body added" if needed else "body added", text, was, now)
            elif is_object(was):
                yield place.change("body removed", "removed", was, now)
            return
        handlers: Handlers = (
            (("required",), lambda where, old, new: _required(where, old, new, "body")),
            (("content",), self.content),
        )
        yield from self.members(place, was, now, handlers)

    def content(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _object(old, "content"), _object(new, "content")
        handlers: Handlers = ((("schema",), self.schema_of), (("encoding",), self.form))
        for media, was, now in _pairs(before, after):
            if now is None:
                yield where.change("media type removed", f"{media} removed", was)
            elif was is None:
                kind = "media type added" if before or where.direction != "received" else "content added"
                yield where.change(kind, f"{media} added", None, now)
            else:
                yield from self.members(where, was, now, handlers)

    def form(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield where.change("encoding changed", _became("encoding", old, new), old.get("encoding"), new.get("encoding"))

    def responses(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _object(old, "responses"), _object(new, "responses")
        results = [_result(response) for response in before.values()]
        for status, was, now in _pairs(before, after):
            place = where.at(f" {status}", "received")
            success = str(status).startswith("2")
            if now is None:
                kind = "success response removed" if success else "error response removed"
                yield place.change(kind, "response removed", was)
            elif was is None:
                kind = "success response added" if success else "error response added"
                if _result(now) not in results:
                    kind = "response of a new type added"
                yield place.change(kind, "response added", None, now)
            else:
                handlers: Handlers = (
                    (("content",), self.content),
                    (("headers",), self.headers),
                    (("links",), self.callbacks),
                )
                yield from self.members(place, was, now, handlers)

    def headers(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _object(old, "headers"), _object(new, "headers")
        renamed = _renamed(before, after)
        for name, was, now in _pairs(before, after):
            place = where.at(f" header {name}")
            if now is None:
                yield place.change("header removed", _gone(renamed.get(name)), was)
            elif was is None:
                yield place.change("header added", "added", None, now)
            else:
                yield from self.parameter(place, was, now)

    # Schemas.

    def schema(self, where: Where, old: Any, new: Any, *, optional: bool = False) -> Iterator[Change]:
        """Compare two schemas. `optional`: whether they describe a property that is not required, before and after."""
        if same(without_words(old), without_words(new)):
            return
        was, now = _unwrapped(old), _unwrapped(new)
        name = component(was)
        known = name is not None and name == component(now)
        if not known:
            was, now = _followed(was, self.known_before), _followed(now, self.known)
        # What a reference to the same schema means has lines of its own.
        found = [] if known else list(self.type(where, was, now))
        settled = _SETTLED
        if not known and (_kind(was, self.known_before), _kind(now, self.known)) in _KINDS:
            settled |= {"enum"}
        elif any(change.kind == "class changed" for change in found) or (
            found and _kind(was, self.known_before) != _kind(now, self.known)
        ):
            settled |= _SHAPE
        found += self.members(where, was, now, self.keywords(settled, optional, known))
        yield from found or [
            where.change("written differently", "written differently, with the same meaning", old, new)
        ]

    def sides(self, old: Object, new: Object) -> tuple[tuple[Object, Object], tuple[Object, Object]]:
        return (old, self.known_before), (new, self.known)

    def keywords(self, settled: frozenset[str], optional: bool, known: bool) -> Handlers:
        """Return the handlers of the keywords of a schema, without those that a change of the type has explained."""

        def null(where: Where, old: Object, new: Object) -> Iterator[Change]:
            before, after = old.get("nullable") is True, new.get("nullable") is True
            if before is after:
                yield where.change("written differently", _became("nullable", old, new))
                return
            kind = "null allowed" if after else "null refused"
            yield where.change(f"{kind} where optional" if optional else kind, "may be null" if after else "not null")

        handlers: Handlers = (
            (("properties", "required"), self.properties),
            (("enum",), self.enum),
            (("oneOf", "anyOf"), self.union),
            (("allOf",), self.parts),
            (("discriminator",), self.discriminator),
            (("items",), self.items),
            (("additionalProperties",), self.others),
            (("minimum", "exclusiveMinimum"), _lower),
            (("maximum", "exclusiveMaximum"), _upper),
            *(((key,), _limit(key)) for key in (*_AT_LEAST, *_AT_MOST)),
            (("multipleOf",), _multiple),
            (("pattern",), _pattern),
            (("uniqueItems",), _unique),
            (("not",), self.negated),
            (("nullable",), null),
            (("default",), _default),
            (("deprecated",), self.deprecated),
            (("readOnly", "writeOnly"), _access),
            (("externalDocs",), self.information),
            (("x-list-when",), self.list_when),
        )
        return [*((keys, handler) for keys, handler in handlers if settled.isdisjoint(keys)), (tuple(settled), None)]

    def type(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        """Yield the change of the kind of value: its type, its format, and the class it has in Python."""
        before, after = _kind(old, self.known_before), _kind(new, self.known)
        text = f"type {_label(old, self.known_before)} became {_label(new, self.known)}"
        kind = _KINDS.get((before, after))
        classes = ("object", "enum")
        if before == after and before in classes:
            if component(old) != component(new):
                yield where.change("class changed", text, old, new)
            elif old.get("type") != new.get("type"):
                yield where.change("written differently", _became("type", old, new))
            return
        if before == after:
            yield from self.format(where, old, new, before, text)
            return
        if "union" in (before, after) and "any" not in (before, after):
            yield from self.alternatives(where, old, new, text)
            return
        if kind is None:
            narrow = before == "any" and after not in ("object", "time", "other", "nothing")
            wide = after == "any" and before not in ("object", "time", "other", "nothing")
            kind = "any value became one type" if narrow else "one type became any value" if wide else "type changed"
        yield where.change(kind, text, old, new)
        if kind != "type changed":
            # The references of one schema to an enum say nothing about the class, which others may use.
            if before in classes and "$ref" not in old:
                yield where.change("class removed", "class removed")
            if after in classes and "$ref" not in new:
                yield where.change("class added", "class added")

    def format(self, where: Where, old: Object, new: Object, kind: str, text: str) -> Iterator[Change]:
        before, after = old.get("format"), new.get("format")
        if before == after:
            if old.get("type") != new.get("type"):
                yield where.change("written differently", _became("type", old, new))
        elif kind in ("integer", "number"):
            widths = _WIDTHS[kind]
            was, now = (widths.get(str(form)) for form in (before, after))
            if was is None or now is None:
                change = "number format changed"
            else:
                step = now - was
                change = "number format " + ("wider" if step > 0 else "narrower" if step < 0 else "equivalent")
            yield where.change(change, text, before, after)
        elif kind == "string":
            change = "got a" if before is None else "lost its" if after is None else "got another"
            yield where.change(f"string {change} format", text, before, after)
        else:
            yield where.change("no rule", _became("format", old, new), before, after)

    def alternatives(self, where: Where, old: Object, new: Object, text: str) -> Iterator[Change]:
        """Compare a schema without alternatives with one that has some."""
        single = new if _choices(old) else old
        known = self.known if _choices(old) else self.known_before
        before, after = ([_bare(side)] if not _choices(side) else _choices(side) for side in (old, new))
        found = list(self.choices(where, before, after))
        kinds = [change.kind for change in found]
        if kinds.count("alternative removed") == len(before) and kinds.count("alternative added") == len(after):
            yield where.change("type changed", text, old, new)
            return
        yield from found
        if _kind(single, known) == "object":
            union = old if single is new else new
            if "discriminator" not in union:
                kind = "class became alternatives" if single is old else "alternatives became class"
                yield where.change(kind, text, old, new)

    def union(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for key in ("oneOf", "anyOf"):
            if (key in old) is not (key in new) and ("anyOf" in old or "oneOf" in old):
                yield where.change("written differently", f"{key} {'added' if key in new else 'removed'}")
        found = list(self.choices(where, _choices(old), _choices(new)))
        yield from found
        if not found:
            yield where.change("written differently", "the alternatives are written differently", old, new)

    def choices(self, where: Where, old: list[Any], new: list[Any]) -> Iterator[Change]:
        """Match the alternatives by name or kind, and compare those that match."""
        before, after = _numbered(old, self.known_before), _numbered(new, self.known)
        for key, was, now in _pairs(before, after, objects=False):
            if key not in after:
                yield where.change("alternative removed", f"alternative {_label(was, self.known_before)} removed", was)
            elif key not in before:
                yield where.change("alternative added", f"alternative {_label(now, self.known)} added", None, now)
            else:
                yield from self.schema(where.at(f" as {_label(was, self.known_before)}"), was, now)

    def parts(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (_numbered(_list(side.get("allOf")), known) for side, known in self.sides(old, new))
        for key, was, now in _pairs(before, after, objects=False):
            if key not in after:
                text = f"{_label(was, self.known_before)} removed from allOf"
                yield where.change("part of allOf removed", text, was)
            elif key not in before:
                yield where.change("part of allOf added", f"{_label(now, self.known)} added to allOf", None, now)
            else:
                yield from self.schema(where, was, now)
        yield from _reordered(where, old, new, "allOf")

    def discriminator(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _object(old, "discriminator"), _object(new, "discriminator")
        union = bool(_choices(old) or _choices(new))
        kind = "discriminator of alternatives" if union else "discriminator of a class"
        if not before or not after or before.get("propertyName") != after.get("propertyName"):
            was, now = (side.get("propertyName") for side in (before, after))
            text = f"discriminator {short(was)} removed" if not after else f"discriminator {short(now)} added"
            yield where.change(kind, text if not before or not after else f"discriminator {was} became {now}", was, now)
            return
        for value, was, now in _pairs(_object(before, "mapping"), _object(after, "mapping"), objects=False):
            if was != now:
                what = "removed" if now is None else "added" if was is None else "changed"
                text = f"discriminator value {value} {what}"
                yield where.change(f"discriminator value {what}" if union else kind, text, was, now)

    def items(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield from self.schema(where.at("[]"), old.get("items", {}), new.get("items", {}))

    def others(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (side.get("additionalProperties", True) for side in (old, new))
        if before is False or after is False:
            kind, text = "other members allowed", "other members allowed"
            if after is False:
                kind, text = "other members refused", "no other members allowed"
            yield where.change(kind, text, before, after)
        else:
            yield from self.schema(where.at("{}"), before, after)

    def negated(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield where.change("limit not comparable", _became("not", old, new), old.get("not"), new.get("not"))

    def list_when(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield where.change(
            "x-list-when", _became("x-list-when", old, new), old.get("x-list-when"), new.get("x-list-when")
        )

    def properties(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _object(old, "properties"), _object(new, "properties")
        needed_before, needed = ([str(name) for name in _list(side.get("required"))] for side in (old, new))
        renamed = _renamed(before, after)
        for name in sorted({*before, *after, *needed_before, *needed}):
            place = where.property(name)
            was, now = name in needed_before, name in needed
            if name not in after and name in before:
                yield place.change("property removed", _gone(renamed.get(name)), before[name])
                continue
            if name not in before and name in after:
                kind = "required property added" if now else "property added"
                yield place.change(kind, "added, required" if now else "added", None, after[name])
                continue
            if was is not now:
                listed = "property" if name in after else "unlisted name"
                kind = f"{listed} required" if now else f"{listed} not required"
                yield place.change(kind, "now required" if now else "no longer required", was, now)
            if name in after:
                yield from self.schema(place, before[name], after[name], optional=not was and not now)
        yield from _reordered(where, old, new, "required")

    def enum(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _list(old.get("enum")), _list(new.get("enum"))
        if not before or not after:
            kind = "limit tighter" if after else "limit looser"
            yield where.change(kind, _became("enum", old, new), before, after)
            return
        wider = [value for value in after if not any(same(value, other) for other in before)]
        narrower = [value for value in before if not any(same(value, other) for other in after)]
        texts = all(isinstance(value, str) for value in [*before, *after])
        what = "enum member" if texts else "listed value"
        renamed = _renamed({str(value): {} for value in narrower}, {str(value): {} for value in wider})
        if narrower:
            names = ", ".join(map(short, narrower))
            hints = "".join(f"; {short(name)} perhaps renamed to {short(other)}" for name, other in renamed.items())
            yield where.change(f"{what} removed", f"enum narrowed, without {names}{hints}", narrower)
        if wider:
            yield where.change(f"{what} added", f"enum widened by {', '.join(map(short, wider))}", None, wider)
        if not narrower and not wider:
            yield where.change("written differently", "the order of enum changed", before, after)


_SETTLED = frozenset({"$ref", "type", "format"})
# Keywords that a line about the type includes.
_SHAPE = frozenset(
    {
        *("enum", "oneOf", "anyOf", "allOf", "properties", "required", "additionalProperties"),
        *("items", "discriminator", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        *("multipleOf", "pattern", "uniqueItems", "not"),
    }
)
_AT_LEAST = ("minLength", "minItems", "minProperties")
_AT_MOST = ("maxLength", "maxItems", "maxProperties")
# The kinds of change between two kinds of values. Every other pair is "type changed".
_KINDS = {
    ("integer", "number"): "integer became number",
    ("number", "integer"): "number became integer",
    ("string", "enum"): "string became enum",
    ("enum", "string"): "enum became string",
    ("string", "time"): "string became date-time",
    ("time", "string"): "date-time became string",
}
# JSON numbers are doubles in practice, so a number without a format has the width of a double.
_WIDTHS = {
    "integer": {"int32": 0, "int64": 1, "None": 2},
    "number": {"float": 0, "double": 1, "None": 1},
}


def _object(holder: Any, key: str) -> Object:
    """Return the member `key` of an object, or an empty object if there is none."""
    value = holder.get(key) if is_object(holder) else None
    return value if is_object(value) else {}


def _list(value: Any) -> list[Any]:
    return value if is_list(value) else []


def _named(document: Object) -> Object:
    return _object(_object(document, "components"), "schemas")


def _by(values: Any, key: str) -> dict[str, Object]:
    """Return the objects of a list by their member `key`."""
    return {str(item.get(key)): item for item in _list(values) if is_object(item)}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _became(key: str, old: Object, new: Object) -> str:
    if key not in new:
        return f"{key} {short(old[key])} removed"
    if key not in old:
        return f"{key} {short(new[key])} added"
    return f"{key} {short(old[key])} became {short(new[key])}"


def _gone(renamed: str | None, how: str = "renamed") -> str:
    return f"removed; perhaps {how} to {renamed}" if renamed else "removed"


def _differ(old: Object, new: Object, keys: Iterable[str]) -> bool:
    """Whether two objects differ in one of the keywords, words aside."""
    was, now = ({key: side[key] for key in keys if key in side} for side in (old, new))
    return not same(without_words(was), without_words(now))


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any], *, objects: bool = True) -> Iterator[tuple[str, Any, Any]]:
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


def _reordered(where: Where, old: Object, new: Object, key: str) -> Iterator[Change]:
    """Yield a change if two lists have the same members in another order."""
    before, after = (sorted(map(_json, _list(without_words({key: side.get(key)})[key]))) for side in (old, new))
    if before == after and not same(*(without_words({key: side.get(key)}) for side in (old, new))):
        yield where.change("written differently", f"the order of {key} changed", old.get(key), new.get(key))
    elif set(before) == set(after) and before != after:
        yield where.change("written differently", f"{key} repeats an entry, or no longer does")


def _direction(sent: bool, received: bool) -> Direction:
    return "both" if sent and received else "sent" if sent else "received" if received else "neither"


def _uses(document: Object) -> tuple[set[str], set[str]]:
    """Return the names of the schemas used in requests, and of the schemas used in answers."""
    known = _named(document)
    sent: set[str] = set()
    received: set[str] = set()
    for item in _object(document, "paths").values():
        for method in METHODS:
            operation = _object(item, method)
            _reach([_object(operation, "requestBody"), operation.get("parameters")], known, sent)
            _reach(_object(operation, "responses"), known, received)
        _reach(item.get("parameters") if is_object(item) else None, known, sent)
    return sent, received


def _reach(value: Any, known: Object, found: set[str]) -> None:
    """Add the names of all schemas that `value` refers to, directly or indirectly, to `found`.

    A string that has the form of a reference is one: discriminators and x-list-when refer to schemas in this way.
    """
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if is_object(item):
            waiting += item.values()
        elif is_list(item):
            waiting += item
        elif isinstance(item, str) and item.startswith(COMPONENTS):
            name = item.removeprefix(COMPONENTS)
            if name in known and name not in found:
                found.add(name)
                waiting.append(known[name])


def _effective(item: Object, operation: Object) -> Object:
    """Return an operation with the parameters of its path, which its own parameters override."""
    found = {
        (str(parameter.get("in")), str(parameter.get("name"))): parameter
        for parameter in [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
        if is_object(parameter)
    }
    return {**operation, "parameters": list(found.values())}


def _identifier(name: Any) -> str:
    return str(PythonIdentifier(str(name), prefix="field_"))


def _moved(old: Object, new: Object) -> dict[str, str]:
    """Return the operations that have another path or method and the same operationId."""
    before, after = (
        {
            str(operation["operationId"]): f"{method.upper()} {path}"
            for path, item in side.items()
            for method in METHODS
            if "operationId" in (operation := _object(item, method))
        }
        for side in (old, new)
    )
    return {name: after[key] for key, name in before.items() if key in after and after[key] != name}


def _result(response: Any) -> str:
    """Return what distinguishes the type of the result of a response from other types."""
    content = _object(response, "content")
    media = content.get("application/json", next(iter(content.values()), None))
    return _json(without_words(_unwrapped(media.get("schema", {})))) if is_object(media) else "nothing"


def _required(where: Where, old: Object, new: Object, what: str) -> Iterator[Change]:
    before, after = old.get("required") is True, new.get("required") is True
    if before is after:
        yield where.change("written differently", _became("required", old, new))
    else:
        kind = f"{what} required" if after else f"{what} not required"
        yield where.change(kind, "now required" if after else "no longer required", before, after)


def _style(parameter: Object) -> dict[str, Any]:
    """Return how the value of a parameter is written, with the defaults of OpenAPI."""
    style = parameter.get("style", "form" if parameter.get("in") in ("query", "cookie") else "simple")
    explode = parameter.get("explode", style == "form")
    return {"style": style, "explode": explode, "allowReserved": bool(parameter.get("allowReserved"))}


# Schemas.


def _unwrapped(value: Any) -> Object:
    """Return a schema as an object, without an allOf of one part around it."""
    if value is False:
        return {"not": {}}
    schema: Object = value if is_object(value) else {}
    parts = _list(schema.get("allOf"))
    if len(parts) == 1 and "$ref" not in schema:
        return {**_unwrapped(parts[0]), **{key: item for key, item in schema.items() if key != "allOf"}}
    return schema


def _followed(schema: Object, known: Object) -> Object:
    """Return a schema with its reference replaced by the target, unless the target is a class in Python."""
    seen: set[str] = set()
    while (name := component(schema)) is not None and name in known and name not in seen:
        if _is_class(known[name], known):
            break
        seen.add(name)
        schema = {**_unwrapped(known[name]), **{key: item for key, item in schema.items() if key != "$ref"}}
    return schema


def _is_class(value: Any, known: Object) -> bool:
    """Whether a schema itself, and no schema that it refers to, has a class in Python."""
    return component(_unwrapped(value)) is None and _kind(value, known) in ("object", "enum")


def _kind(value: Any, known: Object, depth: int = 0) -> str:
    """Return which kind of values a schema has, as far as Python distinguishes them."""
    schema = _unwrapped(value)
    name = component(schema)
    if name is not None:
        return _kind(known[name], known, depth + 1) if name in known and depth < 20 else "other"
    kind, values = schema.get("type"), _list(schema.get("enum"))
    texts = bool(values) and all(isinstance(item, str) for item in values)
    if _choices(schema):
        return "union"
    if kind is None:
        guesses = {"properties": "object", "items": "array", "additionalProperties": "object"}
        kind = next((guess for key, guess in guesses.items() if key in schema), "string" if texts else None)
        if kind is None:
            return "nothing" if schema.get("not") == {} else "other" if schema.get("allOf") else "any"
    if kind == "object":
        return "object" if _object(schema, "properties") else "map"
    if kind == "string":
        formats = {"date-time": "time", "binary": "other"}
        return "enum" if texts else formats.get(str(schema.get("format")), "string")
    return {"array": "list"}.get(str(kind), str(kind) if kind in ("integer", "number", "boolean") else "other")


def _choices(schema: Object) -> list[Any]:
    return [*_list(schema.get("oneOf")), *_list(schema.get("anyOf"))]


def _bare(schema: Object) -> Object:
    """Return a schema without the keywords that concern its place rather than its values."""
    apart = (
        "nullable",
        "default",
        "deprecated",
        "readOnly",
        "writeOnly",
        "discriminator",
        "externalDocs",
        "x-list-when",
    )
    return {key: item for key, item in schema.items() if key not in apart}


def _numbered(values: list[Any], known: Object) -> dict[str, Any]:
    """Return schemas by their names, or else by their kinds and a number among those of the same kind."""
    found: dict[str, Any] = {}
    for value in values:
        schema = _unwrapped(value)
        label = component(schema) or f"{_kind(schema, known)} {schema.get('format', '')}"
        number = 0
        while f"{label} {number}" in found:
            number += 1
        found[f"{label} {number}"] = value
    return found


def _label(value: Any, known: Object) -> str:
    """Return a schema in words, without its properties, values and limits."""
    schema = _unwrapped(value)
    name = component(schema)
    if name is not None:
        return name
    kind = _kind(schema, known)
    if kind == "union":
        return " or ".join(_label(part, known) for part in _choices(schema))
    if kind == "list":
        return f"list of {_label(schema.get('items', {}), known)}"
    if kind == "map":
        values = schema.get("additionalProperties")
        return f"map of {_label(values, known)}" if is_object(values) and values else "map of anything"
    if kind == "other" and "allOf" in schema:
        return " and ".join(_label(part, known) for part in _list(schema["allOf"]))
    plain = {"any": "anything", "time": "string", "enum": "string enum", "other": str(schema.get("type"))}.get(
        kind, kind
    )
    return f"{plain} ({schema['format']})" if "format" in schema and kind != "enum" else plain


def _renamed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Return which of the names that go may have become which of the names that come.

    Two names belong together if their definitions have the same kind and the names are alike, or if the definitions
    are identical and either say more than a type or are the only ones that go and come.
    """
    goes, comes = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    alone = len(goes) == len(comes) == 1
    pairs: list[tuple[float, str, str]] = []
    for was in goes:
        for now in comes:
            before, after = without_words(old[was]), without_words(new[now])
            ratio = SequenceMatcher(None, _folded(was), _folded(now)).ratio()
            identical = same(before, after) and bool(before) and (alone or len(_json(before)) > 60)
            alike = ratio >= _ALIKE and _outline(before) == _outline(after)
            if identical or alike:
                pairs.append((ratio + identical, was, now))
    found: dict[str, str] = {}
    for _, was, now in sorted(pairs, reverse=True):
        if was not in found and now not in found.values():
            found[was] = now
    return found


def _folded(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _outline(value: Any) -> Any:
    """Return of which kind a definition is: its type, its reference, or that it is a parameter."""
    schema = _unwrapped(value)
    return schema.get("type"), component(schema), schema.get("in"), "enum" in schema


# Limits.


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _bound(schema: Object, plain: str, exclusive: str, sign: int) -> tuple[float, bool] | None:
    """Return the tightest bound as a number and whether it is excluded; a greater tuple is tighter."""
    value, other = _number(schema.get(plain)), schema.get(exclusive)
    bounds: list[tuple[float, bool]] = []
    if value is not None:
        bounds.append((sign * value, other is True))
    beyond = _number(other)
    if beyond is not None:
        bounds.append((sign * beyond, True))
    return max(bounds, default=None)


def _between(where: Where, old: Object, new: Object, plain: str, exclusive: str, sign: int) -> Iterator[Change]:
    before, after = (_bound(side, plain, exclusive, sign) for side in (old, new))

    def said(bound: tuple[float, bool] | None) -> str:
        return "none" if bound is None else f"{sign * bound[0]}{' (exclusive)' if bound[1] else ''}"

    if before == after:
        yield where.change("written differently", f"{plain} is written differently")
    elif after is None:
        yield where.change("limit looser", f"{plain} {said(before)} removed", old.get(plain))
    else:
        tighter = before is None or after > before
        text = f"{plain} {said(after)}, was {said(before)}: {'tighter' if tighter else 'looser'}"
        kind = "limit tighter" if tighter else "limit looser"
        yield where.change(kind, text, old.get(plain), new.get(plain))


def _lower(where: Where, old: Object, new: Object) -> Iterator[Change]:
    return _between(where, old, new, "minimum", "exclusiveMinimum", 1)


def _upper(where: Where, old: Object, new: Object) -> Iterator[Change]:
    return _between(where, old, new, "maximum", "exclusiveMaximum", -1)


def _limit(key: str) -> Handler:
    """Return the handler of a limit of lengths or counts."""

    def handler(where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = old.get(key), new.get(key)
        if any(value is not None and _number(value) is None for value in (before, after)):
            return
        least, sign = (0, 1) if key in _AT_LEAST else (math.inf, -1)
        was, now = (sign * (least if value is None else value) for value in (before, after))
        if was == now:
            yield where.change("written differently", _became(key, old, new), before, after)
        elif after is None:
            yield where.change("limit looser", f"{key} {before} removed", before)
        else:
            word = "tighter" if now > was else "looser"
            said = "none" if before is None else before
            yield where.change(f"limit {word}", f"{key} {after}, was {said}: {word}", before, after)

    return handler


def _multiple(where: Where, old: Object, new: Object) -> Iterator[Change]:
    before, after = _number(old.get("multipleOf")), _number(new.get("multipleOf"))
    if before is None or (before and after and after % before == 0):
        kind = "limit tighter"
    elif after is None or (after and before % after == 0):
        kind = "limit looser"
    else:
        kind = "limit not comparable"
    yield where.change(kind, f"{_became('multipleOf', old, new)}: {kind.removeprefix('limit ')}", before, after)


def _pattern(where: Where, old: Object, new: Object) -> Iterator[Change]:
    before, after = old.get("pattern"), new.get("pattern")
    kind = "limit tighter" if before is None else "limit looser" if after is None else "limit not comparable"
    yield where.change(kind, _became("pattern", old, new), before, after)


def _unique(where: Where, old: Object, new: Object) -> Iterator[Change]:
    before, after = old.get("uniqueItems") is True, new.get("uniqueItems") is True
    kind = "written differently" if before is after else "limit tighter" if after else "limit looser"
    yield where.change(kind, _became("uniqueItems", old, new), before, after)


def _default(where: Where, old: Object, new: Object) -> Iterator[Change]:
    before, after = old.get("default"), new.get("default")
    if "default" not in old:
        yield where.change("default added", f"absent means {short(after)}", None, after)
    elif "default" not in new:
        yield where.change("default removed", f"absent no longer means {short(before)}", before)
    else:
        yield where.change("default changed", f"absent means {short(after)} instead of {short(before)}", before, after)


def _access(where: Where, old: Object, new: Object) -> Iterator[Change]:
    for key in ("readOnly", "writeOnly"):
        before, after = old.get(key) is True, new.get(key) is True
        if before is not after:
            yield where.change(f"{key} {'added' if after else 'removed'}", _became(key, old, new), before, after)
        elif _differ(old, new, (key,)):
            yield where.change("written differently", _became(key, old, new))
