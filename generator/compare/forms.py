"""Say which form a schema has, as far as Python distinguishes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tree import component, is_object
from .differences import listed, member, same, without_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .differences import Object


def unwrapped(value: Any) -> Object:
    """Return a schema as an object, without an allOf of one part around it."""
    if value is False:
        return {"not": {}}
    schema: Object = value if is_object(value) else {}
    parts = listed(schema.get("allOf"))
    if len(parts) == 1 and "$ref" not in schema:
        return {**unwrapped(parts[0]), **{key: item for key, item in schema.items() if key != "allOf"}}
    return schema


def followed(schema: Object, known: Object, *, into_classes: bool = False) -> Object:
    """Return a schema with its reference replaced by the target, unless the target is a class in Python.

    Args:
        schema: the schema.
        known: the named schemas of its document.
        into_classes: replace a reference to a class, too.
    """
    seen: set[str] = set()
    while (name := component(schema)) is not None and name in known and name not in seen:
        if not into_classes and is_class(known[name], known):
            break
        seen.add(name)
        schema = {**unwrapped(known[name]), **{key: item for key, item in schema.items() if key != "$ref"}}
    return schema


def is_class(value: Any, known: Object) -> bool:
    """Whether a schema itself, and no schema that it refers to, has a class in Python."""
    return component(unwrapped(value)) is None and kind_of(value, known) in ("object", "enum")


def kind_of(value: Any, known: Object, depth: int = 0) -> str:
    """Return which kind of values a schema has, as far as Python distinguishes them."""
    schema = unwrapped(value)
    name = component(schema)
    if name is not None:
        return kind_of(known[name], known, depth + 1) if name in known and depth < 20 else "other"
    kind, values = schema.get("type"), listed(schema.get("enum"))
    texts = bool(values) and all(isinstance(item, str) for item in values)
    if choices_of(schema):
        return "union"
    if kind is None:
        guesses = {"properties": "object", "items": "array", "additionalProperties": "object"}
        kind = next((guess for key, guess in guesses.items() if key in schema), "string" if texts else None)
        if kind is None:
            return "nothing" if schema.get("not") == {} else "other" if schema.get("allOf") else "any"
    if kind == "object":
        return "object" if member(schema, "properties") else "map"
    if kind == "string":
        return "enum" if texts else "time" if schema.get("format") == "date-time" else "string"
    return {"array": "list"}.get(str(kind), str(kind) if kind in ("integer", "number", "boolean") else "other")


def choices_of(schema: Object) -> list[Any]:
    """Return the alternatives of a schema."""
    return [*listed(schema.get("oneOf")), *listed(schema.get("anyOf"))]


def bare(schema: Object) -> Object:
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


def matches(
    old: list[Any], new: list[Any], known_before: Object, known: Object
) -> Iterator[tuple[Any | None, Any | None]]:
    """Yield the alternatives of two schemas in pairs: equal ones, then those of one name or kind, then related ones.

    One side of a pair is None if nothing matches the other side.
    """
    goes, comes = list(old), list(new)
    for alike in (_same, _same_label, _same_family):
        for was in list(goes):
            now = next((one for one in comes if alike(was, one, known_before, known)), None)
            if now is not None:
                goes.remove(was)
                comes.remove(now)
                yield was, now
    yield from ((was, None) for was in goes)
    yield from ((None, now) for now in comes)


def _same(old: Any, new: Any, _: Object, __: Object) -> bool:
    return same(without_words(old), without_words(new))


def _same_label(old: Any, new: Any, known_before: Object, known: Object) -> bool:
    before, after = unwrapped(old), unwrapped(new)
    if component(before) is not None or component(after) is not None:
        return component(before) == component(after)
    return (kind_of(before, known_before), before.get("format")) == (kind_of(after, known), after.get("format"))


def _same_family(old: Any, new: Any, known_before: Object, known: Object) -> bool:
    """Whether two schemas without a class of their own have strings or numbers as values."""
    before, after = (_FAMILIES.get(kind_of(side, schemas)) for side, schemas in ((old, known_before), (new, known)))
    return before is not None and before == after


_FAMILIES = {
    **dict.fromkeys(("integer", "number"), "number"),
    **dict.fromkeys(("string", "enum", "time"), "string"),
}


def label(value: Any, known: Object) -> str:
    """Return a schema in words, without its properties, values and limits."""
    schema = unwrapped(value)
    name = component(schema)
    if name is not None:
        return name
    kind = kind_of(schema, known)
    if kind == "union":
        return " or ".join(label(part, known) for part in choices_of(schema))
    if kind == "list":
        return f"list of {label(schema.get('items', {}), known)}"
    if kind == "map":
        values = schema.get("additionalProperties")
        return f"map of {label(values, known)}" if is_object(values) and values else "map of anything"
    if kind == "other" and "allOf" in schema:
        return " and ".join(label(part, known) for part in listed(schema["allOf"]))
    plain = {"any": "anything", "time": "string", "enum": "string enum", "other": str(schema.get("type"))}.get(
        kind, kind
    )
    return f"{plain} ({schema['format']})" if "format" in schema and kind != "enum" else plain
