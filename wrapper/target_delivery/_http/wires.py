"""The wires of a client: which HTTP library sends which request.

============================================  ==============================================
request                                       sent with
============================================  ==============================================
of a client with ``http_client``              that client, of httpx or httpx2
through a proxy of the environment            httpx
``TargetClient``                              sockets: see http1.py
``AsyncTargetClient``, extra ``aiohttp``      aiohttp
``AsyncTargetClient``, without that extra     httpx, with HTTP/2 where the extra ``http2`` is
============================================  ==============================================

A wire sends one request and returns its outcome. All wires keep the same promises:

- The exchange is over at its deadline, whatever the other end does.
- The body of an answer has a limit, both as it is received and as it is decompressed.
- Redirects are returned, not followed. Cookies are not kept.
- A connection is not used again if bytes arrived on it that no request asked for.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from attrs import evolve

from target_delivery._http.http1 import Http1Wire
from target_delivery._http.settings import read_settings
from target_delivery._http.urls import split

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from target_delivery._core.flow import Outcome
    from target_delivery._http.httpx_wire import AsyncHttpxWire, HttpxWire
    from target_delivery._http.proxies import Proxies
    from target_delivery._http.settings import HttpSettings
    from target_delivery_api.clients import AsyncHttpClient, HttpClient
    from target_delivery_api.types import Request

__all__ = ["AsyncWire", "Wire", "new_async_wire", "new_wire"]

W = TypeVar("W")

AIOHTTP_VERSIONS = ((3, 12), (4,))
"""The first version of aiohttp that can be used, and the first one that cannot."""


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
                thread can shut it down. The request must ask for the end of the connection, so that no other exchange
                uses it.

        Raises:
            ClientClosedError: the wire is closed.
            TargetError: the call interrupts another one, and the caller's http_client cannot send both.
        """
        ...

    def close(self) -> None:
        """Let no further exchange begin. Close idle connections now, and the others at the end of their exchange."""
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
        return _new_httpx_wire(http_client)
    # Without HTTP/2: threads must not share its connections, because httpcore mixes up their requests.
    settings = evolve(read_settings(trust_env=trust_env), http2=False)
    direct = Http1Wire(settings.certificates)
    if settings.proxies is None:
        return direct
    return _Routed(_Routes(settings.proxies, direct, _new_httpx_wire(settings)))


def new_async_wire(http_client: AsyncHttpClient | None, *, trust_env: bool) -> AsyncWire:
    """Return the wire of an AsyncTargetClient; see ``new_wire``."""
    if http_client is not None:
        return _new_async_httpx_wire(http_client)
    settings = read_settings(trust_env=trust_env)
    if not _can_use_aiohttp():
        return _new_async_httpx_wire(settings)
    from target_delivery._http.aiohttp_wire import AiohttpWire

    # Without HTTP/2, because httpx would offer it on the TLS context that both wires use.
    settings = evolve(settings, http2=False)
    direct = AiohttpWire(settings.certificates)
    if settings.proxies is None:
        return direct
    return _AsyncRouted(_Routes(settings.proxies, direct, _new_async_httpx_wire(settings)))


def _new_httpx_wire(given: HttpClient | HttpSettings) -> HttpxWire:
    from target_delivery._http.httpx_wire import HttpxWire  # here, because httpx is slow to import

    return HttpxWire(given)


def _new_async_httpx_wire(given: AsyncHttpClient | HttpSettings) -> AsyncHttpxWire:
    from target_delivery._http.httpx_wire import AsyncHttpxWire

    return AsyncHttpxWire(given)


def _can_use_aiohttp() -> bool:
    """Return whether aiohttp is installed, in a version that works here."""
    if sys.platform == "win32" or find_spec("aiohttp") is None:
        return False  # The event loop of Windows cannot wait for a readable socket.
    import aiohttp  # here, because it is slow to import

    return AIOHTTP_VERSIONS[0] <= tuple(map(int, re.findall(r"\d+", aiohttp.__version__)[:2])) < AIOHTTP_VERSIONS[1]


class _Routes(Generic[W]):
    """Chooses the wire for each request: the direct one, or the one that sends through proxies."""

    def __init__(self, proxies: Proxies, direct: W, proxied: W) -> None:
        self._proxies = proxies
        self._direct = direct
        self._proxied = proxied
        self.all: tuple[W, W] = (direct, proxied)

    def choose(self, url: str) -> W:
        """Return the wire for requests to a URL."""
        return self._direct if self._proxies.of_origin(split(url)[0]) is None else self._proxied


class _Routed:
    """Sends some requests directly, and the others with httpx."""

    def __init__(self, routes: _Routes[Wire]) -> None:
        self._routes = routes

    def exchange(
        self,
        request: Request,
        deadline: float,
        max_bytes: int,
        on_connect: Callable[[socket.socket], None] | None = None,
    ) -> Outcome:
        return self._routes.choose(request.url).exchange(request, deadline, max_bytes, on_connect)

    def close(self) -> None:
        for wire in self._routes.all:
            wire.close()


class _AsyncRouted:
    """The asyncio twin of _Routed."""

    def __init__(self, routes: _Routes[AsyncWire]) -> None:
        self._routes = routes

    async def exchange(self, request: Request, deadline: float, max_bytes: int) -> Outcome:
        return await self._routes.choose(request.url).exchange(request, deadline, max_bytes)

    def stop(self) -> None:
        for wire in self._routes.all:
            wire.stop()

    async def close(self) -> None:
        for wire in self._routes.all:
            await wire.close()
