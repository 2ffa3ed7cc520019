"""How a call is decided, as flows that the test performs step by step in virtual time."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from target_delivery import (
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    NotReadyError,
    OptionError,
    PrefetchRequest,
    SendNotificationError,
    TargetDeliveryResponse,
)
from target_delivery._core.call import Core
from target_delivery._core.flow import Send
from target_delivery._core.prepared import Prepared
from target_delivery._core.validation import read_client_options
from target_delivery._device.setup import set_up_device
from tests.unit.core.shell import REQUEST, Shell, answer, core
from tests.virtual import VirtualTime

EXECUTE = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
ARTIFACT: dict[str, Any] = {
    "version": "1.0.0",
    "meta": {"clientCode": "demo", "environment": "production"},
    "localMboxes": ["home"],
    "remoteMboxes": ["remote"],
    "rules": {
        "mboxes": {
            "home": [
                {
                    "meta": {"activityId": 1, "experienceId": 0},
                    "condition": True,
                    "consequence": {
                        "name": "home",
                        "options": [{"type": "html", "content": "hello"}],
                        "metrics": [{"type": "display", "eventToken": "token"}],
                    },
                }
            ]
        },
        "views": {},
    },
}


def on_device(time: VirtualTime, *, outbox: bool = False, **options: Any) -> Core:
    given = {"client": "demo", "organization_id": "demo@AdobeOrg", "decisioning_method": "on-device", **options}
    config = read_client_options(given, "Client")
    device = set_up_device(config, lambda ready: None, telemetry=None, clock=time.clock, chance=time.chance)
    return Core(config, clock=time.clock, chance=time.chance, device=device, telemetry=None, outbox=outbox)


def get_offers(core: Core, shell: Shell, request: DeliveryRequest = REQUEST, **options: Any) -> TargetDeliveryResponse:
    return shell.run(core.get_offers({"request": request, **options}, callbacks=False).flow)


def session_of(step: Send) -> str:
    (session,) = parse_qs(urlsplit(step.request.url).query)["sessionId"]
    return session


def test_a_session_lasts_31_minutes_and_a_device_732_days() -> None:
    time = VirtualTime()
    shell, asked = Shell(time, answer(body={"status": 200, "id": {"tntId": "device.28_0"}})), core(time)
    cookie = get_offers(asked, shell).target_cookie["value"]
    session = session_of(shell.sent[-1])
    time.advance(1860)
    get_offers(asked, shell, target_cookie=cookie)
    assert session_of(shell.sent[-1]) == session
    time.advance(1)
    get_offers(asked, shell, target_cookie=cookie)
    assert session_of(shell.sent[-1]) != session
    time.advance(63_244_800 - 1861)
    get_offers(asked, shell, target_cookie=cookie)
    assert shell.body["id"] == {"tntId": "device.28_0"}
    time.advance(1)
    get_offers(asked, shell, target_cookie=cookie)
    assert "id" not in shell.body


def test_the_deadline_counts_from_the_call_and_not_from_its_first_step() -> None:
    time = VirtualTime()
    begun = time.clock.monotonic()
    call = core(time, timeout=1000).get_offers({"request": REQUEST}, callbacks=False)
    time.advance(0.7)  # as a call with a callback waits for a thread
    shell = Shell(time, answer())
    shell.run(call.flow)
    assert shell.sent[0].deadline == begun + 1.0


def test_a_call_goes_to_the_cluster_of_the_last_answer() -> None:
    time = VirtualTime()
    asked = core(time)
    shell = Shell(time, answer(body={"status": 200, "edgeHost": "mboxedge35.tt.omtrdc.net"}), answer(), answer())
    for _ in range(3):
        get_offers(asked, shell)
    hosts = [urlsplit(step.request.url).hostname for step in shell.sent]
    assert hosts == [f"mboxedge{cluster}.tt.omtrdc.net" for cluster in (28, 35, 35)]


def test_the_next_call_reports_how_long_a_call_took() -> None:
    time = VirtualTime(now=1_700_000_000.0)
    asked = core(time)

    def slow() -> Any:
        time.advance(0.25)
        return answer()

    shell = Shell(time, slow, answer())
    get_offers(asked, shell)
    assert "telemetry" not in shell.body
    get_offers(asked, shell)
    (entry,) = shell.body["telemetry"]["entries"]
    assert (entry["execution"], entry["parsing"]) == (250.0, 0.0)
    assert entry["timestamp"] == 1_700_000_000_250


def test_a_call_has_the_callbacks_that_it_was_given() -> None:
    options = {"request": REQUEST, "callback": print, "err_callback": repr}
    call = core(VirtualTime()).get_offers(options, callbacks=True)
    assert (call.callback, call.err_callback) == (print, repr)


def test_get_attributes_returns_the_attributes() -> None:
    time = VirtualTime()
    offer = {"type": "json", "content": {"colour": "red"}}
    shell = Shell(time, answer(body={"status": 200, "execute": {"mboxes": [{"name": "home", "options": [offer]}]}}))
    attributes = shell.run(core(time).get_attributes(["home"], None, callbacks=False).flow)
    assert attributes.get_value("home", "colour") == "red"
    assert shell.body["execute"]["mboxes"] == [{"name": "home", "index": 0}]


@pytest.mark.parametrize(("retries", "attempts"), [(None, 3), (0, 1), (1, 2)])
def test_a_prepared_request_is_sent_with_retries_of_its_own(retries: int | None, attempts: int) -> None:
    time = VirtualTime()
    shell, asked = Shell(time, *[answer(503)] * (attempts - 1), answer()), core(time)
    prepared = Prepared({"requestId": "r", "context": {"channel": "web"}}, "session", "28")
    shell.run(asked.resend(prepared, retries))
    assert len(shell.sent) == attempts
    assert shell.body == prepared.body


def test_a_stored_request_that_the_api_would_not_take_is_refused() -> None:
    time = VirtualTime()
    with pytest.raises(OptionError, match="The stored request is not a Delivery API request: "):
        Shell(time, answer()).run(core(time).resend(Prepared({"notifications": [{}]}, "session", None), None))


def test_a_decision_on_the_device_is_reported_in_the_background() -> None:
    time = VirtualTime()
    shell, device = Shell(time, answer()), on_device(time, artifact_payload=ARTIFACT)
    result = get_offers(device, shell, EXECUTE)
    assert result.meta["decisioning_method"] == "on-device"
    assert not shell.sent, "the call does not wait for the report"
    (spawn,) = shell.spawned
    shell.outcomes = [answer(204)]
    shell.run(spawn.flow)
    assert [one["tokens"] for one in shell.body["notifications"]] == [["token"]]


def test_a_report_is_sent_again_until_its_own_deadline() -> None:
    time = VirtualTime()
    failed: list[SendNotificationError] = []
    shell = Shell(time, answer(503))
    device = on_device(time, artifact_payload=ARTIFACT, events={"send_notification_error": failed.append})
    get_offers(device, shell, EXECUTE)
    time.advance(60)  # as a report waits for a thread
    shell.run(shell.spawned.pop().flow)
    assert len(shell.sent) == 3
    assert shell.waits == [0.1, 0.2]
    (event,) = failed
    assert "status 503" in str(event.error)


def test_a_report_goes_into_the_outbox() -> None:
    time = VirtualTime()
    shell, device = Shell(time, answer()), on_device(time, artifact_payload=ARTIFACT, outbox=True)
    get_offers(device, shell, EXECUTE)
    shell.run(shell.spawned.pop().flow)
    assert not shell.sent
    (prepared,) = shell.enqueued
    assert prepared.body["notifications"][0]["tokens"] == ["token"]


def test_hybrid_asks_the_edge_only_when_it_must() -> None:
    time = VirtualTime()
    device = on_device(time, artifact_payload=ARTIFACT, decisioning_method="hybrid")
    shell = Shell(time, answer())
    assert get_offers(device, shell).meta["decisioning_method"] == "on-device"
    assert not shell.sent
    remote = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home"), MboxRequest(name="remote")]))
    meta = get_offers(device, shell, remote).meta
    assert meta == {"decisioning_method": "server-side", "remote_mboxes": ["remote"], "remote_views": []}
    assert len(shell.sent) == 1


def test_without_an_artifact_nothing_can_be_decided_on_the_device() -> None:
    time = VirtualTime()
    device = on_device(time)
    assert not device.can_decide
    before = time.clock.monotonic()
    with pytest.raises(NotReadyError, match="There is no artifact yet"):
        get_offers(device, Shell(time, answer()))
    assert time.clock.monotonic() - before == 3, "the call waits for an artifact until its timeout"
    assert core(time).can_decide
