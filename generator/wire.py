"""Convert a specification to the JSON Schema of the requests that the edge accepts."""

from __future__ import annotations

from typing import Any

from .errors import SpecificationError
from .tree import component, contents, is_list, is_object, operations, schemas

_INTEGER_LIMITS = {"int32": 2**31, "int64": 2**63}
_DROPPED = frozenset({"description", "title", "example", "examples", "discriminator", "default", "nullable"})


def wire_schema(document: dict[str, Any]) -> dict[str, Any]:
    """Return JSON Schema 2020-12 for the request body of a flattened OpenAPI document, without descriptions.

    Raises:
        SpecificationError: no operation has a JSON body whose schema has a name.

    """
    known = schemas(document)
    root = _request(document)
    needed: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = _converted(known[name], root, waiting)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": root,
        **needed.pop(root),
        "$defs": dict(sorted(needed.items())),
    }


def _request(document: dict[str, Any]) -> str:
    """Return the name of the schema of the first JSON request body."""
    for operation in operations(document):
        schema = contents(operation.data.get("requestBody")).get("application/json")
        name = component(schema)
        if name is not None:
            return name
    raise SpecificationError(
        "No operation under paths has a JSON body whose schema is a reference to components.schemas."
    )


def _converted(schema: dict[str, Any], root: str, waiting: list[str]) -> dict[str, Any]:
    """Return `schema` as JSON Schema and append the names of the schemas that it refers to to `waiting`."""
    name = component(schema)
    if name is not None:
        waiting.append(name)
        return {"$ref": "#" if name == root else f"#/$defs/{name}"}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _DROPPED or key.startswith("x-"):
            continue
        if key == "properties":
            result[key] = {name: _converted(inner, root, waiting) for name, inner in value.items()}
        elif key in ("allOf", "oneOf", "anyOf") and is_list(value):
            result[key] = [_converted(inner, root, waiting) for inner in value]
        elif is_object(value):
            result[key] = _converted(value, root, waiting)
        elif key == "format" and value in _INTEGER_LIMITS:
            result.setdefault("minimum", -_INTEGER_LIMITS[value])
            result.setdefault("maximum", _INTEGER_LIMITS[value] - 1)
        else:
            result[key] = value
    if list(result) == ["allOf"] and len(result["allOf"]) == 1:
        # OpenAPI 3.0 needs an allOf of one element to give a reference a description.
        return dict(result["allOf"][0])
    if schema.get("nullable") and isinstance(result.get("type"), str):
        result["type"] = [result["type"], "null"]
    return result
