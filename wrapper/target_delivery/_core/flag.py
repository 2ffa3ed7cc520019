"""A flag that threads wait for."""

from __future__ import annotations

import threading

from target_delivery._core.clock import SYSTEM_CLOCK, deadline_after

__all__ = ["Flag"]

LONGEST_SLICE = 1.0
"""Seconds after which a waiting thread looks at the flag even if nothing woke it."""


class Flag:
    """A ``threading.Event`` that a signal handler may set while it interrupts a thread that waits for it.

    The lock of an Event is not reentrant, so such a handler would wait for its own thread forever.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.RLock())
        self._set = False

    def is_set(self) -> bool:
        """Return whether the flag is set."""
        return self._set

    def set(self) -> None:
        """Set the flag, and wake all threads that wait for it."""
        self._set = True
        with self._condition:
            self._condition.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag is set, at most ``timeout`` seconds. Return whether it is set."""
        end = deadline_after(timeout)
        with self._condition:
            while not self._set:
                left = LONGEST_SLICE if end is None else min(end - SYSTEM_CLOCK.monotonic(), LONGEST_SLICE)
                if left <= 0:
                    break
                # In slices, because a handler that interrupts the thread on this line cannot wake it.
                self._condition.wait(left)
        return self._set
