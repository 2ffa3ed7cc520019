"""The HTTP clients that can send requests: those of httpx, and those of httpx2, which have the same interface.

These types have the parts of the interface that the package uses, so httpx2 need not be installed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

__all__ = ["AsyncHttpClient", "HttpClient", "HttpHeaders", "HttpResponse", "HttpTimeout", "library_of"]


class HttpHeaders(Protocol):
    """The default headers of a client."""

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """The names and the values, as they are sent."""
        ...


class HttpTimeout(Protocol):
    """The timeouts of a client."""

    def as_dict(self) -> dict[str, float | None]:
        """Return the seconds of each phase of a request."""
        ...


class HttpResponse(Protocol):
    """A response. Its body may not have been read yet."""

    status_code: int
    stream: Any
    """The body, as an iterable of bytes, synchronous or asynchronous."""

    @property
    def extensions(self) -> Mapping[str, Any]:
        """Details of the transport, such as the network stream."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in any case; their keys are in lower case."""
        ...

    @property
    def is_stream_consumed(self) -> bool:
        """Whether the body has been read."""
        ...

    @property
    def content(self) -> bytes:
        """The decoded body, once it has been read."""
        ...

    @property
    def http_version(self) -> str:
        """Such as HTTP/1.1."""
        ...


class _ClosableResponse(HttpResponse, Protocol):
    def close(self) -> None: ...


class _AsyncClosableResponse(HttpResponse, Protocol):
    async def aclose(self) -> None: ...


class _Client(Protocol):
    @property
    def is_closed(self) -> bool: ...
    @property
    def headers(self) -> HttpHeaders: ...
    @property
    def timeout(self) -> HttpTimeout: ...


class HttpClient(_Client, Protocol):
    """An httpx.Client or an httpx2.Client."""

    # `request` is the Request of the client's own library.
    def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> _ClosableResponse:
        """Send a request."""
        ...


class AsyncHttpClient(_Client, Protocol):
    """An httpx.AsyncClient or an httpx2.AsyncClient."""

    async def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> _AsyncClosableResponse:
        """Send a request."""
        ...


LIBRARIES = ("httpx", "httpx2")
"""The libraries whose clients can be used."""


def library_of(client: HttpClient | AsyncHttpClient) -> ModuleType:
    """Return the library that the class of a client, or one of its base classes, comes from.

    Raises:
        TypeError: it comes from neither httpx nor httpx2.
    """
    for one in type(client).__mro__:
        name = one.__module__.partition(".")[0]
        if name in LIBRARIES:
            return sys.modules[name]
    raise TypeError(f"{type(client).__name__} is not a client of {' or '.join(LIBRARIES)}.")
