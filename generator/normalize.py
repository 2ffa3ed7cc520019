"""Rewrite a specification as OpenAPI 3.0 without malformed parts, so that later steps need to know no other form."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from .documents import MOST_LEVELS
from .errors import SpecificationError
from .shapes import ANY, DATA, SCHEMA, SWITCH, kind_of
from .tree import COMPONENTS, component, is_list, is_object, reference

if TYPE_CHECKING:
    from collections.abc import Callable

_NULL: dict[str, Any] = {"nullable": True, "enum": [None]}
"""The schema of null alone."""

# The keywords that apply to values of one type only.
_OF_TYPE = {
    "array": ("items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"),
    "boolean": (),
}
# Top-level parts of OpenAPI 3.1 that no caller can see, and keywords that have no meaning after bundling.
_LEFT_OUT = frozenset({"webhooks", "jsonSchemaDialect", "pathItems"})
_DONE = frozenset({"$defs", "definitions", "$id", "$schema", "$comment", "$anchor"})


def flatten(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the bundled `document` in OpenAPI 3.0 form, with allOf merged into each named schema.

    OpenAPI 3.1 becomes OpenAPI 3.0:

    - `type: [string, "null"]`, and `null` as an alternative of oneOf or anyOf, become `nullable: true`. A nullable
      enum does not list null. Null alone is `{nullable: true, enum: [null]}`.
    - `type: [string, integer]` becomes anyOf, with each keyword in the alternatives that it applies to.
    - `const` becomes an enum of one value, and a numeric `exclusiveMinimum: 5` becomes `minimum: 5` with
      `exclusiveMinimum: true`.
    - A `$ref` with other keywords beside it becomes `allOf` of the reference, with the keywords beside allOf. In a
      document of OpenAPI 3.0 only a description counts, and the other keywords are left out.
    - The schema true becomes `{}`, and false becomes `{not: {}}`.
    - Keywords that 3.0 does not have, such as patternProperties, stay.

    The published document may be invalid until the overlay corrects it. A value of the wrong kind for its place (null
    for a list of properties, a text for a limit) is left out, so later steps find only the kinds in shapes.SHAPES. The
    main parts (paths, components.schemas, responses) are always there.

    Raises:
        SpecificationError: a schema contains itself through allOf, or refers to a schema that is not there.

    """
    siblings = not str(document.get("openapi")).startswith("3.0")
    result: dict[str, Any] = _sound(document, "document", siblings)
    if siblings:
        result["openapi"] = "3.0.3"
    result.setdefault("paths", {})
    components = result.setdefault("components", {})
    known = components.setdefault("schemas", {})
    for name in known:
        known[name] = _flat(known[name], known, (name,))
    return result


def _sound(value: Any, kind: str, siblings: bool) -> Any:
    """Return a copy of `value` without inner values of a wrong kind, or None if `value` itself is not of `kind`."""
    if kind in (SCHEMA, SWITCH):
        return _schema(value, kind, siblings)
    if kind == DATA:
        return deepcopy(value)
    if kind == ANY:
        if is_list(value):
            return [_sound(item, kind, siblings) for item in value]
        return (
            {key: _sound(item, kind_of(kind, key), siblings) for key, item in value.items()}
            if is_object(value)
            else value
        )
    if kind in _PLAIN:
        return value if _PLAIN[kind](value) else None
    if kind.startswith("["):
        items = [_sound(item, kind[1:-1], siblings) for item in value] if is_list(value) else None
        if items is not None and kind != "[data]":
            items = [item for item in items if item is not None]
        return items if items or kind != "[schema]" else None
    if not is_object(value):
        return None
    result: dict[str, Any] = {}
    for key, item in value.items():
        if kind in ("document", "components") and key in _LEFT_OUT:
            continue
        inner = kind_of(kind, key)
        sound = _sound(item, inner, siblings)
        if sound is not None or inner in (ANY, DATA):
            result[key] = sound
    if kind == "operation":
        result.setdefault("responses", {})
    if kind == "parameter" and not result.keys() >= {"name", "in"}:
        return None
    return result


def _schema(value: Any, kind: str, siblings: bool) -> Any:
    if kind == SWITCH and isinstance(value, bool):
        return value
    if value is False:
        return {"not": {}}
    if not is_object(value):
        return {} if kind == SCHEMA else None
    copied: dict[str, Any] = {}
    target = reference(value)
    for key, item in value.items():
        if key in _DONE or key == "$ref" or (target is not None and not siblings and key != "description"):
            continue
        inner = kind_of(SCHEMA, key)
        # A value that should be a schema but is none becomes {}, the schema that allows everything.
        sound = _sound(item, inner, siblings)
        if sound is not None or inner in (DATA, ANY):
            copied[key] = sound
    if target is not None:
        target = target if target.startswith(COMPONENTS) else None
    if target is not None:
        if not copied:
            return {"$ref": target}
        copied["allOf"] = [{"$ref": target}, *copied.get("allOf", ())]
    return _typed(_alternatives(_limits(copied)))


def _limits(schema: dict[str, Any]) -> dict[str, Any]:
    """Bring const and the exclusive limits into the form of OpenAPI 3.0."""
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    for key, plain, sign in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        limit = schema.get(key)
        if limit is None:
            continue
        if not isinstance(limit, bool):
            # The tighter of the two limits applies.
            tighter = plain not in schema or sign * schema[plain] <= sign * limit
            if tighter:
                schema[plain] = limit
            schema[key] = tighter
        if schema[key] is False or plain not in schema:
            del schema[key]
    return schema


def _alternatives(schema: dict[str, Any]) -> dict[str, Any]:
    """Replace the alternative null by nullable."""
    for key in ("oneOf", "anyOf"):
        parts = schema.get(key)
        if parts is None:
            continue
        others = [part for part in parts if {**part, "description": None} != {**_NULL, "description": None}]
        if len(others) == len(parts):
            continue
        del schema[key]
        if not others:
            return {**schema, **_NULL}
        schema["nullable"] = True
        if len(others) > 1:
            schema[key] = others
        elif "$ref" not in others[0] and others[0].keys() & schema.keys() <= {"description", "title", "nullable"}:
            schema = {**others[0], **schema}
        else:
            schema["allOf"] = [*others, *schema.get("allOf", ())]
    return schema


def _typed(schema: dict[str, Any]) -> dict[str, Any]:
    """Bring types that are lists, and null among the types and the values, into the form of OpenAPI 3.0."""
    types = schema.get("type")
    listed = is_list(types)
    names = [name for name in (types if is_list(types) else [types]) if name is not None]
    values = schema.get("enum")
    with_null = values is not None and None in values
    # Where there is an enum, null is allowed only if the enum lists it.
    if ("null" in names or not names) and (with_null or (values is None and names)):
        schema["nullable"] = True
    names = [name for name in names if name != "null"]
    if values is not None and with_null:
        rest = [value for value in values if value is not None]
        schema["enum"] = rest or [None]
    if not names:
        schema.pop("type", None)
        return {**schema, **_NULL} if types is not None else schema
    if len(names) == 1:
        schema["type"] = names[0]
        return schema
    if not listed:
        return schema
    del schema["type"]
    moved = {key for name in names for key in _OF_TYPE.get(name, ())}
    parts = [
        {"type": name, **{key: deepcopy(schema[key]) for key in _OF_TYPE.get(name, ()) if key in schema}}
        for name in names
    ]
    rest_of = {key: value for key, value in schema.items() if key not in moved}
    if "anyOf" in rest_of:
        return {**rest_of, "allOf": [{"anyOf": parts}, *rest_of.get("allOf", ())]}
    return {**rest_of, "anyOf": parts}


def _flat(schema: dict[str, Any], known: dict[str, dict[str, Any]], seen: tuple[str, ...]) -> dict[str, Any]:
    """Return `schema` with the parts of its allOf merged into it. `seen`: the schemas that contain it by allOf."""
    if "allOf" not in schema:
        return schema
    merged: dict[str, Any] = {}
    own = {key: value for key, value in schema.items() if key != "allOf"}
    for part in [*schema["allOf"], own]:
        whole, names = part, seen
        while (name := component(whole)) is not None:
            if name in names:
                cycle = " -> ".join((*names, name))
                raise SpecificationError(
                    f"components.schemas.{seen[0]} contains itself through allOf: {cycle}. Break the cycle."
                )
            if name not in known:
                raise SpecificationError(
                    f"components.schemas.{seen[0]}: $ref leads nowhere: components.schemas has no {name}."
                )
            whole, names = known[name], (*names, name)
        if len(names) > MOST_LEVELS:
            raise SpecificationError(f"components.schemas.{seen[0]}: allOf goes more than {MOST_LEVELS} levels deep.")
        for key, value in _flat(whole, known, names).items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = list(dict.fromkeys([*merged.get(key, []), *value]))
            else:
                merged[key] = value
    return merged


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_type(value: Any) -> bool:
    return isinstance(value, str) or (is_list(value) and bool(value) and all(isinstance(item, str) for item in value))


_PLAIN: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "flag": lambda value: isinstance(value, bool),
    "number": _is_number,
    "limit": lambda value: isinstance(value, bool) or _is_number(value),
    "type": _is_type,
}
