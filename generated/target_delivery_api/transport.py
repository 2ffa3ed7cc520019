"""How a request is made and sent, the same for every operation."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx

from .errors import ModelError, TruncatedAnswer
from .types import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Model

__all__ = ["asyncio", "decode", "encode", "post", "sync"]

# A body that takes longer than this, in seconds, gets a timer that ends it at the deadline. Nearly all are
# complete before a thread would have started.
_SLOW = 0.2

# Headers that follow from the request itself, so that a caller cannot give them.
_OWN_HEADERS = frozenset({"content-length", "content-type", "host"})

# Defaults of httpx that say what holds without them.
_IDLE_HEADERS = frozenset({(b"accept", b"*/*"), (b"connection", b"keep-alive")})

# What httpx raises when a connection ends before the body does.
_BROKEN = (httpx.ReadError, httpx.RemoteProtocolError)

_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode(body: Model | Mapping[str, Any]) -> bytes:
    """Return `body` as compact JSON.

    Raises:
        ModelError: it holds what JSON cannot say, such as NaN.
    """
    try:
        return _to_json(body if isinstance(body, Mapping) else body.to_dict()).encode("ascii")
    except (TypeError, ValueError) as error:
        raise ModelError(f"{type(body).__name__} cannot be written as JSON: {error}") from error


def decode(answer: Answer) -> Any:
    """Return what the JSON of an answer says.

    Raises:
        ModelError: the body is not JSON.
    """
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"The answer with status {answer.status_code} is not JSON: {len(answer.content)} bytes with "
            f"content type {answer.headers.get('content-type', 'not given')}."
        ) from error


def post(
    url: str, query: str, body: Model | Mapping[str, Any], headers: Mapping[str, str] | Sequence[tuple[str, str]]
) -> httpx.Request:
    """Return the request that posts `body` as JSON. It is encoded once, however often it is sent.

    Args:
        url: without a query.
        query: parameters, already percent-encoded, without the question mark.
        body: what is posted.
        headers: more headers.
    """
    target = _target(url)
    content = encode(body)
    request = httpx.Request(
        "POST",
        target.with_query(query),
        headers=[
            (b"Host", target.host),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", b"%d" % len(content)),
            *[
                (name.encode("ascii"), value.encode())
                for name, value in (headers.items() if isinstance(headers, Mapping) else headers)
                if name.lower() not in _OWN_HEADERS
            ],
        ],
        # Given as content, httpx would normalise all the headers a second time.
        stream=httpx.ByteStream(content),
    )
    request.read()
    return request


def sync(client: httpx.Client, request: httpx.Request, *, deadline: float | None = None) -> Answer:
    """Send `request` and read the whole answer. A redirect is an answer: it is not followed.

    Args:
        client: sends it. Its default headers and its limits on time apply, its cookies do not.
        request: what build_request made. It can be sent again.
        deadline: when the whole exchange has to be over, in seconds as time.monotonic() counts them; None for
            no limits but the client's own. The request carries it as the extension "deadline". A transport that
            does not know that, such as httpx's own, limits each read of an answer's head, not all of them
            together: a server that sends the head byte by byte can outlast the deadline there.

    Raises:
        httpx.ReadTimeout: the deadline passed, before the request was sent or while the answer came.
        TruncatedAnswer: the connection ended before the body did.
        httpx.TransportError: sending, or getting an answer, failed in another way.
    """
    _prepare(client, request, deadline)
    response = client.send(request, stream=True, follow_redirects=False)
    body = _Body(request, response, deadline)
    timer: Timer | None = None
    try:
        if not body.read_already:
            # Not iter_raw, which counts, cuts and measures for nobody here.
            assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - the client guarantees it
            for chunk in response.stream:
                if body.add(chunk) and timer is None:
                    timer = body.ended_at_deadline()
    except _BROKEN as error:
        raise body.failure() from error
    finally:
        if timer is not None:
            timer.cancel()
        response.close()
    return body.answer()


async def asyncio(client: httpx.AsyncClient, request: httpx.Request, *, deadline: float | None = None) -> Answer:
    """Send `request` and read the whole answer, as sync does, under asyncio."""
    # Whoever awaits this has asyncio already; the others are spared a heavy import.
    from asyncio import timeout

    _prepare(client, request, deadline)
    limit = timeout(None if deadline is None else deadline - monotonic())
    try:
        async with limit:
            response = await client.send(request, stream=True, follow_redirects=False)
            body = _Body(request, response, deadline)
            try:
                if not body.read_already:
                    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - the client guarantees it
                    async for chunk in response.stream:
                        body.add(chunk)
            except _BROKEN as error:
                raise body.failure() from error
            finally:
                await response.aclose()
    except TimeoutError:
        if limit.expired():
            raise _too_late(request) from None
        raise
    return body.answer()


class _Body:
    """The body of one answer, while it comes."""

    __slots__ = ("chunks", "deadline", "read_already", "request", "response", "started")

    def __init__(self, request: httpx.Request, response: httpx.Response, deadline: float | None) -> None:
        self.request = request
        self.response = response
        self.deadline = deadline
        self.started = monotonic()
        # By a hook of the client, or because the answer never was on a wire.
        self.read_already = response.is_stream_consumed
        self.chunks: list[bytes] = []

    def add(self, chunk: bytes) -> bool:
        """Take a part of the body. Return whether the body is a slow one, with a deadline to watch."""
        self.chunks.append(chunk)
        if self.deadline is None:
            return False
        now = monotonic()
        if now >= self.deadline:
            raise _too_late(self.request)
        return now - self.started > _SLOW

    def ended_at_deadline(self) -> Timer | None:
        """Shut the connection down at the deadline, from another thread.

        Without that, a server that sends a byte now and then could hold a blocking read beyond the deadline:
        the transport takes the limit of a read from the start of the body. A connection that other requests
        share (HTTP/2) is left alone: there the deadline is looked at with every part that comes.
        """
        stream = self.response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if self.deadline is None or not isinstance(connection, socket.socket):
            return None
        if self.response.http_version == "HTTP/2":
            return None
        timer = Timer(self.deadline - monotonic(), _shut_down, (connection,))
        timer.daemon = True
        timer.start()
        return timer

    def failure(self) -> httpx.TransportError:
        """Return the error for a connection that ended before the body did."""
        if self.deadline is not None and monotonic() >= self.deadline:
            return _too_late(self.request)
        return TruncatedAnswer(self.request, self.answer())

    def answer(self) -> Answer:
        """Return what came."""
        response = self.response
        if self.read_already:
            return Answer(response.status_code, response.headers, response.content)
        content = b"".join(self.chunks)
        if "content-encoding" in response.headers:
            # What is no valid encoding stays as it came: the status still tells what happened.
            with suppress(httpx.DecodingError):
                content = httpx.Response(
                    response.status_code, headers=response.headers, content=content, request=self.request
                ).content
        return Answer(response.status_code, response.headers, content)


class _Remaining(dict[str, float | None]):
    """The client's limits for the phases of an exchange, cut to what remains until the deadline.

    The transport asks for the limit of a phase (connect, write, read) when that phase starts.
    """

    __slots__ = ("deadline",)

    def __init__(self, limits: dict[str, float | None], deadline: float) -> None:
        super().__init__(limits)
        self.deadline = deadline

    def get(self, phase: str, default: Any = None) -> Any:
        own: float | None = super().get(phase)
        # Not zero: to a socket that means not to wait at all.
        remaining = max(self.deadline - monotonic(), 0.001)
        return remaining if own is None or own > remaining else own

    def __getitem__(self, phase: str) -> float | None:
        limit: float | None = self.get(phase)
        return limit


def _prepare(client: httpx.Client | httpx.AsyncClient, request: httpx.Request, deadline: float | None) -> None:
    """Complete `request` with what the client adds to each one it builds itself: headers, limits on time."""
    own = request.headers.raw
    given = {name.lower() for name, _ in own}
    missing = [
        (name, value)
        for name, value in client.headers.raw
        if name.lower() not in given and (name.lower(), value) not in _IDLE_HEADERS
    ]
    if missing:
        request.headers = httpx.Headers([*own, *missing])
    # From an earlier time that the request was sent.
    request.extensions.pop("timeout", None)
    request.extensions.pop("deadline", None)
    if deadline is not None:
        if deadline <= monotonic():
            raise _too_late(request)
        limits: dict[str, float | None] = {**client.timeout.as_dict()}
        request.extensions["timeout"] = _Remaining(limits, deadline)
        request.extensions["deadline"] = deadline


class _Target:
    """A URL that many requests go to, each with a query of its own."""

    __slots__ = ("host", "quick", "url")

    def __init__(self, url: str) -> None:
        self.url = httpx.URL(url)
        self.host = self.url.netloc
        self.quick = False
        with suppress(AttributeError):
            self.quick = self.replaced("a=b") == self.parsed("a=b")

    def with_query(self, query: str) -> httpx.URL:
        """Return the URL with a query that is percent-encoded already."""
        return self.replaced(query) if self.quick else self.parsed(query)

    def parsed(self, query: str) -> httpx.URL:
        """Let httpx take all parts of the URL apart again, which costs as much as the rest of a request."""
        return self.url.copy_with(query=query.encode("ascii"))

    def replaced(self, query: str) -> httpx.URL:
        """Take over the parts that httpx keeps. It has no public way to; __init__ sees whether this one works."""
        url = httpx.URL(self.url)
        url._uri_reference = url._uri_reference._replace(query=query)  # pyright: ignore[reportPrivateUsage]
        return url


_target = lru_cache(maxsize=256)(_Target)


def _too_late(request: httpx.Request) -> httpx.ReadTimeout:
    return httpx.ReadTimeout("The deadline passed before the whole answer was there.", request=request)


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):
        # Of the plain socket: closing TLS in an orderly way would wait for the other end.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
