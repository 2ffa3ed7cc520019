"""RedisStore: what a claim takes, what is settled, and keys that another client deleted or changed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from target_delivery import OptionError, StoreError
from target_delivery._cli.main import main
from target_delivery._core.clock import Clock
from target_delivery.outbox import Claimed, RedisStore, Settlement, Store, open_store
from target_delivery.outbox.stores import redis as module
from target_delivery.outbox.testing import StoreContract
from tests.integration.outbox.conftest import Redis
from tests.integration.outbox.redis_world import (
    DUE,
    GROUPS,
    ITEMS,
    PREFIX,
    ROUTE_KEYS,
    Open,
    claim,
    claim_all,
    claim_one,
    counts,
    item,
    pass_time,
)


class TestContract(StoreContract):
    @pytest.fixture(autouse=True)
    def server(self, redis: Redis, redis_client: Any) -> None:
        self._redis, self._client = redis, redis_client
        self._made = 0
        self.now = time.time()  # Redis has a clock of its own

    def make_store(self, *, max_items: int = 1_000_000, max_bytes: int = 2**30) -> Store:
        self._made += 1
        return self._open(max_items=max_items, max_bytes=max_bytes)

    def open_again(self, store: Store) -> Store:
        return self._open()

    def _open(self, **limits: Any) -> Store:
        clock = Clock(now=lambda: self.now)
        return RedisStore(self._redis.url(), name=f"store{self._made}", clock=clock, **limits)

    def pass_time(self, seconds: float) -> None:
        super().pass_time(seconds)
        pass_time(self._client, seconds)


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


def test_a_claim_costs_the_same_however_much_waits(open_redis: Open, redis_client: Any) -> None:
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
            redis_client.config_resetstat()
            work()
            costs[-1].append(
                sum(
                    command["calls"]
                    for name, command in redis_client.info("commandstats").items()
                    if not name.startswith("cmdstat_config")
                )
            )
    assert costs[0] == costs[1]
    assert max(costs[0]) < 15


def test_routes_that_are_empty_leave_nothing_behind(open_redis: Open, redis_client: Any) -> None:
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
    assert redis_client.scard(f"{PREFIX}routes") == 10
    store.settle(Settlement(confirmed=claim_all(store)), 0.0)
    assert {key.decode() for key in redis_client.scan_iter()} == {f"{PREFIX}totals", f"{PREFIX}aside"}
    assert counts(store) == (0, 0, 20, 10, 0)
    assert store.next_due(()) is None
    assert store.span() is None


def test_no_id_comes_again_after_a_route_was_empty(open_redis: Open, redis_client: Any) -> None:
    """Otherwise a process that comes back after its lease could confirm another item than the one it sent."""
    store = open_redis()
    store.append([item()])
    (sent,) = claim_all(store)
    store.settle(Settlement(confirmed=[sent]), 0.0)
    # As if the clock had been set back since.
    ahead = int(time.time() * 1e6) + 10**9
    redis_client.hset(f"{PREFIX}totals", "last", str(ahead))
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


def test_a_wait_can_be_longer_than_the_lease(open_redis: Open, redis_client: Any) -> None:
    store = open_redis(lease=5.0)
    store.append([item()])
    store.settle(Settlement(again=[(claim_one(store), 1030.0)]), 1000.0)
    due = store.next_due(())
    assert due is not None
    assert 29 < due - time.time() <= 30.1
    assert store.next_due(["35"]) is None
    pass_time(redis_client, 25.0)
    assert claim(store) == []
    pass_time(redis_client, 5.1)
    claim_one(store)


def test_attempts_are_counted_and_a_lost_lease_is_none(open_redis: Open, redis_client: Any) -> None:
    store = open_redis(lease=5.0)
    store.append([item()])
    for _ in range(2):
        one = claim_one(store)
        assert one.attempts == 0
        pass_time(redis_client, 5.1)
    one = claim_one(store)
    store.settle(Settlement(again=[(one, 0.0)]), 0.0)
    one = claim_one(store)
    assert one.attempts == 1
    store.settle(Settlement(released=[(one, 0.0)]), 0.0)
    one = claim_one(store)
    assert one.attempts == 1


# --- what was sent is settled


def test_a_claim_that_was_taken_over_sets_nothing_aside(open_redis: Open, redis_client: Any) -> None:
    stale, owner = open_redis(lease=5.0), open_redis()
    stale.append([item()])
    one = claim_one(stale)
    pass_time(redis_client, 5.1)
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


def test_a_store_is_of_one_account(open_redis: Open, redis_client: Any) -> None:
    store = open_redis(name="shop")
    store.dedicate("acme@AdobeOrg")
    store.dedicate("acme@AdobeOrg")
    other = open_redis(name="shop")
    with pytest.raises(StoreError, match=r"'shop' in redis://.* of acme@AdobeOrg, .* sent as else@AdobeOrg"):
        other.dedicate("else@AdobeOrg")
    open_redis(name="else").dedicate("else@AdobeOrg")
    assert redis_client.hget("{shop}:totals", "account") == b"acme@AdobeOrg"


def test_no_outbox_is_made_when_none_shall_be(
    open_redis: Open, redis: Redis, redis_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StoreError, match="There is no outbox 'tpyo' in redis://"):
        open_redis(name="tpyo", create=False)
    with pytest.raises(StoreError, match="There is no outbox 'target-outbox'"):
        open_store(redis.url(), create=False)
    assert main(["outbox", "status", "--store", f"{redis.url()}#tpyo"]) == 1
    assert "There is no outbox 'tpyo'" in capsys.readouterr().err
    assert list(redis_client.scan_iter()) == []
    open_redis(name="tpyo")
    open_redis(name="tpyo", create=False)
    assert main(["outbox", "status", "--store", f"{redis.url()}#tpyo"]) == 0


def test_processes_that_end_leave_no_consumer(open_redis: Open, redis_client: Any) -> None:
    first, second = RedisStore(open_redis()._where), open_redis()
    first.append([item("a"), item("b")])
    claimed = claim_all(first)
    first.close()
    # What it claimed is its own until the lease ends, and the count of its attempts is kept.
    assert [consumer["pending"] for consumer in redis_client.xinfo_consumers(ROUTE_KEYS[0], "senders")] == [2]
    second.settle(Settlement(released=[(one, 0.0) for one in claimed]), 0.0)
    claim_all(second)
    first.close()
    assert sorted(consumer["pending"] for consumer in redis_client.xinfo_consumers(ROUTE_KEYS[0], "senders")) == [0, 2]


# --- keys that another client deleted or changed

ANOTHER_CLIENT = "another client deleted or changed its key '{}'"


def work_of(store: RedisStore, one: Claimed) -> list[Callable[[], object]]:
    """Return all calls that read or change the keys of route 35."""
    return [
        lambda: store.append([item("new", "36"), item("new")]),
        lambda: claim(store),
        lambda: store.settle(Settlement(confirmed=[one]), 0.0),
        store.span,
        lambda: store.next_due(()),
        lambda: store.stats(0.0),
    ]


@pytest.mark.parametrize("key", [f"{PREFIX}totals", f"{PREFIX}routes"])
@pytest.mark.parametrize("harm", ["deleted", "overwritten"])
def test_a_shared_key_that_another_client_harmed_is_named(
    open_redis: Open, redis_client: Any, key: str, harm: str
) -> None:
    store = open_redis()
    store.append([item("one"), item("other", "36")])
    (one,) = (one for one in claim_all(store) if one.route == "35")
    kept = redis_client.dump(key)
    redis_client.delete(key)
    if harm == "overwritten":
        redis_client.set(key, "something else")
    for work in work_of(store, one):
        with pytest.raises(StoreError, match=re.escape(ANOTHER_CLIENT.format(key))):
            work()
    # Nothing was changed meanwhile: with the key as it was, everything works.
    redis_client.restore(key, 0, kept, replace=True)
    assert counts(store) == (0, 2, 0, 0, 2)
    for work in work_of(store, one):
        work()
    assert store.stats(0.0).confirmed == 1


@pytest.mark.parametrize("key", ROUTE_KEYS)
@pytest.mark.parametrize("harm", ["deleted", "overwritten"])
def test_a_harmed_route_stops_no_other(
    open_redis: Open, redis_client: Any, key: str, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Only what the streams held is lost. The sorted sets are made anew."""
    for work in ("append", "claim", "settle", "span", "next_due", "stats"):
        redis_client.flushall()
        store = open_redis()
        store.append([item("sent", "36"), item("sent")])
        sent = claim_all(store)
        store.append([item("one"), item("other", "36")])
        redis_client.delete(key)
        if harm == "overwritten":
            redis_client.set(key, "something else")
        match work:
            case "append":
                store.append([item("new"), item("new", "36")])
            case "settle":
                store.settle(Settlement(confirmed=sent), 0.0)
            case "span":
                assert store.span() is not None
            case "next_due":
                assert store.next_due(()) is not None
            case "stats":
                store.stats(0.0)
        groups = {(one.group, one.route) for one in claim_all(store)}
        assert ("other", "36") in groups
        assert (("one", "35") in groups) is (key != ITEMS)
        assert f"another client deleted or changed its key {key!r}" in caplog.text
        store.append([item("after")])
        assert "after" in {one.group for one in claim_all(store)}


def test_a_lost_consumer_group_is_made_again(open_redis: Open, redis_client: Any) -> None:
    store = open_redis()
    store.append([item("one"), item("two"), item("other", "36")])
    redis_client.xgroup_destroy(ITEMS, "senders")
    assert {one.group for one in claim_all(store)} == {"one", "two", "other"}


def test_an_outbox_whose_consumer_group_is_lost_opens_and_closes(open_redis: Open, redis_client: Any) -> None:
    open_redis().append([item("one")])
    redis_client.xgroup_destroy(ITEMS, "senders")
    store = open_redis()
    redis_client.xgroup_destroy(ITEMS, "senders")
    store.close()
    assert {one.group for one in claim_all(open_redis())} == {"one"}


@pytest.mark.parametrize("id_", ["*", "18446744073709551615-18446744073709551615"], ids=["an-id", "the-last-id"])
@pytest.mark.parametrize("content", [{"foo": "bar"}, {"g": "g", "a": "1.0", "d": "x"}], ids=["foreign", "an-item"])
def test_an_entry_that_another_client_wrote_is_set_aside(
    open_redis: Open, redis_client: Any, id_: str, content: dict[str, str]
) -> None:
    store = open_redis()
    store.append([item("one"), item("other", "36")])
    redis_client.xadd(ITEMS, content, id=id_)
    store.append([item("two")])
    claimed = claim_all(store)
    assert {"one", "two", "other"} <= {one.group for one in claimed}
    store.settle(Settlement(confirmed=claimed), 0.0)
    aside = len(store.list_aside())
    assert counts(store) == (0, 0, 4 - aside, aside, 0)
    assert aside == 1
    store.append([item("three")])
    assert [one.group for one in claim_all(store)] == ["three"]


@pytest.mark.parametrize(("field", "value"), [("a", "never"), ("a", "nan"), ("d", None), ("a", None)])
def test_a_damaged_entry_is_set_aside(open_redis: Open, redis_client: Any, field: str, value: str | None) -> None:
    """The entry is one that an outbox knows, and another client has put another one in its place."""
    store = open_redis()
    store.append([item("one"), item("two")])
    (id_, content) = redis_client.xrange(ITEMS)[0]
    changed = {name.decode(): data for name, data in content.items() if name.decode() != field}
    if value is not None:
        changed[field] = value.encode()
    redis_client.delete(ITEMS)
    redis_client.xadd(ITEMS, changed, id=id_)
    redis_client.xadd(ITEMS, content, id=int(id_.split(b"-")[0]) + 1)
    redis_client.xgroup_create(ITEMS, "senders", "0")
    redis_client.delete(DUE, GROUPS)
    claimed = claim_all(store)
    assert [one.data for one in claimed if not one.damage] == [b"x"]
    store.settle(
        Settlement(
            confirmed=[one for one in claimed if not one.damage],
            aside=[(one, "malformed", one.damage) for one in claimed if one.damage],
        ),
        0.0,
    )
    assert len(store.list_aside()) == 1
    assert counts(store)[:2] == (0, 0)


@pytest.mark.parametrize("field", ["confirmed", "items", "bytes", "last"])
@pytest.mark.parametrize("value", ["many", "-1", "nan", "1e300", ""])
def test_totals_that_are_no_numbers_are_counted_anew(
    open_redis: Open, redis_client: Any, field: str, value: str
) -> None:
    store = open_redis()
    store.append([item("one"), item("two", "36")])
    claimed = claim_all(store)
    redis_client.hset(f"{PREFIX}totals", field, value)
    store.settle(Settlement(confirmed=claimed[:1]), 0.0)
    store.append([item("three")])
    assert counts(store) == (1, 1, 1, 0, 2)
    assert store.span() is not None


@pytest.mark.parametrize("harm", ["overwritten", "written"])
def test_a_harmed_stream_of_what_is_set_aside(open_redis: Open, redis_client: Any, harm: str) -> None:
    store = open_redis()
    store.append([item("one"), item("two")])
    one, two = claim_all(store)
    store.settle(Settlement(aside=[(one, "refused", "no")]), 0.0)
    key = f"{PREFIX}aside"
    if harm == "written":
        redis_client.xadd(key, {"foo": "bar"})
        assert [one.reason for one in store.list_aside()] == ["refused", "malformed"]
        assert store.replay(None, 0.0) == 1
        assert store.purge(None) == 1
        return
    redis_client.set(key, "something else")
    works: list[Callable[[], object]] = [
        store.list_aside,
        lambda: store.replay(None, 0.0),
        lambda: store.settle(Settlement(confirmed=[two]), 0.0),
        lambda: store.replay(["1-1"], 0.0),
        lambda: store.purge(["1-1"]),
        lambda: store.purge(None),
        lambda: store.stats(0.0),
    ]
    for work in works:
        with pytest.raises(StoreError, match=re.escape(ANOTHER_CLIENT.format(key))):
            work()


@pytest.mark.parametrize(
    "url", ["redis://u:a/SECRETb@127.0.0.1:1/0", "redis://:SECRET?x@[::1", "redis://u:SECRET@127.0.0.1:port/0"]
)
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises((OptionError, StoreError)) as caught:
        open_store(url)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None or "SECRET" not in str(caught.value.__cause__)


def test_an_outbox_whose_keys_are_all_deleted_begins_anew(open_redis: Open, redis_client: Any) -> None:
    """The error message advises it, and a Redis that keeps nothing on disk does the same when it restarts."""
    store = open_redis()
    store.append([item()])
    one = claim_one(store)
    redis_client.flushall()
    assert counts(store) == (0, 0, 0, 0, 0)
    store.settle(Settlement(confirmed=[one]), 0.0)
    store.append([item()])
    assert counts(open_redis(create=False)) == (1, 0, 0, 0, 1)


# --- older outboxes


def test_an_outbox_of_schema_1_is_brought_up_to_date(open_redis: Open, redis_client: Any) -> None:
    """Schema 1 had a hash of routes with their bytes, no totals of items and bytes, and no group before a claim."""
    now = time.time()
    id_ = f"{now * 1e6:.0f}-0"
    member = f"visitor/{id_}"
    redis_client.hset(f"{PREFIX}totals", mapping={"schema": "1", "last": id_.removesuffix("-0"), "confirmed": 7})
    redis_client.hset(f"{PREFIX}routes", "28", 4)
    redis_client.xadd(f"{PREFIX}items:28", {"g": "visitor", "a": now, "d": b"data"}, id=id_)
    redis_client.zadd(f"{PREFIX}due:28", {member: now - 10_000_000_000})
    redis_client.zadd(f"{PREFIX}groups:28", {member: 0})

    store = open_redis()
    stats = store.stats(now)
    assert (stats.pending, stats.confirmed, stats.bytes) == (1, 7, 4)
    (claimed,) = claim_all(store)
    assert (claimed.group, claimed.route, claimed.data) == ("visitor", "28", b"data")
    store.settle(Settlement(confirmed=[claimed]), now)
    assert store.stats(now).confirmed == 8
    assert open_redis().stats(now).pending == 0
