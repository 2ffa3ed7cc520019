"""A thread that serves an ASGI application over HTTP/1.1."""

import asyncio
import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_KEEP_ALIVE_S = 3600
"""Seconds. Idle connections stay open for as long as any test runs, so that no test races against their end."""
_BACKLOG = 2048
_NO_LINGER = struct.pack("ii", 1, 0)
"""Value of SO_LINGER with which closing a socket resets its connection."""


class Connection:
    """The connection of a request, as the application finds it at ``scope["state"]["connection"]``."""

    def __init__(self, transport: asyncio.Transport, stopping: asyncio.Event) -> None:
        self._transport = transport
        self._stopping = stopping

    @property
    def server_stopping(self) -> bool:
        """Whether the server is being closed."""
        return self._stopping.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait. Returns earlier if the server is being closed."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    def end(self, *, reset: bool) -> None:
        """Close the connection after everything that was written, or reset it (TCP RST).

        After a reset the bytes that are in the socket buffers may still arrive. Most answers fit into these buffers.
        """
        if not reset:
            self._transport.close()
        elif not self._transport.is_closing():
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()


class Server:
    """Serves an application from one background thread with an event loop of its own.

    It uses uvicorn's HTTP protocol on a listening socket of its own. `uvicorn.Server` does not fit: it checks for its
    end every 0.1 s only, waits for connections to close, logs, and cannot stop listening for a while.

    Args:
        app: the application.
        host: address to listen on.
        port: TCP port; 0 takes any free one.
        port_closed: returns whether connections are refused; called at the start and by each `update`.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, port_closed: Callable[[], bool]) -> None:
        self._config = uvicorn.Config(
            app,
            http=H11Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        self._config.load()
        self._state = ServerState()
        self._port_closed = port_closed
        self._listener: asyncio.Server | None = None
        self._socket = _bind(host, port)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=f"sandbox-{self.address[1]}", daemon=True)
        self._thread.start()
        self._started.result()

    def close(self) -> None:
        """Stop at once and cut open connections."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def update(self) -> None:
        """Open or close the port as `port_closed` says. It is done when this returns."""
        done = asyncio.run_coroutine_threadsafe(self._update(), self._loop)
        # In the server's own thread, for example in a callback, the wait would never end.
        if threading.current_thread() is not self._thread:
            done.result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._socket.close()
            self._started.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._updating = asyncio.Lock()
        await self._update()
        self._started.set_result(None)
        await self._stopping.wait()
        if self._listener is not None:
            self._listener.close()
        self._socket.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=1)

    async def _update(self) -> None:
        async with self._updating:
            closed = self._port_closed()
            if self._stopping.is_set():
                return
            if closed and self._listener is not None:
                self._close_port(self._listener)
                self._listener = None
            elif not closed and self._listener is None:
                self._listener = await self._loop.create_server(self._protocol, sock=self._socket, backlog=_BACKLOG)

    def _close_port(self, listener: asyncio.Server) -> None:
        """Stop listening but keep the port. A bound socket that does not listen refuses connections."""
        listener.close()
        self._socket = _bind(*self.address)
        for connection in list(self._state.connections):
            connection.shutdown()

    def _protocol(self) -> asyncio.Protocol:
        return _Protocol(self._config, self._state, self._stopping)


class _Protocol(H11Protocol):
    """uvicorn's HTTP protocol without its access log, and with a `Connection` for the application."""

    def __init__(self, config: uvicorn.Config, state: ServerState, stopping: asyncio.Event) -> None:
        app_state: dict[str, Any] = {}
        super().__init__(config, state, app_state)
        self.access_log = False
        self._stopping = stopping

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.app_state["connection"] = Connection(transport, self._stopping)


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere SO_REUSEADDR lets two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return bound
