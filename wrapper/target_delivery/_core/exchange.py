"""One exchange with the edge: its attempts, when to retry, and the error that it ends with when it fails.

Retried, before the deadline only:

========================================  ==========================================
outcome of an attempt                     wait before the next
========================================  ==========================================
connection failed or broke, read timeout  exponential backoff with full jitter
status 429, 500, 502, 503, 504            as Retry-After says; without it, the same
anything else                             not retried
========================================  ==========================================
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from attrs import define, field

from target_delivery._core.backoff import Backoff
from target_delivery._core.flow import Failure, Send, Wait
from target_delivery._core.redact import WINDOW, redact
from target_delivery.errors import (
    DeliveryConnectionError,
    DeliveryStatusError,
    DeliveryTimeoutError,
    InvalidAnswerError,
)
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.flow import Flow, Outcome
    from target_delivery._core.prepared import Prepared
    from target_delivery_api.types import Request

__all__ = ["Exchange", "name_of", "read_retry_after"]

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
BACKOFF = Backoff(first=0.1, longest=2.0)
EXCERPT = 200
"""Characters of an answer that an error shows."""


@define(kw_only=True)
class Exchange:
    """A request on its way to the edge.

    Attributes:
        prepared: the prepared request; errors must not show its secrets.
        request: the HTTP request. It is sent unchanged on every attempt.
        retries: how many times it may be sent again.
        max_bytes: bytes that the body of an answer may have.
        started: when the call began, in monotonic seconds.
        deadline: when the call must have ended, in monotonic seconds.
        attempts: how many times it was sent so far.
        failures: what went wrong, one entry for each attempt that failed.
        clock: tells the time.
        chance: makes the jitter of the backoff.
    """

    prepared: Prepared
    request: Request
    retries: int
    max_bytes: int
    started: float
    deadline: float
    attempts: int = 0
    failures: list[str] = field(factory=list[str])
    clock: Clock
    chance: Chance

    def answer(self) -> Flow[Answer]:
        """Send the request, again if necessary, and return the last answer, whatever its status.

        Raises:
            DeliveryTimeoutError: the deadline passed.
            DeliveryStatusError: a hook of the caller's http_client refused the status of the last answer.
            InvalidAnswerError: the last answer was cut off or too large.
            DeliveryConnectionError: the last attempt failed in another way.
        """
        while True:
            outcome = yield Send(self.request, self.deadline, self.max_bytes)
            assert outcome is not None  # noqa: S101 - a shell sends an outcome back for Send
            wait = self._seconds_to_retry(outcome)
            if wait is None:
                break
            yield Wait(wait)
        if not isinstance(outcome, Answer):
            self._fail(outcome)
        return outcome

    def fail_by_status(self, answer: Answer, message: str | None) -> NoReturn:
        """Raise the error of an answer with an error status.

        Args:
            answer: the answer.
            message: the message of its UnexpectedError; None when the answer is something else.
        """
        if message is not None:
            message = self._redacted(message)[:EXCERPT]
        said = repr(message or self._excerpt(answer.content)) if message or answer.content else "an empty body"
        raise DeliveryStatusError(
            f"The edge answered with status {answer.status_code}: {said} {self._history()}",
            request_id=self._request_id,
            attempts=self.attempts,
            status=answer.status_code,
            edge_message=message,
            retry_after=read_retry_after(answer.headers.get("retry-after"), self.clock.now()),
        )

    def fail_by_content(self, status: int, content: bytes, why: str) -> NoReturn:
        """Raise the error of an answer that is not a Delivery API answer; ``why`` goes into its message."""
        excerpt = self._excerpt(content)
        raise InvalidAnswerError(
            f"The answer with status {status} is not a Delivery API answer ({why}): {excerpt!r} {self._history()}",
            request_id=self._request_id,
            attempts=self.attempts,
            status=status,
            excerpt=excerpt,
        )

    def _seconds_to_retry(self, outcome: Outcome) -> float | None:
        """Count an attempt; return the seconds to wait before the next, or None when this was the last."""
        self.attempts += 1
        wait: float | None = None
        if isinstance(outcome, Answer):
            if outcome.status_code < 400:
                return None
            again, wait = self._after_status(outcome)
        elif outcome.answer is not None and outcome.why is None:
            again, wait = self._after_status(outcome.answer)
        else:
            self.failures.append(outcome.name)
            again = outcome.may_pass
        if not again or self.attempts > self.retries:
            return None
        if wait is None:
            wait = BACKOFF.wait(self.attempts, self.chance)
        return wait if self.clock.monotonic() + wait < self.deadline else None

    def _after_status(self, answer: Answer) -> tuple[bool, float | None]:
        """Return whether to retry after an error status, and the seconds that the edge asked to wait."""
        self.failures.append(f"status {answer.status_code}")
        if answer.status_code not in RETRIED_STATUSES:
            return False, None
        return True, read_retry_after(answer.headers.get("retry-after"), self.clock.now())

    def _fail(self, failure: Failure) -> NoReturn:
        """Raise the error of an exchange whose last attempt brought no answer that can be used."""
        now = self.clock.monotonic()
        elapsed = round((now - self.started) * 1000)
        if now >= self.deadline:
            timeout = round((self.deadline - self.started) * 1000)
            raise DeliveryTimeoutError(
                f"No answer after {elapsed} ms; the timeout is {timeout} ms. {self._history()}",
                request_id=self._request_id,
                attempts=self.attempts,
                timeout=timeout,
            )
        if failure.answer is not None and failure.why is None:
            status = failure.answer.status_code
            raise DeliveryStatusError(
                f"A hook of the http_client refused an answer with status {status}. {self._history()}",
                request_id=self._request_id,
                attempts=self.attempts,
                status=status,
            )
        if failure.answer is not None and failure.why is not None:
            self.fail_by_content(failure.answer.status_code, failure.answer.content, failure.why)
        raise DeliveryConnectionError(
            f"No answer from {urlsplit(self.request.url).hostname} after {elapsed} ms. {self._history()}",
            request_id=self._request_id,
            attempts=self.attempts,
        )

    @property
    def _request_id(self) -> str:
        request_id: str = self.prepared.body["requestId"]
        return request_id

    def _history(self) -> str:
        """Return how the attempts went: the end of every message."""
        failures = self._redacted("; ".join(self.failures)) or "none"
        attempts = f"{self.attempts} attempt{'s' if self.attempts != 1 else ''}"
        return f"[request {self._request_id}, {attempts}, failures: {failures}]"

    def _excerpt(self, content: bytes) -> str:
        # Decode only what redact() reads: no secret is longer than the request, percent-encoded.
        length = WINDOW + 3 * len(self.request.content)
        return self._redacted(content[: 4 * length].decode("utf-8", "replace"))[:EXCERPT]

    def _redacted(self, text: str) -> str:
        return redact(text, self.prepared.body, self.prepared.session_id)


def name_of(failure: BaseException | Failure) -> str:
    """Return a name that is safe to show. It is without the text of an exception, which can hold secrets."""
    return failure.name if isinstance(failure, Failure) else type(failure).__name__


def read_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks to wait; None when it is absent or malformed.

    Args:
        value: a number of seconds, or a date.
        now: seconds since the epoch.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None
