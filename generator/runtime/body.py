"""Receive the body of an answer: decode its Content-Encoding step by step, and never keep more than a limit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

from .errors import AnswerTooLarge
from .types import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping

__all__ = ["ACCEPTED_ENCODINGS", "MAX_BYTES", "Body"]

MAX_BYTES = 16 * 2**20
"""How many bytes a body may have by default, both as it is received and as it is decoded."""

ACCEPTED_ENCODINGS = "gzip, deflate"
"""The Accept-Encoding of every request: the encodings that the standard library decodes step by step."""

# How many bytes are kept of the body of an error or a redirect, and of a body that is too large. Callers need only the
# status and the beginning of the text.
_MAX_ERROR_BYTES = 2**16

# How many bytes one step decodes at most, so that an event loop can do other work between two steps.
_STEP = 2**20

# After so many bytes receive_async() lets the event loop do other work. Each part counts as _WORK_OF_PART more bytes
# than it has, because a server can send a body in chunks of one byte.
_WORK = 2**18
_WORK_OF_PART = 2**10


class _Decoder(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Body:
    """The body of one answer while it is being received. It does no input or output.

    A body is not decoded if it has an encoding that was not asked for, if it has more than one encoding, or if it does
    not fit its encoding. Each further encoding would multiply the factor by which a body can grow. Such a body is no
    error here, because callers need the status.
    """

    __slots__ = (
        "_decoded",
        "_decoder",
        "_encoding",
        "_headers",
        "_kept",
        "_limit",
        "_raw",
        "_received",
        "_status_code",
        "_waiting",
    )

    def __init__(self, status_code: int, headers: Mapping[str, str], limit: int) -> None:
        """Prepare to receive the body of an answer whose head has arrived.

        Args:
            status_code: the HTTP status of the answer.
            headers: the headers of the answer, by names in lower case.
            limit: bytes of the body at most, both as it is received and as it is decoded. For an error or a redirect
                the limit is at most 64 KiB, and the rest is dropped.
        """
        self._status_code = status_code
        self._headers = headers
        self._limit = limit if status_code < 300 else min(limit, _MAX_ERROR_BYTES)
        self._encoding = headers.get("content-encoding")
        self._decoder: _Decoder | None = None
        self._raw: list[bytes] = []
        self._received = 0
        self._decoded: list[bytes] = []
        self._kept = 0
        self._waiting = b""

    def receive(self, parts: Iterable[bytes], check: Callable[[], None]) -> None:
        """Take the parts of the body, up to its end or until nothing more is kept.

        Args:
            parts: the parts, as they are received.
            check: called between two steps of work. It raises an exception to end the work.

        Raises:
            AnswerTooLarge: the body is larger than the limit.
        """
        for part in parts:
            waits = self.add(part)
            check()
            while waits:
                waits = self.step()
                check()
            if self.full:
                break

    async def receive_async(self, parts: AsyncIterable[bytes], check: Callable[[], None]) -> None:
        """Do the same as receive(). Between two steps of work, the event loop does other work."""
        from asyncio import sleep  # here, because asyncio is slow to import

        work = 0
        async for part in parts:
            waits = self.add(part)
            check()
            while waits:
                await sleep(0)
                waits = self.step()
                check()
            if self.full:
                break
            # A server that sends faster than the body is read must not keep the event loop for itself.
            work += len(part) + _WORK_OF_PART
            if work > _WORK:
                work = 0
                await sleep(0)

    def add(self, part: bytes) -> bool:
        """Take a part of the body as it was received. Return whether step() must be called before the next part.

        Raises:
            AnswerTooLarge: the body is larger than the limit.
        """
        if self._encoding is not None and part and not self._raw:
            self._decoder = _decoder_of(self._encoding.strip().lower(), part[0])
        self._raw.append(part)
        self._received += len(part)
        if self._decoder is not None and not self._decoder.eof:
            self._waiting = part
            return self.step()
        self._check(self._received)
        return False

    def step(self) -> bool:
        """Decode waiting bytes, to at most 1 MiB of content. Return whether more bytes wait.

        Raises:
            AnswerTooLarge: the body is larger than the limit.
        """
        if self._decoder is None:
            return False
        try:
            content = self._decoder.decompress(self._waiting, min(_STEP, self._limit + 1 - self._kept))
        except zlib.error:
            self._decoder = None
            self._check(self._received)
            return False
        self._waiting = self._decoder.unconsumed_tail
        self._decoded.append(content)
        self._kept += len(content)
        self._check(max(self._kept, self._received))
        return bool(self._waiting) and not self.full

    def answer(self) -> Answer:
        """Return the answer with the content that has arrived."""
        return Answer(self._status_code, self._headers, self._content())

    @property
    def full(self) -> bool:
        """Whether the body of an error or a redirect has arrived as far as it is kept. The rest need not be read."""
        return max(self._kept, self._received) > self._limit

    def _content(self) -> bytes:
        content = b"".join(self._raw if self._decoder is None else self._decoded)
        return content[: self._limit] if self.full else content

    def _check(self, size: int) -> None:
        if size > self._limit and self._status_code < 300:
            content = b""
            for part in self._raw if self._decoder is None else self._decoded:
                content += part[:_MAX_ERROR_BYTES]
                if len(content) >= _MAX_ERROR_BYTES:
                    break
            beginning = Answer(self._status_code, self._headers, content[:_MAX_ERROR_BYTES])
            # The traceback of the error refers to this object. Drop the parts, so that a kept error does not keep them.
            self._raw.clear()
            self._decoded.clear()
            self._waiting = b""
            raise AnswerTooLarge(beginning, self._limit)


def _decoder_of(encoding: str, first: int) -> _Decoder | None:
    """Return a decoder for a body that begins with the byte `first`; None if the body must not be decoded."""
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    if encoding == "deflate":
        # Some servers send deflate without the header of zlib. The last 4 bits of that header's first byte are 8.
        return zlib.decompressobj(zlib.MAX_WBITS if first & 15 == 8 else -zlib.MAX_WBITS)
    return None
