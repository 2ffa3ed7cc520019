"""An edge that mistreats a fifth of the calls still counts each notification once, and soon."""

from __future__ import annotations

import time

import pytest

from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import (
    Fault,
    Latency,
    NotJson,
    OmitNotifications,
    RefusedConnection,
    Reset,
    Status,
    TruncatedBody,
)
from tests.integration.outbox.world import TOKEN, Make, notification, options, require_counted_once

COUNT = 120
VISITORS = 60
SHARE = 0.2

FAULTS: list[Fault] = [
    Latency(60_000),
    Latency(100),
    RefusedConnection(),
    Reset(),
    Reset(after_bytes=0),
    TruncatedBody(),
    Status(429, retry_after=1),
    Status(500, processed=True),
    Status(503),
    NotJson(),
    NotJson(processed=True),
    OmitNotifications(),
    OmitNotifications(processed=True),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: repr(fault).replace(" ", ""))
def test_a_fault_in_a_fifth_of_the_calls(edge: Sandbox, make: Make, fault: Fault) -> None:
    # The client does not retry, so each retry is the outbox's.
    outbox = make(client={"timeout": 300, "retries": 0}, linger=0.02)
    armed = edge.faults.add(fault, times=None, probability=SHARE)
    started = time.monotonic()
    outbox.send_all(
        options(notification(f"n{number}"), visitor=f"visitor{number % VISITORS}") for number in range(COUNT)
    )
    assert outbox.flush(20) == 0
    assert time.monotonic() - started < 20
    assert armed.struck > 0
    require_counted_once(edge, {f"n{number}" for number in range(COUNT)})
    stats = outbox.stats()
    assert (stats.pending, stats.in_flight, stats.confirmed, stats.set_aside) == (0, 0, COUNT, 0)


def test_confirmations_left_out_at_random(edge: Sandbox, make: Make) -> None:
    outbox = make(linger=0.02)
    for number in range(0, COUNT, 5):
        edge.faults.add(OmitNotifications(frozenset({f"n{number}"}), processed=number % 2 == 0), times=2)
    outbox.send_all(
        options(notification(f"n{number}"), visitor=f"visitor{number % VISITORS}") for number in range(COUNT)
    )
    assert outbox.flush(20) == 0
    require_counted_once(edge, {f"n{number}" for number in range(COUNT)})


@pytest.mark.parametrize("bad", [0, 17, 49])
@pytest.mark.parametrize("faulty", [False, True], ids=["alone", "with-503"])
def test_one_poisoned_notification_in_a_call_of_50(edge: Sandbox, make: Make, bad: int, faulty: bool) -> None:
    events: list[object] = []
    outbox = make(client={"events": {"notification_set_aside": events.append}})
    if faulty:
        edge.faults.add(Status(503), times=None, probability=SHARE)
    outbox.send_notifications(
        options(*(notification(f"n{number}", "nobody's" if number == bad else TOKEN) for number in range(50)))
    )
    assert outbox.flush(20) == 0
    require_counted_once(edge, {f"n{number}" for number in range(50)} - {f"n{bad}"})
    (aside,) = outbox.list_set_aside()
    assert aside.reason == "refused"
    assert "unknown event token" in aside.message
    assert f'"id":"n{bad}"'.encode() in aside.data
    (event,) = events
    assert event["reason"] == "refused"  # type: ignore[index]  # an Event
    assert event["notification"].id == f"n{bad}"  # type: ignore[index]  # an Event
    assert "unknown event token" in event["message"]  # type: ignore[index]  # an Event
    if not faulty:
        # The outbox halves the batch to find the bad one: that takes far fewer calls than 50.
        assert edge.ledger.requests + edge.ledger.rejected <= 20


def test_an_outage_is_probed_and_not_hammered(edge: Sandbox, make: Make) -> None:
    outbox = make(client={"retries": 0}, linger=0.0, parallel=4)
    with edge.faults.add(Status(503), times=None) as down:
        outbox.send_all(options(notification(f"n{number}"), visitor=f"visitor{number}") for number in range(100))
        assert outbox.flush(2) == 100
        assert down.struck <= 20
    assert outbox.flush(20) == 0
    require_counted_once(edge, {f"n{number}" for number in range(100)})


def test_retry_after_is_waited_for(edge: Sandbox, make: Make) -> None:
    outbox = make(client={"retries": 0}, linger=0.0)
    edge.faults.add(Status(429, retry_after=2), times=1)
    outbox.send_notifications(options(notification("first")))
    assert outbox.flush(0.5) == 1
    # Retry-After holds for every visitor.
    outbox.send_notifications(options(notification("second"), visitor="other"))
    assert outbox.flush(0.7) == 2
    assert len(edge.requests) == 1
    assert outbox.flush(10) == 0
    require_counted_once(edge, {"first", "second"})
