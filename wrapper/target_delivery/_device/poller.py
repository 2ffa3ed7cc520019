"""The thread that keeps the artifact of a TargetClient fresh."""

from __future__ import annotations

import socket
import threading
import weakref
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Protocol

from attrs import evolve

from target_delivery._core.flag import Flag
from target_delivery._core.flow import Send, run, until_wait
from target_delivery.errors import ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_delivery._core.flow import Flow, Outcome, Step
    from target_delivery._device.keeper import ArtifactKeeper

__all__ = ["Poller"]

STOP_TIMEOUT = 1.0
"""Seconds that stop() waits for the thread at most, because it cannot interrupt a connection that is being made."""


class Sending(Protocol):
    """Sends a request, and calls ``on_connect`` with each socket that it uses, as soon as it is connected."""

    def __call__(self, step: Send, on_connect: Callable[[socket.socket], None], /) -> Outcome: ...


class Poller:
    """Runs the flow of an ArtifactKeeper in a thread of its own.

    The thread has a reference to the poller only while it downloads. So a poller that nobody uses any more is garbage,
    also when a handler of an event refers to the client.
    """

    def __init__(self, keeper: ArtifactKeeper, send: Sending) -> None:
        self._keeper = keeper
        self._send = send
        self._flow: Flow[None] | None = None
        self._stopped = Flag()
        self._socket: socket.socket | None = None
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._context = copy_context()
        self.start()

    def start(self) -> None:
        """Start the thread, unless it runs already or was stopped."""
        if self._thread is None and not self._stopped.is_set():
            with self._lock:
                if self._thread is None:
                    # The handlers of events run in the thread, so it gets the context of the code that made the client.
                    self._flow = None
                    thread = threading.Thread(
                        target=self._context.copy().run,
                        args=(_poll, weakref.ref(self), self._stopped),
                        name="target-delivery-artifact",
                        daemon=True,
                    )
                    with suppress(RuntimeError):  # No thread can be started now. The next call tries again.
                        thread.start()
                        self._thread = thread

    def after_fork_in_child(self) -> None:
        """Forget the thread, because a fork does not copy it. The first call in the child starts a new one."""
        self._lock, self._thread, self._socket = threading.RLock(), None, None
        stopped, self._stopped = self._stopped, Flag()
        if stopped.is_set():
            self._stopped.set()

    def stop(self, *, wait: bool = True) -> None:
        """Stop the thread at once. A download under way is broken off.

        Args:
            wait: whether to wait until the thread has ended.
        """
        self._stopped.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if wait and self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join(STOP_TIMEOUT)

    def advance(self) -> float | None:
        """Run the flow up to its next wait; return the seconds to wait, or None at the end of the flow."""
        if self._flow is None:
            self._flow = self._keeper.polling()
        return run(until_wait(self._flow), self._perform)

    def _perform(self, step: Step) -> Outcome | None:
        if not isinstance(step, Send):
            return None
        # With a connection of its own, because stop() shuts the connection down.
        own = evolve(step.request, headers=[*step.request.headers, ("connection", "close")])
        try:
            return self._send(evolve(step, request=own), self._note)
        except Exception:
            raise
        except BaseException as error:  # such as gevent.Timeout, from the caller's http_client
            raise RuntimeError(f"The download ended with {type(error).__name__}.") from error
        finally:
            self._socket = None

    def _note(self, connection: socket.socket) -> None:
        """Remember the socket of a download, so that stop() can wake the thread that reads from it."""
        self._socket = connection


def _poll(reference: weakref.ref[Poller], stopped: Flag) -> None:
    seconds: float | None = 0.0
    with suppress(ClientClosedError):
        while seconds is not None and not stopped.wait(seconds):
            poller = reference()
            seconds = poller.advance() if poller is not None else None
            del poller
