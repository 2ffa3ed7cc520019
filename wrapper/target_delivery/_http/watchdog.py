"""Keep the deadline of a call that a thread makes with the caller's own HTTP client.

Its sockets belong to httpx, which sets one timeout for each single read: a server that sends a byte now and then is
never late. So the exchange tells the watchdog which socket it uses, and the watchdog shuts it down at the deadline.
httpcore reports the steps of an exchange to the extension ``trace``.

httpcore has a timeout for each address of a host, and waits between attempts to connect. The exchange shortens the one
and leaves out the other. So only one kind of exchange can be late: one that shares an HTTP/2 connection, which is not
shut down.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import wait
from contextlib import contextmanager, nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._http import forks
from target_delivery._http.guard import stream_of
from target_delivery._http.names import NAMES, LookUpRefused
from target_delivery._http.sockets import ConnectFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from target_delivery_api.clients import HttpClient

__all__ = ["WATCHDOG", "ConnectTooLate", "WatchedExchange"]

FIRST_PAUSE = 0.5
"""Seconds that httpcore waits before its second attempt to connect again. Each further pause is twice as long."""


class ConnectTooLate(Exception):
    """There is no connection, and the deadline leaves no time for one."""


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
        self._retries = 0
        self._lock = threading.Lock()
        """Held to shut the socket down, and to give it back."""
        self.deadline = deadline
        self.is_late = False
        """Whether the socket was shut down."""

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Note a step.

        Raises:
            ConnectTooLate: the host name was not looked up before the deadline, or the next attempt comes after it.
            ConnectFailed: the host name is not looked up, because too many others are.
        """
        step, _, stage = event.rpartition(".")
        if stage == "started" and step.endswith("connect_tcp"):
            self._look_up(info)
        elif stage == "started" and step.endswith("connection.retry"):
            pause = FIRST_PAUSE * 2 ** (self._retries - 1) if self._retries else 0.0
            self._retries += 1
            if SYSTEM_CLOCK.monotonic() + pause >= self.deadline:
                raise ConnectTooLate
        elif stage == "started" and step.endswith("http11.send_request_headers"):
            with suppress(AttributeError):  # Private attributes of httpx have changed.
                self._use(stream_of(self._client, self))
        elif stage == "complete" and step.endswith(("connect_tcp", "start_tls")):
            self._use(info["return_value"])
        elif step.endswith("http11.response_closed") or step.startswith("http2."):
            # From here on, another exchange may use the connection.
            with self._lock:
                self._socket = None

    def _look_up(self, info: dict[str, Any]) -> None:
        # The system's own look-up follows, and cannot be interrupted. It is quick if this one has ended.
        found = NAMES.look_up(info["host"], info["port"])
        if not wait((found,), max(0.0, self.deadline - SYSTEM_CLOCK.monotonic())).done:
            raise ConnectTooLate
        error = found.exception()
        if isinstance(error, (LookUpRefused, RuntimeError)):
            raise ConnectFailed(str(error)) from error
        if error is None:
            # httpcore reads the timeout after this step. It is for each of the addresses.
            left = max(0.001, self.deadline - SYSTEM_CLOCK.monotonic()) / max(1, len(found.result()))
            limit: float | None = info.get("timeout")
            info["timeout"] = left if limit is None else min(limit, left)

    def _use(self, stream: Any) -> None:
        found = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(found, socket.socket) and found is not self._socket:
            self._socket = found
            if self._on_connect is not None:
                self._on_connect(found)
            if SYSTEM_CLOCK.monotonic() >= self.deadline:
                self.shut()  # The watchdog has shut the previous socket, if any, and does not come again.

    def shut(self) -> None:
        """Shut the socket down, so that the thread that waits for it goes on."""
        with self._lock:
            if self._socket is not None:
                self.is_late = True
                with suppress(OSError):
                    # Below TLS, because shutting down TLS would wait for the other end.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Watchdog(forks.Watched):
    """A thread that ends all late exchanges of the process. It is started for the first exchange.

    Exchanges and the thread share no ``threading.Condition``. A signal handler that raises an exception can interrupt
    an exchange anywhere, and would leave the lock of the condition locked.
    """

    def __init__(self) -> None:
        forks.watch(self, nullcontext())
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Forget the thread, because a fork does not copy it."""
        self._under_way: set[WatchedExchange] = set()
        self._wakes_at = float("inf")
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, one: WatchedExchange) -> Generator[None]:
        """Shut down the socket of an exchange if it takes longer than until its deadline."""
        try:
            self._under_way.add(one)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="target-delivery-watchdog", daemon=True)
                # Without a thread, the timeouts of the HTTP client still hold. The next exchange tries again.
                with suppress(RuntimeError):
                    thread.start()
                    self._thread = thread  # If two exchanges begin at the same time, there are two, which is no harm.
            if one.deadline < self._wakes_at:
                self._calls.put(None)
            yield
        finally:
            self._under_way.discard(one)

    def _run(self) -> None:
        under_way, calls = self._under_way, self._calls
        while True:
            self._wakes_at = float("inf")  # first, so that whoever comes after the next line calls this thread
            present = list(under_way)
            now = SYSTEM_CLOCK.monotonic()
            for one in present:
                if one.deadline <= now:
                    one.shut()
                    under_way.discard(one)
            ends = [one.deadline for one in present if one.deadline > now]
            self._wakes_at = min(ends, default=float("inf"))
            with suppress(Empty):
                calls.get(timeout=min(self._wakes_at - now, threading.TIMEOUT_MAX))


WATCHDOG = Watchdog()
"""The watchdog of this process."""
