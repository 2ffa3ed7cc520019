"""A thread that serves an ASGI application over HTTP/1.1."""

import asyncio
import socket
import threading
from concurrent.futures import Future
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_KEEP_ALIVE_S = 3600
"""Idle connections stay open: a test must not race against their closing."""
_BACKLOG = 2048


class Server:
    """Serves an application from one background thread with an event loop of its own.

    It is built of uvicorn's HTTP protocol on a listening socket of our own, not of `uvicorn.Server`, which
    polls for its end every 0.1 s, waits for connections to close, logs, and cannot stop listening for a
    while.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
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
        self._socket = _bind(host, port)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=f"sandbox-{self.address[1]}", daemon=True)
        self._thread.start()
        self._started.result()

    def close(self) -> None:
        """Stop at once: open connections are cut."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        listener = await self._loop.create_server(self._protocol, sock=self._socket, backlog=_BACKLOG)
        self._started.set_result(None)
        await self._stop.wait()
        listener.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        # asyncio.run cancels the tasks of requests that are still being answered.
        await listener.wait_closed()

    def _protocol(self) -> asyncio.Protocol:
        return _Protocol(self._config, self._state, {})


class _Protocol(H11Protocol):
    """uvicorn's HTTP protocol without its access log; the application finds the transport in its scope."""

    def __init__(self, config: uvicorn.Config, state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, state, app_state)
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.app_state["transport"] = transport


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_REUSEPORT"):  # not on Windows, where SO_REUSEADDR lets two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listening
