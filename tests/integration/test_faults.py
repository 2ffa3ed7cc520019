"""Bad networks: every fault ends in time, with a result or the documented error, and nothing counts twice."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from target_delivery import (
    DeliveryConnectionError,
    DeliveryError,
    DeliveryRequest,
    DeliveryStatusError,
    DeliveryTimeoutError,
    ExecuteRequest,
    InvalidAnswerError,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    PrefetchRequest,
)
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
from tests.integration.drivers import GIVEN_WIRES, AsyncDriver, Driver, WireKind, every_wire

EXECUTE = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
SLACK = 0.25

# A fault, whether a retry helps, and the error when none does.
FAULTS: list[tuple[Fault, bool, type[DeliveryError]]] = [
    (RefusedConnection(), True, DeliveryConnectionError),
    (Reset(), True, InvalidAnswerError),
    (Reset(after_bytes=0), True, DeliveryConnectionError),
    (TruncatedBody(), True, InvalidAnswerError),
    (TruncatedBody(after_bytes=0), True, InvalidAnswerError),
    (Status(429, retry_after=0), True, DeliveryStatusError),
    (Status(500), True, DeliveryStatusError),
    (Status(503, processed=True), True, DeliveryStatusError),
    (Status(504), True, DeliveryStatusError),
    (Status(403), False, DeliveryStatusError),
    (NotJson(), False, InvalidAnswerError),
    (NotJson(processed=True), False, InvalidAnswerError),
    (NotJson(status=502), True, DeliveryStatusError),
    (Latency(60_000), False, DeliveryTimeoutError),
    (Latency(60_000, processed=True), False, DeliveryTimeoutError),
]
faults = pytest.mark.parametrize(("fault", "passing", "error"), FAULTS, ids=lambda value: repr(value)[:40])


def notification(edge: Sandbox, driver: Driver, name: str = "product1") -> DeliveryRequest:
    """Prefetch an mbox and return the notification of its display."""
    request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name=name)]))
    prefetch = driver.get_offers({"request": request}).response.prefetch
    assert prefetch is not None
    (mbox,) = prefetch.mboxes or ()
    (option,) = mbox.options or ()
    assert option.event_token is not None
    return DeliveryRequest(
        notifications=[
            Notification(
                id="displayed",
                type=MetricType.DISPLAY,
                timestamp=int(time.time() * 1000),
                mbox=NotificationMbox(name=name, state=mbox.state),
                tokens=[option.event_token],
            )
        ]
    )


@every_wire(slow=True)
@faults
def test_a_fault_that_passes_is_overcome_and_counts_once(
    edge: Sandbox, make: Callable[..., Driver], fault: Fault, passing: bool, error: type[DeliveryError]
) -> None:
    client = make(edge, timeout=5000 if passing else 400)
    edge.faults.add(fault, times=1)
    if passing:
        assert client.get_offers({"request": EXECUTE}).response.status == 200
        assert edge.ledger.impressions.total() == 1
    else:
        with pytest.raises(error):
            client.get_offers({"request": EXECUTE})


@every_wire(slow=True)
@faults
def test_a_fault_that_stays_is_the_documented_error_in_time(
    edge: Sandbox, make: Callable[..., Driver], fault: Fault, passing: bool, error: type[DeliveryError]
) -> None:
    timeout = 600 if error is DeliveryTimeoutError else 5000
    client = make(edge, timeout=timeout)
    edge.faults.add(fault, times=None)
    started = time.monotonic()
    with pytest.raises(DeliveryError) as caught:
        client.get_offers({"request": EXECUTE})
    assert time.monotonic() - started <= timeout / 1000 + SLACK
    assert isinstance(caught.value, error)
    assert caught.value.attempts == (3 if passing else 1)
    assert caught.value.request_id
    assert f"{caught.value.attempts} attempt" in str(caught.value)
    assert edge.ledger.impressions.total() <= 1


@faults
def test_a_notification_that_is_sent_again_counts_once(
    edge: Sandbox, make: Callable[..., Driver], fault: Fault, passing: bool, error: type[DeliveryError]
) -> None:
    client = make(edge, timeout=5000 if passing else 400)
    options = {"request": notification(edge, client), "session_id": "s"}
    edge.faults.add(fault, times=1)
    try:
        client.send_notifications(options)
    except error:
        assert not passing
    edge.faults.clear()
    answer = client.send_notifications(options)
    assert [one.id for one in answer.response.notifications or ()] == ["displayed"]
    assert edge.ledger.impressions.total() == 1


def test_a_notification_that_the_answer_leaves_out_is_seen_to_be_missing(
    edge: Sandbox, make: Callable[..., Driver]
) -> None:
    client = make(edge)
    options = {"request": notification(edge, client), "session_id": "s"}
    edge.faults.add(OmitNotifications(), times=1)
    assert not client.send_notifications(options).response.notifications
    assert edge.ledger.impressions.total() == 0
    client.send_notifications(options)
    assert edge.ledger.impressions.total() == 1


@every_wire(slow=True)
def test_latency_within_the_deadline_is_waited_for(edge: Sandbox, make: Callable[..., Driver]) -> None:
    edge.faults.add(Latency(300), times=1)
    assert make(edge, timeout=5000).get_offers({"request": EXECUTE}).response.status == 200
    assert len(edge.requests) == 1


@every_wire(slow=True)
def test_a_timeout_says_how_long_and_what_was_tried(edge: Sandbox, make: Callable[..., Driver]) -> None:
    edge.faults.add(Status(503), times=1)
    edge.faults.add(Latency(60_000), times=None, match=lambda _: len(edge.requests) > 1)
    with pytest.raises(DeliveryTimeoutError) as caught:
        make(edge, timeout=500).get_offers({"request": EXECUTE})
    error = caught.value
    assert (error.timeout, error.attempts) == (500, 2)
    assert "the timeout is 500 ms" in str(error)
    assert "2 attempts, failures: status 503; ReadTimeout" in str(error)
    assert isinstance(error, TimeoutError)


@every_wire(among=GIVEN_WIRES)
def test_a_read_timeout_of_the_callers_own_http_client_is_tried_again(
    edge: Sandbox, make: Callable[..., Driver], wire_kind: WireKind
) -> None:
    edge.faults.add(Latency(60_000), times=1)
    http_client = wire_kind.new_http_client(timeout=0.2)
    client = make(edge, http_client=http_client, timeout=20_000)
    assert client.get_offers({"request": EXECUTE}).response.status == 200
    assert len(edge.requests) == 2
    client.run(http_client.aclose()) if isinstance(client, AsyncDriver) else http_client.close()


@every_wire(slow=True)
def test_a_port_where_nobody_listens(make: Callable[..., Driver]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(DeliveryConnectionError, match=r"No answer from 127\.0\.0\.1 after .* 3 attempts") as caught:
        make(server_domain=address, secure=False).get_offers({"request": EXECUTE})
    assert "ConnectError" in str(caught.value)
