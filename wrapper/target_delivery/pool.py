"""The connection pool that serves every edge cluster."""

from __future__ import annotations

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
