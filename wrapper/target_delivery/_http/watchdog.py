"""Keep the deadline of a call that a thread makes with the caller's own HTTP client.

Its sockets belong to httpx, which sets one timeout for each single read: a server that sends a byte now and then is
never late. So the exchange tells the watchdog which socket it uses, and the watchdog shuts it down at the deadline.
httpcore reports the steps of an exchange to the extension ``trace``.

Two kinds of exchanges can still be late:

- An exchange that shares an HTTP/2 connection, which is not shut down.
- An exchange with a host that has several addresses: httpcore tries each of them for the whole time that was left.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._http import forks
from target_delivery._http.guard import stream_of
from target_delivery._http.names import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from target_delivery_api.clients import HttpClient

__all__ = ["WATCHDOG", "LookUpTimeout", "WatchedExchange"]


AGAIN = 0.05
"""Seconds after which a late exchange is shut down again, because it may have begun to use another socket."""


class LookUpTimeout(Exception):
    """The look-up of a host name did not end before the deadline."""


class WatchedExchange:
    """One exchange that is under way. It is the value of httpx's extension ``trace``."""

    def __init__(
        self, client: HttpClient, deadline: float, on_connect: Callable[[socket.socket], None] | None = None
    ) -> None:
        """Prepare to watch an exchange.

        Args:
            client: the client that sends.
            deadline: when the exchange must be over, in ``time.monotonic()`` seconds.
            on_connect: called with each socket that the exchange uses.
        """
        self._client = client
        self._on_connect = on_connect
        self._socket: socket.socket | None = None
        self.deadline = deadline
        self.is_late = False
        """Whether the socket was shut down."""

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Note which socket the exchange uses. httpcore calls this function at each step.

        Raises:
            LookUpTimeout: the host name was not looked up before the deadline.
        """
        step, _, stage = event.rpartition(".")
        if stage == "started" and step.endswith("connect_tcp"):
            # httpcore looks the name up again, and nothing can interrupt that. It is usually quick after this look-up.
            found = NAMES.look_up(info["host"], info["port"])
            if not wait((found,), max(0.0, self.deadline - SYSTEM_CLOCK.monotonic())).done:
                raise LookUpTimeout
        elif stage == "started" and step.endswith("http11.send_request_headers"):
            with suppress(AttributeError):  # Private attributes of httpx have changed.
                self._use(stream_of(self._client, self))
        elif stage == "complete" and step.endswith(("connect_tcp", "start_tls")):
            self._use(info["return_value"])
        elif step.startswith("http2."):
            self._socket = None

    def _use(self, stream: Any) -> None:
        found = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(found, socket.socket) and found is not self._socket:
            self._socket = found
            if self._on_connect is not None:
                self._on_connect(found)

    def shut(self) -> None:
        """Shut the socket down, so that no thread waits for it any longer."""
        if self._socket is not None:
            self.is_late = True
            with suppress(OSError):
                # Below TLS, because shutting down TLS would wait for the other end.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Watchdog(forks.Watched):
    """Ends the late exchanges of the process, in a thread that is started for the first exchange."""

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.RLock())
        self._under_way: set[WatchedExchange] = set()
        self._wakes_at = float("inf")
        self._thread: threading.Thread | None = None
        forks.watch(self, self._condition)

    @contextmanager
    def watching(self, one: WatchedExchange) -> Generator[None]:
        """Shut down the socket of an exchange at its deadline, unless the exchange is over by then."""
        with self._condition:
            self._under_way.add(one)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="target-delivery-watchdog", daemon=True)
                self._thread.start()
                self._wakes_at = one.deadline
            elif one.deadline < self._wakes_at:
                self._condition.notify()
        try:
            yield
        finally:
            self._under_way.discard(one)

    def after_fork_in_child(self) -> None:
        """Forget the thread, because a fork does not copy it."""
        self._condition, self._under_way, self._thread = threading.Condition(threading.RLock()), set(), None

    def _run(self) -> None:
        condition = self._condition
        with condition:
            while True:
                now = SYSTEM_CLOCK.monotonic()
                for one in list(self._under_way):
                    if one.deadline <= now:
                        one.shut()
                ends = [max(one.deadline, now + AGAIN) for one in list(self._under_way)]
                self._wakes_at = min(ends, default=float("inf"))
                condition.wait(self._wakes_at - now if ends else None)


WATCHDOG = Watchdog()
"""The watchdog of this process."""
