"""What can go wrong between the wire and the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from .model import ModelError

if TYPE_CHECKING:
    from .types import Answer

__all__ = ["ModelError", "TruncatedAnswer"]


class TruncatedAnswer(httpx.RemoteProtocolError):
    """The connection ended before the whole answer had come.

    Attributes:
        status_code (int): HTTP status of the answer.
        headers (httpx.Headers): its headers.
        content (bytes): the part of its body that came, its Content-Encoding undone as far as that goes.
    """

    def __init__(self, request: httpx.Request, answer: Answer) -> None:
        super().__init__(
            f"The connection ended after {len(answer.content)} bytes of an answer with status "
            f"{answer.status_code} that was not complete.",
            request=request,
        )
        self.status_code = answer.status_code
        self.headers = answer.headers
        self.content = answer.content
