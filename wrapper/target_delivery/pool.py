"""The connection pool that serves every edge cluster, and what it may log."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TypedDict

import httpx

__all__ = ["HttpOptions", "http_options"]


class HttpOptions(TypedDict):
    """Arguments of ``httpx.Client`` and ``httpx.AsyncClient``."""

    http2: bool
    limits: httpx.Limits
    timeout: httpx.Timeout


def http_options() -> HttpOptions:
    """Return how the SDK sets up the HTTP client it makes for itself: HTTP/2 where the extra ``http2`` is installed.

    Time is limited by each call's deadline, not by the pool.
    """
    return {
        "http2": find_spec("h2") is not None,
        "limits": httpx.Limits(max_connections=200, max_keepalive_connections=100, keepalive_expiry=30),
        "timeout": httpx.Timeout(None),
    }


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
