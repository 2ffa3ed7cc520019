"""The call that each thread is making now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_delivery_api.clients import HttpClient

__all__ = ["CALLING"]


class _Calling(threading.local):
    """The call of a thread. If a signal handler makes it, also the calls that it interrupts."""

    deadline: float | None = None
    """When the call must be over, in seconds of ``time.monotonic()``. Sockets wait in real time, whichever clock a
    client has."""

    def __init__(self) -> None:
        self.http_clients: list[HttpClient] = []
        """The HTTP clients that the thread is sending with."""


CALLING = _Calling()
