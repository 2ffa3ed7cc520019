"""Make the JSON Schema of what the edge itself accepts as a request."""

from __future__ import annotations

from typing import Any

_INTEGER_LIMITS = {"int32": 2**31, "int64": 2**63}
_DROPPED = frozenset({"description", "title", "example", "examples", "discriminator", "default", "nullable"})


def wire_schema(document: dict[str, Any], root: str) -> dict[str, Any]:
    """Return schema `root` of a flattened OpenAPI 3.0 document, and all it needs, as draft 2020-12."""
    schemas = document["components"]["schemas"]
    needed: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = _converted(schemas[name], waiting)
    definitions = {name: needed[name] for name in sorted(needed) if name != root}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": root,
        **needed[root],
        "$defs": definitions,
    }


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
