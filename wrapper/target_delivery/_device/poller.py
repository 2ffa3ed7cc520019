"""The thread that keeps the artifact of a TargetClient fresh."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from target_delivery._core.flow import Send, Wait, run
from target_delivery.errors import CLOSED, ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_delivery._core.flow import Outcome, Step
    from target_delivery._device.keeper import ArtifactKeeper

__all__ = ["Poller"]

STOP_TIMEOUT = 1.0
"""Seconds that stop() waits for the thread at most, because it cannot interrupt a connection that is being made."""


class Poller:
    """Runs the flow of an ArtifactKeeper in a thread of its own."""

    def __init__(self, keeper: ArtifactKeeper, send: Callable[[Send], Outcome]) -> None:
        self._keeper = keeper
        self._send = send
        self._stopped = threading.Event()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.start()

    def start(self) -> None:
        """Start the thread, unless it runs already or was stopped."""
        if self._thread is None and not self._stopped.is_set():
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._poll, name="target-delivery-artifact", daemon=True)
                    self._thread.start()

    def after_fork_in_child(self) -> None:
        """Forget the thread, because a fork does not copy it. The first call in the child starts a new one."""
        self._lock, self._thread, self._socket = threading.Lock(), None, None

    def stop(self) -> None:
        """Stop the thread at once. A download under way is broken off."""
        self._stopped.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join(STOP_TIMEOUT)

    def _poll(self) -> None:
        with suppress(ClientClosedError):
            run(self._keeper.polling(), self._perform)

    def _perform(self, step: Step) -> Outcome | None:
        if self._stopped.is_set():
            raise ClientClosedError(CLOSED)
        if isinstance(step, Send):
            return self._send(self._interruptible(step))
        if isinstance(step, Wait) and self._stopped.wait(step.seconds):
            raise ClientClosedError(CLOSED)
        return None

    def _interruptible(self, step: Send) -> Send:
        """Have httpcore report the socket of a download, so that stop() can wake the thread that reads from it."""
        step.request.extensions["trace"] = self._trace
        # httpcore reports the socket of a new connection only, so ask for a new one each time.
        step.request.headers["connection"] = "close"
        return step

    def _trace(self, event: str, info: Mapping[str, object]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            extra_info: object = getattr(info["return_value"], "get_extra_info", None)
            found = extra_info("socket") if callable(extra_info) else None
            if isinstance(found, socket.socket):
                self._socket = found
