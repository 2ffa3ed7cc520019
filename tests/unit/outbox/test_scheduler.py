"""The scheduler and its policy: grouping, circuit, backoff, and what an answer means."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from attrs import evolve

from target_delivery import (
    DeliveryConnectionError,
    DeliveryResponse,
    DeliveryStatusError,
    NotificationResponse,
    OptionError,
    TargetDeliveryResponse,
)
from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clusters import MAX_CLUSTERS, Clusters
from target_delivery.outbox import policy
from target_delivery.outbox.policy import FAILURES_TO_OPEN, MAX_BACKOFF, Circuit, batch_size, seconds_to_wait
from target_delivery.outbox.scheduler import Batch, Limits, Scheduler
from target_delivery.outbox.stores.base import Claimed
from tests.virtual import VirtualTime

NOW = 1_000_000.0
TIME = VirtualTime(NOW)
LIMITS = Limits(parallel=2, max_batch=50, linger=0.1, max_age=100.0, call_time=3.0)
KNOWN = Clusters(None, fixed=True)


def age(added: float) -> float:
    return NOW - added


def claimed(number: int, *, id_: str | None = None, route: str = "", added: float = NOW, attempts: int = 0) -> Claimed:
    notification = {"id": id_ or f"n{number}", "impressionId": f"i{number}"}
    data = {
        "v": 1,
        "session": "s",
        "cluster": route or None,
        "request": {"requestId": "r", "notifications": [notification]},
    }
    return Claimed(str(number), "token", "group", route, json.dumps(data).encode(), added, attempts)


def answer(*ids: str) -> TargetDeliveryResponse:
    named = [NotificationResponse(id=id_) for id_ in ids]
    return TargetDeliveryResponse(
        response=DeliveryResponse(notifications=named),
        target_cookie={"name": "mbox", "value": "", "max_age": 0},
        meta={"decisioning_method": "server-side", "remote_mboxes": [], "remote_views": []},
        sent={},
    )


def sending(*items: Claimed) -> tuple[Scheduler, Batch]:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    scheduler.took([list(items)], NOW, age)
    (batch,) = scheduler.start(NOW)
    return scheduler, batch


def test_what_the_answer_names_is_confirmed_and_the_rest_sent_again() -> None:
    items = [claimed(number) for number in range(4)]
    scheduler, batch = sending(*items)
    scheduler.ended(batch, answer("n0", "n3", "unknown"), NOW)
    assert scheduler.settlement.confirmed == [items[0], items[3]]
    assert [one for one, _ in scheduler.settlement.again] == items[1:3]
    assert len({due for _, due in scheduler.settlement.again}) == 1, "what waits together stays together"
    assert all(NOW <= due <= NOW + MAX_BACKOFF for _, due in scheduler.settlement.again)
    assert scheduler.running == 0


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_call_is_halved_until_the_bad_one_stands_alone(status: int) -> None:
    items = [claimed(number) for number in range(50)]
    scheduler, batch = sending(*items)
    batches, calls = [batch], 0
    while batches:
        calls += 1
        batch = batches.pop()
        ids = list(batch.ids())
        refused = DeliveryStatusError("no", status=status, edge_message="the bad one")
        scheduler.ended(batch, refused if "n17" in ids else answer(*ids), NOW)
        batches += scheduler.start(NOW)
    assert [(one.ref, reason, why) for one, reason, why in scheduler.settlement.aside] == [
        ("17", "refused", "the bad one")
    ]
    assert len(scheduler.settlement.confirmed) == 49
    assert not scheduler.settlement.again
    assert calls <= 13
    assert scheduler.settlement.extended, "the lease goes on while halves are sent"


def test_what_cannot_be_written_is_malformed() -> None:
    scheduler, batch = sending(claimed(0))
    scheduler.ended(batch, OptionError("not JSON"), NOW)
    assert [(one.ref, reason) for one, reason, _ in scheduler.settlement.aside] == [("0", "malformed")]


@pytest.mark.parametrize(
    "outcome",
    [
        DeliveryConnectionError("down"),
        DeliveryStatusError("busy", status=503),
        DeliveryStatusError("who are you", status=403),
        RuntimeError("a hook of the http_client"),
    ],
)
def test_other_failures_keep_everything(outcome: Exception) -> None:
    items = [claimed(0), claimed(1)]
    scheduler, batch = sending(*items)
    scheduler.ended(batch, outcome, NOW)
    assert [one for one, _ in scheduler.settlement.again] == items
    assert not scheduler.settlement.aside


def test_the_old_and_the_unreadable_are_set_aside_without_a_call() -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    broken = Claimed("9", "token", "group", "", b"{", NOW, 0)
    scheduler.took([[claimed(0, added=NOW - 101, attempts=7), claimed(1), broken]], NOW, age)
    assert [(one.ref, reason) for one, reason, _ in scheduler.settlement.aside] == [
        ("0", "expired"),
        ("9", "malformed"),
    ]
    assert "after 7 failed calls" in scheduler.settlement.aside[0][2]
    (batch,) = scheduler.start(NOW)
    assert list(batch.ids()) == ["n1"]


def test_equal_ids_are_never_in_one_call() -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    scheduler.took([[claimed(0, id_="a"), claimed(1, id_="b"), claimed(2, id_="a")]], NOW, age)
    assert [list(batch.ids()) for batch in scheduler.start(NOW)] == [["a", "b"], ["a"]]


def test_calls_are_bounded_and_claims_with_them() -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    assert scheduler.wanted() == 4
    scheduler.took([[claimed(number)] for number in range(4)], NOW, age)
    assert scheduler.wanted() == 0
    first = scheduler.start(NOW)
    assert len(first) == 2
    assert not scheduler.start(NOW)
    scheduler.ended(first[0], answer("n0"), NOW)
    assert len(scheduler.start(NOW)) == 1


def test_what_waited_too_long_for_its_turn_is_given_back() -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    scheduler.took([[claimed(0)]], NOW, age)
    assert scheduler.start(NOW + 28) == []
    assert [one.ref for one, _ in scheduler.settlement.released] == ["0"]


def test_a_route_that_is_down_is_left_alone_and_then_probed_once() -> None:
    scheduler = Scheduler(
        Limits(parallel=50, max_batch=50, linger=0, max_age=1e9, call_time=3), 30.0, KNOWN, TIME.chance
    )
    scheduler.took([[claimed(number, route="35")] for number in range(FAILURES_TO_OPEN)], NOW, age)
    for batch in scheduler.start(NOW):
        scheduler.ended(batch, DeliveryConnectionError("down"), NOW)
    assert scheduler.closed(NOW) == {"35"}
    probe_at = scheduler.next_probe(NOW)
    assert probe_at is not None
    assert NOW < probe_at <= NOW + 0.5
    scheduler.took([[claimed(10, route="35")], [claimed(11, route="28")]], NOW, age)
    assert [batch.route for batch in scheduler.start(NOW)] == ["28"]
    assert [one.ref for one, _ in scheduler.settlement.released] == ["10"]
    # Its time has come: one call, and the others wait for how it ends.
    assert scheduler.closed(probe_at) == frozenset()
    scheduler.took([[claimed(number, route="35")] for number in (20, 21)], probe_at, age)
    (probe,) = scheduler.start(probe_at)
    assert probe.probe
    assert scheduler.closed(probe_at) == {"35"}
    scheduler.ended(probe, answer("n20"), probe_at)
    assert scheduler.closed(probe_at) == frozenset()


def test_the_pause_of_a_circuit_grows_with_failing_probes_only() -> None:
    circuit = Circuit(TIME.chance)
    for _ in range(20):
        circuit.failed(NOW, probe=False)
    assert circuit.until is not None
    assert circuit.until <= NOW + 0.5, "calls that were under way when it opened do not count"
    now, pauses = NOW, []
    for _ in range(12):
        now = circuit.until
        assert circuit.state(now) == "probe"
        circuit.probing = True
        assert circuit.state(now) == "open"
        circuit.failed(now, probe=True)
        pauses.append(circuit.until - now)
    assert pauses[0] < pauses[5] <= MAX_BACKOFF
    assert max(pauses) <= MAX_BACKOFF


def test_a_request_that_failed_before_says_nothing_about_the_edge() -> None:
    """However often some requests fail, an edge that answers the others is still called."""
    scheduler = Scheduler(
        Limits(parallel=50, max_batch=50, linger=0, max_age=1e9, call_time=3), 30.0, KNOWN, TIME.chance
    )
    for _ in range(20):
        scheduler.took([[claimed(1, attempts=1)]], NOW, age)
        (batch,) = scheduler.start(NOW)
        scheduler.ended(batch, DeliveryStatusError("its fault", status=500), NOW)
    assert scheduler.closed(NOW) == frozenset()
    scheduler.took([[claimed(number)] for number in range(FAILURES_TO_OPEN)], NOW, age)
    for batch in scheduler.start(NOW):
        scheduler.ended(batch, DeliveryStatusError("down", status=500), NOW)
    assert scheduler.closed(NOW) == {""}
    assert scheduler.changes == ["The edge of the client fails, notifications wait: down"]
    # One that never failed is the probe, and a probe that is no news lets the next one go soon.
    probe_at = scheduler.next_probe(NOW)
    assert probe_at is not None
    scheduler.took([[claimed(1, attempts=9)], [claimed(2)], [claimed(3, attempts=1)]], probe_at, age)
    (probe,) = scheduler.start(probe_at)
    assert [one.ref for one in probe.claimed] == ["2"]
    scheduler.ended(probe, answer("n2"), probe_at)
    assert scheduler.changes[1:] == ["The edge of the client answers again."]


@pytest.mark.parametrize("outcome", [asyncio.CancelledError(), RuntimeError("a hook"), SystemExit()])
def test_a_call_that_was_cut_off_says_nothing_about_the_edge(outcome: BaseException) -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    for number in range(2 * FAILURES_TO_OPEN):
        scheduler.took([[claimed(number)]], NOW, age)
        (batch,) = scheduler.start(NOW)
        scheduler.ended(batch, outcome, NOW)
    assert scheduler.closed(NOW) == frozenset()
    assert not scheduler.changes


def test_what_fails_together_goes_apart() -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    scheduler.took(
        [[claimed(0), claimed(1, attempts=9), claimed(2), claimed(3, attempts=4), claimed(4, attempts=4)]], NOW, age
    )
    batches = []
    while started := scheduler.start(NOW):
        batches += started
        for batch in started:
            scheduler.ended(batch, answer(*batch.ids()), NOW)
    assert [list(batch.ids()) for batch in batches] == [["n0"], ["n1"], ["n2", "n3", "n4"]]
    assert [batch_size(attempts, 50) for attempts in range(9)] == [50, 50, 50, 25, 12, 6, 3, 1, 1]
    assert batch_size(10**9, 50) == 1


def test_no_probe_is_due_while_one_is_under_way() -> None:
    scheduler = Scheduler(
        Limits(parallel=50, max_batch=50, linger=0, max_age=1e9, call_time=3), 30.0, KNOWN, TIME.chance
    )
    scheduler.took([[claimed(0)]], NOW, age)
    (batch,) = scheduler.start(NOW)
    scheduler.ended(batch, DeliveryStatusError("wait", status=503, retry_after=9.0), NOW)
    assert scheduler.next_probe(NOW) == NOW + 9
    scheduler.took([[claimed(0, attempts=1)]], NOW + 9, age)
    assert scheduler.start(NOW + 9)[0].probe
    assert scheduler.next_probe(NOW + 9) is None
    assert scheduler.next_probe(NOW + 10) is None


@pytest.mark.parametrize(("asked", "waits"), [(7.0, 7.0), (1e9, 3600.0)])
def test_retry_after_opens_a_circuit_at_once_and_within_reason(asked: float, waits: float) -> None:
    circuit = Circuit(TIME.chance)
    circuit.failed(NOW, probe=False, retry_after=asked)
    assert circuit.until == NOW + waits
    assert seconds_to_wait(1, TIME.chance, asked) == waits


def test_backoff_is_jittered_and_bounded() -> None:
    for attempts in (1, 2, 3, 10, 10_000):
        waits = [seconds_to_wait(attempts, SYSTEM_CHANCE) for _ in range(200)]
        assert min(waits) >= 0
        assert max(waits) <= min(MAX_BACKOFF, 0.2 * 2 ** min(attempts - 1, 20))
        assert len({*waits}) > 100


def test_a_request_of_several_keeps_the_rest_of_the_first() -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    scheduler.took([[claimed(0), claimed(1)]], NOW, age)
    (batch,) = scheduler.start(NOW)
    request: dict[str, Any] = batch.request.body
    assert [one["id"] for one in request["notifications"]] == ["n0", "n1"]
    assert batch.request.session_id == "s"


def test_an_item_of_a_newer_version_is_left_to_newer_processes() -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    newer = Claimed("9", "token", "group", "", b'{"v":2,"anything":[]}', NOW, 0)
    scheduler.took([[claimed(0), newer]], NOW, age)
    assert not scheduler.settlement.aside
    assert [one.ref for one, _ in scheduler.settlement.released] == ["9"]
    (batch,) = scheduler.start(NOW)
    assert list(batch.ids()) == ["n0"]


def test_a_damaged_item_is_set_aside() -> None:
    scheduler = Scheduler(LIMITS, 30.0, KNOWN, TIME.chance)
    scheduler.took([[evolve(claimed(0), damage="its column grp is no text"), claimed(1)]], NOW, age)
    ((one, reason, message),) = scheduler.settlement.aside
    assert (one.ref, reason, message) == ("0", "malformed", "The stored item is damaged: its column grp is no text.")


# --- edge clusters that only visitors have named


def doubtful(number: int, cluster: str) -> Claimed:
    return evolve(claimed(number, route=cluster), route="?", group=f"group{number}")


def test_clusters_that_only_visitors_name_get_calls_of_their_own() -> None:
    limits = Limits(parallel=8, max_batch=50, linger=0, max_age=1e9, call_time=3)
    clusters = Clusters(None, fixed=False)
    scheduler = Scheduler(limits, 30.0, clusters, TIME.chance)
    for _ in range(3):
        scheduler.took([[doubtful(number, str(100 + number))] for number in range(16)], NOW, age)
        scheduler.start(NOW)
    assert scheduler.running == 1, "each of them is named once"
    assert len(scheduler.settlement.released) == 3 * 16 - 1
    assert scheduler.wanted() == 16, "the others keep all of their calls"
    assert scheduler.closed(NOW) == {"?"}
    # A cluster that several visitors name gets another call, and is known when it has answered.
    scheduler.took([[doubtful(50, "100")], *([doubtful(number, "35")] for number in range(60, 70))], NOW, age)
    (first,) = scheduler.start(NOW)
    assert (first.route, first.probe) == ("35", True)
    scheduler.ended(first, answer(*first.ids()), NOW)
    assert clusters.know("35")
    assert scheduler.closed(NOW) == frozenset()
    scheduler.took([[doubtful(number, "35")] for number in range(70, 80)], NOW, age)
    assert [batch.route for batch in scheduler.start(NOW)] == ["35"] * 8


def test_a_cluster_that_never_answers_is_asked_ever_more_rarely_and_never_told() -> None:
    scheduler = Scheduler(LIMITS, 30.0, Clusters(None, fixed=False), TIME.chance)
    now, calls = NOW, 0
    while now < NOW + 600:
        scheduler.took([[doubtful(1, "666")]], now, age)
        for batch in scheduler.start(now):
            calls += 1
            scheduler.ended(batch, DeliveryConnectionError("down"), now)
        now += 0.5
    assert 20 <= calls <= 30
    assert not scheduler.changes


def test_what_is_remembered_of_clusters_is_bounded() -> None:
    clusters = Clusters("1", fixed=False)
    assert [clusters.learn(str(number)) for number in range(2000)].count(False) == 1
    assert len(clusters._learnt) == MAX_CLUSTERS
    assert (clusters.know("1999"), clusters.know("0"), clusters.know("1"), clusters.know("")) == (
        True,
        False,
        True,
        True,
    )
    scheduler = Scheduler(LIMITS, 30.0, Clusters(None, fixed=False), TIME.chance)
    for number in range(3000):
        scheduler.took([[doubtful(number, str(number))]], NOW, age)
        for batch in scheduler.start(NOW):
            scheduler.ended(batch, DeliveryConnectionError("down"), NOW)
    assert len(scheduler._circuits) <= 1000


# --- ages


def test_ages_do_not_count_seconds_that_the_clock_skipped() -> None:
    ages = policy.Ages(1000.0, 0.0)
    assert ages.age(900.0, 1000.0) == 100.0, "what another process stored"
    ages.look(1010.0, 10.0)
    ages.look(9010.0, 10.0)  # set forward by 8000 s
    assert ages.age(1000.0, 9010.0) == 10.0
    assert ages.age(9010.0, 9015.0) == 5.0
    ages.look(9020.0, 20.0)
    ages.look(1020.0, 20.0)  # and back
    assert ages.age(1000.0, 1020.0) == 10.0
    assert ages.age(9010.0, 1020.0) == 0.0
    ages.look(1120.0, 120.0)
    assert ages.age(1020.0, 1120.0) == 100.0
