"""Connections of asyncio that never outlive their HTTP client, even if calls are cancelled at any moment.

When a call is cancelled during a TLS handshake, httpcore loses the connection: nothing refers to the socket any more,
but it stays open. Here each HTTP client keeps all of its sockets. It can close them at once, without awaiting anything,
even when their event loop is closed.

A cancelled read must lose no bytes, because other calls on an HTTP/2 connection need them. So a read first waits until
the socket is readable, and then takes the bytes without awaiting anything in between.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import httpcore
import httpx

from target_delivery._http.sockets import ConnectFailed, connect_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterable

__all__ = ["AsyncSockets", "SocketsTransport"]

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

READ_BYTES = 2**16


class AsyncSockets(httpcore.AsyncNetworkBackend):
    """Connects the sockets of one HTTP client, and keeps them.

    It uses ``timeout`` only to divide the time among the addresses of a host. All other methods, also those of the
    streams, ignore it, because ``target_delivery_api.transport`` cancels an exchange at its deadline.
    """

    def __init__(self) -> None:
        self._open: set[_Plain] = set()
        self._connecting: set[socket.socket] = set()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers.

        Raises:
            httpcore.ConnectError: no address can be connected to.
            httpcore.ConnectTimeout: the last address did not answer in time.
        """
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        try:
            connection = await connect_async(
                host, port, lambda: None if end is None else max(0.0, end - loop.time()), self._connecting
            )
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except ConnectFailed as error:
            raise httpcore.ConnectError(str(error)) from error
        return _Plain(connection, self._open)

    async def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Close all sockets at once. Calls that wait for one of them fail."""
        for stream in list(self._open):
            stream.close()
        for connection in list(self._connecting):
            connection.close()

    def __del__(self) -> None:
        # A client that nobody closed emits a warning, so its sockets need not warn as well.
        self.close()


class _Stream(httpcore.AsyncNetworkStream):
    """A connection on which TLS can begin."""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return await _handshake(self, ssl_context, server_hostname)


class _Plain(_Stream):
    """A TCP connection."""

    def __init__(self, connection: socket.socket, siblings: set[_Plain]) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._siblings = siblings
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self._hurried = False
        self._cut = False
        siblings.add(self)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._hurried:
            # The last read did not wait. Let other tasks run, even if a server sends faster than its bytes are read.
            self._hurried = False
            await asyncio.sleep(0)
        self._hurried = True
        try:
            while True:
                try:
                    return self._socket.recv(max_bytes)
                except BlockingIOError:
                    self._hurried = False
                    await self._readable()
        except NotImplementedError:  # The event loop of Windows cannot wait for a readable socket.
            return await self._loop.sock_recv(self._socket, max_bytes)
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        try:
            if self._cut:
                raise OSError("An earlier write was cancelled, so the other end cannot understand a further one.")
            try:
                sent = self._socket.send(buffer)
            except BlockingIOError:
                sent = 0
            if sent < len(buffer):
                self._cut = True
                await self._loop.sock_sendall(self._socket, buffer[sent:])
                self._cut = False
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            if not waiting.done():
                waiting.set_result(None)
        self._socket.close()
        self._siblings.discard(self)

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "socket":
                return self._socket
            case "is_readable":
                return self._is_readable()
            case "client_addr":
                return self._socket.getsockname()
            case "server_addr":
                return self._socket.getpeername()
            case _:
                return None

    async def _readable(self) -> None:
        """Wait until the socket is readable or closed."""
        waiting = self._waiting = self._loop.create_future()
        self._loop.add_reader(self._socket, _wake, waiting)
        try:
            await waiting
        finally:
            if self._waiting is waiting:
                self._waiting = None
                self._loop.remove_reader(self._socket)

    def _is_readable(self) -> bool:
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True


class _Encrypted(_Stream):
    """A TLS connection over another connection."""

    def __init__(self, below: httpcore.AsyncNetworkStream, context: ssl.SSLContext, hostname: str | None) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        self._sending = asyncio.Lock()

    async def handshake(self) -> None:
        await self._call(self._tls.do_handshake)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        try:
            return await self._call(self._tls.read, max_bytes)
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLEOFError:
            return b""
        except ssl.SSLError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        try:
            while buffer:
                buffer = buffer[await self._call(self._tls.write, buffer) :]
        except ssl.SSLError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        await self._below.aclose()

    def get_extra_info(self, info: str) -> Any:
        match info:
            case "ssl_object":
                return self._tls
            case _:
                return self._below.get_extra_info(info)

    async def _call(self, function: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """Call a function of the TLS object, and do the input and output that it needs."""
        while True:
            try:
                result = function(*arguments)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._below.read(READ_BYTES)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if self._outgoing.pending:
            async with self._sending:
                await self._below.write(self._outgoing.read())


async def _handshake(
    below: httpcore.AsyncNetworkStream, context: ssl.SSLContext, hostname: str | None
) -> httpcore.AsyncNetworkStream:
    """Return a TLS connection over another connection, which is closed when that fails."""
    try:
        stream = _Encrypted(below, context, hostname)
        await stream.handshake()
    except BaseException as error:
        await below.aclose()
        if isinstance(error, (OSError, ValueError, httpcore.NetworkError)):
            raise httpcore.ConnectError(str(error)) from error
        raise
    return stream


class SocketsTransport(httpx.AsyncHTTPTransport):
    """httpx's transport, with connections whose sockets another object keeps.

    It is a subclass of httpx's transport, so that tools which patch that class (pytest-httpx, OpenTelemetry) work.
    """

    def __init__(
        self,
        sockets: AsyncSockets,
        *,
        verify: ssl.SSLContext,
        http2: bool,
        limits: httpx.Limits,
        proxy: httpx.Proxy | None = None,
    ) -> None:
        super().__init__(verify=verify, http2=http2, limits=limits, proxy=proxy)
        # httpx has no public parameter for a network backend.
        self._pool._network_backend = sockets  # pyright: ignore[reportPrivateUsage]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer as soon as its head has arrived."""
        with _http2_errors():
            response = await super().handle_async_request(request)
        if response.extensions.get("http_version") == b"HTTP/2" and isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Http2Body(response.stream)
        return response


class _Http2Body(httpx.AsyncByteStream):
    """The body of an HTTP/2 answer. Its connection may be damaged: see _http2_errors."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _http2_errors():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        # The pool has given up the HTTP client of a damaged connection, and closes it soon.
        with suppress(httpx.RemoteProtocolError), _http2_errors():
            await self._stream.aclose()


@contextmanager
def _http2_errors() -> Generator[None]:
    """Turn an error that is no error of httpx into a RemoteProtocolError.

    When a call is cancelled while it sets up an HTTP/2 connection, httpcore raises such errors in the calls that share
    the connection: a ValueError of its semaphore, or an error of h2.
    """
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError):
        raise
    except Exception as error:
        raise httpx.RemoteProtocolError(f"The HTTP/2 connection failed: {type(error).__name__}") from error


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
