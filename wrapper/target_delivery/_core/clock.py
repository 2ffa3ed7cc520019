"""The clock that the SDK reads. Code that needs the time is handed one, so that tests can hand in another."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SYSTEM_CLOCK", "Clock"]


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
