"""Types that the models, the operations and their callers use."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define

if TYPE_CHECKING:
    import httpx

__all__ = ["Answer", "JsonValue"]

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
"""Any JSON value, as the json module reads it."""


@define(eq=False)
class Answer:
    """The whole HTTP answer to one request, not yet parsed."""

    status_code: int
    """HTTP status."""
    headers: httpx.Headers
    """The headers, by names in any case."""
    content: bytes
    """The body, decoded from its Content-Encoding."""
