"""Convert a specification to the JSON Schema of the requests that the edge accepts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from .errors import SpecificationError
from .shapes import ANY, DATA, kind_of
from .tree import component, contents, is_list, is_object, operations, schemas

_DELIVERY = "DeliveryRequest"

_INTEGER_LIMITS = {"int32": 2**31, "int64": 2**63}
# Texts for people, and keys that have a meaning in OpenAPI only.
_DROPPED = frozenset(
    {
        *("description", "title", "example", "examples", "default", "deprecated", "externalDocs", "xml"),
        *("discriminator", "nullable"),
    }
)


def wire_schema(document: dict[str, Any]) -> dict[str, Any]:
    """Return JSON Schema 2020-12 for the request body of a flattened OpenAPI document, without descriptions.

    Raises:
        SpecificationError: no operation has a JSON body whose schema has a name, or a reference leads nowhere.

    """
    known = schemas(document)
    root = _request(document)
    needed: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in known:
            raise SpecificationError(f"components.schemas has no {name}, but a schema of the request refers to it.")
        if name not in needed:
            needed[name] = _converted(known[name], root, waiting)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": root,
        **needed.pop(root),
        "$defs": dict(sorted(needed.items())),
    }


def _request(document: dict[str, Any]) -> str:
    """Return the name of the schema of the delivery request; without one, that of the first JSON request body."""
    found: list[str] = []
    for operation in operations(document):
        schema = contents(operation.data.get("requestBody")).get("application/json", {})
        parts = schema.get("allOf")
        # In OpenAPI 3.1, words beside the reference make it an allOf of one part.
        name = component(parts[0] if is_list(parts) and len(parts) == 1 else schema)
        if name is not None:
            found.append(name)
    if not found:
        raise SpecificationError(
            "No operation under paths has a JSON body whose schema is a reference to components.schemas."
        )
    return _DELIVERY if _DELIVERY in found else found[0]


def _converted(schema: Any, root: str, waiting: list[str]) -> Any:
    """Return `schema` as JSON Schema. Append the name of each schema that it refers to to `waiting`."""
    if not is_object(schema):
        return schema
    name = component(schema)
    if name is not None:
        waiting.append(name)
        return {"$ref": "#" if name == root else f"#/$defs/{name}"}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _DROPPED or key.startswith("x-") or key in ("exclusiveMinimum", "exclusiveMaximum"):
            continue
        kind = kind_of("schema", key)
        if kind == "{schema}" and is_object(value):
            result[key] = {inner: _converted(item, root, waiting) for inner, item in value.items()}
        elif kind == "[schema]" and is_list(value):
            result[key] = [_converted(item, root, waiting) for item in value]
        elif kind in (ANY, DATA, "[data]"):
            result[key] = deepcopy(value)
        elif key != "format" or value not in _INTEGER_LIMITS:
            result[key] = _converted(value, root, waiting)
    limit = _INTEGER_LIMITS.get(str(schema.get("format")))
    if limit is not None:
        result["minimum"] = max(-limit, result.get("minimum", -limit))
        result["maximum"] = min(limit - 1, result.get("maximum", limit - 1))
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if schema.get(exclusive) is True and plain in schema:
            result[exclusive] = schema[plain]
            if result.get(plain) == schema[plain]:
                del result[plain]
    if list(result) == ["allOf"] and len(result["allOf"]) == 1:
        # OpenAPI 3.0 needs an allOf of one element to give a reference a description.
        result = dict(result["allOf"][0])
    return _with_null(result) if schema.get("nullable") is True else result


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return `schema` changed so that it also allows null."""
    if schema.keys() & {"$ref", "allOf", "oneOf", "anyOf", "not", "if"}:
        return {"anyOf": [schema, {"type": "null"}]}
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema
