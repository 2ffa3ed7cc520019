"""Send over HTTP/1.1 with http.client of the standard library, the fastest way for threads.

http.client writes requests and reads the heads of answers. Bodies are read here, because http.client takes malformed
chunks for well-formed ones, and its versions differ in when they see the end of a body. The connections are made and kept here: before every wait, a socket gets
the time that is left until the deadline as its timeout.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
from contextlib import nullcontext, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._core.flow import Failure
from target_delivery._http import forks
from target_delivery._http.failures import unusable
from target_delivery._http.headers import OWN_HEADERS
from target_delivery._http.sockets import ConnectFailed, connect
from target_delivery.errors import CLOSED, ClientClosedError
from target_delivery_api.body import Body
from target_delivery_api.errors import AnswerTooLarge, TruncatedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from target_delivery._core.flow import Outcome
    from target_delivery._http.certificates import Certificates
    from target_delivery_api.types import Answer, Request

__all__ = ["Http1Wire"]

MAX_IDLE = 100
"""Connections that are kept for further requests, at most."""
IDLE_TIME = 30.0
"""Seconds that a connection is kept."""
READ_BYTES = 2**16
"""Bytes that are read from a socket at a time."""
MAX_TRAILERS = 100
"""Headers behind a chunked body, at most. http.client has the same limit for the headers before it."""
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*[;\r]")
SWITCHING_PROTOCOLS = 101
WITHOUT_BODY = (SWITCHING_PROTOCOLS, 204, 304)
"""The statuses of answers that have no body."""
PORTS = {"http": 80, "https": 443}


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
            keep = connection.can_be_used_again
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
        while self._idle:
            self._drop(next(iter(self._idle), None))

    def after_fork_in_child(self) -> None:
        """Close the child's copies of the sockets. The parent's connections stay open."""
        while self._idle:
            self._drop(next(iter(self._idle), None))

    def _take(self, url: str, deadline: float) -> _Connection:
        """Return an idle connection to the host of a URL, or a new one.

        Raises:
            _Failed: no connection can be made.
        """
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        origin = (parts.scheme, parts.hostname or "", port)
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
        # Those that were used least recently come first.
        while (oldest := next(iter(self._idle), None)) is not None and (
            self._closed or len(self._idle) > MAX_IDLE or oldest.idle_since + IDLE_TIME < now
        ):
            self._drop(oldest)

    def _drop(self, connection: _Connection | None) -> None:
        if connection is not None and self._remove(connection):
            connection.shut()

    def _remove(self, connection: _Connection) -> bool:
        """Remove an idle connection. Return False if another thread has taken it."""
        return self._idle.pop(connection, self) is None


class _Connection:
    """One connection, and the exchange that uses it."""

    def __init__(self, origin: tuple[str, str, int], certificates: Certificates, deadline: float) -> None:
        """Connect.

        Raises:
            _Failed: that is impossible, or takes longer than until the deadline.
        """
        scheme, host, port = origin
        self.origin = origin
        self.idle_since = 0.0
        self.can_be_used_again = False
        """Whether the last exchange left the connection in order."""
        self._is_complete = False
        """Whether the last answer was read to its end."""
        self._deadline = deadline
        try:
            self.socket = connect(host, port, self.left)
            if scheme == "https":
                self._encrypt(certificates.context, host)
        except TimeoutError as error:
            raise _Failed("ConnectTimeout") from error
        except (OSError, ValueError, ConnectFailed) as error:
            raise _Failed("ConnectError", error) from error
        self._reader = _Reader(_Bytes(self), READ_BYTES)
        self._http = HTTPConnection(host, port)
        self._http.default_port = PORTS[scheme]
        self._http.response_class = _Response

    def _encrypt(self, context: ssl.SSLContext, host: str) -> None:
        plain = self.socket
        try:
            plain.settimeout(self.left())
            self.socket = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    @property
    def is_usable(self) -> bool:
        """Whether an idle connection can be used: it is open, is young, and nothing has arrived on it."""
        if self.idle_since + IDLE_TIME < SYSTEM_CLOCK.monotonic():
            return False
        self.socket.settimeout(0)
        try:
            # Below TLS, so that a record that has begun to arrive counts.
            socket.socket.recv(self.socket, 1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def exchange(self, request: Request, deadline: float, max_bytes: int) -> Answer:
        """Send a request and read the whole answer.

        Raises:
            _Failed: that is impossible, or takes longer than until the deadline.
            AnswerTooLarge: the body of the answer is too large.
            TruncatedAnswer: the answer was cut off.
        """
        self.can_be_used_again = self._is_complete = False
        self._deadline = deadline
        try:
            sent = self._send(request)
        except TimeoutError as error:
            raise _Failed("WriteTimeout") from error
        except (HTTPException, ValueError) as error:
            raise _Failed("LocalProtocolError") from error
        try:
            response = self._http.getresponse()
            headers = _headers_of(response)
            body = Body(response.status, headers, max_bytes)
            try:
                body.receive(self._parts_of(response, headers), self.check)
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
            and self._is_complete
            and not response.will_close
            and response.status != SWITCHING_PROTOCOLS
            and not self._holds_content()
        )
        return body.answer()

    def _send(self, request: Request) -> bool:
        """Send a request. Return False if the other end closed the connection meanwhile; it may have answered already.

        Raises:
            TimeoutError: the deadline passed.
        """
        # Begin anew, whatever became of the last exchange.
        http = self._http
        http.close()
        channel = http.sock = _Channel(self._reader)
        parts = urlsplit(request.url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        http.putrequest(request.method, target, skip_accept_encoding=True)
        for name, value in (*request.headers, *OWN_HEADERS):
            http.putheader(name, value.encode())
        if request.content:
            http.putheader("content-length", str(len(request.content)))
        http.endheaders(request.content or None)
        unsent = memoryview(b"".join(channel.written))
        try:
            while unsent:
                self.socket.settimeout(self.left())
                unsent = unsent[self.socket.send(unsent) :]
        except TimeoutError:
            raise
        except OSError:
            return False
        return True

    def _parts_of(self, response: HTTPResponse, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Yield the body of an answer as it arrives.

        Raises:
            HTTPException: the body is cut off or malformed.
        """
        if response.status in WITHOUT_BODY:
            pass
        elif "transfer-encoding" in headers:
            while size := self._chunk_size():
                yield from self._exactly(size)
                if self._reader.read(2) != b"\r\n":
                    raise HTTPException("A chunk has no end.")
            for _ in range(MAX_TRAILERS):
                if self._line() == b"\r\n":
                    break
            else:
                raise HTTPException("The answer has too many trailers.")
        elif "content-length" in headers:
            yield from self._exactly(int(headers["content-length"]))
        else:
            while part := self._reader.read1(READ_BYTES):
                yield part
        self._is_complete = True

    def _exactly(self, count: int) -> Iterator[bytes]:
        while count:
            part = self._reader.read1(min(count, READ_BYTES))
            if not part:
                raise HTTPException("The body is cut off.")
            count -= len(part)
            yield part

    def _chunk_size(self) -> int:
        found = CHUNK_SIZE.match(self._line())
        if found is None:
            raise HTTPException("The size of a chunk is malformed.")
        return int(found[1], 16)

    def _line(self) -> bytes:
        line = self._reader.readline(READ_BYTES)
        if not line.endswith(b"\r\n"):
            raise HTTPException("A line is cut off or too long.")
        return line

    def read_into(self, buffer: memoryview) -> int | None:
        """Wait for bytes. Return how many arrived, 0 at the end of the connection, None if the deadline is 0.

        Raises:
            TimeoutError: the deadline passed.
            OSError: the connection broke.
        """
        if not self._deadline:
            return None
        self.socket.settimeout(self.left())
        return self.socket.recv_into(buffer)

    def left(self) -> float:
        """Return the seconds until the deadline.

        Raises:
            TimeoutError: there are none.
        """
        left = self._deadline - SYSTEM_CLOCK.monotonic()
        if left <= 0:
            raise TimeoutError("The deadline passed.")
        return left

    def check(self) -> None:
        """Check the deadline; see ``left``."""
        self.left()

    def shut(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self.socket.close()

    def _holds_content(self) -> bool:
        """Return whether bytes have arrived behind the end of the answer."""
        self._deadline = 0.0
        if self._reader.peek(1):
            return True
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0


class _Bytes(io.RawIOBase):
    """The bytes that arrive on a connection."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        return self._connection.read_into(buffer)


class _Reader(io.BufferedReader):
    """The reader of a connection. The end of an answer does not close it, because the next answer needs it."""

    def close(self) -> None:
        pass


class _Channel:
    """What http.client sees of a connection. It keeps what is written, so that a request is sent in one piece."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self.written: list[bytes] = []

    def makefile(self, mode: str) -> _Reader:
        return self._reader

    def sendall(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        pass


class _Response(HTTPResponse):
    """An answer. Interim answers (1xx) before it are skipped."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != SWITCHING_PROTOCOLS:
            # begin() does nothing while there are headers.
            setattr(self, "headers", None)  # noqa: B010 - typeshed does not know that it may be None
            super().begin()


def _headers_of(response: HTTPResponse) -> dict[str, str]:
    """Return the headers of an answer.

    Raises:
        HTTPException: they are malformed, or do not say where the answer ends.
    """
    message = response.headers
    headers: dict[str, str] = {}
    for name, value in message.items():
        key = name.lower()
        # A header of several lines stands for one with spaces instead of the line breaks.
        text = " ".join(line.strip() for line in value.split("\n")) if "\n" in value else value.strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    if message.defects or headers.get("transfer-encoding", "chunked").lower() != "chunked":
        raise HTTPException("The headers are malformed.")
    if "content-length" in headers:
        lengths = {length.strip() for length in headers["content-length"].split(",")}
        length = lengths.pop()
        if lengths or not (length.isascii() and length.isdigit()):
            raise HTTPException("The Content-Length is malformed.")
        headers["content-length"] = length
    return headers
