"""What each thread is sending now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["CALLING"]


class _Calling(threading.local):
    """The call of a thread, and the calls that it interrupts if it is made by a signal handler."""

    deadline: float | None = None
    """Seconds, as ``time.monotonic()`` counts them: sockets wait in real time, whichever clock a client has. Kept by
    thread and not by connection, because calls share a connection with HTTP/2."""

    def __init__(self) -> None:
        self.http_clients: list[httpx.Client] = []
        """The HTTP clients that the thread is sending with."""


CALLING = _Calling()
