"""The clock that the SDK reads. Code that needs the time is handed a clock, so that a test can hand in its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SYSTEM_CLOCK", "Clock", "deadline_after", "seconds_left", "system_deadline"]


@frozen(kw_only=True)
class Clock:
    """Two readings of time.

    ``now`` is for moments that leave the process: cookies, stored items, telemetry. ``monotonic`` is for durations and
    deadlines within the process, which a change of the system's time must not touch.
    """

    now: Callable[[], float] = time.time
    """Seconds since the epoch."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds since an arbitrary moment. Never goes back."""


SYSTEM_CLOCK = Clock()
"""The clock of the operating system."""


def deadline_after(timeout: float | None) -> float | None:
    """Return when a timeout ends, in ``time.monotonic()`` seconds; None for no limit.

    Args:
        timeout: seconds; None for no limit.
    """
    return None if timeout is None else SYSTEM_CLOCK.monotonic() + timeout


def seconds_left(deadline: float | None) -> float | None:
    """Return the seconds until a deadline in ``time.monotonic()`` seconds, at least 0; None for no limit."""
    return None if deadline is None else max(0.0, deadline - SYSTEM_CLOCK.monotonic())


def system_deadline(deadline: float, clock: Clock) -> float:
    """Return a deadline of a clock as ``time.monotonic()`` seconds, because sockets always wait in real time."""
    # In this order, so that a pause between the readings cannot end a wait before the deadline.
    left = deadline - clock.monotonic()
    return SYSTEM_CLOCK.monotonic() + left
