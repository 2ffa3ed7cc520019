"""Time and chance that a test controls."""

from __future__ import annotations

import itertools

from target_delivery._core.chance import Chance
from target_delivery._core.clock import Clock

__all__ = ["VirtualTime"]


class VirtualTime:
    """A clock that only a test moves, and a chance that always draws the upper limit."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._monotonic = 1000.0
        ids = itertools.count(1)
        self.clock = Clock(now=lambda: self._now, monotonic=lambda: self._monotonic)
        self.chance = Chance(
            new_id=lambda: f"00000000-0000-4000-8000-{next(ids):012d}",
            uniform=lambda _low, high: high,
            random_bytes=lambda count: next(ids).to_bytes(count, "big"),
        )

    def set_clock(self, seconds: float) -> None:
        """Set the system's time forward or back, as an administrator does. No time passes."""
        self._now += seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        self._monotonic += seconds
