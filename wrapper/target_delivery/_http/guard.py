"""Send through the caller's own ``httpx.AsyncClient``, so that a call that ends early leaves nothing behind in it.

httpcore loses connections when a task that uses them is cancelled at the wrong moment: a socket in a TLS handshake
stays open, or a place in the pool stays taken for ever. asyncio cancels at any moment. So the exchange runs in a task
of its own, which a cancellation of the caller does not reach. A call that ends early gives the task up:

1. The task ends at its next step by an ordinary exception. If it waits for bytes of the answer, it is cancelled:
   httpcore is prepared for a cancellation there. httpcore reports each step to the request's extension ``trace``.
2. Afterwards the guard tidies the pool. It removes connections that no request uses, and closes sockets that no
   connection of the pool uses. That needs private attributes of httpx and httpcore. Without them, or with another
   transport than httpx's, this part does nothing.

The garbage collector closes one kind of connection: anyio loses a connection if it is cancelled at the moment when the
connection is made.

An HTTP client of the SDK needs none of this: see Pool.
"""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery.errors import OptionError
from target_delivery_api import transport
from target_delivery_api.clients import library_of

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    import httpcore
    from httpcore import AsyncNetworkStream as _Stream

    from target_delivery_api.clients import AsyncHttpClient, HttpClient
    from target_delivery_api.types import Answer, Request

__all__ = ["Guard", "stream_of"]

GRACE = 0.15
"""Seconds that an exchange that is given up has to end its step. Then it is cancelled in the middle of the step."""
OWN_END = 0.05
"""Seconds after the deadline of a call at which its exchange ends by the timeouts of httpcore."""

TICK = 0.001
"""Seconds that a wait may last beyond its end, for event loops that count whole milliseconds, such as uvloop."""

END_TIME = 0.5
"""Seconds that an exchange that is given up needs to end, at most; more than GRACE and OWN_END."""
MANY_STREAMS = 200
"""When the guard knows this many network streams, it forgets the closed ones."""
CONNECTING_STEPS = ("connect_tcp", "start_tls")
"""Steps whose result is a network stream."""
ENDING_STEPS = (*CONNECTING_STEPS, "send_request_headers")
"""At the beginning of these steps an exchange can end without harm to others on the same connection."""

CORES = ("httpcore", "httpcore2")
"""The libraries that httpx and httpx2 use for their connections. They have the same interface."""


class _GivenUp(Exception):
    """The call has ended."""


class _Exchange:
    """The state of one exchange, as httpcore reports it."""

    def __init__(self, streams: dict[_Stream, _Exchange]) -> None:
        self._streams = streams
        self._stream: _Stream | None = None
        self._steps: list[str] | None = None
        """The steps under way, from the outermost to the innermost; None before the first."""
        self.given_up = False
        self.ended = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Note the beginning or the end of a step. An exchange that is given up ends at its next step.

        httpcore awaits this function, the value of the extension ``trace``.
        """
        step, _, stage = event.rpartition(".")
        if self._steps is None:
            self._steps = []
        if stage == "started":
            if self.given_up and step.endswith(ENDING_STEPS):
                raise _GivenUp
            self._steps.append(step)
            return
        if self._steps:
            self._steps.pop()
        if stage == "complete" and step.endswith(CONNECTING_STEPS):
            # With TLS, the second stream contains the first.
            if self._stream is not None:
                self._streams.pop(self._stream, None)
            self._stream = info["return_value"]
            self._streams[info["return_value"]] = self

    @property
    def can_be_cancelled(self) -> bool:
        """Whether httpcore is prepared for a cancellation now: while it waits for a free connection, or for bytes."""
        return self._steps is None or any(".receive_response" in step for step in self._steps)


class Guard:
    """Sends the requests of one client. The calls of one event loop share it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._tidying = False
        self._streams: dict[_Stream, _Exchange] = {}
        """The network streams that exchanges of this guard made."""
        self._retired: list[httpcore.AsyncConnectionInterface] = []
        """HTTP/2 connections that are to be closed when their requests have ended."""

    async def exchange(self, client: AsyncHttpClient, request: Request, *, deadline: float, max_bytes: int) -> Answer:
        """Send a request and read the whole answer; see ``target_delivery_api.transport.asyncio``.

        Raises:
            OptionError: the HTTP client has connections of another event loop, which still exists.
        """
        self._enter_loop(client)
        watched = _Exchange(self._streams)
        task = asyncio.create_task(
            self._send(client, request, watched, deadline, max_bytes), name="target-delivery-send"
        )
        try:
            await asyncio.wait((task,), timeout=max(0.0, deadline - SYSTEM_CLOCK.monotonic()) + TICK)
        finally:
            if not task.done():
                self._start(self._end(client, task, watched))
            elif task.cancelled() or task.exception() or self._retired or len(self._streams) > MANY_STREAMS:
                self._tidy_soon(client)
        if not task.done():
            raise library_of(client).ReadTimeout("The deadline passed before the answer was complete.")
        return task.result()

    async def finish(self) -> None:
        """Wait until the exchanges that were given up have ended, at most twice END_TIME."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + END_TIME
        while ending := {task for task in self._ending if task.get_loop() is loop}:
            if loop.time() >= deadline:
                return
            await asyncio.wait(ending, timeout=END_TIME)

    async def _send(
        self, client: AsyncHttpClient, request: Request, watched: _Exchange, deadline: float, max_bytes: int
    ) -> Answer:
        try:
            return await transport.exchange(
                client, request, deadline=deadline + OWN_END, max_bytes=max_bytes, trace=watched
            )
        finally:
            watched.ended = True

    async def _end(self, client: AsyncHttpClient, task: asyncio.Task[Answer], watched: _Exchange) -> None:
        """End an exchange that is given up."""
        watched.given_up = True
        with suppress(AttributeError):
            self._retire(client, watched)
        if not watched.can_be_cancelled:
            await asyncio.wait((task,), timeout=GRACE)
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()  # Otherwise asyncio complains that nobody retrieved it.
        self._tidy_soon(client)

    def _tidy_soon(self, client: AsyncHttpClient) -> None:
        """Tidy once for all exchanges that end at about the same time."""
        if not self._tidying:
            self._tidying = True
            self._start(self._tidy_once(client))

    async def _tidy_once(self, client: AsyncHttpClient) -> None:
        await asyncio.sleep(0)
        self._tidying = False
        with suppress(AttributeError):
            await self._tidy(client)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="target-delivery-end")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    # The rest uses private attributes of httpx and httpcore. An AttributeError means that they have changed.

    def _retire(self, client: AsyncHttpClient, watched: _Exchange) -> None:
        """Let no further request use the HTTP/2 connection of an exchange that is given up.

        The server does not learn that nobody wants the answer any more. The bytes that it still sends would use up the
        window of the connection.
        """
        for pool in _pools(client):
            for queued in pool._requests:
                connection = queued.connection
                if (
                    _exchange_of(queued.request) is watched
                    and connection in pool._connections
                    and isinstance(getattr(connection, "_connection", None), _core_types("AsyncHTTP2Connection"))
                ):
                    pool._connections.remove(connection)
                    self._retired.append(connection)

    async def _tidy(self, client: AsyncHttpClient) -> None:
        """Remove ended requests from the pools, and connections that no request uses and that are not idle.

        Then close the network streams that no connection uses any more.
        """
        unused: list[httpcore.AsyncConnectionInterface | _Stream] = []
        streams: set[_Stream | None] = set()
        for pool in _pools(client):
            for queued in pool._requests.copy():
                watched = _exchange_of(queued.request)
                if watched is not None and watched.ended:
                    pool._requests.remove(queued)
            requested = {request.connection for request in pool._requests}
            for connection in pool.connections:
                if connection not in requested and not (connection.is_idle() or connection.is_closed()):
                    pool._connections.remove(connection)
                    unused.append(connection)
            for connection in self._retired.copy():
                if connection not in requested:
                    self._retired.remove(connection)
                    unused.append(connection)
            # A request may have waited for the place of a removed connection.
            unused += pool._assign_requests_to_connections()
            streams.update(map(_stream_of, (*pool.connections, *self._retired, *requested)))
        for stream, watched in list(self._streams.items()):
            if watched.ended and stream not in streams:
                del self._streams[stream]
                unused.append(stream)
        for one in unused:
            with suppress(Exception):
                await one.aclose()

    def _enter_loop(self, client: AsyncHttpClient) -> None:
        """Forget the connections of an earlier event loop, which is closed."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        with suppress(AttributeError):
            pools = _pools(client)
            if pools and self._loop is not None:
                if not self._loop.is_closed():
                    raise OptionError(
                        "The http_client has connections of another event loop, which is not closed. Use a client, "
                        "with an http_client of its own, for each event loop."
                    )
                for pool in pools:
                    pool._connections.clear()
                    pool._requests.clear()
                self._streams.clear()
                self._retired.clear()
                self._tidying = False
        self._loop = loop


def _exchange_of(request: httpcore.Request) -> _Exchange | None:
    found = request.extensions.get("trace")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return found if isinstance(found, _Exchange) else None


def _stream_of(connection: Any) -> _Stream | None:
    """Return the network stream of a connection; None while it is being made."""
    while hasattr(connection, "_connection"):
        connection = connection._connection
    stream: _Stream | None = None if connection is None else connection._network_stream
    return stream


def stream_of(client: HttpClient, trace: object) -> httpcore.NetworkStream | None:
    """Return the network stream that an exchange uses; None while it has none.

    Args:
        client: the client that sends.
        trace: the extension ``trace`` of the request.

    Raises:
        AttributeError: the private attributes of httpx and httpcore have changed.
    """
    for pool in _pools(client):
        for queued in list(pool._requests):
            if queued.request.extensions.get("trace") is trace:
                found: Any = _stream_of(queued.connection)
                stream: httpcore.NetworkStream | None = found
                return stream
    return None


def _pools(client: HttpClient | AsyncHttpClient) -> list[Any]:
    """Return httpcore's pools of an HTTP client."""
    transports = (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values())
    pools: list[Any] = [getattr(one, "_pool", None) for one in transports]
    return [pool for pool in pools if isinstance(pool, _core_types("AsyncConnectionPool", "ConnectionPool"))]


def _core_types(*names: str) -> tuple[type[Any], ...]:
    """Return classes of httpcore and their twins of httpcore2, as far as they are imported."""
    return tuple(getattr(sys.modules[core], name) for core in CORES if core in sys.modules for name in names)
