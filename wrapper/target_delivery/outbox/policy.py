"""When a notification is sent again, and when an edge is called. Times are epoch seconds that the caller passes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from target_delivery._core.backoff import Backoff

if TYPE_CHECKING:
    from target_delivery._core.chance import Chance

__all__ = ["Circuit", "batch_size", "seconds_to_wait"]

MAX_BACKOFF = 30.0
"""Seconds: the longest wait of a notification, and the longest pause before a probe."""
BETWEEN_ATTEMPTS = Backoff(first=0.2, longest=MAX_BACKOFF)
"""Waits of a notification between two calls."""
BETWEEN_PROBES = Backoff(first=0.5, longest=MAX_BACKOFF)
"""Pauses before an edge that is down is called again."""
MAX_RETRY_AFTER = 3600.0
"""Seconds: an edge that asks for more is called again after this."""
FAILURES_TO_OPEN = 5
"""Calls in a row that fail before an edge counts as down."""
ATTEMPTS_TOGETHER = 3
"""Calls that notifications fail in together. After that each further call is half as large: one of the notifications
may be why the calls fail."""


def seconds_to_wait(attempts: int, chance: Chance, retry_after: float | None = None) -> float:
    """Return the seconds that a notification waits after so many failed calls, at least the edge's retry_after."""
    return max(BETWEEN_ATTEMPTS.wait(attempts, chance), _allowed(retry_after))


def _allowed(retry_after: float | None) -> float:
    return min(retry_after or 0.0, MAX_RETRY_AFTER)


def batch_size(attempts: int, max_batch: int) -> int:
    """Return how many notifications go in one call if one of them has already failed in so many calls."""
    return max(1, max_batch >> max(0, attempts - ATTEMPTS_TOGETHER + 1))


class Circuit:
    """Whether an edge is called. It opens when several calls in a row fail, and closes when a probe succeeds."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._failures = 0
        self._failed_probes = 0
        self.probing: bool = False
        """Whether the one probe is under way."""
        self.until: float | None = None
        """When an open circuit lets a probe pass; None while it is closed."""
        self.reason: str = ""
        """How the last call failed."""

    def state(self, now: float) -> Literal["closed", "open", "probe"]:
        """Return whether the edge is called as usual (closed), not at all (open) or with one call (probe)."""
        if self.until is None:
            return "closed"
        return "open" if self.probing or now < self.until else "probe"

    def failed(
        self, now: float, *, reason: str = "", probe: bool, retry_after: float | None = None, counts: bool = True
    ) -> None:
        """Note that a call failed.

        Args:
            now: epoch seconds.
            reason: how it failed.
            probe: whether it was the probe.
            retry_after: seconds that the edge asked its callers to wait.
            counts: whether the failure says something about the edge. A request that failed before may fail again
                while all others succeed. It must not keep the others waiting.
        """
        self.reason = reason
        self._failures += counts
        if probe:
            self.probing = False
            self._failed_probes += counts
        elif self.until is not None and retry_after is None:
            return  # the call was under way when the circuit opened
        if probe or self._failures >= FAILURES_TO_OPEN or retry_after:
            pause = BETWEEN_PROBES.wait(self._failed_probes + 1, self._chance)
            self.until = max(self.until or 0.0, now + max(pause, _allowed(retry_after)))
