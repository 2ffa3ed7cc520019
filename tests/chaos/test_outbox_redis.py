"""RedisStore on a Redis that fills up, stops, restarts, hangs or fails over."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from target_delivery import StoreError
from target_delivery.outbox import RedisStore, Settlement
from target_delivery.sandbox import Sandbox
from tests.integration.outbox.conftest import Redis
from tests.integration.outbox.redis_world import PREFIX, Open, claim_all, counts, item
from tests.integration.outbox.world import Make, notification, options, require_counted_once


@pytest.fixture
def start_redis(redis_server: Redis, tmp_path: Path) -> Iterator[Callable[..., Redis]]:
    """Start redis-servers of their own settings."""
    started: list[Redis] = []

    def start(**settings: str) -> Redis:
        directory = tmp_path / f"redis{len(started)}"
        directory.mkdir()
        more = {name.replace("_", "-"): value for name, value in settings.items()}
        started.append(Redis("redis-server", directory, more))
        return started[-1]

    yield start
    for one in started:
        one.kill()


class Detour:
    """An address that leads to one server after the other, as a name or a virtual address does after a failover."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
                self.connections += 1
                self._sockets += (near, far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def test_after_a_failover_the_new_master_is_used(start_redis: Callable[..., Redis], open_redis: Open) -> None:
    import redis as package

    old, new = start_redis(), start_redis()
    with (
        package.Redis.from_url(old.url(), protocol=2) as old_client,
        package.Redis.from_url(new.url(), protocol=2) as new_client,
        contextlib.closing(Detour(int(old.url().split(":")[2].split("/")[0]))) as detour,
    ):
        store = open_redis(detour.url)
        store.append([item("before")])
        detour.port = int(new.url().split(":")[2].split("/")[0])
        old_client.replicaof("127.0.0.1", detour.port)
        store.append([item("after")])
        assert new_client.scard(f"{PREFIX}routes") == 1
        # As long as there is no other master it is an error, soon.
        new_client.replicaof("127.0.0.1", 1)
        started = time.monotonic()
        with pytest.raises(StoreError, match="ReadOnlyError"):
            store.append([item("nowhere")])
        assert time.monotonic() - started < 4
        store.close()


@pytest.mark.parametrize("kind", ["threads"])
def test_deadlines_are_kept_when_redis_hangs(start_redis: Callable[..., Redis], edge: Sandbox, make: Make) -> None:
    server = start_redis()
    store = RedisStore(server.url())
    outbox = make(store, linger=0.0)
    outbox.send_notifications(options(notification("before")))
    assert outbox.flush(10) == 0
    with server.hanging():
        for work in (
            lambda: store.append([item()]),
            lambda: RedisStore(server.url()),
            lambda: outbox.close(1),
        ):
            started = time.monotonic()
            with pytest.raises(StoreError, match="TimeoutError"):
                work()
            assert time.monotonic() - started < 5


def test_a_redis_that_restarts_is_waited_for(redis: Redis, open_redis: Open) -> None:
    store = open_redis()
    store.append([item()])
    redis.kill()
    restart = threading.Timer(0.3, redis.start)
    restart.start()
    try:
        assert len(claim_all(store)) == 1
    finally:
        restart.join()


def test_a_full_redis_can_be_opened_and_drained(start_redis: Callable[..., Redis], open_redis: Open) -> None:
    import redis as package

    server = start_redis(maxmemory_policy="noeviction")
    store = open_redis(server.url())
    store.dedicate("acme")
    store.append([item("a"), item("b"), item("c", "36")])
    with package.Redis.from_url(server.url(), protocol=2) as client:
        client.config_set("maxmemory", "100kb")
    with pytest.raises(StoreError, match="used memory > 'maxmemory'"):
        store.append([item()])
    store = open_redis(server.url())
    store.dedicate("acme")
    claimed = claim_all(store)
    store.settle(Settlement(confirmed=claimed[1:], aside=[(claimed[0], "refused", "")]), 0.0)
    assert store.replay(None, 0.0) == 1
    store.settle(Settlement(confirmed=claim_all(store)), 0.0)
    assert counts(store) == (0, 0, 3, 0, 0)


def test_a_cluster_is_refused(start_redis: Callable[..., Redis]) -> None:
    server = start_redis(cluster_enabled="yes")
    with pytest.raises(StoreError, match=r"redis://127.* is a Redis Cluster, which RedisStore cannot use"):
        RedisStore(server.url())


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ({}, None),
        ({"appendfsync": "everysec"}, "has appendfsync everysec, not always: a crash loses .* of the last second"),
        ({"appendfsync": "no"}, "has appendfsync no, not always: a crash loses .* of the last seconds"),
        ({"appendonly": "no"}, "has appendonly no: a crash loses notifications"),
        ({"maxmemory-policy": "allkeys-lru"}, "may evict the outbox: set maxmemory-policy to noeviction"),
        (None, "does not tell its settings: a crash loses notifications, unless"),
    ],
)
def test_settings_that_can_lose_items_are_told_of(
    start_redis: Callable[..., Redis],
    open_redis: Open,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, str] | None,
    warning: str | None,
) -> None:
    import redis as package

    server = start_redis(**settings or {})
    url = server.url()
    if settings is None:
        # As services that manage Redis do.
        with package.Redis.from_url(url, protocol=2) as client:
            client.execute_command("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-config", "-info")
        url = url.replace("redis://", "redis://app:secret@")
    own = logging.getLogger("test_outbox_redis")
    for logger in (None, own):
        caplog.clear()
        open_redis(url, logger=logger)
        told = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert len(told) == (warning is not None)
        for record in told:
            assert record.name == ("adobe.target" if logger is None else own.name)
            assert "secret" not in record.getMessage()
            assert re.search(warning or "", record.getMessage())


def test_a_fork_amid_commands_of_other_threads(redis: Redis, open_redis: Open) -> None:
    """A child has a pool of connections of its own: that of the parent may be locked for ever."""
    store = open_redis()
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            store.append([item()])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    before = store._redis
    try:
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    store.append([item()])
                    code = int(store._redis is before)
                finally:
                    os._exit(code)
            assert os.waitpid(pid, 0)[1] == 0
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert store._redis is before
    assert store.stats(time.time()).pending >= 20


@pytest.mark.parametrize("kind", ["threads"])
def test_a_store_that_fails_for_a_while_is_used_again(edge: Sandbox, make: Make, redis: Redis) -> None:
    outbox = make(RedisStore(redis.url()), linger=0.0)
    outbox.send_notifications(options(notification("before")))
    assert outbox.flush(10) == 0
    redis.kill()
    with pytest.raises(StoreError, match="ConnectionError"):
        outbox.send_notifications(options(notification("lost, and said so")))
    redis.start()
    outbox.send_notifications(options(notification("after")))
    assert outbox.flush(40) == 0
    require_counted_once(edge, {"before", "after"})
