"""Types that models, operations and their callers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define

if TYPE_CHECKING:
    import httpx

__all__ = ["Answer", "JsonValue"]

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
"""Anything that JSON can say, as the json module reads it."""


@define(eq=False)
class Answer:
    """What came back for one request: read to its end, not yet parsed.

    Attributes:
        status_code: HTTP status.
        headers: the headers, without regard to case.
        content: the body, its Content-Encoding undone.
    """

    status_code: int
    headers: httpx.Headers
    content: bytes
