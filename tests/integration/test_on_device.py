"""Decisions on the device, through both clients."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from target_delivery import (
    ChannelType,
    Context,
    DeliveryError,
    DeliveryRequest,
    ExecuteRequest,
    Geo,
    MboxRequest,
    MetricType,
    Notification,
    NotReadyError,
    OptionError,
    PrefetchRequest,
    Property,
    SendNotificationError,
    VisitorId,
)
from tests.integration.drivers import Driver, Wire


def rule(mbox: str, content: str, condition: Any = True, **more: Any) -> dict[str, Any]:
    meta = {"activity.id": 7, "activity.name": "Seven", "experience.id": 0, "audience.ids": []}
    option = {"type": "html", "content": content, "eventToken": f"token of {content}"}
    consequence = {"name": mbox, "options": [option], "metrics": []}
    return {
        "ruleKey": content,
        "activityId": 7,
        "meta": meta,
        "condition": condition,
        "consequence": consequence,
        **more,
    }


ARTIFACT: dict[str, Any] = {
    "version": "1.0.0",
    "meta": {"clientCode": "demo", "environment": "production"},
    "globalMbox": "target-global-mbox",
    "geoTargetingEnabled": True,
    "responseTokens": ["activity.id", "geo.city"],
    "localMboxes": ["home", "town", "member"],
    "remoteMboxes": ["remote"],
    "localViews": [],
    "remoteViews": [],
    "rules": {
        "mboxes": {
            "home": [rule("home", "welcome")],
            "town": [
                rule("town", "gruezi", {"==": [{"var": "geo.city"}, "ZURICH"]}),
                rule("town", "hello"),
            ],
            "member": [rule("member", "members only", propertyTokens=["club"])],
        },
        "views": {},
    },
}
EDGE = {"status": 200, "edgeHost": "mboxedge35.tt.omtrdc.net", "id": {"tntId": "from-the-edge.35_0"}}


def asks(**parts: list[str]) -> DeliveryRequest:
    execute, prefetch = (
        [MboxRequest(name=name) for name in parts[part]] if part in parts else None for part in ("execute", "prefetch")
    )
    return DeliveryRequest(
        id=VisitorId(tnt_id="device.28_0"),
        execute=ExecuteRequest(mboxes=execute) if execute else None,
        prefetch=PrefetchRequest(mboxes=prefetch) if prefetch else None,
    )


def contents(result: Any, part: str = "prefetch") -> list[Any]:
    mboxes = getattr(result.response, part).mboxes
    return [option.content for mbox in mboxes for option in mbox.options or []]


@pytest.fixture
def device(make: Callable[..., Driver], wire: Wire) -> Callable[..., Driver]:
    """Return a function that creates clients with the artifact as an option."""
    wire.answer = lambda _: httpx.Response(200, json=EDGE)

    def create(method: str = "on-device", **options: Any) -> Driver:
        given: dict[str, Any] = {"artifact_payload": ARTIFACT, "polling_interval": 0, "telemetry_enabled": False}
        return make(http_client=wire.http_client, decisioning_method=method, **given, **options)

    return create


def test_a_prefetch_is_decided_without_a_call(device: Callable[..., Driver], wire: Wire) -> None:
    result = device().get_offers({"request": asks(prefetch=["home", "unknown"]), "session_id": "s-1"})
    assert contents(result) == ["welcome"]
    assert result.meta == {"decisioning_method": "on-device", "remote_mboxes": ["unknown"], "remote_views": []}
    assert result.response.status == 206
    assert result.response.edge_host is None
    assert result.response_tokens == [{"activity.id": 7, "activity.decisioningMethod": "on-device"}]
    assert result.target_cookie["value"].startswith("session#s-1#")
    assert "|PC#device.28_0#" in result.target_cookie["value"]
    assert result.target_location_hint_cookie == {"name": "mboxEdgeCluster", "value": "28", "max_age": 1860}
    assert result.request.id == VisitorId(tnt_id="device.28_0")
    assert not wire.sent


def test_a_visitor_without_any_id_gets_one(device: Callable[..., Driver]) -> None:
    request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
    result = device().get_offers({"request": request, "target_location_hint": "28"})
    assert result.response.id is not None
    assert result.response.id.tnt_id is not None
    assert result.response.id.tnt_id.endswith(".28_0")
    assert f"|PC#{result.response.id.tnt_id}#" in result.target_cookie["value"]


def test_the_property_of_the_client_counts(device: Callable[..., Driver]) -> None:
    assert contents(device().get_offers({"request": asks(prefetch=["member"])})) == []
    assert contents(device(property_token="club").get_offers({"request": asks(prefetch=["member"])})) == [
        "members only"
    ]
    request = asks(prefetch=["member"])
    request.property = Property(token="club")
    assert contents(device(property_token="other").get_offers({"request": request})) == ["members only"]


def test_attributes_are_decided_too(device: Callable[..., Driver], wire: Wire) -> None:
    provider = device().get_attributes(["home"], {"request": asks(prefetch=["town"])})
    assert set(provider.as_object()) == {"home", "town"}
    assert provider.get_response().meta["decisioning_method"] == "on-device"


def reports(wire: Wire, driver: Driver) -> list[Any]:
    """Close the client, which waits for its reports, and return them all."""
    driver.close()
    return [json.loads(sent.content) for sent in wire.sent if sent.method == "POST"]


def test_the_impressions_of_an_execute_are_reported_in_the_background(
    device: Callable[..., Driver], wire: Wire
) -> None:
    driver = device()
    request = asks(execute=["home", "home"])
    request.context = Context(channel=ChannelType.MOBILE, user_agent="agent")
    result = driver.get_offers({"request": request, "session_id": "s-1"})
    assert contents(result, "execute") == ["welcome", "welcome"]
    assert all(option.event_token is None for mbox in result.response.execute.mboxes for option in mbox.options)  # type: ignore[union-attr]  # there they are
    (report,) = reports(wire, driver)
    (notification,) = report["notifications"]
    assert notification["type"] == "display"
    assert notification["mbox"] == {"name": "home"}
    assert notification["tokens"] == ["token of welcome"]
    assert notification["id"]
    assert notification["impressionId"]
    assert abs(notification["timestamp"] / 1000 - time.time()) < 60
    assert report["id"] == {"tntId": "device.28_0"}
    assert report["context"]["channel"] == "mobile"
    assert report["experienceCloud"]["analytics"]["logging"] == "server_side"
    assert wire.sent[-1].url.params["sessionId"] == "s-1"
    assert wire.sent[-1].url.host == "mboxedge28.tt.omtrdc.net"
    assert result.request.experience_cloud is None, "the report's own"


def test_a_report_that_fails_is_told_and_harms_nothing(device: Callable[..., Driver], wire: Wire) -> None:
    seen: list[SendNotificationError] = []
    driver = device(events={"send_notification_error": seen.append})
    wire.answer = lambda _: httpx.Response(400, json={"status": 400, "message": "no"})
    assert contents(driver.get_offers({"request": asks(execute=["home"])}), "execute") == ["welcome"]
    driver.close()
    (event,) = seen
    assert "status 400" in str(event.error)
    assert event.notification.notifications is not None
    assert event.notification.notifications[0].tokens == ["token of welcome"]


def test_a_notification_that_was_not_processed_is_told(device: Callable[..., Driver]) -> None:
    seen: list[SendNotificationError] = []
    driver = device(events={"send_notification_error": seen.append})
    driver.get_offers({"request": asks(execute=["home"])})
    driver.close()
    assert "did not process the notifications" in str(seen[0].error)


def test_reports_that_wait_are_bounded(
    device: Callable[..., Driver], wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_delivery._core.reports.MAX_REPORTS", 0)
    seen: list[SendNotificationError] = []
    driver = device(events={"send_notification_error": seen.append})
    assert contents(driver.get_offers({"request": asks(execute=["home"])}), "execute") == ["welcome"]
    assert not reports(wire, driver)
    assert "reports are already waiting" in str(seen[0].error)


def test_the_answer_to_a_beacon_names_nothing_and_is_no_failure(device: Callable[..., Driver], wire: Wire) -> None:
    wire.answer = lambda _: httpx.Response(204)
    seen: list[SendNotificationError] = []
    driver = device(events={"send_notification_error": seen.append})
    request = asks(execute=["home"])
    request.context = Context(channel=ChannelType.WEB, beacon=True)
    driver.get_offers({"request": request})
    assert len(reports(wire, driver)) == 1
    assert seen == []


def test_hybrid_asks_the_edge_for_what_only_it_can_decide(device: Callable[..., Driver], wire: Wire) -> None:
    driver = device("hybrid")
    assert contents(driver.get_offers({"request": asks(prefetch=["home"])})) == ["welcome"]
    assert not wire.sent
    result = driver.get_offers({"request": asks(prefetch=["home", "remote"])})
    assert result.response.edge_host == "mboxedge35.tt.omtrdc.net"
    assert result.meta == {"decisioning_method": "server-side", "remote_mboxes": ["remote"], "remote_views": []}
    assert [mbox["name"] for mbox in wire.body["prefetch"]["mboxes"]] == ["home", "remote"]


def test_a_call_can_choose(device: Callable[..., Driver], wire: Wire) -> None:
    driver = device("on-device")
    driver.get_offers({"request": asks(prefetch=["home"]), "decisioning_method": "server-side"})
    assert len(wire.sent) == 1
    driver = device("hybrid")
    result = driver.get_offers({"request": asks(prefetch=["home", "remote"]), "decisioning_method": "on-device"})
    assert contents(result) == ["welcome"]
    assert len(wire.sent) == 1


def located(wire: Wire, answer: httpx.Response) -> None:
    wire.answer = lambda request: answer if request.url.path == "/v1/geo" else httpx.Response(200, json=EDGE)


def in_town(**geo: Any) -> DeliveryRequest:
    request = asks(prefetch=["town"])
    request.context = Context(geo=Geo(**geo))
    return request


def test_a_visitor_is_located_by_the_ip_address(device: Callable[..., Driver], wire: Wire) -> None:
    seen: list[Any] = []
    located(wire, httpx.Response(200, json={"x-geo-city": "ZURICH", "x-geo-latitude": 47.37}))
    driver = device(events={"geo_location_updated": seen.append})
    result = driver.get_offers({"request": in_town(ip_address="203.0.113.7")})
    assert contents(result) == ["gruezi"]
    (sent,) = wire.sent
    assert str(sent.url) == "https://assets.adobetarget.com/v1/geo"
    assert sent.headers["x-forwarded-for"] == "203.0.113.7"
    assert seen[0].geo_context == {"city": "ZURICH", "latitude": 47.37}
    assert result.response_tokens is not None
    assert result.response_tokens[0]["geo.city"] == "ZURICH"


@pytest.mark.parametrize("geo", [{"ip_address": "nowhere"}, {"ip_address": "1\r\nx: y"}, {"city": "BERN"}, {}])
def test_who_is_located_already_or_cannot_be_is_not_looked_up(
    device: Callable[..., Driver], wire: Wire, geo: dict[str, str]
) -> None:
    assert contents(device().get_offers({"request": in_town(**geo)})) == ["hello"]
    assert not wire.sent


@pytest.mark.parametrize(
    "answer", [(500, ""), (200, "<html>"), (200, "[1]"), (200, "[" * 100_000)], ids=["500", "html", "list", "deep"]
)
def test_a_look_up_that_fails_is_logged_and_deciding_goes_on(
    device: Callable[..., Driver], wire: Wire, caplog: pytest.LogCaptureFixture, answer: tuple[int, str]
) -> None:
    located(wire, httpx.Response(answer[0], text=answer[1]))
    assert contents(device().get_offers({"request": in_town(ip_address="203.0.113.7")})) == ["hello"]
    assert "could not be located" in caplog.text
    assert "203.0.113.7" not in "".join(record.getMessage() for record in caplog.records if record.levelno > 10)


def served(make: Callable[..., Driver], wire: Wire, method: str, status: int, **options: Any) -> Driver:
    wire.answer = lambda request: (
        httpx.Response(status, json=ARTIFACT) if request.method == "GET" else httpx.Response(200, json=EDGE)
    )
    return make(http_client=wire.http_client, decisioning_method=method, polling_interval=0, **options)


def test_without_an_artifact_on_device_is_not_ready_and_hybrid_asks_the_edge(
    make: Callable[..., Driver], wire: Wire
) -> None:
    with pytest.raises(NotReadyError, match="There is no artifact yet"):
        served(make, wire, "on-device", 403).get_offers({"request": asks(prefetch=["home"])})
    result = served(make, wire, "hybrid", 403).get_offers({"request": asks(prefetch=["home"])})
    assert result.response.edge_host == "mboxedge35.tt.omtrdc.net"


def test_readiness_can_be_waited_for(make: Callable[..., Driver], wire: Wire) -> None:
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    driver = served(make, wire, "on-device", 200, events={"client_ready": seen.put})
    assert driver.wait_until_ready(10)
    assert seen.get(timeout=10).type == "client_ready"
    assert contents(driver.get_offers({"request": asks(prefetch=["home"])})) == ["welcome"]


def test_the_wait_is_bounded(make: Callable[..., Driver], wire: Wire) -> None:
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    driver = served(make, wire, "hybrid", 500, maximum_wait_ready=50, events={"client_ready": seen.put})
    assert driver.wait_until_ready() is False
    assert seen.get(timeout=10).type == "client_ready"
    assert served(make, wire, "hybrid", 403).wait_until_ready(0.05) is False


def test_a_server_side_client_is_always_ready(client: Driver) -> None:
    assert client.wait_until_ready(0)


def test_telemetry_of_the_edge_travels_with_the_next_request(make: Callable[..., Driver], wire: Wire) -> None:
    wire.answer = lambda _: httpx.Response(200, json={**EDGE, "telemetryServerToken": "server's"})
    driver = make(http_client=wire.http_client)
    first, second = (driver.get_offers({"request": asks(prefetch=["home", "town"])}) for _ in range(2))
    assert first.request.telemetry is None
    assert second.request.telemetry is not None
    (entry,) = wire.body["telemetry"]["entries"]
    assert entry["requestId"] == first.request.request_id
    assert entry["mode"] == "edge"
    assert entry["features"] == {"decisioningMethod": "server-side", "prefetchMboxCount": 2}
    assert entry["telemetryServerToken"] == "server's"
    assert entry["execution"] >= entry["parsing"] >= 0
    assert entry["request"]["responseSize"] > 0
    driver.send_notifications({
        "request": DeliveryRequest(notifications=[Notification(id="n", type=MetricType.CLICK, timestamp=1)])
    })  # fmt: skip
    assert len(wire.body["telemetry"]["entries"]) == 1, "what was sent is forgotten"


def test_telemetry_of_the_device_is_reported_even_when_there_is_nothing_to_notify(
    make: Callable[..., Driver], wire: Wire
) -> None:
    driver = served(make, wire, "on-device", 200)
    assert driver.wait_until_ready(10)
    driver.get_offers({"request": asks(prefetch=["home"])})
    (report,) = reports(wire, driver)
    assert "notifications" not in report
    download, delivery = report["telemetry"]["entries"]
    assert download["requestId"] == "ArtifactDownload"
    assert delivery["mode"] == "local"
    assert delivery["features"] == {"decisioningMethod": "on-device", "prefetchMboxCount": 1}


@pytest.fixture
def silence() -> Iterator[str]:
    """Run a server that accepts connections and sends nothing; yield its URL."""
    accepted: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
    for connection in accepted:
        connection.close()


def test_close_stops_a_download_at_once(make: Callable[..., Driver], silence: str) -> None:
    threads = set(threading.enumerate())
    driver = make(decisioning_method="on-device", cdn_base_path=silence)
    assert driver.wait_until_ready(0.2) is False
    started = time.monotonic()
    driver.close()
    assert time.monotonic() - started < 0.5
    assert set(threading.enumerate()) == threads


def test_a_look_up_ends_with_the_deadline_of_the_call(make: Callable[..., Driver], silence: str) -> None:
    options: dict[str, Any] = {"artifact_payload": ARTIFACT, "polling_interval": 0, "telemetry_enabled": False}
    driver = make(decisioning_method="on-device", cdn_base_path=silence, timeout=300, **options)
    started = time.monotonic()
    assert contents(driver.get_offers({"request": in_town(ip_address="203.0.113.7")})) == ["hello"]
    assert time.monotonic() - started < 0.3 + 0.25


def test_decisions_in_threads_never_mix_two_artifacts(wire: Wire) -> None:
    from target_delivery import TargetClient
    from target_delivery._device.decider import OnDevice
    from target_delivery._device.keeper import Loaded
    from target_delivery.decisioning import load_artifact

    def artifact(name: str) -> dict[str, Any]:
        mboxes = {mbox: [rule(mbox, name)] for mbox in ("home", "town")}
        return {**ARTIFACT, "geoTargetingEnabled": False, "rules": {"mboxes": mboxes, "views": {}}}

    options: Any = {
        "client": "demo",
        "organization_id": "o",
        "decisioning_method": "on-device",
        "artifact_payload": artifact("a"),
        "polling_interval": 0,
        "telemetry_enabled": False,
    }
    mixed: list[Any] = []
    with TargetClient.create(options) as client:
        assert isinstance(client._core._device, OnDevice)
        keeper = client._core._device.keeper
        assert keeper.loaded is not None
        versions = [Loaded(load_artifact(artifact(name)), keeper.loaded.source) for name in "ab"]
        stop = threading.Event()

        def swap() -> None:
            while not stop.wait(0.0001):  # so that the other threads have time to decide
                for version in versions:
                    keeper.loaded = version

        def decide() -> None:
            for _ in range(20):
                found = contents(client.get_offers({"request": asks(prefetch=["home", "town"])}))
                if len(set(found)) != 1:
                    mixed.append(found)

        swapper = threading.Thread(target=swap)
        deciders = [threading.Thread(target=decide) for _ in range(32)]
        for thread in (swapper, *deciders):
            thread.start()
        for thread in deciders:
            thread.join()
        stop.set()
        swapper.join()
    assert not mixed


def test_impressions_go_through_an_outbox(
    kind: str, make: Callable[..., Driver], device: Callable[..., Driver]
) -> None:
    class Kept:
        def __init__(self) -> None:
            self.prepared: list[Any] = []

        def send_prepared(self, prepared: Any) -> None:
            self.prepared.append(prepared)

    class AsyncKept(Kept):
        async def send_prepared(self, prepared: Any) -> None:  # type: ignore[override]  # its asyncio twin
            self.prepared.append(prepared)

    outbox = Kept() if kind == "threads" else AsyncKept()
    driver = device(outbox=outbox)
    assert contents(driver.get_offers({"request": asks(execute=["home"])}), "execute") == ["welcome"]
    driver.close()
    (prepared,) = outbox.prepared
    assert prepared.body["notifications"][0]["tokens"] == ["token of welcome"]
    assert prepared.body["experienceCloud"]["analytics"]["logging"] == "server_side"
    assert prepared.cluster == "28"
    with pytest.raises(OptionError, match="Option 'outbox' must be an outbox"):
        device(outbox=object())


def test_an_outbox_that_fails_is_told_and_harms_nothing(device: Callable[..., Driver]) -> None:
    class Full:
        def send_prepared(self, prepared: Any) -> None:
            raise DeliveryError("the store is full")

    seen: list[SendNotificationError] = []
    driver = device(outbox=Full(), events={"send_notification_error": seen.append})
    assert contents(driver.get_offers({"request": asks(execute=["home"])}), "execute") == ["welcome"]
    driver.close()
    assert str(seen[0].error) == "the store is full"
