"""The error that a call ends with when there is no Delivery API answer. Nothing secret gets into its text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn

import httpx

from target_delivery._core.redact import redact
from target_delivery._core.retry import read_retry_after
from target_delivery.errors import (
    DeliveryConnectionError,
    DeliveryStatusError,
    DeliveryTimeoutError,
    InvalidAnswerError,
)
from target_delivery_api.errors import TruncatedAnswer

if TYPE_CHECKING:
    from target_delivery._core.call import Call
    from target_delivery_api.types import Answer

__all__ = ["fail_by_answer", "fail_by_status", "fail_without_answer"]

EXCERPT = 200
"""Characters of an answer that an error shows."""


def fail_without_answer(call: Call, failure: httpx.HTTPError | httpx.StreamError) -> NoReturn:
    """Raise the error of a call whose last attempt brought no whole answer."""
    attempts, now = call.attempts, time.monotonic()
    elapsed = round((now - attempts.started) * 1000)
    # The cause is told by the history. Its own text, which a traceback would show, can hold what the other end sent.
    if now >= attempts.deadline:
        timeout = round((attempts.deadline - attempts.started) * 1000)
        raise DeliveryTimeoutError(
            f"No answer after {elapsed} ms; the timeout is {timeout} ms. {_history(call)}",
            request_id=call.request_id,
            attempts=attempts.count,
            timeout=timeout,
        ) from None
    if isinstance(failure, httpx.HTTPStatusError):
        status = failure.response.status_code
        raise DeliveryStatusError(
            f"A hook of the http_client refused an answer with status {status}. {_history(call)}",
            request_id=call.request_id,
            attempts=attempts.count,
            status=status,
        ) from None
    if isinstance(failure, TruncatedAnswer):
        fail_by_answer(call, failure.status_code, failure.content, "cut off")
    raise DeliveryConnectionError(
        f"No answer from {call.wire.url.host} after {elapsed} ms. {_history(call)}",
        request_id=call.request_id,
        attempts=attempts.count,
    ) from None


def fail_by_status(call: Call, answer: Answer, message: str | None) -> NoReturn:
    """Raise the error of an answer with an error status; the message is that of its UnexpectedError, if it is one."""
    if message is not None:
        message = _redacted(call, message)[:EXCERPT]
    said = repr(message or _excerpt(call, answer.content)) if message or answer.content else "an empty body"
    raise DeliveryStatusError(
        f"The edge answered with status {answer.status_code}: {said} {_history(call)}",
        request_id=call.request_id,
        attempts=call.attempts.count,
        status=answer.status_code,
        edge_message=message,
        retry_after=read_retry_after(answer.headers.get("retry-after")),
    )


def fail_by_answer(call: Call, status: int, content: bytes, why: str) -> NoReturn:
    """Raise the error of an answer that is none of the Delivery API's."""
    excerpt = _excerpt(call, content)
    raise InvalidAnswerError(
        f"The answer with status {status} is no Delivery API answer ({why}): {excerpt!r} {_history(call)}",
        request_id=call.request_id,
        attempts=call.attempts.count,
        status=status,
        excerpt=excerpt,
    )


def _history(call: Call) -> str:
    """Say how the call went: the last words of every message."""
    failures = _redacted(call, "; ".join(call.attempts.failures)) or "none"
    attempts = f"{call.attempts.count} attempt{'s' if call.attempts.count != 1 else ''}"
    return f"[request {call.request_id}, {attempts}, failures: {failures}]"


def _excerpt(call: Call, content: bytes) -> str:
    # Redacted before it is cut, and from enough of the text that no secret is cut in two before it is found.
    text = content[: 20 * EXCERPT].decode("utf-8", "replace")
    return _redacted(call, text)[:EXCERPT]


def _redacted(call: Call, text: str) -> str:
    return redact(text, call.prepared.body, call.prepared.session_id)
