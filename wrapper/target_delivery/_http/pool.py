"""The connection pool that serves every edge cluster, and what it may log."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, Unpack
from urllib.request import getproxies

import httpx
from attrs import define

from target_delivery._http import forks

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

__all__ = ["CookielessAsyncClient", "CookielessClient", "Pool", "direct_async_client", "punctual_client"]


LANES = 100
"""HTTP clients of one pool at most; further calls share them."""
CALLS_PER_LANE = {False: 1, True: 10}
"""Calls in one lane at the same time, without and with HTTP/2, which has many calls share a connection."""

H = TypeVar("H", httpx.Client, httpx.AsyncClient)


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        pass


class _Cookieless:
    """Takes no cookies: the calls are of many visitors, and what the edge sets for one is not for another.

    It also saves a tenth of a call, which httpx spends on looking for them.
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

    With a transport of its own it gives the SDK's requests straight to that: what httpx does besides on the way
    (redirects, authentication, event hooks, a line in the log) is nothing for them, and takes a tenth of their time.
    """

    def __init__(self, *, transport: httpx.BaseTransport | None = None, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._direct = transport

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request; with ``stream`` the answer's body is still to be read."""
        if self._direct is None or self.is_closed or not stream:
            return super().send(request, stream=stream, **options)
        response = self._direct.handle_request(request)
        response.request = request
        return response


class CookielessAsyncClient(_Cookieless, httpx.AsyncClient):
    """An HTTP client of an AsyncTargetClient; see CookielessClient."""

    def __init__(self, *, transport: httpx.AsyncBaseTransport | None = None, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._direct = transport

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request; with ``stream`` the answer's body is still to be read."""
        if self._direct is None or self.is_closed or not stream:
            return await super().send(request, stream=stream, **options)
        response = await self._direct.handle_async_request(request)
        response.request = request
        return response


class HttpOptions(TypedDict):
    """Arguments of ``httpx.Client`` and ``httpx.AsyncClient``."""

    http2: bool
    limits: httpx.Limits
    timeout: httpx.Timeout
    verify: ssl.SSLContext


def http_options() -> HttpOptions:
    """Return how the SDK sets up HTTP clients: HTTP/2 where the extra ``http2`` is installed.

    Time is limited by each call's deadline, not by the pool.
    """
    return {
        "http2": find_spec("h2") is not None,
        # A lane keeps a connection to each edge cluster it was used for; there are about ten.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=10, keepalive_expiry=30),
        "timeout": httpx.Timeout(None),
        "verify": httpx.create_ssl_context(),
    }


def punctual_client(**options: Unpack[HttpOptions]) -> CookielessClient:
    """Return an HTTP client that ends every call at its deadline, unless it has to use a proxy."""
    # httpx takes no proxies from the environment when it is given a transport: with them its own does the work, and
    # an edge that sends byte by byte can outlast the deadline.
    if _proxies_in_environment():
        return CookielessClient(**options)
    # Not above: httpcore takes as long to import as the rest, and whoever only imports the SDK is spared it.
    from target_delivery._http.deadline import DeadlineTransport

    transport = DeadlineTransport(verify=options["verify"], http2=options["http2"], limits=options["limits"])
    return CookielessClient(transport=transport, timeout=options["timeout"])


def direct_async_client(**options: Unpack[HttpOptions]) -> CookielessAsyncClient:
    """Return an HTTP client that sends without a detour, unless it has to use a proxy."""
    if _proxies_in_environment():
        return CookielessAsyncClient(**options)
    transport = httpx.AsyncHTTPTransport(verify=options["verify"], http2=options["http2"], limits=options["limits"])
    return CookielessAsyncClient(transport=transport, timeout=options["timeout"])


def _proxies_in_environment() -> bool:
    """Return whether httpx would use a proxy for any host, as its own get_environment_proxies decides."""
    proxies = getproxies()
    nowhere = "*" in (host.strip() for host in proxies.get("no", "").split(","))
    return not nowhere and any(proxies.get(scheme) for scheme in ("http", "https", "all"))


@define(eq=False)
class Lane(Generic[H]):
    """An HTTP client, and how many calls are under way in it."""

    http: H
    busy: int = 0


class Pool(forks.Watched, Generic[H]):
    """The connections of one client to every edge cluster, in lanes that are used by one call at a time.

    httpcore compares all connections of its pool with each other whenever a request begins or ends, and offers an
    idle one to every request that waits. With fifty in one pool that costs more than the request, and a request that
    has bad luck waits for seconds. Nothing of it is to be seen while each call has an HTTP client to itself. Safe in
    threads.

    Attributes:
        owned: whether the HTTP clients are the SDK's own, and not the caller's.
    """

    def __init__(self, kind: Callable[..., H], given: H | None) -> None:
        """Take the kind of HTTP client, and the caller's own one, which is used instead of any other."""
        self.owned: bool = given is None
        options: HttpOptions | None = http_options() if given is None else None
        self._make: Callable[[], H] = kind if options is None else partial(kind, **options)
        self._calls_per_lane = CALLS_PER_LANE[options is not None and options["http2"]]
        self._lanes: list[Lane[H]] = [Lane(self._make() if given is None else given)]
        self._lock = threading.Lock()
        self._parents: list[Lane[H]] = []
        forks.watch(self, self._lock)

    @property
    def clients(self) -> list[H]:
        """The HTTP clients in use."""
        return [lane.http for lane in self._lanes]

    @contextmanager
    def lane(self) -> Generator[H]:
        """Give the first HTTP client that is free, so that few calls share few connections."""
        with self._lock:
            lane = next((one for one in self._lanes if one.busy < self._calls_per_lane), None)
            if lane is None and self.owned and len(self._lanes) < LANES:
                lane = Lane(self._make())
                self._lanes.append(lane)
            elif lane is None:
                lane = min(self._lanes, key=lambda one: one.busy)
            lane.busy += 1
        try:
            yield lane.http
        finally:
            with self._lock:
                lane.busy -= 1

    def after_fork_in_child(self) -> None:
        """Leave the connections to the process that opened them; a caller's own client is shared."""
        self._parents += self._lanes  # kept, lest their end closes what the parent uses
        self._lanes = [] if self.owned else [Lane(self._lanes[0].http)]


class _WithoutSecrets(logging.Filter):
    """httpx logs the URL of every request at INFO; session ids and tokens do not belong there."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_secrets, record.args))
        return True


def _without_secrets(argument: object) -> object:
    if isinstance(argument, httpx.URL):
        if "sessionId" in argument.params:
            return argument.copy_with(query=None)
        if argument.path.endswith(("/rules.json", "/rules.bin")):
            # The path can hold a property token, the rest a signature or a password.
            return f"{argument.scheme}://{argument.host}/…/{argument.path.rpartition('/')[2]}"
    return argument


logging.getLogger("httpx").addFilter(_WithoutSecrets())
