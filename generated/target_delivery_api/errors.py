"""Errors: a model cannot be read or written, an answer is cut off or too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import ModelError

if TYPE_CHECKING:
    from .types import Answer

__all__ = ["AnswerTooLarge", "ModelError", "TruncatedAnswer"]


class AnswerTooLarge(Exception):
    """The body of the answer is larger than the limit. The rest of it was not read."""

    answer: Answer
    """The answer, with the first 64 KiB of its body."""
    limit: int
    """Bytes that a body may have at most, both as it is received and as it is decoded."""

    def __init__(self, answer: Answer, limit: int) -> None:
        super().__init__(
            f"The answer with status {answer.status_code} has more than {limit} bytes, the limit for its body."
        )
        self.answer = answer
        self.limit = limit


class TruncatedAnswer(Exception):
    """The connection ended before the answer was complete."""

    answer: Answer
    """The answer, with the part of its body that arrived, decoded from its Content-Encoding as far as possible."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(
            f"The connection ended before the answer with status {answer.status_code} was complete: only "
            f"{len(answer.content)} bytes of its body arrived."
        )
        self.answer = answer
