"""Report the changes between two specifications, and which of them break callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from .overlay import without_prose
from .tree import Operation, component, contents, is_list, is_object, operations, schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Key = TypeVar("Key", str, tuple[str, str])
Value = TypeVar("Value")

# A higher value of the first limits is tighter, and a lower value of the second ones. The others cannot be compared.
_AT_LEAST = ("minimum", "minLength", "minItems", "minProperties", "multipleOf")
_AT_MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
_OTHER_LIMITS = ("pattern", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems", "nullable")


@frozen(order=True)
class Change:
    """One difference between two specifications."""

    place: str
    what: str
    breaks: bool
    """Whether code that calls the API or reads its answers must change."""


@frozen
class Use:
    """Whether the values of a schema are sent in requests and received in answers."""

    sent: bool
    received: bool


def report(published: tuple[dict[str, Any], dict[str, Any]], overlaid: tuple[dict[str, Any], dict[str, Any]]) -> str:
    """Return a text that lists the changes from an old specification to a new one.

    Args:
        published: the old and the new specification as published, flattened.
        overlaid: the old and the new specification with the overlay applied, flattened. Callers of the SDK see
            these, so a change that only the published ones have cannot break callers.

    """
    visible = list(changes(*overlaid))
    known = {(change.place, change.what) for change in visible}
    hidden = [
        evolve(change, what=f"{change.what} (hidden by the overlay)", breaks=False)
        for change in changes(*published)
        if (change.place, change.what) not in known
    ]
    everything = sorted({*visible, *hidden})
    if not everything:
        if published[0] == published[1]:
            return "Nothing changed."
        only_words = without_prose(published[0]) == without_prose(published[1])
        return "Nothing changed but descriptions." if only_words else "Nothing changed that a caller can see."
    lines: list[str] = []
    for breaks, title in ((True, "Breaks callers:"), (False, "Does not break callers:")):
        chosen = [f"  {change.place}: {change.what}" for change in everything if change.breaks is breaks]
        lines += [title, *chosen] if chosen else []
    return "\n".join(lines)


def changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """Yield the differences between two bundled and flattened documents."""
    yield from _operations(old, new)
    uses = _uses(old), _uses(new)
    for name, was, now in _pairs(schemas(old), schemas(new)):
        if now is None:
            yield Change(name, "schema removed", True)
        elif was is None:
            yield Change(name, "schema added", False)
        else:
            use = Use(*(any(name in use[way] for use in uses) for way in (0, 1)))
            yield from _compare(name, was, now, use)


def _pairs(old: Mapping[Key, Value], new: Mapping[Key, Value]) -> Iterator[tuple[Key, Value | None, Value | None]]:
    """Yield each name with its old and its new value, of which one is None if the name was added or removed."""
    for name in sorted(old.keys() | new.keys()):
        yield name, old.get(name), new.get(name)


def _uses(document: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Return the names of the schemas used in requests, and of the schemas used in answers."""
    known = schemas(document)
    sent: set[str] = set()
    received: set[str] = set()
    for operation in operations(document):
        _reach([contents(operation.data.get("requestBody")), operation.parameters], known, sent)
        _reach([contents(response) for response in operation.data["responses"].values()], known, received)
    return sent, received


def _reach(value: Any, known: dict[str, Any], found: set[str]) -> None:
    """Add the names of all schemas that `value` refers to, directly or indirectly, to `found`."""
    name = component(value)
    if name is not None:
        if name in known and name not in found:
            found.add(name)
            _reach(known[name], known, found)
    elif is_object(value) or is_list(value):
        for item in value.values() if is_object(value) else value:
            _reach(item, known, found)


def _operations(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    before = {operation.name: operation for operation in operations(old)}
    after = {operation.name: operation for operation in operations(new)}
    for name, was, now in _pairs(before, after):
        if now is None:
            yield Change(name, "operation removed", True)
        elif was is None:
            yield Change(name, "operation added", False)
        else:
            yield from _operation(was, now)


def _operation(old: Operation, new: Operation) -> Iterator[Change]:
    name, before, after = old.name, old.data, new.data
    if before.get("operationId") != after.get("operationId"):
        yield Change(name, f"operationId {before.get('operationId')} became {after.get('operationId')}", True)
    yield from _parameters(name, old.parameters, new.parameters)
    sent = Use(sent=True, received=False)
    yield from _media(f"{name} body", before.get("requestBody"), after.get("requestBody"), sent)
    for status, was, now in _pairs(_responses(before), _responses(after)):
        place = f"{name} {status}"
        if now is None:
            yield Change(place, "response removed", False)
        elif was is None:
            yield Change(place, "response added", True)
        else:
            yield from _media(place, was, now, Use(sent=False, received=True))


def _responses(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the responses of an operation by status, as text also where YAML has a number."""
    return {str(status): response for status, response in operation["responses"].items()}


def _media(place: str, old: dict[str, Any] | None, new: dict[str, Any] | None, use: Use) -> Iterator[Change]:
    for media, was, now in _pairs(contents(old), contents(new)):
        if now is None:
            yield Change(place, f"{media} removed", True)
        elif was is None:
            yield Change(place, f"{media} added", False)
        else:
            yield from _compare(place, was, now, use)


def _parameters(place: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    before = {(item["in"], item["name"]): item for item in old}
    after = {(item["in"], item["name"]): item for item in new}
    for (kind, name), was, now in _pairs(before, after):
        where = f"{place} {kind} parameter {name}"
        if now is None:
            yield Change(where, "removed", True)
            continue
        required = bool(now.get("required"))
        if was is None:
            yield Change(where, "added, required" if required else "added", required)
            continue
        if required != bool(was.get("required")):
            yield Change(where, "now required" if required else "no longer required", required)
        yield from _compare(where, was["schema"], now["schema"], Use(sent=True, received=False))


def _compare(place: str, old: dict[str, Any], new: dict[str, Any], use: Use) -> Iterator[Change]:
    before, after = _kind(old), _kind(new)
    if before != after:
        yield Change(place, f"type {before} became {after}", True)
        return
    yield from _properties(place, old, new, use)
    yield from _enum(place, old, new)
    yield from _limits(place, old, new, use)
    if old.get("default") != new.get("default"):
        what = f"absent means {new.get('default')!r} instead of {old.get('default')!r}"
        yield Change(place, what, use.sent)
    for key, sign in (("items", "[]"), ("additionalProperties", "{}")):
        if is_object(old.get(key)) and is_object(new.get(key)):
            yield from _compare(f"{place}{sign}", old[key], new[key], use)


def _properties(place: str, old: dict[str, Any], new: dict[str, Any], use: Use) -> Iterator[Change]:
    before: dict[str, dict[str, Any]] = old.get("properties", {})
    after: dict[str, dict[str, Any]] = new.get("properties", {})
    needed_before, needed = old.get("required", ()), new.get("required", ())
    for name, was, now in _pairs(before, after):
        where = f"{place}.{name}"
        if now is None:
            yield Change(where, "removed", True)
        elif was is None:
            yield Change(where, "added, required" if name in needed else "added", name in needed and use.sent)
        else:
            if name in needed and name not in needed_before:
                yield Change(where, "now required", use.sent)
            elif name in needed_before and name not in needed:
                # A field that every answer had may be None from now on.
                yield Change(where, "no longer required", use.received)
            yield from _compare(where, was, now, use)


def _enum(place: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    before, after = old.get("enum", []), new.get("enum", [])
    wider = [str(value) for value in after if value not in before]
    narrower = [str(value) for value in before if value not in after]
    if narrower:
        yield Change(place, f"enum narrowed, without {', '.join(narrower)}", True)
    if wider:
        # Enums are open: callers could already read the new value, and now it has a name.
        yield Change(place, f"enum widened by {', '.join(wider)}", False)


def _limits(place: str, old: dict[str, Any], new: dict[str, Any], use: Use) -> Iterator[Change]:
    for key in (*_AT_LEAST, *_AT_MOST, *_OTHER_LIMITS):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if after is None:
            yield Change(place, f"{key} {before} removed", False)
            continue
        sign = 1 if key in _AT_MOST else -1
        looser = key not in _OTHER_LIMITS and before is not None and sign * after > sign * before
        was = "was none" if before is None else f"was {before}"
        yield Change(place, f"{key} {after}, {was}: {'looser' if looser else 'tighter'}", use.sent and not looser)


def _kind(schema: dict[str, Any]) -> str:
    """Return the type of a schema in words, without its properties, enum values and limits."""
    name = component(schema)
    if name is not None:
        return name
    parts: list[dict[str, Any]] = schema.get("allOf", [])
    if len(parts) == 1:
        return _kind(parts[0])
    for key, word in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")):
        if key in schema:
            return word.join(_kind(part) for part in schema[key])
    kind = schema.get("type")
    name = " or ".join(kind) if is_list(kind) else str(kind or "anything")
    if name == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if name == "object" and not schema.get("properties"):
        values = schema.get("additionalProperties")
        return f"map of {_kind(values)}" if is_object(values) and values else "map of anything"
    if "enum" in schema:
        return f"{name} enum"
    # The format of a number is its width, which makes no difference in Python.
    return f"{name} ({schema['format']})" if "format" in schema and name == "string" else name
