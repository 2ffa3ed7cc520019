"""The thread that keeps the artifact of a TargetClient fresh."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from target_delivery._core.flow import Send, Sleep
from target_delivery.errors import CLOSED, ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_delivery._core.flow import Step
    from target_delivery._core.retry import Outcome
    from target_delivery._device.keeper import ArtifactKeeper

__all__ = ["Poller"]

STOP_TIMEOUT = 1.0
"""Seconds that stop() waits for the thread at most: a connection that is just being made cannot be interrupted."""


class Poller:
    """Holds the conversation of an ArtifactKeeper in a thread of its own."""

    def __init__(self, keeper: ArtifactKeeper, send: Callable[[Send], Outcome]) -> None:
        self._keeper = keeper
        self._send = send
        self._stopped = threading.Event()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.start()

    def start(self) -> None:
        """Start the thread, unless it is there."""
        if self._thread is None and not self._stopped.is_set():
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._poll, name="target-delivery-artifact", daemon=True)
                    self._thread.start()

    def after_fork_in_child(self) -> None:
        """Forget the thread, which a child does not have. It starts with the first call, and not for a mere exec."""
        self._lock, self._thread, self._socket = threading.Lock(), None, None

    def stop(self) -> None:
        """Stop at once, a download under way included."""
        self._stopped.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join(STOP_TIMEOUT)

    def _poll(self) -> None:
        conversation = self._keeper.polling()
        with suppress(StopIteration, ClientClosedError):
            step = next(conversation)
            while not self._stopped.is_set():
                try:
                    outcome = self._take(step)
                except Exception as error:  # of a transport or a hook of the caller's
                    step = conversation.throw(error)
                else:
                    step = conversation.send(outcome)

    def _take(self, step: Step) -> Outcome | None:
        if isinstance(step, Send):
            return self._send(self._interruptible(step))
        if isinstance(step, Sleep) and self._stopped.wait(step.seconds):
            raise ClientClosedError(CLOSED)
        return None

    def _interruptible(self, step: Send) -> Send:
        """Have httpcore tell which socket a download uses, so that stop() can wake the thread that reads it."""
        step.request.extensions["trace"] = self._trace
        # A connection that was used before would not be told.
        step.request.headers["connection"] = "close"
        return step

    def _trace(self, event: str, info: Mapping[str, object]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            extra_info: object = getattr(info["return_value"], "get_extra_info", None)
            found = extra_info("socket") if callable(extra_info) else None
            if isinstance(found, socket.socket):
                self._socket = found
