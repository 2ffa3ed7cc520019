"""Turn the exceptions of HTTP libraries into the failures that the core knows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from target_delivery._core.flow import Failure
from target_delivery_api.clients import LIBRARIES
from target_delivery_api.errors import AnswerTooLarge, TruncatedAnswer
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from target_delivery_api.clients import HttpResponse

__all__ = ["failure_of", "unusable"]


def failure_of(error: Exception) -> Failure | None:
    """Return the failure that an exception of httpx or httpx2 means; None for any other exception.

    Only the text of a failure to connect is shown. Other texts can hold bytes of the server, or a URL with secrets.
    """
    if isinstance(error, (AnswerTooLarge, TruncatedAnswer)):
        return unusable(error)
    name = type(error).__name__
    if _is(error, "HTTPStatusError"):  # from an event hook
        refused: HttpResponse = vars(error)["response"]
        return Failure(name, may_pass=False, answer=Answer(refused.status_code, dict(refused.headers), b""))
    if _is(error, "TransportError"):
        why = f" ({error})" if _is(error, "ConnectError") and str(error) else ""
        return Failure(f"{name}{why}", may_pass=not _is(error, "UnsupportedProtocol"))
    if _is(error, "HTTPError") or _is(error, "StreamError"):
        return Failure(name, may_pass=False)
    return None


def _is(error: Exception, name: str) -> bool:
    """Return whether an error is of a class of httpx, or of its twin of httpx2."""
    return any(isinstance(error, getattr(sys.modules[one], name)) for one in LIBRARIES if one in sys.modules)


def unusable(error: AnswerTooLarge | TruncatedAnswer) -> Failure:
    """Return the failure of an answer that was cut off or is too large."""
    if isinstance(error, TruncatedAnswer):
        return Failure("TruncatedAnswer", may_pass=True, answer=error.answer, why="cut off")
    return Failure(
        f"AnswerTooLarge ({error})",
        may_pass=False,
        answer=error.answer,
        why=f"larger than max_answer_bytes, {error.limit} bytes",
    )
