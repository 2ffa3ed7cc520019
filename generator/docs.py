"""Write docstrings from the descriptions and limits of a specification."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def sentence(text: Any) -> str:
    """Return a description as one line that ends with a full stop, or an empty string if there is none."""
    line = " ".join(str(text).split()) if text else ""
    return f"{line.rstrip('.')}." if line else ""


def sentences(schema: dict[str, Any], described: dict[str, Any], limited: dict[str, Any]) -> str:
    """Return the docstring of a property or parameter: its description, then its limits and its default.

    Args:
        schema: the property itself.
        described: the schema that the property refers to. Its description is used if the property has none.
        limited: the schema with the limits of the number of entries.
    """
    return " ".join(_sentences(schema, described, limited))


def _sentences(schema: dict[str, Any], described: dict[str, Any], limited: dict[str, Any]) -> Iterator[str]:
    if schema.get("deprecated") is True:
        yield "Deprecated."
    text = sentence(schema.get("description") or described.get("description"))
    if text:
        yield text
    if schema.get("readOnly") is True:
        yield "Only answers contain it."
    if schema.get("writeOnly") is True:
        yield "Only requests contain it."
    values = [value for value in described.get("enum", ()) if value is not None and not isinstance(value, str)]
    if values:
        yield f"One of {', '.join(str(value).lower() for value in values)}."
    yield from _range(schema.get("minimum"), schema.get("maximum"), "")
    yield from _range(schema.get("minLength"), schema.get("maxLength"), " characters")
    yield from _range(schema.get("minItems"), schema.get("maxItems"), " items")
    yield from _range(limited.get("minProperties"), limited.get("maxProperties"), " entries")
    if schema.get("default") is not None:
        default = schema["default"]
        yield f"Absent means {default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)}."


def _range(low: float | None, high: float | None, unit: str) -> Iterator[str]:
    least, most = _number(low), _number(high)
    if least and least == most:
        yield f"Exactly {least}{unit}."
    elif least and most:
        yield f"{least} to {most}{unit}."
    elif most:
        yield f"At most {most}{unit}."
    elif least:
        yield f"At least {least}{unit}."


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else str(value)
