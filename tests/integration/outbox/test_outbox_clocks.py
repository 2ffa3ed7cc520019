"""Clocks that are set forward or back neither stop deliveries nor set young notifications aside."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from target_delivery import StoreError, TargetClient
from target_delivery.outbox import LONGEST_WAIT, Item, NotificationOutbox, Settlement, SQLiteStore
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import Status
from tests.integration.outbox.world import (
    Make,
    flush_in,
    notification,
    options,
    pass_time,
    pass_time_until,
    require_counted_once,
)
from tests.virtual import VirtualTime

HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize("back", [10 * 60.0, HOUR, 30 * DAY])
def test_a_clock_set_back_delays_nothing(edge: Sandbox, make: Make, tmp_path: Path, back: float) -> None:
    """Neither what waits for another attempt, nor what is new, nor the probe of an edge that was down."""
    virtual = VirtualTime()
    outbox = make(SQLiteStore(tmp_path / "outbox.db"), client={"retries": 0}, clock=virtual.clock)
    with edge.faults.add(Status(503), times=None):
        for number in range(10):
            outbox.send_notifications(options(notification(f"before{number}"), visitor=f"visitor{number}"))
        pass_time(outbox, virtual, 5.0)
        assert outbox.stats().stored == 10
    virtual.set_clock(-back)
    outbox.send_notifications(options(notification("after"), visitor="visitor"))
    changed = virtual.clock.now()
    ids = {"after", *(f"before{number}" for number in range(10))}
    pass_time_until(lambda: ids <= set(edge.ledger.notifications), outbox, virtual)
    assert virtual.clock.now() - changed < 1.5 * LONGEST_WAIT
    require_counted_once(edge, ids)


def test_a_clock_set_forward_sets_nothing_aside(edge: Sandbox, make: Make) -> None:
    virtual = VirtualTime()
    outbox = make(client={"retries": 0}, clock=virtual.clock)
    with edge.faults.add(Status(503), times=None):
        outbox.send_notifications(options(notification("before"), visitor="first"))
        pass_time(outbox, virtual, 3.0)
        for _ in range(3):
            virtual.set_clock(2 * DAY)
            pass_time(outbox, virtual, 1.0)
        outbox.send_notifications(options(notification("after"), visitor="second"))
        pass_time(outbox, virtual, 3.0)
    flush_in(outbox, virtual)
    require_counted_once(edge, {"before", "after"})
    assert outbox.stats().set_aside == 0


def test_max_age_counts_the_time_that_passed(edge: Sandbox, make: Make) -> None:
    """Whatever the clock does, an edge that is down for longer than max_age makes notifications expire."""
    virtual = VirtualTime()
    outbox = make(client={"retries": 0}, clock=virtual.clock, max_age=100.0)
    edge.faults.add(Status(503), times=None)
    outbox.send_notifications(options(notification("n")))
    pass_time(outbox, virtual, 40.0)
    virtual.set_clock(HOUR)
    pass_time(outbox, virtual, 40.0)
    assert outbox.stats().set_aside == 0
    pass_time_until(lambda: outbox.stats().set_aside == 1, outbox, virtual, step=0.5)
    (aside,) = outbox.list_set_aside()
    assert aside.reason == "expired"


@pytest.mark.parametrize("claimed", [False, True], ids=["waiting", "claimed"])
def test_what_a_process_with_a_clock_ahead_left_is_sent_at_once(edge: Sandbox, tmp_path: Path, claimed: bool) -> None:
    path = tmp_path / "outbox.db"
    ahead = VirtualTime(1_700_000_000.0 + 2 * HOUR)
    given: Any = {"server_domain": "127.0.0.1:1"}
    with TargetClient.create({**edge.client_options(), **given}) as client:
        outbox = NotificationOutbox(client, store=SQLiteStore(path), clock=ahead.clock, linger=30.0)
        outbox.send_notifications(options(notification("n")))
        if claimed:
            store = SQLiteStore(path)
            assert store.claim(ahead.clock.now() + 31.0, groups=1, size=1, linger=0.0, closed=())
            store.close()
        outbox.close(0)
    virtual = VirtualTime()
    with (
        TargetClient.create(edge.client_options()) as client,
        NotificationOutbox(client, store=SQLiteStore(path), clock=virtual.clock) as outbox,
    ):
        started = virtual.clock.now()
        pass_time_until(lambda: edge.ledger.notifications == ["n"], outbox, virtual)
        assert virtual.clock.now() - started < 10.0
        flush_in(outbox, virtual)


@pytest.mark.parametrize("settled", [False, True], ids=["claimed", "to-send-again"])
def test_a_clock_set_back_delays_nothing_that_a_full_disk_keeps_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: bool
) -> None:
    virtual = VirtualTime()
    store = SQLiteStore(tmp_path / "outbox.db", clock=virtual.clock)
    long_ago = virtual.clock.now() - DAY
    store.append([Item("group", "", b"x", long_ago, long_ago)])
    full = shutil.disk_usage(tmp_path)._replace(free=0)

    def disk_usage(_: str) -> Any:
        return full

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)

    def claim() -> list[Any]:
        now = virtual.clock.now()
        return [one for group in store.claim(now, groups=1, size=1, linger=0.0, closed=()) for one in group]

    (one,) = claim()
    if settled:
        store.settle(Settlement(again=[(one, virtual.clock.now() + 10.0)]), virtual.clock.now())
    assert claim() == []
    virtual.set_clock(-HOUR)
    assert [again.ref for again in claim()] == [one.ref]
    store.close()


def test_a_disk_that_fills_up_refuses_notifications_within_10_ms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual = VirtualTime()
    room = shutil.disk_usage(tmp_path)
    free = 2**40
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room._replace(free=free))
    store = SQLiteStore(tmp_path / "outbox.db", clock=virtual.clock)
    item = Item("group", "", b"x", virtual.clock.now(), virtual.clock.now())
    store.append([item])
    free = 0
    virtual.advance(0.01)
    for _ in range(2):
        with pytest.raises(StoreError, match="The disk has 0 bytes left"):
            store.append([item])
    free = 2**25
    store.append([item])
    free = 0
    with pytest.raises(StoreError, match="The disk has 0 bytes left"):
        store.append([item])
    assert store.stats(virtual.clock.now()).pending == 2
    store.close()
