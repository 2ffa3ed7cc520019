"""What is tried again, and when. Time is monotonic seconds; nothing here sleeps or sends."""

from __future__ import annotations

import random
from email.utils import parsedate_to_datetime
from time import time

import httpx
from attrs import define, field

from target_delivery_api.types import Answer

__all__ = ["Attempts", "Outcome", "name_of", "read_retry_after"]

Outcome = Answer | httpx.HTTPError | httpx.StreamError
"""How one attempt ended: with an answer, or with the reason why there is none."""

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
FIRST_BACKOFF = 0.1
"""Seconds: the longest wait before the second attempt; it doubles with every further attempt."""
MAX_BACKOFF = 2.0
"""Seconds."""


@define
class Attempts:
    """The attempts of one call.

    Attributes:
        retries: how often the call may be sent again.
        started: when the call began, monotonic seconds.
        deadline: when the call must have ended, monotonic seconds.
        failures: what went wrong, one entry for each attempt that failed.
    """

    retries: int
    started: float
    deadline: float
    count: int = 0
    failures: list[str] = field(factory=list[str])

    def after(self, outcome: Outcome, now: float) -> float | None:
        """Count an attempt; return how many seconds to wait before the next, or None when this was the last.

        Connection failures, read timeouts and the statuses 429, 500, 502, 503 and 504 are tried again, with
        exponential backoff and full jitter, or after what Retry-After says; never beyond the deadline.
        """
        self.count += 1
        if isinstance(outcome, Answer):
            if outcome.status_code < 400:
                return None
            self.failures.append(f"status {outcome.status_code}")
            again = outcome.status_code in RETRIED_STATUSES
            wait = read_retry_after(outcome.headers.get("retry-after")) if again else None
        elif isinstance(outcome, httpx.HTTPStatusError):  # raised by a hook of the caller's http_client
            self.failures.append(f"status {outcome.response.status_code}")
            again = outcome.response.status_code in RETRIED_STATUSES
            wait = read_retry_after(outcome.response.headers.get("retry-after")) if again else None
        else:
            self.failures.append(name_of(outcome))
            again = isinstance(outcome, httpx.TransportError) and not isinstance(outcome, httpx.UnsupportedProtocol)
            wait = None
        if not again or self.count > self.retries:
            return None
        if wait is None:
            wait = random.uniform(0, min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** (self.count - 1)))  # noqa: S311 - jitter
        return wait if now + wait < self.deadline else None


def name_of(failure: BaseException) -> str:
    """Name a failure for people: not by its text, which can hold what the other end sent or a whole URL.

    Why a connection could not be made is worth its text, though.
    """
    why = f" ({failure})" if isinstance(failure, httpx.ConnectError) and str(failure) else ""
    return f"{type(failure).__name__}{why}"


def read_retry_after(value: str | None) -> float | None:
    """Read a Retry-After header, a number of seconds or a date, as seconds from now; None when it is neither."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, OverflowError):
        return None
