"""Deadlines: how a call ends in time, whatever the other end does.

A flow gives each request one deadline, and the wire keeps it (wires.py). There are two ways:

asyncio
    ``asyncio.timeout`` cancels the exchange. The sockets that a cancelled exchange leaves open are closed: see
    aiohttp_wire.py for aiohttp, pool.py for the SDK's own clients of httpx, and guard.py for the caller's client.
threads
    Before every wait, a socket gets the time that the call has left as its timeout. http1.py does this for its own
    sockets, and DeadlineTransport, below, for those of httpx. httpx's own transport cannot do it: it sets one timeout
    for each single read, so a server that sends a byte now and then is never late.

The caller's own synchronous ``http_client`` has sockets of httpx. There ``target_delivery_api.transport`` limits each
phase of the exchange to the time left when the phase starts, and watchdog.py shuts the socket down at the deadline.

A host name is looked up in a thread of its own (names.py). A call waits for that thread until its deadline at most.
"""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING, Any, cast

import httpcore
import httpx
from httpcore._backends.sync import SyncStream, TLSinTLSStream

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._http.calling import CALLING
from target_delivery._http.sockets import ConnectFailed, connect

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

__all__ = ["DeadlineTransport"]


def _left(limit: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """Return the seconds that this thread may wait now: the rest of its call, but at most ``limit``.

    Raises:
        TimeoutException: the deadline passed. ``late`` is the kind of exception.
    """
    if CALLING.deadline is None:
        return limit
    left = CALLING.deadline - SYSTEM_CLOCK.monotonic()
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
            # The caller has no reference yet, so close the socket here.
            self.close()
            raise
        if isinstance(self._socket, ssl.SSLSocket):  # the connection to a proxy with TLS
            return _tunnel(self, ssl_context, server_hostname)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True  # Bytes that are already decrypted are no longer on the socket.
        return self._stream.get_extra_info(info)


class _Below:
    """The methods of a socket that a TLSinTLSStream needs, for a stream that keeps the deadline."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self.recv: Callable[[int], bytes] = stream.read
        self.sendall: Callable[[bytes], None] = stream.write
        self.close: Callable[[], None] = stream.close

    def settimeout(self, timeout: float | None) -> None:
        """Do nothing, because the stream sets the timeout of its socket itself."""

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        descriptor: int = self._stream.get_extra_info("socket").fileno()
        return descriptor


class _Tunnel(TLSinTLSStream):
    """A TLS connection inside the TLS connection to a proxy."""

    def __init__(self, below: _Stream, context: ssl.SSLContext, hostname: str | None) -> None:
        self._below = below
        super().__init__(cast("socket.socket", _Below(below)), context, hostname)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return bool(self.ssl_obj.pending()) or self._below.get_extra_info(info)
        return self.ssl_obj if info == "ssl_object" else self._below.get_extra_info(info)


def _tunnel(below: _Stream, context: ssl.SSLContext, hostname: str | None) -> httpcore.NetworkStream:
    """Return a TLS connection inside another one, which is closed when that fails."""
    try:
        return _Tunnel(below, context, hostname)
    except BaseException as error:
        below.close()
        if isinstance(error, (OSError, ValueError, httpcore.NetworkError)):
            raise httpcore.ConnectError(str(error)) from error
        raise


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
            return _Stream(SyncStream(connect(host, port, lambda: _left(timeout, httpcore.ConnectTimeout))))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except ConnectFailed as error:
            raise httpcore.ConnectError(str(error)) from error


class DeadlineTransport(httpx.HTTPTransport):
    """Ends every exchange at the deadline in the request's extension ``deadline``, in ``time.monotonic()`` seconds.

    The thread that sends a request must also read the answer.

    It is a subclass of httpx's transport, so that tools which patch that class (pytest-httpx, OpenTelemetry) work.
    """

    def __init__(
        self, *, verify: ssl.SSLContext, http2: bool, limits: httpx.Limits, proxy: httpx.Proxy | None = None
    ) -> None:
        super().__init__(verify=verify, http2=http2, limits=limits, proxy=proxy)
        # httpx has no public parameter for a network backend.
        self._pool._network_backend = _Backend()  # pyright: ignore[reportPrivateUsage]
        # A signal handler that raises an exception can interrupt httpcore's own lock, which is written in Python, so
        # that it stays locked. Then this call, which closes its connections, would wait forever.
        lock: Any = threading.RLock()
        self._pool._optional_thread_lock = lock  # pyright: ignore[reportPrivateUsage]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer as soon as its head has arrived."""
        CALLING.deadline = deadline = request.extensions.get("deadline")
        response = super().handle_request(request)
        response.extensions["deadline"] = deadline  # tells that it is kept
        return response
