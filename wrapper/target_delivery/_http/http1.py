"""Send over HTTP/1.1 with sockets: the fastest way for threads.

Answers are read here, because http.client is too tolerant. It parses heads with the parser for e-mails, which takes a
bare carriage return for the end of a line, and seconds for the largest heads. It takes malformed chunks for well-formed
ones, and some versions of it read beyond the end of a body.

The connections are made and kept here. Before every wait, a socket gets the time that is left until the deadline as its
timeout.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._core.flow import Failure
from target_delivery._http import forks
from target_delivery._http.failures import unusable
from target_delivery._http.headers import OWN_HEADERS
from target_delivery._http.sockets import ConnectFailed, connect
from target_delivery._http.urls import split
from target_delivery.errors import CLOSED, ClientClosedError
from target_delivery_api.body import Body
from target_delivery_api.errors import AnswerTooLarge, TruncatedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from target_delivery._core.flow import Outcome
    from target_delivery._http.certificates import Certificates
    from target_delivery_api.types import Answer, Request

__all__ = ["Http1Wire"]

MAX_IDLE = 100
"""Connections that are kept for further requests, at most."""
IDLE_TIME = 30.0
"""Seconds that a connection is kept."""
BUFFER = 2**14
"""Bytes that a connection reads ahead at most. It keeps a buffer of this size."""
READ_BYTES = 2**16
"""Bytes of a body that are read at a time, at most."""
MAX_HEAD = 2**16
"""Bytes of the head of an answer, at most, and of the trailers behind a chunked body."""
MAX_HEADERS = 100
"""Lines of the same, at most."""
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\0]*)?")
HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LENGTH = re.compile(r"[0-9]{1,18}")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r]*)?\r\n")
SWITCHING_PROTOCOLS = 101
WITHOUT_BODY = (SWITCHING_PROTOCOLS, 204, 304)
"""The statuses of answers that have no body."""
PORTS = {"http": 80, "https": 443}
OWN_LINES = [f"{name}: {value}" for name, value in OWN_HEADERS]


class _Malformed(Exception):
    """Bytes that arrived are no answer, or end before the answer does."""


class _Failed(Exception):
    """An exchange failed."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        why = f" ({error})" if error is not None and str(error) else ""
        self.failure = Failure(f"{name}{why}", may_pass=True)


class Http1Wire(forks.Watched):
    """Sends the requests of one TargetClient over connections that it keeps. An exchange has a connection for itself.

    It needs no lock, because adding to a dict and removing from it are atomic. So a signal handler can make a call
    while it interrupts another.
    """

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._closed = False
        self._idle: dict[_Connection, None] = {}
        """The connections that no exchange uses, the one that was used last at the end."""
        forks.watch(self, nullcontext())

    def exchange(
        self,
        request: Request,
        deadline: float,
        max_bytes: int,
        on_connect: Callable[[socket.socket], None] | None = None,
    ) -> Outcome:
        """See ``Wire.exchange``."""
        if self._closed:
            raise ClientClosedError(CLOSED)
        try:
            connection = self._take(request.url, deadline)
        except _Failed as error:
            return error.failure
        keep = False
        try:
            if on_connect is not None:
                on_connect(connection.socket)
            answer = connection.exchange(request, deadline, max_bytes)
            keep = connection.can_be_used_again and on_connect is None
        except _Failed as error:
            return error.failure
        except (AnswerTooLarge, TruncatedAnswer) as error:
            return unusable(error)
        finally:
            if keep:
                self._keep(connection)
            else:
                connection.shut()
        return answer

    def close(self) -> None:
        """See ``Wire.close``."""
        self._closed = True
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Close the sockets of idle connections. In a child they are copies, and the parent's stay open."""
        for connection in list(self._idle):
            self._drop(connection)

    def _take(self, url: str, deadline: float) -> _Connection:
        """Return an idle connection to the host of a URL, or a new one.

        Raises:
            _Failed: no connection can be made.
        """
        origin = split(url)[0]
        for connection in reversed(list(self._idle)):
            if connection.origin == origin and self._remove(connection):
                if connection.is_usable:
                    return connection
                connection.shut()
        return _Connection(origin, self._certificates, deadline)

    def _keep(self, connection: _Connection) -> None:
        now = SYSTEM_CLOCK.monotonic()
        connection.idle_since = now
        self._idle[connection] = None
        # The first connection has been idle for the longest time.
        for oldest in list(self._idle):
            if not self._closed and len(self._idle) <= MAX_IDLE and now - oldest.idle_since < IDLE_TIME:
                break
            self._drop(oldest)

    def _drop(self, connection: _Connection) -> None:
        if self._remove(connection):
            connection.shut()

    def _remove(self, connection: _Connection) -> bool:
        """Remove an idle connection. Return False if another thread has taken it."""
        return self._idle.pop(connection, self) is None


class _Connection:
    """One connection, and the exchange that uses it."""

    def __init__(self, origin: str, certificates: Certificates, deadline: float) -> None:
        """Connect.

        Raises:
            _Failed: there is no connection at the deadline, or the attempt failed earlier.
        """
        parts = urlsplit(origin)
        host = parts.hostname or ""
        self.origin = origin
        self.idle_since = 0.0
        self.can_be_used_again = False
        """Whether the last exchange ended as HTTP requires, so that another one can follow."""
        self._line = _Line(deadline)
        try:
            # First, because it can fail in a child process, which loads the certificates anew.
            context = certificates.context if parts.scheme == "https" else None
            self._line.open(host, parts.port or PORTS[parts.scheme])
            if context is not None:
                self._line.encrypt(context, host)
        except TimeoutError as error:
            raise _Failed("ConnectTimeout") from error
        except (OSError, ValueError, ConnectFailed) as error:
            raise _Failed("ConnectError", error) from error
        self._reader: io.BufferedReader = io.BufferedReader(self._line, BUFFER)

    @property
    def socket(self) -> socket.socket:
        """The socket, which another thread may shut down."""
        return self._line.socket

    @property
    def is_usable(self) -> bool:
        """Whether an idle connection can be used: it is open, is young, and nothing has arrived on it."""
        return SYSTEM_CLOCK.monotonic() - self.idle_since < IDLE_TIME and self._line.is_silent()

    def exchange(self, request: Request, deadline: float, max_bytes: int) -> Answer:
        """Send a request and read the whole answer.

        Raises:
            _Failed: the exchange failed, or it was not over at the deadline.
            AnswerTooLarge: the body of the answer is too large.
            TruncatedAnswer: the answer was cut off.
        """
        self.can_be_used_again = False
        self._line.deadline = deadline
        try:
            sent = self._line.send(_head_of(request) + request.content)
        except TimeoutError as error:
            raise _Failed("WriteTimeout") from error
        except ValueError as error:
            raise _Failed("LocalProtocolError") from error
        try:
            head = _read_head(self._reader)
            body = Body(head.status, head.headers, max_bytes)
            try:
                body.receive(_parts_of(head, self._reader), self._line.check)
            except TimeoutError:
                raise
            except (OSError, _Malformed) as error:
                raise TruncatedAnswer(body.answer()) from error
        except TimeoutError as error:
            raise _Failed("ReadTimeout") from error
        except _Malformed as error:
            raise _Failed("RemoteProtocolError") from error
        except OSError as error:
            raise _Failed("ReadError") from error
        self.can_be_used_again = sent and head.can_be_followed and not body.full and not self._holds_content()
        return body.answer()

    def shut(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._line.socket.close()

    def _holds_content(self) -> bool:
        """Return whether bytes have arrived behind the end of the answer."""
        self._line.deadline = None
        return bool(self._reader.peek(1)) or self._line.has_decrypted()


class _Line(io.RawIOBase):
    """The socket of a connection. It waits until the deadline at most."""

    socket: socket.socket

    def __init__(self, deadline: float) -> None:
        self.deadline: float | None = deadline
        """In ``time.monotonic()`` seconds; None while the connection must not wait."""

    def open(self, host: str, port: int) -> None:
        """Connect; see ``connect``."""
        self.socket = connect(host, port, self.left)

    def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS.

        Raises:
            OSError: the handshake failed, or it was not over at the deadline.
            ValueError: the host name cannot be used in TLS.
        """
        plain = self.socket
        try:
            plain.settimeout(self.left())
            self.socket = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def send(self, data: bytes) -> bool:
        """Send bytes. Return False if the other end closed the connection meanwhile; it may have answered already.

        Raises:
            TimeoutError: the deadline passed.
        """
        unsent = memoryview(data)
        try:
            while unsent:
                self.socket.settimeout(self.left())
                unsent = unsent[self.socket.send(unsent) :]
        except TimeoutError:
            raise
        except OSError:
            return False
        return True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self.deadline is None:
            return None
        self.socket.settimeout(self.left())
        return self.socket.recv_into(buffer)

    def left(self) -> float:
        """Return the seconds until the deadline.

        Raises:
            TimeoutError: there are none.
        """
        left = (self.deadline or 0.0) - SYSTEM_CLOCK.monotonic()
        if left <= 0:
            raise TimeoutError("The deadline passed.")
        return left

    def check(self) -> None:
        """Check the deadline; see ``left``."""
        self.left()

    def is_silent(self) -> bool:
        """Return whether the connection is open and nothing has arrived on it."""
        self.socket.settimeout(0)
        try:
            # Read below TLS, which shows only complete records.
            socket.socket.recv(self.socket, 1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def has_decrypted(self) -> bool:
        """Return whether TLS has decrypted bytes that were not read."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0


class _Head(NamedTuple):
    """The head of an answer."""

    status: int
    headers: dict[str, str]
    """By names in lower case."""
    chunked: bool
    length: int | None
    """The bytes of the body; None if it is chunked, or ends with the connection."""
    can_be_followed: bool
    """Whether the connection can carry another answer."""


def _head_of(request: Request) -> bytes:
    """Return the head of a request.

    Raises:
        ValueError: the method, the URL or a header contains a line break.
    """
    origin, target = split(request.url)
    scheme, _, host = origin.partition("://")
    host = host.rpartition("@")[2].removesuffix(f":{PORTS[scheme]}")
    lines = [
        f"{request.method} {target} HTTP/1.1",
        f"host: {host}",
        *[f"{name}: {value}" for name, value in request.headers],
        *OWN_LINES,
    ]
    if request.content:
        lines.append(f"content-length: {len(request.content)}")
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("The method, the URL and the headers of a request must not contain line breaks.")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _read_head(reader: io.BufferedReader) -> _Head:
    """Read the head of an answer. Interim answers (1xx) before it are skipped.

    Raises:
        _Malformed: it is malformed or too large, does not say where the answer ends, or is cut off.
    """
    while True:
        first, *lines = _lines_of(reader) or [b""]
        found = STATUS_LINE.fullmatch(first)
        if found is None:
            raise _Malformed("The answer does not begin with a status line of HTTP/1.")
        status = int(found[2])
        if status >= 200 or status == SWITCHING_PROTOCOLS:
            break
    headers = _headers_of(lines)
    chunked = "transfer-encoding" in headers
    if chunked and headers["transfer-encoding"].lower() != "chunked":
        raise _Malformed("The Transfer-Encoding is not chunked.")
    length: int | None = None
    if "content-length" in headers:
        text, *others = {part.strip(" \t") for part in headers["content-length"].split(",")}
        if others or LENGTH.fullmatch(text) is None:
            raise _Malformed("The Content-Length is malformed.")
        headers["content-length"] = text
        length = int(text)
    connection = {option.strip(" \t") for option in headers.get("connection", "").lower().split(",")}
    if status in WITHOUT_BODY:
        chunked, length = False, 0
    return _Head(
        status,
        headers,
        chunked,
        None if chunked else length,
        # RFC 9112 closes the connection after an answer that says in two ways where it ends, and after a chunked one
        # of HTTP/1.0: somebody on the way may have understood it otherwise.
        can_be_followed="close" not in connection
        and (found[1] == b"1" or ("keep-alive" in connection and not chunked))
        and chunked != (length is not None)
        and status != SWITCHING_PROTOCOLS,
    )


def _headers_of(lines: list[bytes]) -> dict[str, str]:
    """Return the headers in the lines of a head. Headers of the same name become one.

    Raises:
        _Malformed: a line is no header.
    """
    headers: dict[str, str] = {}
    key = ""
    for line in lines:
        folded = line.startswith((b" ", b"\t"))
        name, colon, value = (b"", b":", line) if folded else line.partition(b":")
        if b"\r" in value or b"\0" in value or not (key if folded else colon and HEADER_NAME.fullmatch(name)):
            raise _Malformed("A header is malformed.")
        text = value.strip(b" \t").decode("iso-8859-1")
        if folded:
            # A header of several lines stands for one with spaces instead of the line breaks.
            headers[key] = f"{headers[key]} {text}".strip(" ")
        else:
            key = name.decode("ascii").lower()
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _parts_of(head: _Head, reader: io.BufferedReader) -> Iterator[bytes]:
    """Yield the body of an answer as it arrives.

    Raises:
        _Malformed: the body is cut off or malformed.
    """
    if head.chunked:
        while size := _chunk_size(reader):
            yield from _exactly(size, reader)
            if reader.read(2) != b"\r\n":
                raise _Malformed("A chunk has no end.")
        _lines_of(reader)
    elif head.length is not None:
        yield from _exactly(head.length, reader)
    else:
        while part := reader.read1(READ_BYTES):
            yield part


def _exactly(count: int, reader: io.BufferedReader) -> Iterator[bytes]:
    while count:
        part = reader.read1(min(count, READ_BYTES))
        if not part:
            raise _Malformed("The body is cut off.")
        count -= len(part)
        yield part


def _chunk_size(reader: io.BufferedReader) -> int:
    found = CHUNK_SIZE.fullmatch(_line_of(reader, READ_BYTES))
    if found is None:
        raise _Malformed("The size of a chunk is malformed.")
    return int(found[1], 16)


def _lines_of(reader: io.BufferedReader) -> list[bytes]:
    """Read the lines of a head or of trailers up to the empty line, and return them without it.

    Raises:
        _Malformed: they are cut off, or too large.
    """
    lines: list[bytes] = []
    left = MAX_HEAD
    while line := (received := _line_of(reader, left))[:-1].removesuffix(b"\r"):
        if len(lines) > MAX_HEADERS:
            raise _Malformed("The answer has too many headers.")
        lines.append(line)
        left -= len(received)
    return lines


def _line_of(reader: io.BufferedReader, most: int) -> bytes:
    line = reader.readline(most)
    if not line.endswith(b"\n"):
        raise _Malformed("A line is cut off or too long.")
    return line
