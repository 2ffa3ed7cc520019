"""Send over HTTP/1.1, and read the heads of answers with http.client: the fastest way for threads.

Bodies are read here, because http.client accepts malformed chunks, and some versions of it read beyond the end of a
body.

The connections are made and kept here. Before every wait, a socket gets the time that is left until the deadline as its
timeout.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
from contextlib import nullcontext, suppress
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, cast
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
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Self

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
MAX_TRAILERS = 100
"""Headers behind a chunked body, at most. http.client has the same limit for the headers before it."""
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*[;\r]")
SWITCHING_PROTOCOLS = 101
WITHOUT_BODY = (SWITCHING_PROTOCOLS, 204, 304)
"""The statuses of answers that have no body."""
PORTS = {"http": 80, "https": 443}
OWN_LINES = [f"{name}: {value}" for name, value in OWN_HEADERS]


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
            self._line.open(host, parts.port or PORTS[parts.scheme])
            if parts.scheme == "https":
                self._line.encrypt(certificates.context, host)
        except TimeoutError as error:
            raise _Failed("ConnectTimeout") from error
        except (OSError, ValueError, ConnectFailed) as error:
            raise _Failed("ConnectError", error) from error
        self._reader = _Reader(self._line, BUFFER)

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
            response = _Response(self._reader, request.method)
            response.begin()
            headers = _headers_of(response)
            body = Body(response.status, headers, max_bytes)
            try:
                body.receive(_parts_of(response, headers, self._reader), self._line.check)
            except TimeoutError:
                raise
            except (OSError, HTTPException) as error:
                raise TruncatedAnswer(body.answer()) from error
        except TimeoutError as error:
            raise _Failed("ReadTimeout") from error
        except (HTTPException, ValueError) as error:
            raise _Failed("RemoteProtocolError") from error
        except OSError as error:
            raise _Failed("ReadError") from error
        self.can_be_used_again = (
            sent
            and response.isclosed()
            and not response.will_close
            and response.status != SWITCHING_PROTOCOLS
            and not self._holds_content()
        )
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


class _Reader(io.BufferedReader):
    """The reader of a connection. The end of an answer does not close it, because the next answer needs it."""

    def makefile(self, mode: str) -> Self:
        return self

    def close(self) -> None:
        pass


class _Response(HTTPResponse):
    """An answer. Interim answers (1xx) before it are skipped."""

    def __init__(self, reader: _Reader, method: str) -> None:
        # http.client only calls makefile() of the socket.
        super().__init__(cast("socket.socket", reader), method=method)

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != SWITCHING_PROTOCOLS:
            # begin() returns at once if there are headers.
            setattr(self, "headers", None)  # noqa: B010 - typeshed does not know that it may be None
            super().begin()


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


def _headers_of(response: HTTPResponse) -> dict[str, str]:
    """Return the headers of an answer.

    Raises:
        HTTPException: they are malformed, or do not say where the answer ends.
    """
    message = response.headers
    headers: dict[str, str] = {}
    for name, value in message.items():
        key = name.lower()
        # A header may be folded over several lines. Its line breaks mean spaces.
        text = " ".join(line.strip() for line in value.split("\n")) if "\n" in value else value.strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    if message.defects or headers.get("transfer-encoding", "chunked").lower() != "chunked":
        raise HTTPException("The headers are malformed.")
    if "content-length" in headers:
        first, *others = {length.strip() for length in headers["content-length"].split(",")}
        if others or not (first.isascii() and first.isdigit()):
            raise HTTPException("The Content-Length is malformed.")
        headers["content-length"] = first
    return headers


def _parts_of(response: HTTPResponse, headers: Mapping[str, str], reader: _Reader) -> Iterator[bytes]:
    """Yield the body of an answer as it arrives, and close the response at its end.

    Raises:
        HTTPException: the body is cut off or malformed.
    """
    if response.status in WITHOUT_BODY:
        pass
    elif "transfer-encoding" in headers:
        while size := _chunk_size(reader):
            yield from _exactly(size, reader)
            if reader.read(2) != b"\r\n":
                raise HTTPException("A chunk has no end.")
        for _ in range(MAX_TRAILERS):
            if _line_of(reader) == b"\r\n":
                break
        else:
            raise HTTPException("The answer has too many trailers.")
    elif "content-length" in headers:
        yield from _exactly(int(headers["content-length"]), reader)
    else:
        while part := reader.read1(READ_BYTES):
            yield part
    response.close()


def _exactly(count: int, reader: _Reader) -> Iterator[bytes]:
    while count:
        part = reader.read1(min(count, READ_BYTES))
        if not part:
            raise HTTPException("The body is cut off.")
        count -= len(part)
        yield part


def _chunk_size(reader: _Reader) -> int:
    found = CHUNK_SIZE.match(_line_of(reader))
    if found is None:
        raise HTTPException("The size of a chunk is malformed.")
    return int(found[1], 16)


def _line_of(reader: _Reader) -> bytes:
    line = reader.readline(READ_BYTES)
    if not line.endswith(b"\r\n"):
        raise HTTPException("A line is cut off or too long.")
    return line
