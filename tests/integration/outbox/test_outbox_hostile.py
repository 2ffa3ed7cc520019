"""Damaged files, full disks, forks and exits without a close lose nothing, overwrite nothing and never hang."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from target_delivery import StoreError, TargetClient
from target_delivery._core.clock import Clock
from target_delivery.outbox import Item, MemoryStore, NotificationOutbox, RedisStore, SQLiteStore
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import RefusedConnection
from tests.integration.outbox.conftest import Redis
from tests.integration.outbox.world import Make, notification, options, require_counted_once


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a closed outbox with a hundred items."""
    path = tmp_path / "outbox.db"
    store = SQLiteStore(path)
    store.append([Item(f"g{number}", "", b"x" * 1000, 0.0, 0.0) for number in range(100)])
    store.close()
    return path


def contents(path: Path) -> dict[str, bytes]:
    """Return the contents of an outbox's files. -shm has none of its own."""
    found = {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}
    return {name: data for name, data in found.items() if data}


@pytest.mark.parametrize("kept", [50, 4096, 60_000])
def test_a_truncated_file_is_refused_and_left_alone(path: Path, kept: int) -> None:
    os.truncate(path, kept)
    before = contents(path)
    with pytest.raises(StoreError, match=r"is damaged: .*Nothing was changed"):
        SQLiteStore(path)
    assert contents(path) == before


def test_a_damaged_page_is_refused_and_left_alone(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192 : 2 * 8192] = b"\xaa" * 8192
    path.write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"):
        SQLiteStore(path)
    assert path.read_bytes() == bytes(data)


def test_an_emptied_file_beside_its_wal_is_refused(path: Path) -> None:
    store = SQLiteStore(path)
    store.append([Item("g", "", b"x", 0.0, 0.0)])
    for name in ("outbox.db", "outbox.db-wal"):
        shutil.copy(path.with_name(name), path.with_name(f"copy-{name}"))
    store.close()
    copy = path.with_name("copy-outbox.db")
    os.truncate(copy, 0)
    with pytest.raises(StoreError, match="it is empty, while its -wal file is not"):
        SQLiteStore(copy)
    assert path.with_name("copy-outbox.db-wal").stat().st_size > 0


def test_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database" * 100)
    with pytest.raises(StoreError, match="is damaged: file is not a database"):
        SQLiteStore(text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE precious (value)")
    connection.close()
    with pytest.raises(StoreError, match="not an outbox"):
        SQLiteStore(other)
    assert text.read_text() == "not a database" * 100
    with pytest.raises(StoreError, match="There is no outbox"):
        SQLiteStore(tmp_path / "none.db", create=False)
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(StoreError, match="cannot be used"):
        SQLiteStore(tmp_path / "no" / "such" / "directory.db")
    with pytest.raises(StoreError, match="cannot be used"):
        SQLiteStore(tmp_path)


def test_a_schema_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    before = contents(path)
    with pytest.raises(StoreError, match=r"schema version 3; .* knows 2\. Update target-delivery"):
        SQLiteStore(path)
    assert contents(path)["outbox.db"] == before["outbox.db"]


def test_a_newer_outbox_in_redis_is_refused(redis: Redis) -> None:
    RedisStore(redis.url()).close()
    import redis as package

    with package.Redis.from_url(redis.url()) as client:
        client.hset("{target-outbox}:totals", "schema", "3")
    with pytest.raises(StoreError, match="schema version 3"):
        RedisStore(redis.url())


def test_no_redis_is_a_clear_error_without_the_password() -> None:
    with pytest.raises(StoreError, match=r"redis://127\.0\.0\.1:1/0 cannot be used: ConnectionError") as caught:
        RedisStore("redis://user:secret@127.0.0.1:1/0", clock=Clock(monotonic=itertools.count().__next__))
    assert "secret" not in str(caught.value)


@contextmanager
def unprivileged(*paths: Path) -> Iterator[None]:
    """Run as a user who may not write to read-only files, as root may."""
    if os.geteuid() != 0:
        yield
        return
    for path in paths:
        os.chown(path, 65534, 65534)
    for parent in paths[0].parents:
        if parent.stat().st_mode & 0o055 != 0o055:
            os.chmod(parent, parent.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("there", [True, False])
def test_a_read_only_directory_is_refused(path: Path, there: bool) -> None:
    if not there:
        path.unlink()
    os.chmod(path.parent, 0o555)
    try:
        with (
            unprivileged(path.parent),
            pytest.raises(StoreError, match=r"cannot be used: .* writable"),
        ):
            SQLiteStore(path)
    finally:
        os.chmod(path.parent, 0o755)


@pytest.fixture
def full_disk() -> Iterator[Any]:
    """Return a function that limits the size of files of this process to so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_a_clear_error_at_open(path: Path, full_disk: Any) -> None:
    before = path.read_bytes()
    full_disk(20)
    try:
        with pytest.raises(StoreError, match="cannot be used"):
            SQLiteStore(path)
    finally:
        full_disk(resource.RLIM_INFINITY)
    assert path.read_bytes() == before
    store = SQLiteStore(path)
    assert store.stats(0).pending == 100
    store.close()


def test_a_disk_that_fills_up_refuses_and_recovers(edge: Sandbox, tmp_path: Path, make: Make, full_disk: Any) -> None:
    outbox = make(SQLiteStore(tmp_path / "outbox.db"), linger=0.0)
    outbox.send_notifications(options(notification("before")))
    assert outbox.flush(10) == 0
    # The transaction that does not fit is undone as a whole.
    full_disk((tmp_path / "outbox.db-wal").stat().st_size + 20_000)
    try:
        with pytest.raises(StoreError, match="cannot be used"):
            outbox.send_notifications(options(*(notification(f"{number}" * 100) for number in range(100))))
    finally:
        full_disk(resource.RLIM_INFINITY)
    outbox.send_notifications(options(notification("after")))
    assert outbox.flush(10) == 0
    require_counted_once(edge, {"before", "after"})


def test_several_stores_on_one_file_share_its_items(edge: Sandbox, tmp_path: Path, make: Make) -> None:
    path = tmp_path / "outbox.db"
    outboxes = [make(SQLiteStore(path)) for _ in range(3)]
    ids = {f"n{number}" for number in range(60)}
    threads = [
        threading.Thread(
            target=outbox.send_all,
            args=([options(notification(f"n{number}"), visitor=f"visitor{number % 7}") for number in share],),
        )
        for outbox, share in zip(outboxes, (range(20), range(20, 40), range(40, 60)), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for outbox in outboxes:
        assert outbox.flush(20) == 0
    require_counted_once(edge, ids)
    assert edge.ledger.duplicates == 0


PROLOGUE = """
import os, sys, time
sys.path.insert(0, {root!r})
from tests.integration.outbox.world import notification, options
from target_delivery import TargetClient
from target_delivery.outbox import MemoryStore, NotificationOutbox, SQLiteStore
client = TargetClient.create({client!r})
outbox = NotificationOutbox(client, store=SQLiteStore({path!r}), linger=0.0)
"""


def run_program(edge: Sandbox, path: Path, program: str) -> None:
    prologue = PROLOGUE.format(
        root=str(Path(__file__).parents[3]), client={**edge.client_options(), "timeout": 2000}, path=str(path)
    )
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-c", prologue + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert run.returncode == 0, run.stderr
    assert "Fatal" not in run.stderr
    assert "Traceback" not in run.stderr


def require_delivered(edge: Sandbox, path: Path, ids: set[str]) -> None:
    with TargetClient.create({**edge.client_options(), "timeout": 300}) as client:
        outbox = NotificationOutbox(client, store=SQLiteStore(path))
        assert outbox.flush(40) == 0
        outbox.close()
    require_counted_once(edge, ids)


def test_a_fork_after_creation(edge: Sandbox, tmp_path: Path) -> None:
    """Parent and children go on, each with threads of its own."""
    path = tmp_path / "outbox.db"
    run_program(
        edge,
        path,
        """
        for number in range(20):
            outbox.send_notifications(options(notification(f"before{number}"), visitor=f"visitor{number}"))
        children = []
        for child in range(3):
            pid = os.fork()
            if pid == 0:
                for number in range(10):
                    outbox.send_notifications(options(notification(f"child{child}.{number}")))
                left = outbox.close(10)
                os._exit(left)
            children.append(pid)
        for number in range(20):
            outbox.send_notifications(options(notification(f"after{number}"), visitor=f"visitor{number}"))
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        assert outbox.close(10) == 0
        client.close()
        """,
    )
    ids = {f"{when}{number}" for when in ("before", "after") for number in range(20)}
    require_delivered(edge, path, ids | {f"child{child}.{number}" for child in range(3) for number in range(10)})
    assert edge.ledger.duplicates == 0


def test_forks_amid_transactions_of_another_thread(edge: Sandbox, tmp_path: Path) -> None:
    """A child does not share the parent's locks, and its end releases none of them."""
    edge.faults.add(RefusedConnection(), times=None)
    path = tmp_path / "outbox.db"
    run_program(
        edge,
        path,
        """
        import threading
        done = threading.Event()
        stored = []

        def store():
            while not done.is_set():
                outbox.send_notifications(options(notification(f"parent{len(stored)}")))
                stored.append(None)

        thread = threading.Thread(target=store)
        thread.start()
        for child in range(25):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    for number in range(5):
                        outbox.send_notifications(options(notification(f"child{child}.{number}")))
                    code = 0
                finally:
                    os._exit(code)
            assert os.waitpid(pid, 0)[1] == 0
        done.set()
        thread.join()
        assert outbox.close(0) == len(stored) + 125, (outbox.counts(), len(stored))
        client.close()
        """,
    )
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_fork_leaves_what_is_in_memory_to_the_parent() -> None:
    store = MemoryStore()
    store.append([Item("g", "", b"x", 0.0, 0.0)])
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, str(store.stats(0).pending).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 10) == b"0"
    assert store.stats(0).pending == 1
    os.close(reader)
    os.close(writer)
    store.close()


@pytest.mark.parametrize("down", [False, True])
def test_the_interpreter_ends_without_a_close(edge: Sandbox, tmp_path: Path, down: bool) -> None:
    path = tmp_path / "outbox.db"
    if down:
        edge.faults.add(RefusedConnection(), times=None)
    started = time.monotonic()
    run_program(
        edge,
        path,
        """
        for number in range(50):
            outbox.send_notifications(options(notification(f"n{number}"), visitor=f"visitor{number}"))
        """,
    )
    assert time.monotonic() - started < 15
    edge.faults.clear()
    require_delivered(edge, path, {f"n{number}" for number in range(50)})
