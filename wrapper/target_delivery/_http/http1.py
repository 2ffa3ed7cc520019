"""Send over HTTP/1.1, and read the answers with http.client of the standard library: the fastest way for threads.

The connections are made and kept here. Before every wait, a socket gets the time that is left until the deadline as its
timeout.
"""

from __future__ import annotations

import io
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
    from collections.abc import Callable, Iterator
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
        # Those that were used least recently come first.
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
            _Failed: that is impossible, or takes longer than until the deadline.
        """
        parts = urlsplit(origin)
        host = parts.hostname or ""
        self.origin = origin
        self.idle_since = 0.0
        self.can_be_used_again = False
        """Whether the last exchange left the connection in order."""
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
            _Failed: that is impossible, or takes longer than until the deadline.
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
                body.receive(_parts_of(response), self._line.check)
                if response.length and not body.full:
                    raise TruncatedAnswer(body.answer())
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
        whole = response.isclosed() or response.length == 0
        self.can_be_used_again = (
            sent and whole and not response.will_close and response.status != 101 and not self._holds_content()
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
            OSError: that is impossible, or takes longer than until the deadline.
            ValueError: the host has no name that a certificate can have.
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
            # Below TLS, so that a record that has begun to arrive counts.
            socket.socket.recv(self.socket, 1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def has_decrypted(self) -> bool:
        """Return whether TLS holds bytes that were not read."""
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
        # http.client only asks the socket for the reader.
        super().__init__(cast("socket.socket", reader), method=method)

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != 101:
            # begin() does nothing while there are headers.
            setattr(self, "headers", None)  # noqa: B010 - typeshed does not know that it may be None
            super().begin()


def _head_of(request: Request) -> bytes:
    """Return the head of a request.

    Raises:
        ValueError: a part of the request has the end of a line in it.
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
        raise ValueError("A line of a request must not end early.")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _headers_of(response: HTTPResponse) -> dict[str, str]:
    """Return the headers of an answer.

    Raises:
        HTTPException: they do not say where the answer ends.
    """
    message = response.headers
    headers: dict[str, str] = {}
    for name, value in message.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    length = headers.get("content-length")
    if (
        message.defects
        or headers.get("transfer-encoding", "chunked").lower() != "chunked"
        or (length is not None and not (length.isascii() and length.isdigit()))
    ):
        raise HTTPException("The headers are malformed.")
    return headers


def _parts_of(response: HTTPResponse) -> Iterator[bytes]:
    while part := response.read1(READ_BYTES):
        yield part
