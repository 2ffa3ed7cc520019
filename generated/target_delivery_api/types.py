"""Types that the models, the operations and their callers use."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Answer", "JsonValue", "Request"]

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
"""Any JSON value, as the json module reads it."""


@define(eq=False)
class Request:
    """An HTTP request, for any HTTP library. It can be sent any number of times."""

    method: str
    """HTTP method."""
    url: str
    """The URL, in ASCII: names of hosts are IDNA-encoded, everything else is percent-encoded."""
    headers: Sequence[tuple[str, str]] = ()
    """Names and values of headers. The HTTP library adds Host and Content-Length."""
    content: bytes = b""
    """The body."""


@define(eq=False)
class Answer:
    """The whole HTTP answer to one request, not yet parsed."""

    status_code: int
    """HTTP status."""
    headers: Mapping[str, str]
    """The headers, by names in lower case. The values of a repeated header are joined with a comma."""
    content: bytes
    """The body, decoded from its Content-Encoding."""
