"""What an outbox promises to its caller, for both kinds and every store."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from target_delivery import (
    AsyncTargetClient,
    Context,
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    OptionError,
    OutboxClosedError,
    OutboxFullError,
    PrefetchRequest,
    Property,
    TargetClient,
    Telemetry,
    TelemetryEntry,
)
from target_delivery.outbox import (
    AsyncNotificationOutbox,
    Item,
    MemoryStore,
    NotificationOutbox,
    Prepared,
    RedisStore,
    SQLiteStore,
    Store,
    open_store,
)
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import Latency, RefusedConnection, Status
from tests.integration.outbox.conftest import Redis
from tests.integration.outbox.world import (
    Make,
    flush_in,
    notification,
    options,
    pass_time_until,
    require_counted_once,
)
from tests.virtual import VirtualTime


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return a store. The outbox closes it."""
    if request.param == "memory":
        return MemoryStore(max_items=100)
    if request.param == "sqlite":
        return SQLiteStore(tmp_path / "outbox.db", max_items=100)
    redis: Redis = request.getfixturevalue("redis")
    return RedisStore(redis.url(), max_items=100)


def test_notifications_of_a_visitor_go_together(edge: Sandbox, make: Make, store: Store) -> None:
    outbox = make(store)
    ids = {f"n{number}" for number in range(20)}
    outbox.send_all(options(notification(id_)) for id_ in sorted(ids))
    outbox.send_all([options(notification("other"), visitor="other")])
    assert outbox.flush(10) == 0
    require_counted_once(edge, ids | {"other"})
    assert edge.ledger.requests <= 4
    stats = outbox.stats()
    assert (stats.pending, stats.in_flight, stats.confirmed, stats.set_aside, stats.bytes) == (0, 0, 21, 0, 0)
    assert stats.oldest_age == 0
    assert stats.stored == 0


def test_one_call_has_at_most_50(edge: Sandbox, make: Make, store: Store) -> None:
    started = time.time()
    virtual = VirtualTime(started)
    outbox = make(store, linger=60.0, clock=virtual.clock)
    outbox.send_notifications(options(*(notification(f"n{number}") for number in range(60))))
    # A full call does not linger: hardly any time passes.
    pass_time_until(lambda: outbox.stats().confirmed == 60, outbox, virtual, step=0.001)
    assert virtual.clock.now() < started + 30
    sizes = [len(request.json["notifications"]) for request in edge.requests]
    assert sum(sizes) == 60
    assert max(sizes) == 50
    require_counted_once(edge, {f"n{number}" for number in range(60)})


def test_a_full_store_refuses_what_does_not_fit(edge: Sandbox, make: Make, store: Store) -> None:
    outbox = make(store, client={"retries": 0})
    edge.faults.add(RefusedConnection(), times=None)
    outbox.send_notifications(options(*(notification(f"n{number}") for number in range(99))))
    with pytest.raises(OutboxFullError, match=r"holds 99 notifications and takes 100 \(max_items\)"):
        outbox.send_notifications(options(notification("a"), notification("b")))
    outbox.send_notifications(options(notification("last")))
    with pytest.raises(OutboxFullError):
        outbox.send_notifications(options(notification("a")))
    assert outbox.stats().stored == 100
    edge.faults.clear()
    assert outbox.flush(20) == 0
    require_counted_once(edge, {*(f"n{number}" for number in range(99)), "last"})


def test_a_full_store_blocks_when_told_to(edge: Sandbox, make: Make, store: Store) -> None:
    outbox = make(store, room_timeout=0.2, client={"retries": 0})
    with edge.faults.add(Status(503), times=None):
        outbox.send_notifications(options(*(notification(f"n{number}") for number in range(100))))
        started = time.monotonic()
        with pytest.raises(OutboxFullError):
            outbox.send_notifications(options(notification("a")))
        assert time.monotonic() - started >= 0.2


def test_room_that_comes_is_taken(edge: Sandbox, make: Make) -> None:
    outbox = make(MemoryStore(max_items=10), room_timeout=None, linger=0.0)
    outbox.send_all(options(notification(f"n{number}")) for number in range(50))
    assert outbox.flush(10) == 0
    require_counted_once(edge, {f"n{number}" for number in range(50)})


def test_bytes_are_limited_too(edge: Sandbox, make: Make) -> None:
    outbox = make(MemoryStore(max_bytes=2000), client={"retries": 0})
    edge.faults.add(RefusedConnection(), times=None)
    outbox.send_notifications(options(notification("small")))
    with pytest.raises(OutboxFullError, match=r"takes 2000 \(max_bytes\)"):
        outbox.send_notifications(options(notification("large" + "x" * 1300)))


def test_what_never_fits_is_refused_and_not_waited_for(edge: Sandbox, make: Make, tmp_path: Path) -> None:
    for store in (MemoryStore(max_items=2), SQLiteStore(tmp_path / "outbox.db", max_items=2)):
        outbox = make(store, room_timeout=None)
        with pytest.raises(OptionError, match=r"The call has 3 notifications; the store takes 2 in all \(max_items\)"):
            outbox.send_notifications(options(*(notification(f"n{number}") for number in range(3))))
    outbox = make(MemoryStore(max_bytes=2000), room_timeout=None)
    with pytest.raises(OptionError, match=r"the store takes 2000 in all \(max_bytes\)"):
        outbox.send_notifications(options(notification("x" * 3000)))


def test_close_with_a_deadline_says_what_is_still_stored(edge: Sandbox, make: Make, tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = make(SQLiteStore(path))
    with edge.faults.add(Latency(60_000), times=None):
        outbox.send_all(options(notification(f"n{number}"), visitor=f"visitor{number}") for number in range(30))
        started = time.monotonic()
        assert outbox.close(0.5) == 30
        assert time.monotonic() - started < 1
    with pytest.raises(OutboxClosedError, match="create a new one on the same store"):
        outbox.send_notifications(options(notification("late")))
    assert outbox.close() == 0
    # What had not been sent is free at once; what was under way is taken over when its lease ends.
    store = SQLiteStore(path)
    store_now = time.time()
    assert len(store.claim(store_now, groups=100, size=50, linger=0, closed=())) >= 22
    store.close()


def test_the_next_outbox_delivers_what_is_left(edge: Sandbox, make: Make, tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    virtual = VirtualTime(time.time())
    edge.faults.add(RefusedConnection(), times=None)
    first = make(SQLiteStore(path), client={"retries": 0}, linger=0.0, clock=virtual.clock)
    first.send_notifications(options(notification("n")))
    assert first.close(0) == 1
    edge.faults.clear()
    flush_in(make(SQLiteStore(path), clock=virtual.clock), virtual)
    require_counted_once(edge, {"n"})


def test_what_is_stored_is_what_is_sent(edge: Sandbox, make: Make) -> None:
    store = MemoryStore()
    outbox = make(store, client={"property_token": "shop"})
    edge.faults.add(RefusedConnection(), times=None)
    outbox.send_notifications(options(notification("n"), target_location_hint="28"))
    stored = json.loads(store._row("SELECT data FROM item")[0])
    assert stored["v"] == 1
    assert stored["cluster"] == "35", "a tntId names the cluster of its visitor"
    edge.faults.clear()
    assert outbox.flush(10) == 0
    (received,) = {request.body for request in edge.requests}
    assert json.loads(received) == stored["request"]
    assert stored["request"]["property"] == {"token": "shop"}
    assert stored["request"]["notifications"][0]["impressionId"]
    assert edge.requests[-1].query["sessionId"] == stored["session"] == "session-visitor"


@pytest.mark.parametrize(
    "other",
    [
        {"session_id": "another"},
        {"context": Context(geo=None, user_agent="other")},
        {"property": Property(token="other")},
    ],
    ids=["session", "context", "property"],
)
def test_what_differs_is_sent_apart(edge: Sandbox, make: Make, other: dict[str, Any]) -> None:
    outbox = make()
    first, second = options(notification("a")), options(notification("b"))
    if "session_id" in other:
        second |= other
    else:
        (name,) = other
        setattr(second["request"], name, other[name])
    outbox.send_all([first, second])
    assert outbox.flush(10) == 0
    assert edge.ledger.requests == 2
    require_counted_once(edge, {"a", "b"})


def test_stitching_is_not_lost_in_a_group(edge: Sandbox, make: Make) -> None:
    from target_delivery import AnalyticsRequest, ExperienceCloud

    outbox = make()
    for id_, sdid in (("a", "0123456789ABCDEF-0123456789ABCDEF"), ("b", "F" * 16 + "-" + "0" * 16), ("c", None)):
        given = options(notification(id_))
        if sdid is not None:
            given["request"].experience_cloud = ExperienceCloud(analytics=AnalyticsRequest(supplemental_data_id=sdid))
        outbox.send_notifications(given)
    assert outbox.flush(10) == 0
    sent = {
        request.json["notifications"][0]["id"]: request.json["experienceCloud"]["analytics"]["supplementalDataId"]
        for request in edge.requests
    }
    assert sent["a"] == "0123456789ABCDEF-0123456789ABCDEF"
    assert sent["b"] == "F" * 16 + "-" + "0" * 16
    assert len(set(sent.values())) == 3


def test_telemetry_goes_along_once(edge: Sandbox, make: Make) -> None:
    outbox = make()
    for number in range(2):
        given = options(notification(f"a{number}"), notification(f"b{number}"))
        entry = TelemetryEntry(request_id=f"r{number}", timestamp=1_700_000_000_000)
        given["request"].telemetry = Telemetry(entries=[entry])
        outbox.send_notifications(given)
    assert outbox.flush(10) == 0
    (request,) = edge.requests
    assert [entry["requestId"] for entry in request.json["telemetry"]["entries"]] == ["r0", "r1"]
    assert len(request.json["notifications"]) == 4


def test_a_beacon_waits_for_its_answer(edge: Sandbox, make: Make) -> None:
    outbox = make()
    given = options(notification("n"))
    given["request"].context = Context(beacon=True)
    outbox.send_notifications(given)
    assert outbox.flush(10) == 0
    require_counted_once(edge, {"n"})


def test_the_same_id_twice_is_two_calls(edge: Sandbox, make: Make) -> None:
    outbox = make()
    first, second = notification("displayed"), notification("displayed")
    second.timestamp += 1
    outbox.send_notifications(options(first, second))
    assert outbox.flush(10) == 0
    assert edge.ledger.requests == 2
    assert outbox.stats().confirmed == 2


def test_too_old_is_set_aside_and_can_be_replayed(
    edge: Sandbox, make: Make, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Any] = []
    virtual = VirtualTime(time.time())
    outbox = make(
        store,
        max_age=60.0,
        client={"retries": 0, "events": {"notification_set_aside": events.append}},
        linger=0.0,
        clock=virtual.clock,
    )
    with edge.faults.add(Status(503), times=None), caplog.at_level(logging.ERROR, "adobe.target"):
        outbox.send_notifications(options(notification("old")))
        assert outbox.stats().stored == 1
        virtual.advance(61)
        # The event and the log line follow the moment in which the store has set the notification aside.
        pass_time_until(lambda: bool(events), outbox, virtual)
    assert outbox.stats().set_aside == 1
    (aside,) = outbox.list_set_aside()
    assert aside.reason == "expired"
    assert "max_age" in aside.message
    assert (events[0].reason, events[0].message, events[0].notification.id) == ("expired", aside.message, "old")
    assert "set aside (expired)" in caplog.text
    assert outbox.replay(["0", "0-0", "nonsense"]) == 0
    assert outbox.replay([aside.ref]) == 1
    flush_in(outbox, virtual)
    assert outbox.stats().set_aside == 0
    require_counted_once(edge, {"old"})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[]", "not an object"),
        (b'{"v":0}', "schema version is 0"),
        (b'{"v":1,"session":"a b","cluster":null,"request":{}}', "session id"),
        (b'{"v":1,"session":"a","cluster":"evil.example/","request":{}}', "edge cluster"),
        (b'{"v":1,"session":"a","cluster":null,"request":[]}', "no request"),
        (b'{"v":1,"session":"a","cluster":null,"request":{"notifications":[]}}', "one notification"),
        (
            b'{"v":1,"session":"a","cluster":null,"request":{"notifications":[{"id":"n","impressionId":"i"}]}}',
            "one notification",
        ),
        (
            b'{"v":1,"session":"a","cluster":null,'
            b'"request":{"requestId":"r","notifications":[{"id":"n","impressionId":"i"}]}}',
            "is not a Delivery API request",
        ),
        (
            b'{"v":1,"session":"a","cluster":null,'
            b'"request":{"requestId":"r","id":{"tntId":5},"notifications":[{"id":"n","impressionId":"i"}]}}',
            "request.id.tntId must be a str",
        ),
        (b'{"v":"\\u001b]0;","session":"a","cluster":null,"request":{}}', "schema version is not a number"),
        (
            b'{"v":1,"session":"a","cluster":null,"request":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
            "not JSON",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["threads"])  # both kinds read items with the same code
def test_what_cannot_be_read_is_set_aside(edge: Sandbox, make: Make, data: bytes, says: str) -> None:
    require_set_aside(edge, make, MemoryStore(), data, says)


def test_bytes_that_are_no_text_are_set_aside(edge: Sandbox, make: Make, store: Store) -> None:
    require_set_aside(edge, make, store, b"\xff", "not JSON")


def require_set_aside(edge: Sandbox, make: Make, store: Store, data: bytes, says: str) -> None:
    """Assert that stored bytes are set aside as malformed, and that the notification beside them is delivered."""
    store.append([Item("g", "", data, time.time(), 0)])
    outbox = make(store)
    outbox.send_notifications(options(notification("good")))
    assert outbox.flush(10) == 0
    (aside,) = outbox.list_set_aside()
    assert (aside.reason, aside.data) == ("malformed", data)
    assert says in aside.message
    require_counted_once(edge, {"good"})
    assert store.purge([aside.ref]) == 1
    assert store.purge(None) == 0


def test_a_handler_that_raises_harms_nothing(edge: Sandbox, make: Make) -> None:
    def fail(event: object) -> None:
        raise ValueError("handler")

    outbox = make(client={"events": {"notification_set_aside": fail}})
    outbox.send_notifications(options(notification("bad", "nobody's")))
    assert outbox.flush(10) == 0
    outbox.send_notifications(options(notification("good")))
    assert outbox.flush(10) == 0
    require_counted_once(edge, {"good"})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"callback": print}, "'callback' has no place in an outbox"),
        ({"request": DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))}, "at least one"),
        (
            {
                "request": DeliveryRequest(
                    prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]), notifications=[notification("n")]
                )
            },
            "request.prefetch",
        ),
        (
            {
                "request": DeliveryRequest(
                    telemetry=Telemetry(entries=[TelemetryEntry(request_id="r", timestamp=1)]),
                )
            },
            "at least one",
        ),
        ({"request": DeliveryRequest(notifications=[notification(" ")])}, "not blank"),
        ({"sesion_id": "s"}, "Did you mean 'session_id'"),
    ],
)
def test_a_wrong_call_is_refused_at_the_call(make: Make, given: dict[str, Any], says: str) -> None:
    outbox = make()
    with pytest.raises(OptionError, match=says):
        outbox.send_notifications({**options(notification("n")), **given})
    assert outbox.stats().stored == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"parallel": 0}, "parallel must be an int from 1"),
        ({"max_batch": 51}, "max_batch must be an int from 1 to 50, not 51"),
        ({"linger": -1}, "linger must be a number of seconds"),
        ({"linger": 100}, "linger must be a number of seconds, at most 60, not 100"),
        ({"max_age": True}, "max_age must be"),
        ({"max_age": float("nan")}, "max_age must be"),
        ({"room_timeout": "1"}, "room_timeout must be a number of seconds or None"),
        ({"room_timeout": float("nan")}, "room_timeout must be a number of seconds or None"),
    ],
)
def test_an_outbox_is_made_with_sense(make: Make, given: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        make(**given)


def test_a_lease_outlasts_a_call(make: Make) -> None:
    with pytest.raises(OptionError, match=r"lease of 3 s must be at least 1 s longer than a call .* \(3 s"):
        make(MemoryStore(lease=3))
    with pytest.raises(OptionError, match="max_items must be a number greater than 0, not 0"):
        MemoryStore(max_items=0)


def test_what_ties_a_call_to_its_page_is_kept(edge: Sandbox, make: Make) -> None:
    """Calls with consumer_id share a supplementalDataId with other calls for the same page."""
    outbox = make()
    for id_ in ("a", "b"):
        outbox.send_notifications(options(notification(id_), consumer_id="recommendations"))
    for id_ in ("c", "d"):
        outbox.send_notifications(options(notification(id_), visitor="other"))
    assert outbox.flush(10) == 0
    sent = [[one["id"] for one in request.json["notifications"]] for request in edge.requests]
    assert sorted(sent) == [["a"], ["b"], ["c", "d"]]
    sdids = {request.json["experienceCloud"]["analytics"]["supplementalDataId"] for request in edge.requests}
    assert len(sdids) == 3


def test_a_request_that_no_client_completed_is_refused() -> None:
    client = {"client": "demo", "organization_id": "demo@AdobeOrg"}
    with (
        TargetClient.create(client) as sync,  # type: ignore[typeddict-item]  # a plain dict
        NotificationOutbox(sync, store=MemoryStore()) as outbox,
        pytest.raises(OptionError, match=r"not complete: use prepare_notifications\(\)"),
    ):
        outbox.send_prepared(Prepared({"notifications": [{"id": "n"}]}, "session", None))


def test_each_outbox_has_its_client() -> None:
    client = {"client": "demo", "organization_id": "demo@AdobeOrg"}
    with (
        TargetClient.create(client) as sync,  # type: ignore[typeddict-item]  # a plain dict
        contextlib.closing(MemoryStore()) as store,
    ):
        with pytest.raises(OptionError, match="AsyncNotificationOutbox needs a client of type AsyncTargetClient"):
            AsyncNotificationOutbox(sync, store=store)  # type: ignore[arg-type]  # under test
        asynchronous = AsyncTargetClient.create(client)  # type: ignore[typeddict-item]  # a plain dict
        with pytest.raises(OptionError, match="NotificationOutbox needs a client of type TargetClient"):
            NotificationOutbox(asynchronous, store=store)  # type: ignore[arg-type]  # under test
        asyncio.run(asynchronous.close())


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "ftp://x/y", "sqlite://host/path"])
def test_a_url_that_names_no_store(url: str) -> None:
    with pytest.raises(OptionError, match="names no store"):
        open_store(url)


def test_urls_name_stores(tmp_path: Path, redis: Redis) -> None:
    for url in (str(tmp_path / "a.db"), f"sqlite:///{tmp_path / 'b.db'}"):
        store = open_store(url)
        assert isinstance(store, SQLiteStore)
        store.close()
    assert (tmp_path / "b.db").exists()
    for url in (redis.url(), f"{redis.url()}#other"):
        store = open_store(url)
        assert isinstance(store, RedisStore)
        store.append([Item("g", "", b"x", 0, 0)])
        assert store.stats(time.time()).pending == 1
        store.close()
