"""Build requests, and send them with a client of httpx or httpx2. All operations use these functions."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, Any

from .body import ACCEPTED_ENCODINGS, MAX_BYTES, Body
from .clients import library_of
from .errors import AnswerTooLarge, ModelError, TruncatedAnswer
from .model import Model
from .types import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from .clients import AsyncHttpClient, HttpClient, HttpResponse
    from .types import JsonValue

__all__ = ["asyncio", "decode", "encode", "misfit", "new_request", "sync", "unexpected"]

# A body that takes longer than this, in seconds, gets a timer thread that ends it at the deadline. Most bodies are
# complete before a thread could start.
_SLOW = 0.2

# How many JSON values an answer may have. Reading more of them would make a call last too long after its deadline.
_MAX_VALUES = 100_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Bytes with which JSON values begin: an object, an array, and a further value in either.
_MARKS = (b"{", b"[", b",")

# Bytes. A smaller answer can be read in a few milliseconds, whatever is in it.
_SMALL = 2**16

# Seconds that an asyncio exchange may end after its deadline. Some event loops, such as uvloop, count whole
# milliseconds, and an exchange that ended a moment before its deadline would look like one that failed.
_TICK = 0.001

# Headers that are computed from the request. new_request() ignores these headers of the caller.
_OWN_HEADERS = frozenset({"content-length", "content-type", "host", "transfer-encoding"})

# Default headers of httpx that change nothing, so they are not sent.
_IDLE_HEADERS = frozenset({(b"accept", b"*/*"), (b"connection", b"keep-alive")})

# The characters that each part of a request may have. HTTP libraries refuse different ones, and at different times.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_URL = re.compile(
    r"https?://(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*)?", re.I
)
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")

# An object that contains itself raises RecursionError, as one that is nested too deep does.
_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode


def _refuse_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


_from_json = json.JSONDecoder(parse_constant=_refuse_constant).decode


def encode(body: Model | Mapping[str, Any] | JsonValue) -> bytes:
    """Return `body` as compact JSON.

    Raises:
        ModelError: `body` contains a value that JSON does not have, such as NaN.
    """
    try:
        return _to_json(body.to_dict() if isinstance(body, Model) else body).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{type(body).__name__} cannot be written as JSON: {error}") from error


def decode(answer: Answer) -> Any:
    """Return the decoded JSON of an answer.

    Raises:
        ModelError: the body is not JSON, or it has more than 100,000 values.
    """
    content = answer.content
    if len(content) > _SMALL and _count_values(content) > _MAX_VALUES:
        raise ModelError(
            f"The answer with status {answer.status_code} has more than {_MAX_VALUES} JSON values in its "
            f"{len(content)} bytes."
        )
    try:
        return _from_json(content.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        encoding = answer.headers.get("content-encoding")
        raise ModelError(
            f"The answer with status {answer.status_code} is not JSON: {len(content)} bytes with "
            f"content type {answer.headers.get('content-type', 'not given')[:100]}"
            f"{f' and content encoding {encoding[:100]}' if encoding else ''}."
        ) from error


def _count_values(content: bytes) -> int:
    """Return how many values a JSON text has, or a larger number if it has more than an answer may have."""
    most = sum(map(content.count, _MARKS))
    if most <= _MAX_VALUES or content.count(b'"') - content.count(b'\\"') > 4 * _MAX_VALUES:
        return most
    # Some of the marks are in strings. Without escaped characters, every second part between two quotes is a string.
    bare = b"".join(content.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    return sum(map(bare.count, _MARKS))


def unexpected(answer: Answer) -> ModelError:
    """Return the error for an answer whose status the specification does not have."""
    return ModelError(f"The specification has no answer with status {answer.status_code}.")


def misfit(answer: Answer, expected: str) -> ModelError:
    """Return the error for an answer whose JSON has another type than the specification says."""
    return ModelError(f"The answer with status {answer.status_code} must be {expected}, but it is something else.")


def new_request(
    method: str,
    url: str,
    query: str,
    body: Model | Mapping[str, Any] | JsonValue,
    headers: Mapping[str, str] | Sequence[tuple[str, str]],
) -> Request:
    """Return a request with a JSON body.

    Args:
        method: the HTTP method.
        url: the URL without a query, in ASCII.
        query: the query without the question mark, percent-encoded.
        body: a model, or its JSON. None means that there is no body.
        headers: more headers. Their values are sent in UTF-8.

    Raises:
        ModelError: `body` contains a value that JSON does not have, such as NaN. Or the method, the URL, the query or
            a header has a character that it must not have, such as a line break.
    """
    if not _TOKEN.fullmatch(method):
        raise ModelError(f"The HTTP method must be a word, but this is {method!r}.")
    if not _URL.fullmatch(url):
        raise ModelError(
            f"The URL must be http or https, a host, perhaps a port and a path, all in ASCII (the host in its form "
            f"xn--, the path percent-encoded), but this is {url!r}."
        )
    if not _QUERY.fullmatch(query):
        raise ModelError("The query must be percent-encoded.")
    further: list[tuple[str, str]] = []
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        if not _TOKEN.fullmatch(name):
            raise ModelError(f"The name of a header must be a word, but this is {name!r}.")
        if not _HEADER_VALUE.fullmatch(value) or value != value.strip(" \t"):
            # The message does not show the value, which may be a secret.
            raise ModelError(
                f"The header {name} must not contain control characters such as line breaks, nor surrogates, and must "
                f"not begin or end with white space."
            )
        if name.lower() not in _OWN_HEADERS:
            further.append((name, value))
    address = f"{url}?{query}" if query else url
    if body is None:
        return Request(method, address, further)
    return Request(method, address, [("Content-Type", "application/json"), *further], encode(body))


def sync(
    client: HttpClient,
    request: Request,
    *,
    deadline: float | None = None,
    max_bytes: int = MAX_BYTES,
    trace: object = None,
) -> Answer:
    """Send `request` and read the whole answer. Redirects are returned, not followed.

    Args:
        client: the client of httpx or httpx2 that sends the request. Its default headers and its timeouts apply, its
            cookies do not.
        request: the request.
        deadline: the time at which the whole exchange must be over, in seconds of time.monotonic(). None leaves
            only the timeouts of the client. The request carries the deadline as the extension "deadline". A
            transport that ignores this extension, such as httpx's own, limits each read of the status line and the
            headers, but not their sum: a server that sends them byte by byte can delay the call past the deadline.
        max_bytes: bytes that the body may have, both as it is received and as it is decoded. Of an error or a
            redirect, only the first 64 KiB are read.
        trace: the extension "trace" of httpx: a function that is called at each step.

    Raises:
        TruncatedAnswer: the connection ended before the body was complete.
        AnswerTooLarge: the body has more than max_bytes.
        httpx.ReadTimeout: the deadline passed before the request was sent or before the answer was complete.
        httpx.TransportError: sending the request or receiving the answer failed for another reason. A client of
            httpx2 raises the errors of httpx2.
    """
    library = library_of(client)
    response = client.send(_native(library, client, request, deadline, trace), stream=True, follow_redirects=False)
    reading = _Reading(library, response, deadline, max_bytes)
    try:
        if not reading.already:
            if "transfer-encoding" in response.headers:
                # A server can send the framing of a chunk for ever, byte by byte, and no chunk arrives.
                reading.end_at_deadline()
            # Read the stream itself: iter_raw() also counts and splits the chunks, which costs time.
            reading.body.receive(response.stream, reading.check)
        if reading.timer is not None:
            # The end of the connection, which the timer causes, is the end of a body without a length.
            reading.check()
        stream = reading.stream_with_unasked_bytes()
        if stream is not None:
            stream.close()
    except (library.ReadError, library.RemoteProtocolError) as error:
        raise reading.failure() from error
    finally:
        if reading.timer is not None:
            reading.timer.cancel()
        response.close()
    return reading.answer()


async def asyncio(
    client: AsyncHttpClient, request: Request, *, deadline: float | None = None, max_bytes: int = MAX_BYTES
) -> Answer:
    """Send `request` and read the whole answer under asyncio. Arguments and errors are those of sync()."""
    # Imported here, because asyncio is slow to import and programs without it must not pay for it.
    from asyncio import timeout

    limit = timeout(None if deadline is None else deadline - monotonic() + _TICK)
    try:
        async with limit:
            return await exchange(client, request, deadline=deadline, max_bytes=max_bytes)
    except TimeoutError:
        if limit.expired():
            raise _too_late(library_of(client)) from None
        raise


async def exchange(
    client: AsyncHttpClient,
    request: Request,
    *,
    deadline: float | None,
    max_bytes: int = MAX_BYTES,
    trace: object = None,
) -> Answer:
    """Do the same as asyncio(). The caller must cancel a wait that lasts beyond the deadline.

    Args:
        client: as for sync().
        request: as for sync().
        deadline: as for sync().
        max_bytes: as for sync().
        trace: the extension "trace" of httpx: a coroutine function, which is called at each step.
    """
    library = library_of(client)
    response = await client.send(
        _native(library, client, request, deadline, trace), stream=True, follow_redirects=False
    )
    reading = _Reading(library, response, deadline, max_bytes)
    try:
        if not reading.already:
            await reading.body.receive_async(response.stream, reading.check_deadline)
        stream = reading.stream_with_unasked_bytes()
        if stream is not None:
            await stream.aclose()
    except (library.ReadError, library.RemoteProtocolError) as error:
        raise reading.failure() from error
    finally:
        await response.aclose()
    return reading.answer()


class _Reading:
    """The answer to one request while it is being read."""

    __slots__ = ("already", "body", "deadline", "headers", "library", "response", "started", "timer")

    def __init__(self, library: ModuleType, response: HttpResponse, deadline: float | None, max_bytes: int) -> None:
        self.library = library
        self.response = response
        self.deadline = deadline
        self.started = monotonic()
        self.headers = dict(response.headers.items())
        self.body = Body(response.status_code, self.headers, max_bytes)
        self.timer: Timer | None = None
        # True if an event hook of the client read the body, or if a mock transport made the answer.
        self.already = response.is_stream_consumed
        if self.already and len(response.content) > max_bytes:
            beginning = Answer(response.status_code, self.headers, response.content[: 2**16])
            raise AnswerTooLarge(beginning, max_bytes)

    def check(self) -> None:
        """Check the deadline. If the body is slow, start a timer that keeps the deadline.

        Raises:
            httpx.ReadTimeout: the deadline passed.
        """
        self.check_deadline()
        if self.timer is None and monotonic() - self.started > _SLOW:
            self.end_at_deadline()

    def check_deadline(self) -> None:
        """Check the deadline.

        Raises:
            httpx.ReadTimeout: the deadline passed.
        """
        if self.deadline is not None and monotonic() >= self.deadline:
            raise _too_late(self.library)

    def end_at_deadline(self) -> None:
        """Start a timer thread that shuts the connection down at the deadline, if that is possible.

        Without the timer, a server that sends a byte now and then could delay the call past the deadline, because
        the transport sets the timeout of a read only once, at the start of the body. An HTTP/2 connection is not
        shut down, because other requests share it. The deadline is checked there with every part that arrives.
        A transport that keeps the deadline itself needs no timer.
        """
        if self.deadline is None or "deadline" in self.response.extensions:
            return
        stream = self.response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(connection, socket.socket) and self.response.http_version != "HTTP/2":
            self.timer = Timer(self.deadline - monotonic(), _shut_down, (connection,))
            self.timer.daemon = True
            self.timer.start()

    def stream_with_unasked_bytes(self) -> Any:
        """Return the network stream of the connection if bytes follow the end of the answer; otherwise None.

        The next request on this connection would take these bytes for its answer, so the stream must be closed. Only
        the transports of httpx show the bytes, in private attributes of httpx and httpcore.
        """
        stream = getattr(self.response.stream, "_stream", self.response.stream)
        stream = getattr(getattr(stream, "_httpcore_stream", None), "_stream", None)
        state = getattr(getattr(stream, "_connection", None), "_h11_state", None)
        if state is None:
            return None
        network = self.response.extensions["network_stream"]
        return network if state.trailing_data[0] or _holds_content(network.get_extra_info("ssl_object")) else None

    def failure(self) -> Exception:
        """Return the error for a connection that ended before the body was complete."""
        if self.deadline is not None and monotonic() >= self.deadline:
            return _too_late(self.library)
        return TruncatedAnswer(self.answer())

    def answer(self) -> Answer:
        """Return the answer with the part of the body that has arrived."""
        if self.already:
            return Answer(self.response.status_code, self.headers, self.response.content)
        return self.body.answer()


def _holds_content(tls: object) -> bool:
    """Return whether a TLS connection of asyncio has received content that was not read. This removes the content."""
    if not isinstance(tls, ssl.SSLObject):
        return False  # There is no TLS, or a TLS socket of a thread, which leaves such content in the operating system.
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        pass
    return True


class _Remaining(dict[str, float | None]):
    """The client's timeouts for the phases of an exchange, cut to the time that remains until the deadline.

    The transport reads the timeout of a phase (connect, write, read) when that phase starts.
    """

    __slots__ = ("deadline",)

    def __init__(self, limits: dict[str, float | None], deadline: float) -> None:
        super().__init__(limits)
        self.deadline = deadline

    def get(self, phase: str, default: Any = None) -> Any:
        own: float | None = super().get(phase)
        # Not zero, because a timeout of zero makes a socket non-blocking.
        remaining = max(self.deadline - monotonic(), 0.001)
        return remaining if own is None or own > remaining else own

    def __getitem__(self, phase: str) -> float | None:
        limit: float | None = self.get(phase)
        return limit


def _native(
    library: ModuleType,
    client: HttpClient | AsyncHttpClient,
    request: Request,
    deadline: float | None,
    trace: object,
) -> Any:
    """Return a request of the client's library, with the default headers and the timeouts of the client.

    Raises:
        httpx.ReadTimeout: the deadline passed.
    """
    # As bytes, because httpx encodes text in ASCII only.
    headers = [(name.encode("ascii"), value.encode()) for name, value in request.headers]
    given = {name.lower() for name, _ in headers}
    for name, value in client.headers.raw:
        key = name.lower()
        if key not in given and (key, value) not in _IDLE_HEADERS:
            encodings = key == b"accept-encoding" and b"gzip" in value
            headers.append((name, ACCEPTED_ENCODINGS.encode() if encodings else value))
    extensions: dict[str, Any] = {} if trace is None else {"trace": trace}
    if deadline is not None:
        if deadline <= monotonic():
            raise _too_late(library)
        extensions |= {"timeout": _Remaining({**client.timeout.as_dict()}, deadline), "deadline": deadline}
    return library.Request(request.method, request.url, headers=headers, content=request.content, extensions=extensions)


def _too_late(library: ModuleType) -> Exception:
    error: Exception = library.ReadTimeout("The deadline passed before the answer was complete.")
    return error


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):
        # Shut down the socket below TLS, because shutting down TLS would wait for the other end.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
