"""The only backoff formula of the SDK: how long to wait before another attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from target_delivery._core.chance import Chance

__all__ = ["Backoff"]

_MAX_DOUBLINGS = 30
"""Keeps the power of two small. Every ``longest`` is reached earlier."""


@frozen(kw_only=True)
class Backoff:
    """Exponential backoff with full jitter: a random wait whose upper limit doubles with every failure.

    Full jitter spreads the clients of a fleet, so that they do not all call again at the same moment.
    """

    first: float
    """Seconds: the longest wait after the first failure."""
    longest: float
    """Seconds: the longest wait after any failure."""

    def wait(self, failures: int, chance: Chance) -> float:
        """Return the seconds to wait after ``failures`` failures in a row, which is at least 1."""
        return chance.uniform(0.0, min(self.longest, self.first * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)))
