"""The errors of reading and writing models, and of answers that are cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from .model import ModelError

if TYPE_CHECKING:
    from .types import Answer

__all__ = ["ModelError", "TruncatedAnswer"]


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
