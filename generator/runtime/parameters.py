"""Write parameters of the query, the path and the headers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from urllib.parse import quote

from .model import ModelError, write_datetime

__all__ = ["header_text", "segment", "text", "with_headers"]


def text(value: object) -> str:
    """Return a string, number, boolean or time as text, not yet encoded.

    Raises:
        ModelError: `value` is NaN or infinite.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return write_datetime(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelError(f"A parameter must be a finite number, but this is {value}.")
    return str(value)


def segment(name: str, value: str) -> str:
    """Return `value` percent-encoded as one segment of a path.

    Raises:
        ModelError: the path with this segment would be another one.
    """
    if value.strip(".") == "" and len(value) < 3:
        raise ModelError(f"The parameter {name} is a part of the path, so it must not be {value!r}.")
    return quote(value, safe="")


def header_text(name: str, value: object) -> str:
    """Return a parameter as the value of the header `name`.

    Raises:
        ModelError: a header cannot contain the text.
    """
    items = cast("Sequence[object]", value if isinstance(value, Sequence) and not isinstance(value, str) else [value])
    line = ",".join(map(text, items))
    if any((ord(character) < 32 and character != "\t") or ord(character) == 127 for character in line):
        raise ModelError(f"The header {name} must not contain control characters such as line breaks.")
    return line


def with_headers(
    own: Mapping[str, str], headers: Mapping[str, str] | Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the headers of an operation, and then those of `headers` that have other names."""
    names = {name.lower() for name in own}
    given = headers.items() if isinstance(headers, Mapping) else headers
    return [*own.items(), *((name, value) for name, value in given if name.lower() not in names)]
