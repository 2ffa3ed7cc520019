"""The wires of a client: which HTTP library sends which request.

============================================  ==============================================
request                                       sent with
============================================  ==============================================
of a client with ``http_client``              that client, of httpx or httpx2
through a proxy of the environment            httpx
``TargetClient``, https, extra ``http2``      httpx, with HTTP/2
``TargetClient``, all others                  http.client of the standard library
``AsyncTargetClient``, extra ``aiohttp``      aiohttp
``AsyncTargetClient``, without that extra     httpx, with HTTP/2 where the extra ``http2`` is
============================================  ==============================================

A wire sends one request and returns its outcome. All wires keep the same promises:

- The exchange is over at its deadline, whatever the other end does.
- The body of an answer has a limit, both as it is received and as it is decompressed.
- Redirects are returned, not followed. Cookies are not kept.
- A connection is used again only if nothing arrived on it that was not asked for.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from target_delivery._http import forks
from target_delivery._http.http1 import Http1Wire
from target_delivery._http.settings import read_settings
from target_delivery._http.urls import split

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from target_delivery._core.flow import Outcome
    from target_delivery._http.httpx_wire import HttpxWire
    from target_delivery._http.settings import HttpSettings
    from target_delivery_api.clients import AsyncHttpClient, HttpClient
    from target_delivery_api.types import Request

__all__ = ["AsyncWire", "Wire", "new_async_wire", "new_wire"]


class Wire(Protocol):
    """Sends the requests of one TargetClient. Safe in threads."""

    def exchange(
        self,
        request: Request,
        deadline: float,
        max_bytes: int,
        on_connect: Callable[[socket.socket], None] | None = None,
    ) -> Outcome:
        """Send a request and wait for its whole answer.

        Args:
            request: the request.
            deadline: when the exchange must be over, in ``time.monotonic()`` seconds.
            max_bytes: bytes that the body of the answer may have.
            on_connect: called with each socket that this exchange uses, as soon as it is connected, so that another
                thread can shut it down.

        Raises:
            ClientClosedError: the wire is closed.
            TargetError: the call interrupts another one, and the caller's http_client cannot send both.
        """
        ...

    def close(self) -> None:
        """Let no further exchange begin. Close the connections; those that are in use, at the end of their exchange."""
        ...


class AsyncWire(Protocol):
    """Sends the requests of one AsyncTargetClient, in any event loop."""

    async def exchange(self, request: Request, deadline: float, max_bytes: int) -> Outcome:
        """Send a request and wait for its whole answer; see ``Wire.exchange``."""
        ...

    def stop(self) -> None:
        """Let no further exchange begin."""
        ...

    async def close(self) -> None:
        """Let no further exchange begin, and close the connections; see ``Wire.close``."""
        ...


def new_wire(http_client: HttpClient | None, *, trust_env: bool) -> Wire:
    """Return the wire of a TargetClient.

    Args:
        http_client: the caller's own HTTP client; None for the SDK's own connections.
        trust_env: whether the SDK's own connections use the environment's proxies and certificates.

    Raises:
        OptionError: a proxy or a certificate of the environment cannot be used.
    """
    if http_client is not None:
        from target_delivery._http.httpx_wire import HttpxWire  # not at the top, because httpx is slow to import

        return HttpxWire(http_client)
    settings = read_settings(trust_env=trust_env)
    direct = Http1Wire(settings.certificates)
    return direct if settings.proxies is None and not settings.http2 else _Routed(settings, direct)


def new_async_wire(http_client: AsyncHttpClient | None, *, trust_env: bool) -> AsyncWire:
    """Return the wire of an AsyncTargetClient; see ``new_wire``."""
    from target_delivery._http.httpx_wire import AsyncHttpxWire

    if http_client is not None:
        return AsyncHttpxWire(http_client)
    return AsyncHttpxWire(read_settings(trust_env=trust_env))


class _Routed(forks.Watched):
    """Sends some requests directly, and the others with httpx."""

    def __init__(self, settings: HttpSettings, direct: Wire) -> None:
        self._settings = settings
        self._direct = direct
        self._closed = False
        self._by_httpx: HttpxWire | None = None
        self._lock = threading.RLock()
        # A fork waits until httpx is imported: see forks.import_for_threads.
        forks.watch(self, self._lock)

    def exchange(
        self,
        request: Request,
        deadline: float,
        max_bytes: int,
        on_connect: Callable[[socket.socket], None] | None = None,
    ) -> Outcome:
        wire = self._httpx_wire() if _needs_httpx(self._settings, request.url) else self._direct
        return wire.exchange(request, deadline, max_bytes, on_connect)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        for wire in (self._direct, self._by_httpx):
            if wire is not None:
                wire.close()

    def _httpx_wire(self) -> HttpxWire:
        """Return the wire over httpx, which is made for the first request that needs it."""
        if self._by_httpx is None:
            with self._lock:
                if self._by_httpx is None:
                    from target_delivery._http.httpx_wire import HttpxWire

                    self._by_httpx = HttpxWire(self._settings)
                    if self._closed:
                        self._by_httpx.close()
        return self._by_httpx


def _needs_httpx(settings: HttpSettings, url: str) -> bool:
    """Return whether a request needs a proxy, or may use HTTP/2."""
    if settings.http2 and url.startswith("https:"):
        return True
    return settings.proxies is not None and settings.proxies.of_origin(split(url)[0]) is not None
