"""The connection pools that serve every edge cluster, and what they may log."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any, TypedDict

import httpx

__all__ = ["AsyncPool", "Pool"]


class _Options(TypedDict):
    """Arguments of ``httpx.Client`` and ``httpx.AsyncClient``."""

    http2: bool
    limits: httpx.Limits
    timeout: httpx.Timeout


def _options() -> _Options:
    """Return how both pools are set up: HTTP/2 where the extra ``http2`` is installed.

    Time is limited by each call's deadline, not by the pool.
    """
    return {
        "http2": find_spec("h2") is not None,
        "limits": httpx.Limits(max_connections=200, max_keepalive_connections=100, keepalive_expiry=30),
        "timeout": httpx.Timeout(None),
    }


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


class Pool(_Cookieless, httpx.Client):
    """The connections of a TargetClient."""

    def __init__(self) -> None:
        super().__init__(**_options())


class AsyncPool(_Cookieless, httpx.AsyncClient):
    """The connections of an AsyncTargetClient.

    Requests start one at a time. The pool of httpx offers an idle connection to every request that comes before one
    of them has begun to use it, and all the others have to look for another: with fifty calls at a time a request
    looks five times, and an unlucky one finds no connection for seconds.
    """

    def __init__(self) -> None:
        from asyncio import Lock  # only here: programs without asyncio load this module too

        super().__init__(**_options())
        self._start = Lock()

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send it as soon as no other request is looking for a connection."""

        async def started(*_: object) -> None:
            if request.extensions.pop("trace", None) is not None:
                self._start.release()

        await self._start.acquire()
        # What is traced first is that a connection is being made or written to, so that nobody else is offered it.
        request.extensions["trace"] = started
        try:
            return await super().send(request, **options)
        finally:
            await started()


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
