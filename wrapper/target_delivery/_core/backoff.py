"""How long to wait before another attempt. The only backoff formula of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from target_delivery._core.chance import Chance

__all__ = ["Backoff"]

_MAX_DOUBLINGS = 30
"""Keeps the power small; every ``longest`` is reached before."""


@frozen(kw_only=True)
class Backoff:
    """Exponential backoff with full jitter: a random wait whose upper limit doubles with every failure.

    Full jitter spreads the clients of a fleet, so that they do not all come back in the same moment.
    """

    first: float
    """Seconds: the longest wait after the first failure."""
    longest: float
    """Seconds: the longest wait after any failure."""

    def wait(self, failures: int, chance: Chance) -> float:
        """Return the seconds to wait after so many failures in a row, at least one."""
        return chance.uniform(0.0, min(self.longest, self.first * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)))
