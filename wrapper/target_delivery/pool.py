"""The connection pool that serves every edge cluster, and what it may log."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar

import httpx
from attrs import define

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

__all__ = ["Pool", "http_options"]


LANES, LANE_SIZE = 10, 10

C = TypeVar("C", httpx.Client, httpx.AsyncClient)


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
        "limits": httpx.Limits(max_connections=LANE_SIZE, max_keepalive_connections=LANE_SIZE, keepalive_expiry=30),
        "timeout": httpx.Timeout(None),
        "verify": httpx.create_ssl_context(),
    }


@define(eq=False)
class Lane(Generic[C]):
    """An HTTP client, and how many exchanges are under way in it."""

    http: C
    busy: int = 0


class Pool(Generic[C]):
    """The connections of one client to every edge cluster: up to 100, in lanes of ten. Safe in threads.

    httpcore compares all idle connections of a pool with each other before and after each request. A hundred in one
    pool cost more time than the request itself; ten at a time do not show.

    Attributes:
        owned: whether the HTTP clients are the SDK's own, and not the caller's.
    """

    def __init__(self, kind: Callable[..., C], given: C | None) -> None:
        """Take the kind of HTTP client, and the caller's own one, which is used instead of any other."""
        self.owned: bool = given is None
        self._make: Callable[[], C] = partial(kind, **http_options()) if given is None else kind
        self._lanes: list[Lane[C]] = [Lane(self._make() if given is None else given)]
        self._lock = threading.Lock()

    @property
    def headers(self) -> httpx.Headers:
        """The headers that the HTTP client sends with every request."""
        return self._lanes[0].http.headers

    @property
    def clients(self) -> list[C]:
        """The HTTP clients in use."""
        return [lane.http for lane in self._lanes]

    @contextmanager
    def lane(self) -> Iterator[C]:
        """Give the first HTTP client with a free connection, so that few calls share few connections."""
        with self._lock:
            lane = next((one for one in self._lanes if one.busy < LANE_SIZE), None)
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


class _WithoutSession(logging.Filter):
    """httpx logs the URL of every request at INFO; a session id does not belong there."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_query, record.args))
        return True


def _without_query(argument: object) -> object:
    if isinstance(argument, httpx.URL) and "sessionId" in argument.params:
        return argument.copy_with(query=None)
    return argument


logging.getLogger("httpx").addFilter(_WithoutSession())
