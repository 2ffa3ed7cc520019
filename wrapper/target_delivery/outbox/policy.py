"""When a notification is sent again, and when an edge is called.

Times are monotonic seconds that the caller passes in, except where a name says that it is the system's time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from target_delivery._core.backoff import Backoff

if TYPE_CHECKING:
    from target_delivery._core.chance import Chance

__all__ = ["Ages", "Circuit", "batch_size", "seconds_to_wait"]

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
CLOCK_TOLERANCE = 1.0
"""Seconds. A smaller change of the system's time is treated as time that has passed."""
MAX_JUMPS = 100
"""How many changes of the system's time are remembered."""


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
            now: monotonic seconds.
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


class Ages:
    """Knows how old stored items are, even if the system's time was changed since.

    An item is stored with the system's time. After that time was set forward, an older item looks older than it is, so
    the skipped seconds are subtracted. After it was set back, an item can come from the future. It then counts as new.

    Args:
        wall: the system's time, epoch seconds.
        now: monotonic seconds.
    """

    def __init__(self, wall: float, now: float) -> None:
        self._offset = wall - now
        self._skipped: deque[tuple[float, float]] = deque(maxlen=MAX_JUMPS)

    def look(self, wall: float, now: float) -> None:
        """Notice whether the system's time was changed. Call it often."""
        expected = now + self._offset
        if abs(wall - expected) <= CLOCK_TOLERANCE:
            return
        self._offset = wall - now
        if wall > expected:
            self._skipped.append((expected, wall))
        else:
            kept = [(start, min(end, wall)) for start, end in self._skipped if start < wall]
            self._skipped = deque(kept, MAX_JUMPS)

    def age(self, added: float, wall: float) -> float:
        """Return the seconds since an item was stored, without the seconds that the system's time skipped meanwhile."""
        skipped = sum(max(0.0, min(end, wall) - max(start, added)) for start, end in self._skipped)
        return max(0.0, wall - added - skipped)
