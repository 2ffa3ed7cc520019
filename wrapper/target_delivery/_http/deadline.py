"""HTTP for threads that ends at the deadline of a call, whatever the other end does.

httpcore gives every read of a phase the time that the phase had when it began: a server that sends a byte now and
then is waited for without end. Here every wait of a socket gets what the call has left.

Two things can outlast it: the look-up of a name, which the operating system does, and with HTTP/2 another call that
reads from the connection they share, until that one's deadline.
"""

from __future__ import annotations

import socket
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

__all__ = ["DeadlineTransport"]

SHORTEST_CONNECT = 0.25
"""Seconds that an address is given to answer at least, while there are more; what RFC 8305 advises."""


class _Call(threading.local):
    """The call that a thread is busy with. With HTTP/2 a connection has many of them, in a thread each."""

    deadline: float | None = None


_call = _Call()


def _left(limit: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """Return how long the thread may wait now, at most `limit`."""
    if _call.deadline is None:
        return limit
    left = _call.deadline - monotonic()
    if left <= 0:
        raise late("The deadline passed.")
    return left if limit is None or left < limit else limit


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._socket.settimeout(_left(timeout, httpcore.ReadTimeout))
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            while buffer:
                self._socket.settimeout(_left(timeout, httpcore.WriteTimeout))
                buffer = buffer[self._socket.send(buffer) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            limit = _left(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            # Nobody has it yet who would.
            self.close()
            raise
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for tried, (*_, address) in enumerate(found):
            limit = _left(timeout, httpcore.ConnectTimeout)
            if limit is not None:
                # One that does not answer leaves time for the others.
                limit = min(limit, max(limit / (len(found) - tried), SHORTEST_CONNECT))
            try:
                return _Stream(super().connect_tcp(str(address[0]), port, limit, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address.")


class DeadlineTransport(httpx.HTTPTransport):
    """Heeds the extension ``deadline`` of a request: monotonic seconds. The thread that sends it reads the answer.

    Still a transport of httpx, so that what is put around those (pytest-httpx, OpenTelemetry) is put around this.
    """

    def __init__(self, *, verify: ssl.SSLContext, http2: bool, limits: httpx.Limits) -> None:
        super().__init__(verify=verify, http2=http2, limits=limits)
        # httpx has no public way to give it a network backend.
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http2=http2,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, and return the answer when its head is there."""
        _call.deadline = request.extensions.get("deadline")
        return super().handle_request(request)
