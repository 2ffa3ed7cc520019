"""Errors: a model cannot be read or written, an answer is cut off or too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from .model import ModelError

if TYPE_CHECKING:
    from .types import Answer

__all__ = ["AnswerTooLarge", "ModelError", "TruncatedAnswer"]


class AnswerTooLarge(httpx.RequestError):
    """The body of the answer is larger than the limit. The rest of it was not read."""

    status_code: int
    """HTTP status of the answer."""
    headers: httpx.Headers
    """Headers of the answer."""
    content: bytes
    """The first 64 KiB of the body."""
    limit: int
    """Bytes that a body may have at most, both as it is received and as it is decoded."""

    def __init__(self, request: httpx.Request, answer: Answer, limit: int) -> None:
        super().__init__(
            f"The answer with status {answer.status_code} has more than {limit} bytes, the limit for its body.",
            request=request,
        )
        self.status_code = answer.status_code
        self.headers = answer.headers
        self.content = answer.content
        self.limit = limit


class TruncatedAnswer(httpx.RemoteProtocolError):
    """The connection ended before the answer was complete."""

    status_code: int
    """HTTP status of the answer."""
    headers: httpx.Headers
    """Headers of the answer."""
    content: bytes
    """The part of the body that arrived, decoded from its Content-Encoding as far as possible."""

    def __init__(self, request: httpx.Request, answer: Answer) -> None:
        super().__init__(
            f"The connection ended before the answer with status {answer.status_code} was complete: only "
            f"{len(answer.content)} bytes of its body arrived.",
            request=request,
        )
        self.status_code = answer.status_code
        self.headers = answer.headers
        self.content = answer.content
