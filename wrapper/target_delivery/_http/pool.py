"""The HTTP clients of one client: connections to every edge cluster, and a filter for httpx's log lines."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, Unpack

import httpx
from attrs import define

from target_delivery._http import forks
from target_delivery._http.headers import USER_AGENT
from target_delivery._http.proxies import AsyncRoutes, Routes
from target_delivery._http.settings import HttpOptions, HttpSettings
from target_delivery.errors import CLOSED, ClientClosedError, TargetError
from target_delivery_api.clients import LIBRARIES, AsyncHttpClient, HttpClient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator

__all__ = ["CookielessAsyncClient", "CookielessClient", "EventLoop", "Pool"]


LANES = 100
"""HTTP clients of one pool, at most. Further calls share them, but not with HTTP/2 in threads."""
# A lane keeps one connection to each edge cluster that its calls went to. There are about ten clusters.
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=10, keepalive_expiry=30)
CALLS_PER_LANE = 10
"""Calls that one lane takes at the same time in asyncio with HTTP/2, where they share a connection."""

INTERRUPTED = (
    "This call interrupts another call of the same thread, as in a signal handler. With an http_client of your own it "
    "could wait for the other call forever, so it was not sent. Let the handler set a flag, or raise an exception."
)

H = TypeVar("H", HttpClient, AsyncHttpClient)


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        pass


class _Cookieless:
    """Ignores the cookies of answers: they belong to one visitor, and the next call is for another.

    This also saves a tenth of the time of a call, which httpx spends on looking for cookies.
    """

    _none = _NoCookies()

    @property
    def cookies(self) -> httpx.Cookies:
        return self._none

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        pass


class CookielessClient(_Cookieless, httpx.Client):
    """An HTTP client of a TargetClient.

    It passes the SDK's requests directly to its transport. The SDK does not need httpx's redirects, authentication,
    event hooks and log lines, which take a tenth of the time of a call.
    """

    def __init__(self, **options: Unpack[HttpOptions]) -> None:
        self._options = options
        proxies = options["proxies"]
        self._direct: httpx.BaseTransport = (
            self._new_transport(None) if proxies is None else Routes(proxies, self._new_transport)
        )
        super().__init__(transport=self._direct, timeout=httpx.Timeout(None), headers={"user-agent": USER_AGENT})

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request. With ``stream`` the caller must read and close the body of the answer."""
        if self.is_closed or not stream:
            return super().send(request, stream=stream, **options)
        response = self._direct.handle_request(request)
        response.request = request
        return response

    def close_now(self) -> None:
        """Close all connections. No call may use this client any more."""
        self.close()

    def _new_transport(self, proxy: httpx.Proxy | None) -> httpx.HTTPTransport:
        # Not at the top: importing httpcore doubles the time to import the SDK, and only a client needs it.
        from target_delivery._http.deadline import DeadlineTransport

        own = self._options
        return DeadlineTransport(verify=own["verify"], http2=own["http2"], limits=LIMITS, proxy=proxy)


class CookielessAsyncClient(_Cookieless, httpx.AsyncClient):
    """An HTTP client of an AsyncTargetClient; see CookielessClient."""

    def __init__(self, **options: Unpack[HttpOptions]) -> None:
        from target_delivery._http.async_sockets import AsyncSockets  # see CookielessClient

        self._options = options
        self._sockets = AsyncSockets()
        proxies = options["proxies"]
        self._direct: httpx.AsyncBaseTransport = (
            self._new_transport(None) if proxies is None else AsyncRoutes(proxies, self._new_transport)
        )
        super().__init__(transport=self._direct, timeout=httpx.Timeout(None), headers={"user-agent": USER_AGENT})

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request. With ``stream`` the caller must read and close the body of the answer."""
        if self.is_closed or not stream:
            return await super().send(request, stream=stream, **options)
        response = await self._direct.handle_async_request(request)
        response.request = request
        return response

    def close_now(self) -> None:
        """Close all connections, in any event loop or in none. No call may use this client any more."""
        self._sockets.close()

    async def aclose(self) -> None:
        """Close all connections, including those that are still being made."""
        await super().aclose()
        self._sockets.close()

    def _new_transport(self, proxy: httpx.Proxy | None) -> httpx.AsyncHTTPTransport:
        from target_delivery._http.async_sockets import SocketsTransport

        own = self._options
        return SocketsTransport(self._sockets, verify=own["verify"], http2=own["http2"], limits=LIMITS, proxy=proxy)


class EventLoop(Protocol):
    """An event loop of asyncio. The module itself is not imported, because it is slow to import."""

    def is_closed(self) -> bool:
        """Return whether the event loop is closed, so that nothing can run in it."""
        ...


@define(eq=False)
class Lane(Generic[H]):
    """An HTTP client, the event loop of its connections (None before the first call, and with threads), and its use."""

    http: H
    loop: EventLoop | None = None
    busy: int = 0
    """Calls that use it now."""
    given_up: bool = False
    """Whether it takes no further call, because one of its calls failed."""


class Pool(forks.Watched, Generic[H]):
    """The HTTP clients of one client, called lanes. A lane takes one call at a time, with HTTP/2 in asyncio ten.

    Safe in threads. httpcore's HTTP/2 is not: two threads can take the same stream, or write their headers in another
    order than they compressed them. So calls of threads never share a connection with HTTP/2.

    One httpx client for all calls would be slow: httpcore goes through all connections of its pool whenever a request
    begins or ends. With fifty connections that takes longer than the request, and an unlucky request waits for
    seconds. A call that has a lane for itself is not affected.

    A lane in which a call failed takes no further call, and all of its connections are closed as soon as its other
    calls have ended. httpcore loses connections when calls are cancelled, and every asyncio call that reaches its
    deadline is cancelled. So a lane is given up instead of being repaired.

    Each event loop has lanes of its own, because a connection belongs to the loop in which it was made.

    Attributes:
        owned: whether the SDK made the HTTP clients. False when the caller gave one.
        closed: whether no further call may begin. A shell sets it, and then closes the clients that ``retire`` returns.
    """

    def __init__(
        self,
        kind: Callable[..., H],
        given: H | HttpSettings,
        running_loop: Callable[[], EventLoop | None] | None = None,
    ) -> None:
        """Make a pool without lanes, or with the caller's own HTTP client as its only lane.

        Args:
            kind: makes an HTTP client.
            given: the caller's own HTTP client, or the settings of the SDK's own ones.
            running_loop: returns the event loop of the call; None for threads.
        """
        forks.import_before_fork("httpcore._sync.http2")
        self.closed: bool = False
        self._kind: Callable[..., H] = kind
        self._settings = given if isinstance(given, HttpSettings) else None
        self.owned: bool = self._settings is not None
        http2 = self._settings is not None and self._settings.http2
        self._calls_per_lane = CALLS_PER_LANE if http2 and running_loop is not None else 1
        self._can_share = running_loop is not None or not http2
        self._running_loop = running_loop
        self._lanes: list[Lane[H]] = [] if isinstance(given, HttpSettings) else [Lane(given)]
        self._lock = threading.RLock()  # reentrant, because a signal handler may interrupt its holder
        self._parents: list[Lane[H]] = []
        forks.watch(self, self._lock)

    def retire(self) -> list[H]:
        """Take out the HTTP clients that no call uses, for the shell to close. A caller's own one stays."""
        with self._lock:
            idle = [lane for lane in self._lanes if self.owned and not lane.busy]
            self._lanes = [lane for lane in self._lanes if lane not in idle]
        return [lane.http for lane in idle]

    @contextmanager
    def lane(self, avoid: Collection[H] = ()) -> Generator[H]:
        """Lend the first free HTTP client for one call, so that as few connections as possible are open.

        Args:
            avoid: HTTP clients that must not be lent, because the calls that they have been lent for are interrupted.

        Raises:
            ClientClosedError: the pool is closed.
            TargetError: there are no HTTP clients except those in ``avoid``.
        """
        lane = self._take(avoid)
        try:
            yield lane.http
        except BaseException:
            if self.owned:
                self._give_up(lane)
            raise
        finally:
            with self._lock:
                lane.busy -= 1
            if lane.given_up and not lane.busy:
                _close_now(lane)

    def _take(self, avoid: Collection[H]) -> Lane[H]:
        loop = None if self._running_loop is None else self._running_loop()
        with self._lock:
            if self.closed:
                raise ClientClosedError(CLOSED)
            lanes = [one for one in self._lanes if one.http not in avoid] if avoid else self._lanes
            for lane in lanes:
                if lane.busy < self._calls_per_lane and (lane.loop is loop or lane.loop is None):
                    break
            else:
                lane = self._added_or_shared(lanes, loop)
            lane.loop = loop
            lane.busy += 1
        return lane

    def _added_or_shared(self, lanes: list[Lane[H]], loop: EventLoop | None) -> Lane[H]:
        if self.owned:
            for lane in self._lanes.copy():
                if lane.loop is not None and lane.loop.is_closed():
                    self._lanes.remove(lane)
                    _close_now(lane)
            if not self._can_share or sum(lane.loop is loop for lane in self._lanes) < LANES:
                added = Lane(self._new())
                self._lanes.append(added)
                return added  # Perhaps it is closed already: a signal handler may have closed the client.
            lanes = [lane for lane in lanes if lane.loop is loop]
        if not lanes:
            raise TargetError(INTERRUPTED)
        return min(lanes, key=lambda one: one.busy)

    def _new(self) -> H:
        """Return a new HTTP client of the SDK's own."""
        assert self._settings is not None  # noqa: S101 - the pool has HTTP clients of its own
        return self._kind(**self._settings.options)

    def _give_up(self, lane: Lane[H]) -> None:
        with self._lock:
            if not lane.given_up:
                lane.given_up = True
                with suppress(ValueError):  # retired by a signal handler before the call began to use it
                    self._lanes.remove(lane)

    def after_fork_in_child(self) -> None:
        """Leave the open connections to the parent, and use new ones. A caller's own client stays in use."""
        self._parents += self._lanes  # A reference is kept, because deleting them would close the parent's connections.
        self._lanes = [] if self.owned else [Lane(self._lanes[0].http)]


def _close_now(lane: Lane[H]) -> None:
    if isinstance(lane.http, (CookielessClient, CookielessAsyncClient)):
        lane.http.close_now()


class _WithoutSecrets(logging.Filter):
    """Removes session ids and tokens from the URLs that httpx logs at INFO."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_secrets, record.args))
        return True


def _without_secrets(argument: object) -> object:
    urls: tuple[type[httpx.URL], ...] = tuple(sys.modules[name].URL for name in LIBRARIES if name in sys.modules)
    if isinstance(argument, urls):
        if "sessionId" in argument.params:
            return argument.copy_with(query=None)
        if argument.path.endswith(("/rules.json", "/rules.bin")):
            # The path can contain a property token; user and query can contain a password or a signature.
            return f"{argument.scheme}://{argument.host}/…/{argument.path.rpartition('/')[2]}"
    return argument


for _library in LIBRARIES:
    logging.getLogger(_library).addFilter(_WithoutSecrets())
