"""Calls with a callback return an AsyncResult at once, and a callback that raises disturbs nothing else."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from target_delivery import (
    AsyncResult,
    AttributesProvider,
    ClientClosedError,
    DeliveryRequest,
    DeliveryStatusError,
    DeliveryTimeoutError,
    MboxRequest,
    MetricType,
    Notification,
    OptionError,
    PrefetchRequest,
    TargetClient,
    TargetDeliveryResponse,
)

REQUEST = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
NOTIFY = DeliveryRequest(notifications=[Notification(id="n", type=MetricType.DISPLAY, timestamp=1, tokens=["t"])])
SOON = 10


class SlowEdge:
    """A fake wire that answers after the test has released it."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.status = 200

    def handle(self, _: httpx.Request) -> httpx.Response:
        assert self.go.wait(SOON)
        return httpx.Response(self.status, json={"status": self.status, "message": "no"})


@pytest.fixture
def edge() -> SlowEdge:
    return SlowEdge()


@pytest.fixture
def client(edge: SlowEdge) -> Iterator[TargetClient]:
    with httpx.Client(transport=httpx.MockTransport(edge.handle)) as http_client:
        options = {"client": "demo", "organization_id": "o", "http_client": http_client, "timeout": SOON * 1000}
        with TargetClient.create(options) as client:  # type: ignore[arg-type]  # a plain dict
            yield client
            edge.go.set()


def test_the_result_comes_later(client: TargetClient, edge: SlowEdge) -> None:
    seen: list[TargetDeliveryResponse] = []
    result = client.get_offers({"request": REQUEST, "callback": seen.append})
    assert isinstance(result, AsyncResult)
    assert not result.ready()
    with pytest.raises(TimeoutError):
        result.get(timeout=0.01)
    with pytest.raises(ValueError, match="has not ended"):
        result.successful()
    result.wait(timeout=0.01)
    edge.go.set()
    result.wait()
    assert result.ready()
    assert result.successful()
    assert seen == [result.get()]
    assert result.get() is seen[0]


def test_an_error_goes_to_its_callback_and_to_get(client: TargetClient, edge: SlowEdge) -> None:
    edge.status = 400
    edge.go.set()
    seen: list[BaseException] = []
    unwanted: list[object] = []
    result = client.send_notifications({"request": NOTIFY, "callback": unwanted.append, "err_callback": seen.append})
    with pytest.raises(DeliveryStatusError) as caught:
        result.get(SOON)
    assert seen == [caught.value]
    assert not result.successful()
    assert not unwanted


def test_an_error_without_a_callback_of_its_own_is_logged(
    client: TargetClient, edge: SlowEdge, caplog: pytest.LogCaptureFixture
) -> None:
    edge.status = 400
    edge.go.set()
    client.get_offers({"request": REQUEST, "callback": print}).wait(SOON)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().startswith("A call with a callback failed: The edge answered with status 400")


@pytest.mark.parametrize("status", [200, 400])
def test_a_callback_that_raises_harms_nobody(
    client: TargetClient, edge: SlowEdge, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    def broken(_: object) -> None:
        sys.exit("boom")

    edge.status = status
    edge.go.set()
    result = client.get_offers({"request": REQUEST, "callback": broken, "err_callback": broken})
    result.wait(SOON)
    assert result.successful() is (status == 200)
    assert "A callback raised SystemExit." in caplog.text
    edge.status = 200
    assert client.get_offers({"request": REQUEST, "callback": print}).get(SOON).response.status == 200


def test_attributes_come_by_callback(client: TargetClient, edge: SlowEdge) -> None:
    edge.go.set()
    seen: list[AttributesProvider] = []
    result = client.get_attributes(["a"], {"callback": seen.append})
    assert result.get(SOON) is seen[0]
    assert seen[0].as_object() == {}


def test_a_wrong_call_is_an_error_at_the_call(client: TargetClient) -> None:
    seen: list[object] = []
    with pytest.raises(OptionError):
        client.send_notifications({"request": REQUEST, "callback": seen.append, "err_callback": seen.append})
    assert not seen


def test_the_request_is_what_it_was_at_the_call(client: TargetClient, edge: SlowEdge) -> None:
    mbox = MboxRequest(name="home")
    request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[mbox]))
    result = client.get_offers({"request": request, "callback": print})
    mbox.name = "changed"
    edge.go.set()
    assert result.get(SOON).request.to_dict()["prefetch"]["mboxes"] == [{"name": "home", "index": 0}]


def test_close_waits_for_calls_under_way(client: TargetClient, edge: SlowEdge) -> None:
    results = [client.get_offers({"request": REQUEST, "callback": print}) for _ in range(3)]
    closing = threading.Thread(target=client.close)
    closing.start()
    edge.go.set()
    closing.join(SOON)
    assert not closing.is_alive()
    assert all(result.successful() for result in results)
    with pytest.raises(ClientClosedError):
        client.get_offers({"request": REQUEST, "callback": print})
    with pytest.raises(ClientClosedError):
        client.get_offers({"request": REQUEST})
    client.close()


def test_a_callback_may_close_the_client(client: TargetClient, edge: SlowEdge) -> None:
    edge.go.set()
    result = client.get_offers({"request": REQUEST, "callback": lambda _: client.close()})
    assert result.get(SOON).response.status == 200


def test_the_deadline_of_a_call_counts_from_the_call(edge: SlowEdge, client: TargetClient) -> None:
    with httpx.Client(transport=httpx.MockTransport(edge.handle)) as http_client:
        options = {"client": "demo", "organization_id": "o", "http_client": http_client, "timeout": 50}
        with TargetClient.create(options) as impatient:  # type: ignore[arg-type]  # a plain dict
            waiting = [impatient.get_offers({"request": REQUEST, "callback": len}) for _ in range(40)]
            time.sleep(0.1)
            edge.go.set()
            with pytest.raises(DeliveryTimeoutError):
                waiting[-1].get(SOON)


def test_closing_twice_at_the_same_time_harms_no_call(client: TargetClient, edge: SlowEdge) -> None:
    result = client.get_offers({"request": REQUEST, "callback": len})
    closing = [threading.Thread(target=client.close) for _ in range(2)]
    for thread in closing:
        thread.start()
    edge.go.set()
    for thread in closing:
        thread.join(SOON)
    assert result.successful()


def test_a_client_is_made_by_create() -> None:
    with pytest.raises(OptionError, match=r"with its method create\(\)"):
        TargetClient({"client": "demo", "organization_id": "o"})  # type: ignore[arg-type]  # the mistake under test
