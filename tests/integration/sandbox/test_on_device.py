"""Clients that decide on the device, and the reports that the edge gets from them."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, TargetClient
from target_delivery.options import DecisioningMethodName
from target_delivery.sandbox import Latency, Sandbox, Status, TruncatedBody
from tests.integration.sandbox.audiences import CLIENT, GEO, REMOTE_MBOX, REMOTE_VIEW, Json, artifact
from tests.integration.sandbox.exchanges import mboxes


@pytest.fixture
def edge() -> Iterator[Sandbox]:
    with Sandbox(artifact(), client=CLIENT, geo=GEO) as edge:
        yield edge


def ask(edge: Sandbox, kind: str, method: DecisioningMethodName, *requests: Json, **more: Any) -> list[Any]:
    """Answer the requests with a client of the given kind, close the client, and return the results."""
    calls: list[Any] = [{"request": DeliveryRequest.from_dict({"id": {"tntId": "a"}, **one})} for one in requests]
    if kind == "threads":
        with TargetClient.create({**edge.client_options(method), **more}) as client:  # type: ignore[typeddict-item]  # a test's options
            assert client.wait_until_ready(5)
            return [client.get_offers(call) for call in calls]

    async def ask_async() -> list[Any]:
        async with AsyncTargetClient.create({**edge.async_client_options(method), **more}) as client:  # type: ignore[typeddict-item]  # a test's options
            assert await client.wait_until_ready(5)
            return [await client.get_offers(call) for call in calls]

    return asyncio.run(ask_async())


kinds = pytest.mark.parametrize("kind", ["threads", "asyncio"])
EXECUTE = {"execute": {"pageLoad": {}, **mboxes("thirds", "halves", "time", "default")}}


@kinds
@pytest.mark.parametrize("fault", [None, TruncatedBody(), Status(503), Latency(50)])
def test_an_execute_on_the_device_is_counted_once(edge: Sandbox, kind: str, fault: Any) -> None:
    ask(edge, kind, "server-side", EXECUTE)
    expected = edge.ledger.impressions
    assert expected.total() >= 5
    edge.ledger.reset()
    if fault is not None:
        edge.faults.add(fault)

    (result,) = ask(edge, kind, "on-device", EXECUTE)

    assert result.meta["decisioning_method"] == "on-device"
    assert edge.ledger.impressions == expected


def test_the_end_of_a_client_does_not_break_the_connection_of_a_report(edge: Sandbox) -> None:
    with TargetClient.create(edge.client_options("on-device")) as client:
        assert client.wait_until_ready(5)
        with edge.faults.add(Latency(500)) as latency:
            client.get_offers({"request": DeliveryRequest.from_dict({"execute": mboxes("time")})})
            while not latency.struck:
                time.sleep(0.01)
            client.close()  # while the edge has the report

    assert len(edge.ledger.notifications) == 1
    assert edge.ledger.duplicates == 0


@kinds
def test_an_mbox_twice_in_a_request_is_one_impression_on_the_device(edge: Sandbox, kind: str) -> None:
    ask(edge, kind, "on-device", {"execute": mboxes("time", "time")})
    assert edge.ledger.impressions.total() == len(edge.ledger.notifications) == 1


@kinds
def test_a_prefetch_on_the_device_sends_no_report(edge: Sandbox, kind: str) -> None:
    asked = {"prefetch": {"views": [{}], "pageLoad": {}, **mboxes("thirds")}}
    ask(edge, kind, "on-device", asked, telemetry_enabled=False)
    assert edge.requests == []
    assert edge.ledger.impressions == {}


@kinds
def test_content_prefetched_on_the_device_can_be_reported(edge: Sandbox, kind: str) -> None:
    (result,) = ask(edge, kind, "on-device", {"prefetch": mboxes("thirds")})
    (mbox,) = result.response.prefetch.mboxes
    shown = {"id": "1", "type": "display", "timestamp": 1, "tokens": [mbox.options[0].event_token]}
    request = DeliveryRequest.from_dict(
        {"id": {"tntId": "a"}, "notifications": [{**shown, "mbox": {"name": "thirds"}}]}
    )
    with TargetClient.create(edge.client_options()) as client:
        answer = client.send_notifications({"request": request})
    assert answer.response.notifications
    assert edge.ledger.impressions.total() == 1
    (activity, _) = next(iter(edge.ledger.impressions))
    assert activity == "101"


@kinds
@pytest.mark.parametrize(
    ("asked", "remote"),
    [
        ({"execute": mboxes("thirds", REMOTE_MBOX)}, ([REMOTE_MBOX], [])),
        ({"execute": mboxes("nobody-knows")}, (["nobody-knows"], [])),
        ({"prefetch": {"views": [{"name": REMOTE_VIEW}]}}, ([], [REMOTE_VIEW])),
        ({"prefetch": {"views": [{}]}}, ([], [REMOTE_VIEW])),
    ],
)
def test_hybrid_asks_the_edge_for_remote_mboxes_and_views(
    edge: Sandbox, kind: str, asked: Json, remote: tuple[list[str], list[str]]
) -> None:
    far, near = ask(edge, kind, "hybrid", asked, {"prefetch": mboxes("thirds")}, telemetry_enabled=False)
    assert far.meta == {"decisioning_method": "server-side", "remote_mboxes": remote[0], "remote_views": remote[1]}
    assert far.response.edge_host
    assert near.meta["decisioning_method"] == "on-device"
    assert len(edge.requests) == 1

    (alone,) = ask(edge, kind, "on-device", asked, telemetry_enabled=False)
    assert (alone.response.status, alone.meta["remote_mboxes"], alone.meta["remote_views"]) == (206, *remote)


@kinds
def test_the_sandbox_locates_a_visitor_if_rules_need_the_place(edge: Sandbox, kind: str) -> None:
    asked = [
        {"context": {"channel": "web", "geo": {"ipAddress": address}}, "prefetch": mboxes("place")}
        for address in ("203.0.113.7", "2001:db8::1")
    ]
    results = ask(edge, kind, "on-device", *asked)
    contents = [result.response.prefetch.mboxes[0].options[0].content for result in results]
    assert contents == ["<p>Norway</p>", "<p>Faro</p>"]
    looked_up = [request for request in edge.cdn_requests if request.path == "/v1/geo"]
    assert [request.headers["x-forwarded-for"] for request in looked_up] == ["203.0.113.7", "2001:db8::1"]


@kinds
def test_a_look_up_that_fails_does_not_fail_the_decision(edge: Sandbox, kind: str) -> None:
    edge.faults.add(Status(500), match=lambda request: request.path == "/v1/geo")
    asked = {"context": {"channel": "web", "geo": {"ipAddress": "203.0.113.7"}}, "prefetch": mboxes("place")}
    (result,) = ask(edge, kind, "on-device", asked)
    assert result.response.prefetch.mboxes[0].options[0].content == "<p>nowhere</p>"
