"""When something is tried again. Time is epoch seconds, given by the caller; nothing here sleeps or sends."""

from __future__ import annotations

import random
from typing import Literal

__all__ = ["Circuit", "backoff", "batch_size"]

FIRST_BACKOFF = 0.2
"""Seconds: the longest wait after the first attempt; it doubles with every further one."""
MAX_BACKOFF = 30.0
"""Seconds."""
MAX_RETRY_AFTER = 3600.0
"""Seconds: an edge that asks for more is called again after this."""
FAILURES_TO_OPEN = 5
"""Calls in a row that fail before an edge counts as down."""
FIRST_PAUSE = 0.5
"""Seconds before a first probe; they double with every probe that fails, up to MAX_BACKOFF."""
ATTEMPTS_TOGETHER = 3
"""Calls that notifications fail in together. From then on they go in ever smaller calls: one of them may be why."""


def backoff(attempts: int, retry_after: float | None = None) -> float:
    """Return the seconds to wait after so many attempts: exponential with full jitter, at least retry_after."""
    longest = min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** min(attempts - 1, 20))
    wait = random.uniform(0, longest)  # noqa: S311 - jitter
    return max(wait, min(retry_after or 0.0, MAX_RETRY_AFTER))


def batch_size(attempts: int, max_batch: int) -> int:
    """Return how many notifications go in one call, when one of them has failed in so many calls."""
    return max(1, max_batch >> max(0, attempts - ATTEMPTS_TOGETHER + 1))


class Circuit:
    """Whether an edge is called. It opens when calls fail in a row, and closes when a probe succeeds."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause = 0.0
        self.probing: bool = False
        """Whether the one probe is under way."""
        self.until: float | None = None
        """When an open circuit lets a probe pass; None while it is closed."""
        self.reason: str = ""
        """How the last call failed."""

    def state(self, now: float) -> Literal["closed", "open", "probe"]:
        """Tell whether to call: as usual, not at all, or once to see."""
        if self.until is None:
            return "closed"
        return "open" if self.probing or now < self.until else "probe"

    def failed(
        self, now: float, *, reason: str = "", probe: bool, retry_after: float | None = None, news: bool = True
    ) -> None:
        """Note that a call failed.

        Args:
            now: epoch seconds.
            reason: how.
            probe: whether it was the probe.
            retry_after: seconds the edge asked for.
            news: whether that tells of the edge. A request that the edge failed on before may fail again while all
                others succeed: it must not keep these waiting.
        """
        self.reason = reason
        self._failures += news
        if probe:
            self.probing = False
        elif self.until is not None and retry_after is None:
            return  # was under way when the circuit opened
        if probe or self._failures >= FAILURES_TO_OPEN or retry_after:
            if news or not self._pause:
                self._pause = min(MAX_BACKOFF, self._pause * 2 or FIRST_PAUSE)
            # Jitter, lest a fleet probes all at once.
            wait = self._pause * random.uniform(0.5, 1)  # noqa: S311 - jitter
            self.until = max(self.until or 0.0, now + max(wait, min(retry_after or 0.0, MAX_RETRY_AFTER)))
