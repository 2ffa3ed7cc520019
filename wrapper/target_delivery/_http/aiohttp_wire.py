"""Send with aiohttp, the fastest way for asyncio, where the extra ``aiohttp`` is installed.

aiohttp writes requests and reads answers, and keeps a pool of connections for each event loop. The connections are made
here, with a transport of our own, because asyncio's transports cannot keep these promises:

- A socket is closed at once, without awaiting anything, even if its event loop is closed or runs in another thread.
- A connection is used again only if the bytes that arrived on it end exactly where the answer ends. Two parsers must
  agree on that: aiohttp's, and ``_End`` below.

All timeouts of aiohttp are off. A single timer cancels an exchange at its deadline.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import weakref
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._core.flow import Failure
from target_delivery._http import forks
from target_delivery._http.failures import unusable
from target_delivery._http.headers import OWN_HEADERS
from target_delivery._http.sockets import ConnectFailed, connect_async
from target_delivery.errors import CLOSED, ClientClosedError
from target_delivery_api.body import Body
from target_delivery_api.errors import AnswerTooLarge, TruncatedAnswer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from target_delivery._core.flow import Outcome
    from target_delivery._http.certificates import Certificates
    from target_delivery_api.types import Answer, Request

__all__ = ["AiohttpWire"]

MAX_IDLE = 1000
"""Connections of one event loop that are kept for further requests, at most."""
IDLE_TIME = 30.0
"""Seconds that a connection is kept."""
READ_BYTES = 2**16
"""Bytes that are read from a socket at a time, at most."""
MAX_HEAD = 100 * 2**10
"""Bytes that the head of an answer may have."""
TICK = 0.001
"""Seconds that an exchange may end after its deadline, because some event loops count whole milliseconds."""

LATE = Failure("ReadTimeout", may_pass=True)
NO_TIMEOUT = aiohttp.ClientTimeout()


class _Failed(Exception):
    """An exchange failed."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        why = f" ({error})" if error is not None and str(error) else ""
        self.failure = Failure(f"{name}{why}", may_pass=True)


class _Stale(Exception):
    """An idle connection cannot be used again. Nothing was sent on it."""


class AiohttpWire(forks.Watched):
    """Sends the requests of one AsyncTargetClient. Each event loop has connections of its own."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._closed = False
        self._loops: dict[asyncio.AbstractEventLoop, _InLoop] = {}
        forks.watch(self, nullcontext())

    async def exchange(self, request: Request, deadline: float, max_bytes: int) -> Outcome:
        """See ``AsyncWire.exchange``."""
        if self._closed:
            raise ClientClosedError(CLOSED)
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop) or self._enter(loop)
        left = deadline - SYSTEM_CLOCK.monotonic()
        if left <= 0:
            return LATE
        limit = asyncio.timeout_at(loop.time() + left + TICK)
        try:
            async with limit:
                return await here.exchange(request, left, deadline, max_bytes)
        except TimeoutError:
            if limit.expired():
                return here.connector.late()
            raise
        except asyncio.CancelledError:
            here.connector.late()  # Forget that the caller interrupted it: its task may send further requests.
            raise
        except _Failed as error:
            return error.failure
        except (AnswerTooLarge, TruncatedAnswer) as error:
            return unusable(error)
        finally:
            if self._closed:
                here.connector.close_idle()

    def stop(self) -> None:
        """See ``AsyncWire.stop``."""
        self._closed = True

    async def close(self) -> None:
        """See ``AsyncWire.close``."""
        self.stop()
        for here in list(self._loops.values()):
            here.connector.in_its_loop(here.connector.close_idle)

    def after_fork_in_child(self) -> None:
        """Close the child's copies of the sockets. The parent's connections and event loops stay as they are."""
        loops, self._loops = self._loops, {}
        for here in loops.values():
            here.forget()

    def _enter(self, loop: asyncio.AbstractEventLoop) -> _InLoop:
        for ended in [one for one in list(self._loops) if one.is_closed()]:
            left = self._loops.pop(ended, None)
            if left is not None:
                left.end()
        here = self._loops[loop] = _InLoop(loop, self._certificates)
        return here


class _InLoop:
    """The part of a wire that belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, certificates: Certificates) -> None:
        self._certificates = certificates
        self.connector = _Connector(loop)
        self._session = aiohttp.ClientSession(
            connector=self.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_Request,
            timeout=NO_TIMEOUT,
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEAD,
            max_field_size=MAX_HEAD,
        )
        # The finalizer refers to both, so they live until it has run. It also runs when the interpreter ends.
        self.end = weakref.finalize(self, _end, self._session, self.connector)

    async def exchange(self, request: Request, left: float, deadline: float, max_bytes: int) -> Answer:
        """Send a request and read the whole answer. The caller must cancel a wait that lasts beyond the deadline.

        Raises:
            _Failed: the exchange failed, or it was not over at the deadline.
            AnswerTooLarge: the body of the answer is too large.
            TruncatedAnswer: the answer was cut off.
        """
        response = await self._send(request, left)
        connection = response.connection
        transport = connection.transport if connection is not None else None
        try:
            headers = _headers_of(response)
            body = Body(response.status, headers, max_bytes)

            def check() -> None:
                if SYSTEM_CLOCK.monotonic() >= deadline:
                    raise _Failed("ReadTimeout")

            try:
                if isinstance(transport, _Transport):
                    transport.body = response.content
                await body.receive_async(response.content.iter_any(), check)
            except (aiohttp.ClientError, OSError) as error:
                raise TruncatedAnswer(body.answer()) from error
        finally:
            if (connection := response.connection) is not None:
                connection.close()  # response.close() does nothing if the event loop is closed.
            response.close()
        return body.answer()

    async def _send(self, request: Request, left: float) -> aiohttp.ClientResponse:
        """Send a request, and return the answer as soon as its head has arrived.

        Raises:
            _Failed: the connection, the request or the head of the answer failed.
        """
        url = URL(request.url, encoded=True)
        context = self._certificates.context if url.scheme == "https" else True
        try:
            while True:
                with suppress(_Stale):
                    return await self._session.request(
                        request.method,
                        url,
                        headers=(*request.headers, *OWN_HEADERS),
                        data=request.content or None,
                        ssl=context,
                        allow_redirects=False,
                        timeout=aiohttp.ClientTimeout(sock_connect=left + TICK),
                    )
        except aiohttp.ClientOSError as error:
            raise _Failed("ReadError") from error
        except aiohttp.InvalidURL as error:
            raise _Failed("LocalProtocolError") from error
        except aiohttp.ClientError as error:
            raise _Failed("RemoteProtocolError") from error
        except ValueError as error:
            raise _Failed("LocalProtocolError") from error

    def forget(self) -> None:
        """Close the child's copies of the sockets, and nothing more. The connections belong to the parent process."""
        self.end.detach()
        self._session.detach()
        self.connector.forget()


def _end(session: aiohttp.ClientSession, connector: _Connector) -> None:
    """Close all connections of an event loop that has ended, or whose wire is garbage."""
    session.detach()  # A session that has no connector counts as closed.
    connector.in_its_loop(connector.close_all)


class _Request(aiohttp.ClientRequest):
    """A request without aiohttp's default headers. Its body is sent together with its head, and without a task."""

    content: bytes = b""

    def update_auto_headers(self, skip_auto_headers: object) -> None:
        pass

    def update_body_from_data(self, body: Any, *_: Any, **__: Any) -> None:
        if body is not None:
            self.content = body
            self.headers["Content-Length"] = str(len(body))

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        conn.transport.begin(self.content)
        return await super().send(conn)


class _Connector(aiohttp.BaseConnector):
    """Makes the connections of one event loop, and knows all that are open."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=0, keepalive_timeout=IDLE_TIME)
        self._own_loop = loop
        self.interrupted = weakref.WeakSet[asyncio.Task[Any]]()
        """The tasks that were cancelled while they connected."""
        self._connecting: set[socket.socket] = set()
        self._open: set[_Transport] = set()
        self._idle: dict[_Transport, None] = {}

    def __del__(self, _: Any = None) -> None:
        """Do not warn about open connections, as aiohttp does: the finalizer of _InLoop closes them."""

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: object,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the interface of aiohttp
    ) -> ResponseHandler:
        """Connect. aiohttp calls this function when it has no idle connection.

        Raises:
            _Failed: the attempt failed, or it took longer than ``timeout.sock_connect``.
        """
        url, host = req.url, req.url.raw_host or ""
        end = self._own_loop.time() + (timeout.sock_connect or 0.0)  # which _send() always sets
        task = asyncio.current_task()
        transport: _Transport | None = None
        try:
            connection = await connect_async(
                host, url.port or 0, lambda: max(0.0, end - self._own_loop.time()), self._connecting
            )
            transport = _Transport(connection, self._own_loop, self._open, self._idle)
            if url.scheme == "https" and isinstance(req.ssl, ssl.SSLContext):
                await transport.encrypt(req.ssl, host)
            protocol = ResponseHandler(self._own_loop)
            transport.start(protocol)
        except asyncio.CancelledError:
            if task is not None:
                self.interrupted.add(task)
            raise
        except TimeoutError as error:
            raise _Failed("ConnectTimeout") from error
        except (OSError, ValueError, ConnectFailed) as error:
            raise _Failed("ConnectError", error) from error
        finally:
            if transport is not None and not transport.is_started:
                transport.abort()
        return protocol

    def _release(self, key: Any, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        # aiohttp calls this function at the end of an exchange, whether it succeeded or not.
        transport = protocol.transport
        if isinstance(transport, _Transport):
            super()._release(key, protocol, should_close=should_close or not transport.is_done)
            transport.rest()
        else:  # The connection is closed.
            super()._release(key, protocol, should_close=True)

    def late(self) -> Failure:
        """Return the failure of an exchange in this task that reached its deadline."""
        task = asyncio.current_task()
        if task is None or task not in self.interrupted:
            return LATE
        self.interrupted.discard(task)
        return Failure("ConnectTimeout", may_pass=True)

    def in_its_loop(self, function: Callable[[], None]) -> None:
        """Call a function in the thread of the event loop if the loop is running, and otherwise here."""
        loop = self._own_loop
        if loop.is_running() and asyncio._get_running_loop() is not loop:
            with suppress(RuntimeError):  # The event loop has been closed meanwhile.
                loop.call_soon_threadsafe(function)
                return
        function()

    def close_idle(self) -> None:
        """Close the connections that no exchange uses."""
        for transport in list(self._idle):
            transport.abort()

    def close_all(self) -> None:
        """Close all connections."""
        for transport in list(self._open):
            transport.abort()
        self._close_connecting()

    def forget(self) -> None:
        """Close all sockets without touching the event loop, which belongs to another process."""
        for transport in list(self._open):
            transport.close_socket()
        self._close_connecting()

    def _close_connecting(self) -> None:
        while self._connecting:
            self._connecting.pop().close()


class _End:
    """Finds out whether the received bytes end where the answer ends. If the framing is unusual, it says no."""

    __slots__ = ("_end", "_head", "_received", "_tail")

    HEAD = re.compile(rb"\n\r?\n")
    STATUS = re.compile(rb"HTTP/1\.1 (?:(204|304)|[2-5][0-9][0-9])\b")
    FRAMING = re.compile(rb"\n(?:content-length:[ \t]*([0-9]{1,18})[ \t]*\r?\n|(transfer-encoding):)", re.IGNORECASE)
    LAST_CHUNK = b"\r\n0\r\n\r\n"
    NEVER = -1
    CHUNKED = -2

    def __init__(self) -> None:
        self._head: bytearray | None = bytearray()
        self._received = 0
        self._end = self.NEVER
        self._tail = b""

    def add(self, data: bytes) -> None:
        """Take bytes that have arrived.

        Raises:
            aiohttp.ClientPayloadError: the head of the answer is too large.
        """
        self._received += len(data)
        if self._head is not None:
            self._add_to_head(self._head, data)
        if self._end == self.CHUNKED:
            self._tail = (self._tail + data[-7:])[-7:]

    def _add_to_head(self, head: bytearray, data: bytes) -> None:
        start = max(0, len(head) - 2)
        head += data
        found = self.HEAD.search(head, start)
        if found is not None:
            self._head = None
            self._end = self._find_end(bytes(head[: found.end()]))
        elif len(head) > MAX_HEAD:
            raise aiohttp.ClientPayloadError(f"The head of the answer has more than {MAX_HEAD} bytes.")

    def _find_end(self, head: bytes) -> int:
        status = self.STATUS.match(head)
        if status is None:  # for instance 103, which another head follows
            return self.NEVER
        if status[1]:  # No body follows, whatever the headers say.
            return len(head)
        framing = self.FRAMING.findall(head)
        if len(framing) != 1:
            return self.NEVER
        length, chunked = framing[0]
        return self.CHUNKED if chunked else len(head) + int(length)

    @property
    def reached(self) -> bool:
        """Whether the last byte of the answer has arrived, and no byte more."""
        return self._received == self._end or self._tail == self.LAST_CHUNK


class _Transport(asyncio.Transport):
    """A connection, with or without TLS."""

    def __init__(
        self,
        connection: socket.socket,
        loop: asyncio.AbstractEventLoop,
        siblings: set[_Transport],
        idle: dict[_Transport, None],
    ) -> None:
        self._info: dict[str, Any] = {"socket": connection}
        super().__init__(self._info)
        self._socket = connection
        self._loop = loop
        self._siblings = siblings
        self._idle = idle
        self._protocol: ResponseHandler | None = None
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._unsent = bytearray()
        self._content = b""
        self._begun = False
        self._resting = False
        self._paused = False
        self._closed = False
        self.end = _End()
        """Where the answer ends."""
        self.body: aiohttp.StreamReader | None = None
        """The body that is being received."""
        siblings.add(self)

    async def encrypt(self, context: ssl.SSLContext, hostname: str) -> None:
        """Begin TLS.

        Raises:
            OSError: the handshake failed.
            ValueError: the host name is not valid.
        """
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send_handshake()
                data = await self._loop.sock_recv(self._socket, READ_BYTES)
                self._incoming.write(data) if data else self._incoming.write_eof()
            else:
                await self._send_handshake()
                self._tls = tls
                self._info |= {"sslcontext": context, "ssl_object": tls}
                return

    async def _send_handshake(self) -> None:
        if self._outgoing.pending:
            await self._loop.sock_sendall(self._socket, self._outgoing.read())

    def start(self, protocol: ResponseHandler) -> None:
        """Let aiohttp use the connection."""
        self._protocol = protocol
        protocol.connection_made(self)
        self._loop.add_reader(self._socket, self._read)
        if self._incoming.pending:
            self._decrypt()

    @property
    def is_started(self) -> bool:
        """Whether aiohttp uses the connection."""
        return self._protocol is not None

    def begin(self, content: bytes) -> None:
        """Begin an exchange.

        Args:
            content: the body of the request, which is sent behind the head that aiohttp writes.

        Raises:
            _Stale: the connection was kept, but it cannot be used again.
        """
        self._content = content
        if not self._begun:  # A busy server may answer, for example with 503, before it has the request.
            self._begun = True
            return
        # Take the bytes that have arrived meanwhile. They close a resting connection.
        self._read()
        # aiohttp releases a connection while it parses the bytes behind the answer. It has finished now, and knows
        # whether they are another answer.
        if self._closed or self._incoming.pending or self._protocol is None or self._protocol.should_close:
            raise _Stale
        self._idle.pop(self, None)
        self._resting = False
        self.end = _End()
        self.body = None

    @property
    def is_done(self) -> bool:
        """Whether the request was sent completely, and the bytes that have arrived end where the answer ends."""
        return self.end.reached and not self._unsent

    def rest(self) -> None:
        """Keep an open connection for a later exchange. If there are too many, close the one unused for longest."""
        if not self._closed:
            self._resting = True
            self._idle[self] = None
            if len(self._idle) > MAX_IDLE:
                next(iter(self._idle)).abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send the head of a request and its body, in one piece if possible."""
        content, self._content = self._content, b""
        if self._tls is None:
            self._send(bytes(data) + content)
        else:
            try:
                self._tls.write(bytes(data) + content)
            except ssl.SSLError as error:  # also if TLS 1.2 must read first, because the server renegotiates
                self._end_with(error)
            else:
                self._send(self._outgoing.read())

    def _send(self, data: bytes) -> None:
        if self._closed:
            return
        if not self._unsent:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                return  # The server closed the connection, perhaps after an answer, which is read next.
            if data:
                self._loop.add_writer(self._socket, self._send_rest)
        self._unsent += data

    def _send_rest(self) -> None:
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()
        if not self._unsent:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        """Take the bytes that have arrived."""
        if self._closed:
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end_with(error)
            return
        if not data:
            self._end_with(None)
        elif self._tls is None:
            self._receive(data)
        else:
            self._incoming.write(data)
            self._decrypt()

    def _decrypt(self) -> None:
        assert self._tls is not None  # noqa: S101 - the callers have checked
        try:
            while not self._closed:
                data = self._tls.read(READ_BYTES)
                if not data:
                    self._end_with(None)
                    return
                self._receive(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._end_with(error)
        if self._outgoing.pending:  # an answer to a change of keys
            self._send(self._outgoing.read())

    def _receive(self, data: bytes) -> None:
        if self._resting:
            self.abort()
            return
        try:
            self.end.add(data)
        except aiohttp.ClientError as error:
            self._end_with(error)
            return
        if self._protocol is not None:
            self._protocol.data_received(data)

    def _end_with(self, error: Exception | None) -> None:
        """Close the connection. Tell aiohttp in the next round of the event loop, as asyncio's transports do."""
        if self._closed:
            return
        self._closed = True
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            if self._unsent:
                self._loop.remove_writer(self._socket)
            self._loop.call_soon(self._tell, error)
        self.close_socket()

    def _tell(self, error: Exception | None) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connection_lost(error)
        body, self.body = self.body, None
        # aiohttp does not always end the body, for example if its framing is malformed.
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError("The connection ended."))

    def close_socket(self) -> None:
        """Close the socket. Touch neither the event loop nor aiohttp."""
        self._closed = True
        self._socket.close()
        self._siblings.discard(self)
        self._idle.pop(self, None)

    def close(self) -> None:
        """Close the connection. Do not wait for the other end, nor for bytes that have not been sent."""
        self._end_with(None)

    def abort(self) -> None:
        """Close the connection."""
        self._end_with(None)

    def is_closing(self) -> bool:
        """Return whether the connection is closed."""
        return self._closed

    def pause_reading(self) -> None:
        """Read nothing from the socket until resume_reading()."""
        if not self._closed and not self._paused:
            self._paused = True
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        """Read from the socket again."""
        # aiohttp calls this function for each chunk that it gives out.
        if self._paused and not self._closed:
            self._paused = False
            self._loop.add_reader(self._socket, self._read)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes have not been sent."""
        return len(self._unsent)


def _headers_of(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers of an answer.

    Raises:
        _Failed: they do not say where the answer ends.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.raw_headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    length = headers.get("content-length")
    if headers.get("transfer-encoding", "chunked").lower() != "chunked" or (
        length is not None and not (length.isascii() and length.isdigit())
    ):
        raise _Failed("RemoteProtocolError")
    return headers
