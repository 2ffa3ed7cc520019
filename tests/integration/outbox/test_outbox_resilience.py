"""Requests that always fail, interrupts, cancellation, handlers and foreign accounts do not stop an outbox."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from target_delivery import AsyncTargetClient, OptionError, OutboxClosedError, OutboxError, StoreError, TargetClient
from target_delivery.outbox import (
    AsyncNotificationOutbox,
    Claimed,
    Item,
    MemoryStore,
    NotificationOutbox,
    Settlement,
    SQLiteStore,
)
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import Latency, NotJson, Status
from target_delivery.sandbox.requests import ReceivedRequest
from tests.integration.outbox.test_outbox_hostile import PROLOGUE, run_program
from tests.integration.outbox.world import (
    Make,
    eventually,
    flush_in,
    notification,
    options,
    pass_time,
    pass_time_until,
    require_counted_once,
)
from tests.virtual import VirtualTime


def names(*ids: str) -> Callable[[ReceivedRequest], bool]:
    """Match the calls that have one of these notifications."""
    return lambda request: any(one["id"] in ids for one in request.json.get("notifications", ()))


# --- requests that always fail


@pytest.mark.parametrize("status", [500, 403])
def test_visitors_whose_calls_always_fail_keep_nobody_else_waiting(edge: Sandbox, make: Make, status: int) -> None:
    started = time.time()
    poison = [f"poison{number}" for number in range(10)]
    edge.faults.add(Status(status), times=None, match=names(*poison))
    virtual = VirtualTime(time.time())
    outbox = make(client={"retries": 0}, linger=0.0, clock=virtual.clock)
    outbox.send_all(options(notification(id_), visitor=id_) for id_ in poison)
    for number in range(40):
        outbox.send_notifications(options(notification(f"n{number}"), visitor=f"visitor{number}"))
        virtual.advance(0.02)
    good = {f"n{number}" for number in range(40)}
    pass_time_until(lambda: good <= set(edge.ledger.notifications), outbox, virtual, step=0.02)
    pass_time_until(lambda: outbox.stats().stored == 10, outbox, virtual, step=0.02)
    assert virtual.clock.now() < started + 30


def test_an_outage_is_probed_and_not_hammered(edge: Sandbox, make: Make) -> None:
    virtual = VirtualTime()
    outbox = make(client={"retries": 0}, linger=0.0, parallel=4, clock=virtual.clock)
    with edge.faults.add(Status(503), times=None) as down:
        outbox.send_all(options(notification(f"n{number}"), visitor=f"visitor{number}") for number in range(100))
        pass_time(outbox, virtual, 2.0, step=0.02)
        assert outbox.stats().stored == 100
        assert 1 <= down.struck <= 20
    flush_in(outbox, virtual)
    require_counted_once(edge, {f"n{number}" for number in range(100)})


def test_retry_after_is_waited_for(edge: Sandbox, make: Make) -> None:
    virtual = VirtualTime()
    outbox = make(client={"retries": 0}, linger=0.0, clock=virtual.clock)
    edge.faults.add(Status(429, retry_after=20), times=1)
    outbox.send_notifications(options(notification("first")))
    pass_time_until(lambda: len(edge.requests) == 1 and outbox.stats().in_flight == 0, outbox, virtual, step=0.01)
    # The edge asked all of its callers to wait.
    outbox.send_notifications(options(notification("second"), visitor="other"))
    pass_time(outbox, virtual, 18.0)
    assert len(edge.requests) == 1
    assert outbox.stats().stored == 2
    pass_time(outbox, virtual, 4.0)
    flush_in(outbox, virtual)
    require_counted_once(edge, {"first", "second"})


@pytest.mark.parametrize("kind", ["threads"])  # both kinds decide with the same code
def test_one_that_always_fails_takes_none_of_its_visitor_along(edge: Sandbox, make: Make) -> None:
    edge.faults.add(Status(403), times=None, match=names("n17"))
    virtual = VirtualTime()
    outbox = make(client={"retries": 0}, clock=virtual.clock)
    outbox.send_notifications(options(*(notification(f"n{number}") for number in range(50))))
    good = {f"n{number}" for number in range(50)} - {"n17"}
    pass_time_until(lambda: outbox.stats().confirmed == 49, outbox, virtual)
    require_counted_once(edge, good)
    assert outbox.stats().stored == 1


@pytest.mark.parametrize("kind", ["threads"])  # both kinds decide with the same code
def test_an_outage_is_told_once_and_its_end_too(edge: Sandbox, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    virtual = VirtualTime()
    outbox = make(client={"retries": 0}, linger=0.0, max_age=10.0, clock=virtual.clock)
    with caplog.at_level(logging.ERROR, "adobe.target"), edge.faults.add(Status(403), times=None):
        outbox.send_all(options(notification(f"n{number}"), visitor=f"visitor{number}") for number in range(30))
        pass_time_until(lambda: outbox.stats().set_aside == 30, outbox, virtual)
    assert caplog.text.count("fails, notifications wait: The edge answered with status 403") == 1
    assert all("the last failure at this edge: " in one.message for one in outbox.list_set_aside())
    assert all("status 403" in one.message for one in outbox.list_set_aside())
    with caplog.at_level(logging.ERROR, "adobe.target"):
        outbox.send_notifications(options(notification("after")))
        flush_in(outbox, virtual)
        eventually(lambda: "answers again" in caplog.text)
    assert caplog.text.count("answers again") == 1


# --- what comes from outside


def test_what_the_edge_says_of_a_refused_one_can_be_stored_and_shown(edge: Sandbox, make: Make, tmp_path: Path) -> None:
    said = r'{"status":400,"message":"bad \ud800 \u001b]0;title\u0007"}'
    edge.faults.add(NotJson(said, 400), times=None, match=names("bad"))
    outbox = make(SQLiteStore(tmp_path / "outbox.db"), linger=0.0)
    outbox.send_notifications(options(notification("bad"), visitor="first"))
    outbox.send_notifications(options(notification("good"), visitor="second"))
    assert outbox.flush(10) == 0
    (aside,) = outbox.list_set_aside()
    assert aside.message == "bad \ufffd \ufffd]0;title\ufffd"
    require_counted_once(edge, {"good"})


@pytest.mark.parametrize("kind", ["threads"])  # both kinds decide with the same code
def test_a_store_that_chokes_on_a_note_stops_nothing(edge: Sandbox, make: Make) -> None:
    class Choking(MemoryStore):
        def settle(self, settlement: Settlement, now: float) -> None:
            if settlement.aside:
                raise TypeError("cannot write that")
            super().settle(settlement, now)

    virtual = VirtualTime()
    outbox = make(Choking(), linger=0.0, clock=virtual.clock)
    outbox.send_notifications(options(notification("bad", "nobody's"), visitor="a"))
    pass_time_until(lambda: len(edge.requests) > 0, outbox, virtual)
    outbox.send_notifications(options(notification("good"), visitor="b"))
    pass_time_until(lambda: edge.ledger.notifications == ["good"], outbox, virtual)


# --- interrupts, cancellation, threads that cannot be


SIGNALLED = """
import signal, threading
def handler(*_):
    raise SystemExit
signal.signal(signal.SIGTERM, handler)
print("ready", flush=True)
number = 0
with client, outbox:
    while True:
        outbox.send_notifications(options(notification(f"n{number}"), visitor=f"visitor{number % 50}"))
        number += 1
        print(number, flush=True)
"""


def test_a_signal_ends_it_and_loses_nothing(edge: Sandbox, tmp_path: Path) -> None:
    """A server usually ends like this: the signal comes while the main thread is storing."""
    for attempt in range(2):
        path = tmp_path / f"{attempt}.db"
        edge.ledger.reset()
        prologue = PROLOGUE.format(
            root=str(Path(__file__).parents[3]), client={**edge.client_options(), "timeout": 2000}, path=str(path)
        )
        program = prologue.replace("store=SQLiteStore(", "store=SQLiteStore(lease=3.1, path=")
        process = subprocess.Popen([sys.executable, "-c", program + SIGNALLED], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.1 + 0.05 * attempt)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=15)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0
        stored = {f"n{number}" for number in range(int(out.split()[-1]))}
        assert stored
        assert stored <= set(edge.ledger.notifications)


def test_a_transaction_that_was_left_open_is_undone(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "outbox.db")
    assert store._sqlite is not None
    store._sqlite.execute("BEGIN IMMEDIATE")  # as if Ctrl-C came twice
    store._sqlite.execute("DELETE FROM total")
    store.append([Item("g", "", b"x", 0.0, 0.0)])
    other = SQLiteStore(tmp_path / "outbox.db")
    assert other.stats(0).pending == 1
    other.close()
    store.close()


class Interrupted(MemoryStore):
    """A store whose first append is interrupted, as by Ctrl-C, while other threads wait for their turn."""

    def __init__(self) -> None:
        super().__init__()
        self.others = threading.Event()
        self.reached = threading.Event()
        self.done = False

    def append(self, items: Sequence[Item]) -> None:
        if not self.done:
            self.done = True
            self.reached.set()
            assert self.others.wait(10)
            raise KeyboardInterrupt
        super().append(items)


def test_an_interrupted_commit_tells_everybody(edge: Sandbox) -> None:
    """No call returns as if its notification were stored."""
    store = Interrupted()
    outcomes: dict[str, BaseException | None] = {}
    with TargetClient.create(edge.client_options()) as client:
        outbox = NotificationOutbox(client, store=store)

        def send(id_: str) -> None:
            try:
                outbox.send_notifications(options(notification(id_)))
                outcomes[id_] = None
            except BaseException as error:
                outcomes[id_] = error

        first = threading.Thread(target=send, args=("first",))
        first.start()
        assert store.reached.wait(10)
        second = threading.Thread(target=send, args=("second",))
        second.start()
        store.others.set()
        first.join()
        second.join()
        assert outbox.close(10) == 0
    assert isinstance(outcomes["first"], KeyboardInterrupt)
    stored = {id_ for id_, error in outcomes.items() if error is None}
    assert stored == set(edge.ledger.notifications)
    assert outcomes["second"] is None or isinstance(outcomes["second"], StoreError)


def test_an_interrupted_transaction_is_undone(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "outbox.db")

    execute = store._execute

    def interrupted(sqlite: sqlite3.Connection, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        cursor = execute(sqlite, sql, parameters)
        if sql == "BEGIN IMMEDIATE":
            raise KeyboardInterrupt
        return cursor

    store._execute = interrupted  # type: ignore[method-assign]  # as if Ctrl-C came right after it
    with pytest.raises(KeyboardInterrupt):
        store.append([Item("g", "", b"x", 0.0, 0.0)] * 2)
    store._execute = execute  # type: ignore[method-assign]  # as it was
    store.append([Item("g", "", b"x", 0.0, 0.0)] * 2)
    assert store.stats(0).pending == 2
    store.close()


def test_threads_that_cannot_be_started_delay_and_lose_nothing(edge: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    refused = []

    def refusing(thread: threading.Thread) -> None:
        if thread.name.startswith("target-outbox") and len(refused) < 4:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refusing)
    with TargetClient.create(edge.client_options()) as client:
        outbox = NotificationOutbox(client, store=MemoryStore(), linger=0.0)
        outbox.send_notifications(options(notification("a"), visitor="a"))
        outbox.send_notifications(options(notification("b"), visitor="b"))
        assert outbox.flush(10) == 0
        assert len(refused) == 4
        assert outbox.close() == 0
    require_counted_once(edge, {"a", "b"})


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, RuntimeError])
def test_whatever_a_hook_raises_the_notification_stays(
    edge: Sandbox, kind: str, make: Make, error: type[BaseException]
) -> None:
    raised = []

    def raise_once(request: httpx.Request) -> None:
        if not raised:
            raised.append(request)
            raise error

    async def raise_once_async(request: httpx.Request) -> None:
        if not raised and error is RuntimeError:
            raise_once(request)

    hooks: dict[str, list[Any]] = {"request": [raise_once if kind == "threads" else raise_once_async]}
    http_client = httpx.Client(event_hooks=hooks) if kind == "threads" else httpx.AsyncClient(event_hooks=hooks)
    outbox = make(client={"http_client": http_client}, parallel=1, linger=0.0)
    outbox.send_notifications(options(notification("a"), visitor="a"))
    outbox.send_notifications(options(notification("b"), visitor="b"))
    assert outbox.flush(10) == 0
    require_counted_once(edge, {"a", "b"})
    if isinstance(http_client, httpx.Client):
        http_client.close()
    else:
        asyncio.run(http_client.aclose())


def test_cancelled_tasks_delay_and_lose_nothing(edge: Sandbox) -> None:
    """A server that shuts down cancels all tasks, and then closes its outbox."""

    async def serve() -> None:
        async with AsyncTargetClient.create(edge.client_options()) as client:
            outbox = AsyncNotificationOutbox(client, store=MemoryStore(), linger=0.0, parallel=1)
            edge.faults.add(Latency(60_000), times=1)
            await outbox.send_notifications(options(notification("a"), visitor="a"))
            await asyncio.to_thread(eventually, lambda: bool(edge.requests))
            for task in asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]  # there is one
                task.cancel()
            await asyncio.sleep(0)
            await outbox.send_notifications(options(notification("b"), visitor="b"))
            assert await outbox.flush(10) == 0
            assert await asyncio.wait_for(outbox.close(None), 10) == 0
            with pytest.raises(OutboxClosedError):
                await outbox.stats()

    asyncio.run(serve())
    require_counted_once(edge, {"a", "b"})


def test_a_call_that_is_cancelled_before_its_first_step_is_noted(edge: Sandbox) -> None:
    async def serve() -> None:
        async with AsyncTargetClient.create(edge.client_options()) as client:
            outbox = AsyncNotificationOutbox(client, store=MemoryStore(), linger=0.0, parallel=1)
            await outbox.send_notifications(options(notification("a"), visitor="a"))
            known = asyncio.all_tasks()
            while not asyncio.all_tasks() - known:  # noqa: ASYNC110 - in the very turn in which it is made
                await asyncio.sleep(0)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]  # there is one
                task.cancel()
            await asyncio.sleep(0)
            await outbox.send_notifications(options(notification("b"), visitor="b"))
            assert await outbox.flush(10) == 0
            assert await asyncio.wait_for(outbox.close(None), 10) == 0

    asyncio.run(serve())
    require_counted_once(edge, {"a", "b"})


def test_an_event_loop_ends_without_a_close(edge: Sandbox, tmp_path: Path) -> None:
    """The runner cancels all tasks and waits for them: no task may swallow the cancellation."""
    run_program(
        edge,
        tmp_path / "outbox.db",
        f"""
        import asyncio, ssl
        import httpx
        from target_delivery import AsyncTargetClient
        from target_delivery.outbox import AsyncNotificationOutbox

        context = ssl.create_default_context()  # once: it takes most of the time

        async def serve(number):
            http_client = httpx.AsyncClient(verify=context)
            client = AsyncTargetClient.create({{**{edge.client_options()!r}, "http_client": http_client}})
            asynchronous = AsyncNotificationOutbox(client, store=MemoryStore(), linger=0.0)
            for visitor in range(3):
                await asynchronous.send_notifications(options(notification(f"n{{visitor}}"), visitor=f"v{{visitor}}"))
            await asyncio.sleep(number % 13 / 1000)

        import warnings
        warnings.simplefilter("ignore", ResourceWarning)  # connections stay open here
        for number in range(52):
            asyncio.run(serve(number))
        outbox.close()
        client.close()
        """,
    )


def test_an_outbox_goes_on_in_the_next_event_loop_and_not_in_two(edge: Sandbox, tmp_path: Path) -> None:
    # A connection belongs to its event loop, too: none is kept.
    http_client = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0))
    client = AsyncTargetClient.create({**edge.client_options(), "http_client": http_client})  # type: ignore[typeddict-item]  # a plain dict
    outbox = AsyncNotificationOutbox(client, store=SQLiteStore(tmp_path / "outbox.db"), linger=0.0)

    async def send(id_: str) -> None:
        await outbox.send_notifications(options(notification(id_), visitor=id_))

    async def send_and_look_elsewhere() -> None:
        await send("a")
        assert await outbox.flush(20) == 0
        with pytest.raises(OutboxError, match="in use in another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(send("elsewhere")))

    async def finish() -> None:
        await send("b")
        assert await outbox.flush(20) == 0
        assert await outbox.close() == 0
        await client.close()
        await http_client.aclose()

    asyncio.run(send_and_look_elsewhere())
    asyncio.run(finish())
    require_counted_once(edge, {"a", "b"})


def test_a_child_that_only_closes_delivers(edge: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    run_program(
        edge,
        path,
        """
        import threading
        done = threading.Event()
        busy = threading.Event()

        def keep_busy(event):
            busy.set()
            done.wait(20)

        client.config.events["notification_set_aside"] = keep_busy
        outbox.send_notifications(options(notification("bad", "nobody's")))
        assert busy.wait(10)
        outbox.send_notifications(options(notification("n")))
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = outbox.close(10)
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        done.set()
        assert outbox.close(10) == 0
        client.close()
        """,
    )
    require_counted_once(edge, {"n"})


# --- handlers


def test_a_handler_may_use_the_outbox(edge: Sandbox) -> None:
    seen: list[tuple[int, int]] = []

    def again(event: Any) -> None:
        if not seen:
            seen.append((outbox.flush(), outbox.replay([event.ref])))

    client_options = {**edge.client_options(), "events": {"notification_set_aside": again}}
    with TargetClient.create(client_options) as client:  # type: ignore[typeddict-item]  # a plain dict
        outbox = NotificationOutbox(client, store=MemoryStore(), linger=0.0)
        outbox.send_notifications(options(notification("bad", "nobody's")))
        eventually(lambda: outbox.stats().set_aside == 1 and len(edge.requests) == 2)
        assert outbox.close() == 0
    assert seen == [(0, 1)]


class Deaf(logging.Logger):
    """A logger that raises when it logs an error."""

    def error(self, msg: object, *args: object, **more: Any) -> None:
        raise OSError("the log's disk is full")


def test_a_logger_that_raises_stops_nothing(edge: Sandbox, make: Make) -> None:
    events: list[Any] = []
    outbox = make(client={"logger": Deaf("deaf"), "events": {"notification_set_aside": events.append}}, linger=0.0)
    for number in range(3):
        outbox.send_notifications(options(notification(f"bad{number}", "nobody's"), visitor=f"visitor{number}"))
    outbox.send_notifications(options(notification("good"), visitor="good"))
    assert outbox.flush(10) == 0
    require_counted_once(edge, {"good"})
    assert sorted(event.notification.id for event in events) == ["bad0", "bad1", "bad2"]


# --- stores


def test_a_store_is_of_one_account(edge: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with TargetClient.create(edge.client_options()) as client:
        NotificationOutbox(client, store=SQLiteStore(path)).close()
        NotificationOutbox(client, store=SQLiteStore(path)).close()
    other: Any = {**edge.client_options(), "client": "staging"}
    with (
        TargetClient.create(other) as client,
        contextlib.closing(SQLiteStore(path)) as store,
        pytest.raises(StoreError, match=r"holds notifications of .*, which would be sent as staging \("),
    ):
        NotificationOutbox(client, store=store)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        store = SQLiteStore(tmp_path / "outbox.db")
        store.append([Item("g", "", b"x", 0.0, 0.0)])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("outbox.db", "outbox.db-wal", "outbox.db-shm"), 0o600)


@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_that_is_gone_takes_nothing_more(edge: Sandbox, tmp_path: Path, make: Make, replaced: bool) -> None:
    path = tmp_path / "shop" / "outbox.db"
    path.parent.mkdir()
    virtual = VirtualTime()
    outbox = make(SQLiteStore(path), linger=1.0, clock=virtual.clock)
    outbox.send_notifications(options(notification("before")))
    if replaced:
        for file in list(path.parent.iterdir()):
            file.rename(file.with_name(f"old-{file.name}"))
        SQLiteStore(path).close()
    else:
        shutil.rmtree(path.parent)
    for _ in range(2):
        with pytest.raises(StoreError, match="was deleted or replaced while it was open"):
            outbox.send_notifications(options(notification("after")))
    pass_time_until(lambda: edge.ledger.notifications == ["before"], outbox, virtual)


def test_a_relative_path_and_a_link_name_the_same_file_all_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, elsewhere = tmp_path / "real", tmp_path / "elsewhere"
    for directory in (real, elsewhere):
        directory.mkdir()
    monkeypatch.chdir(real)
    store = SQLiteStore("outbox.db")
    store.append([Item("g", "", b"x", 0.0, 0.0)])
    link = tmp_path / "link.db"
    link.symlink_to(real / "outbox.db")
    linked = SQLiteStore(link)
    assert linked.stats(0).pending == 1
    linked.close()
    monkeypatch.chdir(elsewhere)
    store.before_fork()  # the file is opened anew after it
    assert store.stats(0).pending == 1
    store.close()
    assert list(elsewhere.iterdir()) == []
    assert not (tmp_path / "link.db-wal").exists()


def claim(store: SQLiteStore, now: float, groups: int = 9, closed: Collection[str] = ()) -> list[list[Claimed]]:
    return store.claim(now, groups=groups, size=50, linger=0.0, closed=closed)


def test_a_lost_claim_cannot_set_aside(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "outbox.db", lease=10)
    store.append([Item("g", "", b"x", 0.0, 0.0)])
    ((late,),) = claim(store, 0.0)
    ((owner,),) = claim(store, 11.0)
    store.settle(Settlement(aside=[(late, "refused", "too late")]), 12.0)
    assert store.stats(12.0).set_aside == 0
    store.settle(Settlement(confirmed=[owner]), 12.0)
    stats = store.stats(12.0)
    assert (stats.pending, stats.in_flight, stats.confirmed, stats.set_aside) == (0, 0, 1, 0)
    store.close()


def test_every_open_route_gets_its_share(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "outbox.db")
    store.append(
        [Item(f"{route}{number}", route, b"x", 0.0, number) for route in ("", "28", "35") for number in range(9)]
    )
    assert store.next_due(()) == 0
    groups = claim(store, 100.0, groups=6, closed={"28"})
    assert sorted(group[0].group for group in groups) == ["0", "1", "2", "350", "351", "352"]
    turns = {claim(store, 100.0, groups=1, closed={"28"})[0][0].route for _ in range(10)}
    assert len(turns) > 1, "none is always the first"
    assert [group[0].route for group in claim(store, 100.0, groups=50)].count("28") == 9
    assert store.next_due({"", "28", "35"}) is None
    store.close()


def test_a_great_many_refs_and_nonsense_among_them(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "outbox.db")
    store.append([Item("g", "", b"x", 0.0, 0.0)] * 3)
    (group,) = claim(store, 1.0)
    store.settle(Settlement(aside=[(one, "refused", "no") for one in group]), 1.0)
    refs = [*map(str, range(300_000)), "9" * 23, "-1", "²", ""]
    assert store.replay(refs[3:], 2.0) == 1
    assert store.purge(refs) == 2
    for change in (lambda: store.replay("123", 2.0), lambda: store.purge("123")):
        with pytest.raises(OptionError, match="refs must be a list of refs, not the str '123'"):
            change()
    store.close()
