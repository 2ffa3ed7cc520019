"""Make the JSON Schema of what the edge itself accepts as a request."""

from __future__ import annotations

from typing import Any

from .errors import SpecificationError

_INTEGER_LIMITS = {"int32": 2**31, "int64": 2**63}
_DROPPED = frozenset({"description", "title", "example", "examples", "discriminator", "default", "nullable"})


def wire_schema(document: dict[str, Any]) -> dict[str, Any]:
    """Return the request body of a flattened OpenAPI document's one operation as JSON Schema 2020-12."""
    schemas = document["components"]["schemas"]
    root = _request(document)
    needed: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = _converted(schemas[name], waiting)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": root,
        "$ref": f"#/$defs/{root}",
        "$defs": dict(sorted(needed.items())),
    }


def _request(document: dict[str, Any]) -> str:
    for item in document["paths"].values():
        for operation in item.values():
            body = operation.get("requestBody", {}) if isinstance(operation, dict) else {}
            schema = body.get("content", {}).get("application/json", {}).get("schema", {})
            if "$ref" in schema:
                return schema["$ref"].rsplit("/", 1)[-1]
    raise SpecificationError("No operation under paths takes a JSON body that is one of components.schemas.")


def _converted(schema: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        waiting.append(name)
        return {"$ref": f"#/$defs/{name}"}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _DROPPED or key.startswith("x-"):
            continue
        if key == "properties":
            result[key] = {name: _converted(inner, waiting) for name, inner in value.items()}
        elif key in ("allOf", "oneOf", "anyOf"):
            result[key] = [_converted(inner, waiting) for inner in value]
        elif isinstance(value, dict):
            result[key] = _converted(value, waiting)
        elif key == "format" and value in _INTEGER_LIMITS:
            result.setdefault("minimum", -_INTEGER_LIMITS[value])
            result.setdefault("maximum", _INTEGER_LIMITS[value] - 1)
        else:
            result[key] = value
    if list(result) == ["allOf"] and len(result["allOf"]) == 1:
        return dict(result["allOf"][0])
    if schema.get("nullable") and isinstance(result.get("type"), str):
        result["type"] = [result["type"], "null"]
    return result
