"""The HTTP clients of one client: connections to every edge cluster, and a filter for httpx's log lines."""

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
from target_delivery.errors import CLOSED, ClientClosedError, TargetError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Generator

__all__ = ["CookielessAsyncClient", "CookielessClient", "Pool", "direct_async_client", "punctual_client"]


LANES = 100
"""HTTP clients of one pool, at most. Further calls share them."""
CALLS_PER_LANE = {False: 1, True: 10}
"""Calls that one lane takes at the same time, by whether HTTP/2 is used, where calls share a connection."""

INTERRUPTED = (
    "This call interrupts another call of the same thread, as in a signal handler. With an http_client of your own it "
    "could wait for the other call forever, so it was not sent. Let the handler set a flag, or raise an exception."
)

H = TypeVar("H", httpx.Client, httpx.AsyncClient)


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

    When it is given a transport, it passes the SDK's requests directly to the transport. The SDK does not need httpx's
    redirects, authentication, event hooks and log lines, which take a tenth of the time of a call.
    """

    def __init__(self, *, transport: httpx.BaseTransport | None = None, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._direct = transport

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request. With ``stream`` the caller must read and close the body of the answer."""
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
        """Send a request. With ``stream`` the caller must read and close the body of the answer."""
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
    """Return the arguments for the SDK's own HTTP clients. They use HTTP/2 when the extra ``http2`` is installed.

    They have no timeout, because each call has a deadline.
    """
    return {
        "http2": find_spec("h2") is not None,
        # A lane keeps one connection to each edge cluster that its calls went to. There are about ten clusters.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=10, keepalive_expiry=30),
        "timeout": httpx.Timeout(None),
        "verify": httpx.create_ssl_context(),
    }


def punctual_client(**options: Unpack[HttpOptions]) -> CookielessClient:
    """Return an HTTP client whose transport keeps deadlines, unless the environment has a proxy."""
    # With a transport of our own, httpx would ignore the proxies of the environment. So httpx's transport is used for
    # them; see _http/deadline.py for the one way in which a call can then outlast its deadline.
    if _proxies_in_environment():
        return CookielessClient(**options)
    # Not at the top: importing httpcore doubles the time to import the SDK, and only a client needs it.
    from target_delivery._http.deadline import DeadlineTransport

    transport = DeadlineTransport(verify=options["verify"], http2=options["http2"], limits=options["limits"])
    return CookielessClient(transport=transport, timeout=options["timeout"])


def direct_async_client(**options: Unpack[HttpOptions]) -> CookielessAsyncClient:
    """Return an HTTP client that sends directly through its transport, unless the environment has a proxy."""
    if _proxies_in_environment():
        return CookielessAsyncClient(**options)
    transport = httpx.AsyncHTTPTransport(verify=options["verify"], http2=options["http2"], limits=options["limits"])
    return CookielessAsyncClient(transport=transport, timeout=options["timeout"])


def _proxies_in_environment() -> bool:
    """Return whether httpx would use a proxy for any host. Decides like httpx's get_environment_proxies."""
    proxies = getproxies()
    nowhere = "*" in (host.strip() for host in proxies.get("no", "").split(","))
    return not nowhere and any(proxies.get(scheme) for scheme in ("http", "https", "all"))


@define(eq=False)
class Lane(Generic[H]):
    """An HTTP client, and the number of calls that use it now."""

    http: H
    busy: int = 0


class Pool(forks.Watched, Generic[H]):
    """The HTTP clients of one client, called lanes. Without HTTP/2 a lane takes one call at a time. Safe in threads.

    One httpx client for all calls would be slow: httpcore goes through all connections of its pool whenever a request
    begins or ends. With fifty connections that takes longer than the request, and an unlucky request waits for
    seconds. A call that has a lane for itself is not affected.

    Attributes:
        owned: whether the SDK made the HTTP clients. False when the caller gave one.
        closed: whether no further call may begin. A shell sets it, and then closes the clients that ``retire`` returns.
    """

    def __init__(self, kind: Callable[..., H], given: H | None) -> None:
        """Take the function that makes an HTTP client, and the caller's own HTTP client, which replaces all others."""
        forks.import_for_threads()
        self.owned: bool = given is None
        self.closed: bool = False
        options: HttpOptions | None = http_options() if given is None else None
        self._make: Callable[[], H] = kind if options is None else partial(kind, **options)
        self._calls_per_lane = CALLS_PER_LANE[options is not None and options["http2"]]
        self._lanes: list[Lane[H]] = [Lane(self._make() if given is None else given)]
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
            TargetError: there is no HTTP client but those to avoid.
        """
        with self._lock:
            if self.closed:
                raise ClientClosedError(CLOSED)
            lanes = [one for one in self._lanes if one.http not in avoid] if avoid else self._lanes
            lane = next((one for one in lanes if one.busy < self._calls_per_lane), None)
            if lane is None and self.owned and len(self._lanes) < LANES:
                lane = Lane(self._make())
                self._lanes.append(lane)
            elif not lanes:
                raise TargetError(INTERRUPTED)
            elif lane is None:
                lane = min(lanes, key=lambda one: one.busy)
            lane.busy += 1
        try:
            yield lane.http
        finally:
            with self._lock:
                lane.busy -= 1

    def after_fork_in_child(self) -> None:
        """Leave the open connections to the parent, and use new ones. A caller's own client stays in use."""
        self._parents += self._lanes  # A reference is kept, because deleting them would close the parent's connections.
        self._lanes = [] if self.owned else [Lane(self._lanes[0].http)]


class _WithoutSecrets(logging.Filter):
    """Removes session ids and tokens from the URLs that httpx logs at INFO."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_secrets, record.args))
        return True


def _without_secrets(argument: object) -> object:
    if isinstance(argument, httpx.URL):
        if "sessionId" in argument.params:
            return argument.copy_with(query=None)
        if argument.path.endswith(("/rules.json", "/rules.bin")):
            # The path can contain a property token; user and query can contain a password or a signature.
            return f"{argument.scheme}://{argument.host}/…/{argument.path.rpartition('/')[2]}"
    return argument


logging.getLogger("httpx").addFilter(_WithoutSecrets())
