"""What a RedisStore makes of a Redis that others share, fill up, break, stop or fail over."""

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
from typing import Any

import pytest

from target_delivery import OptionError, OutboxFullError, StoreError
from target_delivery._cli.main import main
from target_delivery.outbox import Claimed, Item, RedisStore, Settlement, open_store
from target_delivery.outbox.stores import redis as module
from target_delivery.sandbox import Sandbox
from tests.integration.outbox.conftest import Redis
from tests.integration.outbox.world import Make, notification, options, require_counted_once

PREFIX = "{target-outbox}:"
ROUTE_KEYS = (f"{PREFIX}items:35", f"{PREFIX}due:35", f"{PREFIX}groups:35")

Open = Callable[..., RedisStore]


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
def client(redis: Redis) -> Iterator[Any]:
    """Redis as others see it."""
    import redis as package

    with package.Redis.from_url(redis.url(), protocol=2) as client:
        yield client


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


def item(group: str = "g", route: str = "35", data: bytes = b"x", wait: float = 0.0) -> Item:
    return Item(group, route, data, 1000.0, 1000.0 + wait)


def claim(store: RedisStore, groups: int = 100, size: int = 50, **given: Any) -> list[list[Claimed]]:
    options: dict[str, Any] = {"linger": 0.0, "closed": (), **given}
    return store.claim(time.time(), groups=groups, size=size, **options)


def claim_all(store: RedisStore, **given: Any) -> list[Claimed]:
    """Claim until nothing is left that is due."""
    claimed: list[Claimed] = []
    while groups := claim(store, **given):
        claimed += (one for group in groups for one in group)
    return claimed


def claim_one(store: RedisStore, groups: int = 100) -> Claimed:
    """Claim one item, the one there is or of one group, as soon as it is due."""
    deadline = time.monotonic() + 5
    while not (claimed := claim(store, groups)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ((one,),) = claimed
    return one


def counts(store: RedisStore) -> tuple[int, int, int, int, int]:
    stats = store.stats(time.time())
    return stats.pending, stats.in_flight, stats.confirmed, stats.set_aside, stats.bytes


# --- what a claim takes


def test_items_of_a_group_come_together_however_scattered(open_redis: Open) -> None:
    store = open_redis()
    for _ in range(10):
        store.append([item(f"g{number}") for number in range(10, 50)])
    claimed = claim(store, groups=5, size=8)
    assert [one.group for (one, *_) in claimed] == ["g10", "g11", "g12", "g13", "g14"]
    assert [(len(group), len({one.group for one in group})) for group in claimed] == [(8, 1)] * 5
    positions = [one.ref for one in claimed[0]]
    assert positions == sorted(positions)
    # The others are next, and the rest of a group follows while its first ones are under way.
    claimed = claim(store, groups=40, size=8)
    assert sorted(len(group) for group in claimed) == [2] * 5 + [8] * 35
    assert sorted(len(group) for group in claim(store, groups=40, size=8)) == [2] * 35
    assert counts(store)[:2] == (0, 400)


def test_what_is_due_soon_comes_along(open_redis: Open) -> None:
    store = open_redis()
    store.append([item(), item(wait=60.0), item("later", wait=60.0)])
    assert [len(group) for group in claim(store, linger=0.0)] == [1]
    store.append([item()])
    assert [len(group) for group in claim(store, linger=61.0)] == [1]
    store.append([item("other"), item("other", wait=60.0)])
    ((due, soon),) = claim(store, linger=61.0)
    # What is claimed is due soon, too, when its lease ends, but it does not come along.
    store.settle(Settlement(released=[(due, 0.0)]), 0.0)
    assert claim(store, linger=61.0) == [[due]]
    store.settle(Settlement(released=[(due, 0.0), (soon, 50.0)]), 0.0)
    assert claim(store, linger=61.0) == [[due, soon]]


def test_a_claim_takes_no_more_groups_than_are_asked_for(open_redis: Open) -> None:
    store = open_redis()
    store.append([item(f"g{number}", f"{number % 3}") for number in range(300)])
    for groups in (1, 2, 7, 16):
        claimed = claim(store, groups=groups)
        assert len(claimed) == groups
        assert len({(one.route, one.group) for group in claimed for one in group}) == groups


def test_no_route_is_always_the_last(open_redis: Open) -> None:
    store = open_redis()
    store.append([item(f"g{number}", f"{number % 3}") for number in range(300)])
    # Missed with a probability of 3 * (2/3) ** 60.
    assert {group[0].route for _ in range(60) for group in claim(store, groups=1)} == {"0", "1", "2"}


def test_retries_leave_half_to_what_was_never_sent(open_redis: Open) -> None:
    store = open_redis()
    store.append([item(f"old{number}") for number in range(200)])
    old = claim_all(store)
    store.settle(Settlement(again=[(one, 0.0) for one in old]), 0.0)
    store.append([item(f"new{number}") for number in range(200)])
    for groups in (2, 16):
        names = [group[0].group[:3] for group in claim(store, groups=groups)]
        assert (names.count("old"), names.count("new")) == (groups // 2, groups // 2)
    # One at a time, chance decides: none of them always has to wait. Missed with a probability of 2 ** -59.
    assert {group[0].group[:3] for _ in range(60) for group in claim(store, groups=1)} == {"old", "new"}
    # Where one kind is missing, the other takes it all.
    claim_all(store)
    store.append([item(f"new{number}") for number in range(20)])
    assert len(claim(store, groups=16)) == 16


def test_a_claim_costs_the_same_however_much_waits(open_redis: Open, client: Any) -> None:
    store = open_redis(lease=600.0)
    costs: list[list[int]] = []
    for waiting in (20, 3000):
        missing = waiting - sum(counts(store)[:2])
        store.append([item(f"g{number}") for number in range(missing)])
        claimed = claim_all(store)
        store.settle(Settlement(again=[(one, 300.0) for one in claimed]), 0.0)
        costs.append([])
        for work in (
            lambda: claim(store, groups=1, size=1),
            lambda: store.next_due(()),
            store.span,
            lambda: store.append([item("other", wait=300.0)]),
        ):
            work()
            client.config_resetstat()
            work()
            costs[-1].append(
                sum(
                    command["calls"]
                    for name, command in client.info("commandstats").items()
                    if not name.startswith("cmdstat_config")
                )
            )
    assert costs[0] == costs[1]
    assert max(costs[0]) < 15


def test_routes_that_are_empty_leave_nothing_behind(open_redis: Open, client: Any) -> None:
    store = open_redis()
    store.append([item("g", f"{number}") for number in range(30)])
    claimed = claim_all(store)
    store.settle(
        Settlement(
            confirmed=claimed[:10],
            released=[(one, 0.0) for one in claimed[10:20]],
            aside=[(one, "refused", "no") for one in claimed[20:]],
        ),
        0.0,
    )
    assert client.hlen(f"{PREFIX}routes") == 10
    store.settle(Settlement(confirmed=claim_all(store)), 0.0)
    assert {key.decode() for key in client.scan_iter()} == {f"{PREFIX}totals", f"{PREFIX}aside"}
    assert counts(store) == (0, 0, 20, 10, 0)
    assert store.next_due(()) is None
    assert store.span() is None


def test_no_id_comes_again_after_a_route_was_empty(open_redis: Open, client: Any) -> None:
    """Else a process that was taken for dead could confirm another item than the one it sent."""
    store = open_redis()
    store.append([item()])
    (sent,) = claim_all(store)
    store.settle(Settlement(confirmed=[sent]), 0.0)
    # As if the clock had been set back since.
    ahead = int(time.time() * 1e6) + 10**9
    client.hset(f"{PREFIX}totals", "last", str(ahead))
    store.append([item(), item(route="36")])
    assert store.span() == (ahead + 1, ahead + 2)
    store.settle(Settlement(confirmed=[sent]), 0.0)
    assert store.stats(0).pending == 2


def test_positions_are_in_the_order_of_storing_over_all_routes(open_redis: Open) -> None:
    store = open_redis()
    newest = 0
    for number in range(20):
        store.append([item(route=f"{number * 7 % 5}")])
        span = store.span()
        assert span is not None
        assert span[1] > newest
        newest = span[1]


def test_a_wait_can_be_longer_than_the_lease(open_redis: Open) -> None:
    store = open_redis(lease=0.05)
    store.append([item()])
    store.settle(Settlement(again=[(claim_one(store), 1030.0)]), 1000.0)
    due = store.next_due(())
    assert due is not None
    assert 29 < due - time.time() <= 30.1
    assert store.next_due(["35"]) is None
    time.sleep(0.06)
    assert claim(store) == []


def test_attempts_are_counted_and_a_lost_lease_is_none(open_redis: Open) -> None:
    store = open_redis(lease=0.05)
    store.append([item()])
    for _ in range(2):
        one = claim_one(store)
        assert one.attempts == 0
    store.settle(Settlement(again=[(one, 0.0)]), 0.0)
    one = claim_one(store)
    assert one.attempts == 1
    store.settle(Settlement(released=[(one, 0.0)]), 0.0)
    one = claim_one(store)
    assert one.attempts == 1


# --- what was sent is settled


def test_a_claim_that_was_taken_over_sets_nothing_aside(open_redis: Open) -> None:
    stale, owner = open_redis(lease=0.05), open_redis()
    stale.append([item()])
    one = claim_one(stale)
    taken_over = claim_one(owner)
    stale.settle(Settlement(aside=[(one, "refused", "stale")], again=[(one, 9.0)], extended=[one]), 0.0)
    assert counts(owner) == (0, 1, 0, 0, 1)
    owner.settle(Settlement(confirmed=[taken_over]), 0.0)
    assert counts(owner) == (0, 0, 1, 0, 0)


def test_a_message_of_half_characters_is_set_aside(open_redis: Open) -> None:
    store = open_redis()
    store.append([item("a"), item("b")])
    bad, good = sorted(claim_all(store), key=lambda one: one.group)
    message = "bad \ud800 x \udc80, good \U0001f600 é"
    store.settle(Settlement(aside=[(bad, "refused", message)], confirmed=[good]), 0.0)
    (aside,) = store.list_aside()
    assert aside.message == "bad \\ud800 x \\udc80, good \U0001f600 é"
    assert (aside.reason, aside.added, aside.data) == ("refused", 1000.0, b"x")
    assert counts(store) == (0, 0, 1, 1, 0)


def test_a_purge_and_a_replay_of_refs_that_are_none(open_redis: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    store = open_redis()
    store.append([item(f"g{number}", f"{number}", bytes(9)) for number in range(7)])
    store.settle(Settlement(aside=[(one, "refused", one.group) for one in claim_all(store)]), 0.0)
    refs = [one.ref for one in store.list_aside()]
    assert len(set(refs)) == 7
    assert [one.ref for one in store.list_aside(3)] == refs[:3]
    none = ["99999999999999999999999-0", "²-1", "1-1\n", "", "x", "5", "1-2-3", "0-0"]
    assert store.purge(none) == store.replay(none, 0.0) == 0
    for refused in (lambda: store.purge(refs[0]), lambda: store.replay(refs[0], 0.0)):
        with pytest.raises(OptionError, match="refs must be a list of refs"):
            refused()
    assert store.purge([refs[0], refs[0], *none, refs[1], refs[2]]) == 3
    assert store.replay([refs[3], refs[3], refs[0]], 2000.0) == 1
    assert [one.added for one in claim_all(store)] == [2000.0]
    assert store.replay(None, 3000.0) == 3
    assert counts(store) == (3, 1, 0, 0, 36)
    store.settle(Settlement(aside=[(one, "refused", "") for one in claim_all(store)]), 0.0)
    assert store.purge(None) == 3
    assert store.purge(None) == store.replay(None, 0.0) == 0


# --- an outbox of its own


def test_a_store_is_of_one_account(open_redis: Open, client: Any) -> None:
    store = open_redis(name="shop")
    store.dedicate("acme@AdobeOrg")
    store.dedicate("acme@AdobeOrg")
    other = open_redis(name="shop")
    with pytest.raises(StoreError, match=r"'shop' in redis://.* of acme@AdobeOrg, .* sent as else@AdobeOrg"):
        other.dedicate("else@AdobeOrg")
    open_redis(name="else").dedicate("else@AdobeOrg")
    assert client.hget("{shop}:totals", "account") == b"acme@AdobeOrg"


def test_no_outbox_is_made_when_none_shall_be(
    open_redis: Open, redis: Redis, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StoreError, match="There is no outbox 'tpyo' in redis://"):
        open_redis(name="tpyo", create=False)
    with pytest.raises(StoreError, match="There is no outbox 'target-outbox'"):
        open_store(redis.url(), create=False)
    assert main(["outbox", "status", "--store", f"{redis.url()}#tpyo"]) == 1
    assert "There is no outbox 'tpyo'" in capsys.readouterr().err
    assert list(client.scan_iter()) == []
    open_redis(name="tpyo")
    open_redis(name="tpyo", create=False)
    assert main(["outbox", "status", "--store", f"{redis.url()}#tpyo"]) == 0


# --- what others do to the keys


@pytest.mark.parametrize("lost", [*ROUTE_KEYS, "the group", "both sets", "all of the route"])
def test_a_route_that_lost_a_key_is_mended(open_redis: Open, client: Any, lost: str) -> None:
    store = open_redis(lease=0.2)
    store.append([item("claimed"), item("waiting")])
    claimed = {one.group: one for one in claim_all(store)}
    store.settle(Settlement(released=[(claimed["waiting"], 0.0)]), 0.0)
    store.append([item("new"), item("else", "36")])
    kept = {"claimed", "waiting", "new", "else", "after"}
    if lost == "the group":
        client.xgroup_destroy(ROUTE_KEYS[0], "senders")
    elif lost == "both sets":
        client.delete(*ROUTE_KEYS[1:])
    else:
        client.delete(*(ROUTE_KEYS if lost.startswith("all") else [lost]))
    if lost in ("all of the route", ROUTE_KEYS[0]):
        kept = {"else", "after"}
    # Whoever is there goes on, and whoever comes can open it.
    open_redis()
    store.stats(0)
    store.append([item("after")])
    store.settle(Settlement(extended=[claimed["claimed"]]), 0.0)
    taken: list[str] = []
    deadline = time.monotonic() + 5
    while len(taken) < len(kept):
        assert time.monotonic() < deadline, taken
        found = [one for group in claim(store) for one in group]
        taken += (one.group for one in found)
        store.settle(Settlement(confirmed=found), 0.0)
    assert sorted(taken) == sorted(kept)
    store.settle(Settlement(confirmed=list(claimed.values())), 0.0)
    assert counts(store) == (0, 0, len(kept), 0, 0)
    assert {key.decode() for key in client.scan_iter()} == {f"{PREFIX}totals"}


@pytest.mark.parametrize("lost", ROUTE_KEYS[1:])
def test_a_claim_holds_while_its_route_is_mended(open_redis: Open, client: Any, lost: str) -> None:
    store = open_redis()
    store.append([item()])
    one = claim_one(store)
    client.delete(lost)
    assert claim(open_redis()) == []
    store.settle(Settlement(again=[(one, 0.0)]), 0.0)
    assert claim_one(store).attempts == 1


def test_a_deleted_stream_takes_up_no_room(open_redis: Open, client: Any) -> None:
    store = open_redis(max_items=3, max_bytes=30)
    store.append([item(data=bytes(10)) for _ in range(3)])
    with pytest.raises(OutboxFullError, match=r"holds 3 notifications"):
        store.append([item()])
    client.delete(ROUTE_KEYS[0])
    assert claim(store) == []
    assert counts(store) == (0, 0, 0, 0, 0)
    with pytest.raises(OptionError, match="max_items"):
        store.append([item() for _ in range(4)])
    store.append([item(data=bytes(10)) for _ in range(3)])
    assert counts(store) == (3, 0, 0, 0, 30)


@pytest.mark.parametrize("key", ROUTE_KEYS)
def test_a_broken_route_keeps_nobody_from_the_others(open_redis: Open, client: Any, key: str) -> None:
    store = open_redis()
    store.append([item("broken"), item("a", "36"), item("b", "37")])
    before = {one.group: one for one in claim_all(store)}
    store.settle(Settlement(released=[(one, 0.0) for one in before.values()]), 0.0)
    client.set(key, "something else")
    # All or nothing, also when it is not the first that fails.
    with pytest.raises(StoreError, match="WRONGTYPE"):
        store.append([item("c", "36"), item("d")])
    store.append([item("e", "38")])
    assert store.next_due(()) is not None
    claimed = claim(store)
    assert {one.group for group in claimed for one in group} == {"a", "b", "e"}
    # What cannot be settled any more keeps nothing else from it.
    confirmed = [before["broken"], *(one for group in claimed for one in group)]
    store.settle(Settlement(aside=[(before["broken"], "refused", "")], confirmed=confirmed), 0.0)
    with pytest.raises(StoreError, match="WRONGTYPE"):
        claim(store)
    client.delete(key)
    claim(store)
    assert store.stats(0).confirmed == 3


@pytest.mark.parametrize("kind", ["threads"])
def test_an_entry_of_others_is_set_aside_and_blocks_nobody(
    edge: Sandbox, open_redis: Open, client: Any, make: Make
) -> None:
    store = open_redis(lease=1.4)
    outbox = make(store, client={"timeout": 300}, linger=0.0)
    store.append([Item("first", "", b"{}", time.time(), 0.0)])
    stream = f"{PREFIX}items:"
    foreign: list[dict[str, Any]] = [
        {"foo": "bar"},
        {"g": "x/y", "a": "soon", "d": "[]"},
        {"g": b"\xff", "a": "nan", "d": b"\xff"},
        {"a": "0x10", "reason": "refused", "message": "none of yours"},
    ]
    for fields in foreign:
        client.xadd(stream, fields)
    outbox.send_notifications(options(notification("good")))
    assert outbox.stats().stored >= 1
    assert outbox.flush(10) == 0
    require_counted_once(edge, {"good"})
    aside = outbox.list_set_aside()
    assert {one.reason for one in aside} == {"malformed"}
    assert all("The stored item cannot be sent: " in one.message for one in aside)
    assert {one.data for one in aside} == {
        b"{}",
        b'{"foo": "bar"}',
        b"[]",
        b"\xff",
        b'{"a": "0x10", "reason": "refused", "message": "none of yours"}',
    }
    stats = outbox.stats()
    assert (stats.stored, stats.confirmed, stats.set_aside, stats.bytes) == (0, 1, 5, 0)
    assert {key.decode() for key in client.scan_iter()} == {f"{PREFIX}totals", f"{PREFIX}aside"}
    # Nor does one among what is set aside.
    client.xadd(f"{PREFIX}aside", {"foo": "bar"})
    assert outbox.list_set_aside()[-1].data == b'{"foo": "bar"}'
    assert outbox.replay([outbox.list_set_aside()[-1].ref]) == 0


def test_entries_of_others_are_counted(open_redis: Open, client: Any) -> None:
    store = open_redis(lease=0.3)
    client.xadd(ROUTE_KEYS[0], {"a": "0x10"})
    client.xadd(f"{PREFIX}items:36", {"foo": "bar"})
    store.append([item(data=b"four"), item(route="36")])
    store.settle(Settlement(confirmed=[one for group in claim(store) for one in group]), 0.0)
    stats = store.stats(5000.0)
    assert (stats.pending, stats.confirmed, stats.bytes, stats.oldest) == (2, 2, 0, 5000.0)
    for left in (1, 0):
        store.settle(Settlement(aside=[(claim_one(store, groups=1), "malformed", "")]), 0.0)
        assert client.hlen(f"{PREFIX}routes") == left
    assert {one.data for one in store.list_aside()} == {b'{"a": "0x10"}', b'{"foo": "bar"}'}


# --- Redis itself


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
        assert new_client.hlen(f"{PREFIX}routes") == 1
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


def test_processes_that_end_leave_no_consumer(open_redis: Open, client: Any) -> None:
    first, second = RedisStore(open_redis()._where), open_redis()
    first.append([item("a"), item("b")])
    claimed = claim_all(first)
    first.close()
    # What it claimed is its own until the lease ends, and the count of its attempts is kept.
    assert [consumer["pending"] for consumer in client.xinfo_consumers(ROUTE_KEYS[0], "senders")] == [2]
    second.settle(Settlement(released=[(one, 0.0) for one in claimed]), 0.0)
    claim_all(second)
    first.close()
    assert sorted(consumer["pending"] for consumer in client.xinfo_consumers(ROUTE_KEYS[0], "senders")) == [0, 2]


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
