from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from target_delivery.outbox import MemoryStore, RedisStore, Store
from target_delivery.sandbox import Sandbox
from tests.integration.outbox.redis_world import Open
from tests.integration.outbox.world import AsyncOutbox, Make, ThreadsOutbox


@pytest.fixture
def edge() -> Iterator[Sandbox]:
    with Sandbox() as edge:
        yield edge


@pytest.fixture(params=["threads", "asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(kind: str, edge: Sandbox) -> Iterator[Make]:
    """Make outboxes of the kind under test, in memory unless they are given a store."""
    made: list[ThreadsOutbox | AsyncOutbox] = []

    def create(store: Store | None = None, client: dict[str, Any] | None = None, **given: Any) -> Any:
        client_options = {**edge.client_options(), **(client or {})}
        cls = ThreadsOutbox if kind == "threads" else AsyncOutbox
        outbox = cls(client_options, MemoryStore() if store is None else store, **given)
        made.append(outbox)
        return outbox

    yield create
    for outbox in made:
        outbox.end()


class Redis:
    """A real redis-server that keeps everything on disk, with more settings if need be."""

    def __init__(self, binary: str, directory: Path, settings: Mapping[str, str] = {}) -> None:
        self._binary = binary
        self._directory = directory
        self._settings = settings
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.start()

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        settings = {"port": self._port, "bind": "127.0.0.1", "dir": self._directory, "save": ""}
        settings |= {"appendonly": "yes", "appendfsync": "always", **self._settings}
        arguments = [argument for name, value in settings.items() for argument in (f"--{name}", str(value))]
        self._process = subprocess.Popen([self._binary, *arguments], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it take connections and commands, and answer nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed on this machine")
    pytest.importorskip("redis", reason='the extra "redis" is not installed')
    server = Redis(binary, tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis(redis_server: Redis) -> Redis:
    """The session's redis-server, emptied."""
    import redis

    with redis.Redis.from_url(redis_server.url()) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def open_redis(redis: Redis) -> Iterator[Open]:
    """Open stores on the session's redis-server, or on another one."""
    with contextlib.ExitStack() as stack:

        def create(url: str | None = None, **given: Any) -> RedisStore:
            store = RedisStore(redis.url() if url is None else url, **given)
            stack.callback(store.close)
            return store

        yield create


@pytest.fixture
def redis_client(redis: Redis) -> Iterator[Any]:
    """Redis as other clients see it."""
    import redis as package

    with package.Redis.from_url(redis.url(), protocol=2) as client:
        yield client
