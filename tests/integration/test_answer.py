"""Answers become results, cookies and errors."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from target_delivery import (
    AttributeNotFoundError,
    AttributesProvider,
    AuthenticatedState,
    CustomerId,
    DeliveryRequest,
    DeliveryStatusError,
    InvalidAnswerError,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    PrefetchRequest,
    Property,
    TargetDeliveryResponse,
    TargetError,
    VisitorId,
)
from tests.integration.drivers import Driver, Wire

REQUEST = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))


def analytics(name: str) -> dict[str, Any]:
    return {"payload": {"pe": "tnt", "tnta": name}}


def result(name: str) -> dict[str, Any]:
    options = [{"type": "html", "content": name, "responseTokens": {"activity.name": f"{name}{n}"}} for n in (1, 2)]
    return {"analytics": analytics(name), "trace": {"of": name}, "options": [*options, {"type": "html"}]}


FULL = {
    "status": 200,
    "requestId": "r",
    "id": {"tntId": "device.28_0"},
    "client": "demo",
    "edgeHost": "mboxedge35.tt.omtrdc.net",
    "prefetch": {
        "mboxes": [{"name": "f", "index": 0, **result("f")}, {"name": "g", "index": 1, "state": "s"}],
        "views": [{"name": "e", **result("e")}],
        "pageLoad": result("d"),
    },
    "execute": {
        "mboxes": [{"name": "b", "index": 0, **result("b")}, {"name": "c", "index": 1, **result("c")}],
        "pageLoad": result("a"),
    },
}


def answering(wire: Wire, answer: Any, status: int = 200, **more: Any) -> None:
    wire.answer = lambda _: httpx.Response(status, json=answer, **more)


def test_the_answer_is_collected_in_order(client: Driver, wire: Wire) -> None:
    answering(wire, FULL)
    answer = client.get_offers({"request": REQUEST})
    assert answer.response.to_dict() == FULL
    assert [one.payload.tnta for one in answer.analytics_details or () if one.payload] == list("abcdef")
    assert answer.trace == [{"of": name} for name in "abcdef"]
    assert answer.response_tokens == [{"activity.name": f"{name}{n}"} for name in "abcdef" for n in (1, 2)]
    assert answer.meta == {"decisioning_method": "server-side", "remote_mboxes": [], "remote_views": []}


def test_the_answer_is_a_mapping_of_what_there_is(client: Driver, wire: Wire) -> None:
    answering(wire, FULL)
    full = client.get_offers({"request": REQUEST})
    assert list(full) == [
        "response", "target_cookie", "target_location_hint_cookie", "analytics_details", "trace", "response_tokens",
        "meta", "request",
    ]  # fmt: skip
    assert len(full) == 8
    assert all(full[key] is getattr(full, key) is full.get(key) for key in full)
    answering(wire, {"status": 200})
    bare = client.get_offers({"request": REQUEST, "target_location_hint": "28"})
    assert list(bare) == ["response", "target_cookie", "target_location_hint_cookie", "meta", "request"]
    assert bare.get("trace") is None
    assert bare.get("trace", "none") == "none"
    assert "trace" not in bare
    for key in ("trace", "surprise", "__class__"):
        with pytest.raises(KeyError, match=key):
            bare[key]


def test_the_cookies_for_the_browser(client: Driver, wire: Wire) -> None:
    answering(wire, FULL)
    before = int(time.time())
    answer = client.get_offers({"request": REQUEST, "session_id": "s-1"})
    after = int(time.time())
    assert answer.target_cookie in [
        {"name": "mbox", "value": f"session#s-1#{now + 1860}|PC#device.28_0#{now + 63244800}", "max_age": 63244800}
        for now in range(before, after + 1)
    ]
    assert answer.target_location_hint_cookie == {"name": "mboxEdgeCluster", "value": "35", "max_age": 1860}


def test_the_cookie_of_the_call_is_given_back(client: Driver, wire: Wire) -> None:
    answering(wire, FULL)
    first = client.get_offers({"request": REQUEST})
    again = client.get_offers({"request": REQUEST, "target_cookie": first.target_cookie["value"]})
    assert wire.sent[0].url.params["sessionId"] == wire.sent[1].url.params["sessionId"]
    assert wire.body["id"] == {"tntId": "device.28_0"}
    assert again.target_location_hint_cookie is not None
    assert again.target_location_hint_cookie["value"] == "28", "the cluster of the call wins"


def test_a_device_stays_known_when_the_answer_does_not_name_it(client: Driver, wire: Wire) -> None:
    answering(wire, {"status": 200})
    answer = client.get_offers({"request": REQUEST, "target_cookie": f"PC#device.28_0#{int(time.time()) + 60}"})
    assert "|PC#device.28_0#" in answer.target_cookie["value"]
    assert "PC#" not in client.get_offers({"request": REQUEST}).target_cookie["value"]


def test_a_beacon_has_no_body(client: Driver, wire: Wire) -> None:
    wire.answer = lambda _: httpx.Response(204)
    answer = client.get_offers({"request": REQUEST})
    assert answer.response.to_dict() == {"status": 204}
    assert answer.target_cookie["max_age"] == 1860


def test_what_the_sdk_has_never_seen_does_not_raise(client: Driver, wire: Wire) -> None:
    strange = {
        "status": 200,
        "edgeHost": 5,
        "prefetch": {
            "mboxes": [{"name": "a", "index": "one", "options": [{"type": "hologram", "content": [1, None], "x": 1}]}],
            "views": "none",
            "new": None,
        },
    }
    answering(wire, strange)
    answer = client.get_offers({"request": REQUEST})
    assert answer.response.to_dict() == strange
    assert answer.response.prefetch is not None
    (mbox,) = answer.response.prefetch.mboxes or ()
    assert mbox.index is None
    assert mbox.options is not None
    assert mbox.options[0].type == "hologram"


def test_the_cluster_of_an_answer_is_remembered(client: Driver, wire: Wire) -> None:
    answering(wire, {"status": 200, "edgeHost": "mboxedge35.tt.omtrdc.net"})
    for _ in range(2):
        client.get_offers({"request": REQUEST})
    client.get_offers({"request": REQUEST, "target_location_hint": "28"})
    answering(wire, {"status": 200, "edgeHost": "mboxedge35@evil.example/"})
    client.get_offers({"request": REQUEST})
    client.get_offers({"request": REQUEST})
    assert [sent.url.host for sent in wire.sent] == [
        "demo.tt.omtrdc.net",
        "mboxedge35.tt.omtrdc.net",
        "mboxedge28.tt.omtrdc.net",
        "mboxedge35.tt.omtrdc.net",
        "mboxedge35.tt.omtrdc.net",
    ]


def test_the_client_starts_with_its_own_hint(make: Callable[..., Driver], wire: Wire) -> None:
    make(http_client=wire.http_client, target_location_hint="41").get_offers({"request": REQUEST})
    assert wire.sent[0].url.host == "mboxedge41.tt.omtrdc.net"


ATTRIBUTES = {
    "status": 200,
    "prefetch": {
        "mboxes": [
            {
                "name": "a",
                "options": [{"type": "json", "content": {"x": 1, "y": 1}}, {"type": "json", "content": {"y": 2}}],
            },
            {"name": "b", "options": [{"type": "json", "content": [1]}, {"type": "html", "content": "z"}]},
            {"options": [{"type": "json", "content": {"q": 1}}]},
        ]
    },
    "execute": {
        "mboxes": [{"name": "a", "options": [{"type": "json", "content": {"z": None, "x": 3}}]}, {"name": "c"}]
    },
}


@pytest.fixture
def attributes(client: Driver, wire: Wire) -> AttributesProvider:
    answering(wire, ATTRIBUTES)
    return client.get_attributes(["a"])


def test_attributes_are_merged(attributes: AttributesProvider) -> None:
    assert attributes.as_object() == {"a": {"x": 3, "y": 2, "z": None}, "b": {}, "c": {}}
    assert attributes.as_object("a") == {"x": 3, "y": 2, "z": None}
    assert attributes.get_value("a", "x") == 3
    assert attributes.get_value("a", "z") is None
    assert isinstance(attributes.get_response(), TargetDeliveryResponse)


@pytest.mark.parametrize(("mbox", "key"), [("a", "none"), ("none", "x")])
def test_an_attribute_that_is_absent_is_named(attributes: AttributesProvider, mbox: str, key: str) -> None:
    with pytest.raises(AttributeNotFoundError, match=rf"^No value for key '{key}' of mbox '{mbox}'"):
        attributes.get_value(mbox, key)
    with pytest.raises(KeyError, match=r"^The answer has no mbox 'none'"):
        attributes.as_object("none")


def test_changing_an_attribute_object_does_not_change_the_provider(attributes: AttributesProvider) -> None:
    attributes.as_object("a").clear()
    attributes.as_object()["a"].clear()
    assert attributes.get_value("a", "x") == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_a_refusal_is_an_error_at_once(client: Driver, wire: Wire, status: int) -> None:
    answering(wire, {"status": status, "message": "Invalid request: Invalid imsOrg -  bad"}, status)
    with pytest.raises(DeliveryStatusError, match=r"Invalid imsOrg -  bad") as caught:
        client.get_offers({"request": DeliveryRequest(request_id="r-1", prefetch=REQUEST.prefetch)})
    error = caught.value
    assert (error.status, error.edge_message) == (status, "Invalid request: Invalid imsOrg -  bad")
    assert (error.request_id, error.attempts, len(wire.sent)) == ("r-1", 1, 1)
    assert isinstance(error, TargetError)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again(client: Driver, wire: Wire, status: int) -> None:
    answers: Iterator[httpx.Response] = iter([httpx.Response(status), httpx.Response(200, json={"status": 200})])
    wire.answer = lambda _: next(answers)
    assert client.get_offers({"request": REQUEST}).response.status == 200
    first, second = wire.sent
    assert first.content == second.content
    assert first.headers == second.headers


def test_the_page_of_a_proxy_is_an_error_that_shows_it(client: Driver, wire: Wire) -> None:
    wire.answer = lambda _: httpx.Response(502, html="<html>Bad gateway</html>")
    with pytest.raises(DeliveryStatusError, match="status 502: '<html>Bad gateway") as caught:
        client.get_offers({"request": REQUEST})
    assert (caught.value.edge_message, caught.value.attempts) == (None, 3)
    wire.answer = lambda _: httpx.Response(403)
    with pytest.raises(DeliveryStatusError, match="status 403: an empty body"):
        client.get_offers({"request": REQUEST})


@pytest.mark.parametrize("body", ["<html>welcome</html>", "", '{"status": 200, "requ', "[1]", "null", '"text"', "\xff"])
def test_what_is_no_delivery_answer_is_an_error_that_shows_its_beginning(client: Driver, wire: Wire, body: str) -> None:
    wire.answer = lambda _: httpx.Response(200, content=body.encode("latin-1"))
    with pytest.raises(InvalidAnswerError) as caught:
        client.get_offers({"request": REQUEST})
    assert caught.value.status == 200
    assert caught.value.excerpt[:8] == body[:8].replace("\xff", "�")
    assert len(wire.sent) == 1


def test_json_that_is_nested_too_deep_is_an_error(client: Driver, wire: Wire) -> None:
    wire.answer = lambda _: httpx.Response(200, content=b'{"a":' * 100_000)
    with pytest.raises(InvalidAnswerError):
        client.get_offers({"request": REQUEST})


def test_a_redirect_is_not_followed(client: Driver, wire: Wire) -> None:
    wire.answer = lambda _: httpx.Response(307, headers={"location": "https://evil.example/"})
    with pytest.raises(DeliveryStatusError, match="status 307"):
        client.get_offers({"request": REQUEST})
    assert len(wire.sent) == 1


def test_the_cookies_of_one_visitor_never_reach_another(client: Driver, wire: Wire) -> None:
    answering(wire, {"status": 200}, headers={"set-cookie": "visitor=1; Path=/"})
    client.get_offers({"request": REQUEST})
    client.get_offers({"request": REQUEST})
    assert "cookie" not in wire.sent[1].headers


SECRETS = ["tnt-7d1c", "token-51fe", "state-09aa", "session-3b2d", "property-6a6a", "mcid-4411"]
SECRET_REQUEST = DeliveryRequest(
    id=VisitorId(tnt_id="tnt-7d1c.28_0", marketing_cloud_visitor_id="mcid-4411"),
    property=Property(token="property-6a6a"),
    notifications=[
        Notification(
            id="n",
            type=MetricType.DISPLAY,
            timestamp=1,
            tokens=["token-51fe"],
            mbox=NotificationMbox(name="home", state="state-09aa"),
        )
    ],
)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, json.dumps({"status": 400, "message": f"Invalid: {SECRETS}"})),
        (403, f"<html>{SECRETS}</html>"),
        (200, f"<html>{SECRETS}</html>"),
        (503, f"{SECRETS}"),
        (
            200,
            '{"id": {"tntId": "tnt-7d1c.28_0", "marketingCloudVisitorId": "mcid-4411"}, "x": {"state": "state-0',
        ),
    ],
)
def test_nothing_secret_is_in_errors_or_in_logs_above_debug(
    client: Driver, wire: Wire, caplog: pytest.LogCaptureFixture, status: int, content: str
) -> None:
    wire.answer = lambda _: httpx.Response(status, content=content.encode())
    with caplog.at_level("DEBUG"), pytest.raises(TargetError) as caught:
        client.send_notifications({"request": SECRET_REQUEST, "session_id": "session-3b2d"})
    shown = [str(caught.value), repr(caught.value), str(vars(caught.value))]
    shown += [record.getMessage() for record in caplog.records if record.name != "adobe.target" or record.levelno > 10]
    for line in shown:
        assert not [secret for secret in SECRETS if secret in line]
    assert any("tnt-7d1c" in record.getMessage() for record in caplog.records), "DEBUG shows the request"


def test_short_ids_leave_an_error_message_readable(client: Driver, wire: Wire) -> None:
    message = "Invalid request: status 400, field 3 of 2024, customer 59"
    wire.answer = lambda _: httpx.Response(400, json={"status": 400, "message": message})
    known = AuthenticatedState.AUTHENTICATED
    ids = [CustomerId(id=str(n), integration_code="crm", authenticated_state=known) for n in range(60)]
    with pytest.raises(DeliveryStatusError) as caught:
        client.get_offers({"request": REQUEST, "customer_ids": ids})
    assert caught.value.edge_message == ("Invalid request: status 400, field [redacted] of 2024, customer [redacted]")
    assert "The edge answered with status 400: " in str(caught.value)


def test_an_id_that_cannot_be_encoded_does_not_raise(client: Driver, wire: Wire) -> None:
    wire.answer = lambda _: httpx.Response(200, content=b'{"status": 200, "id": {"tntId": "\\ud800"}}')
    assert "|PC#%3F#" in client.get_offers({"request": REQUEST}).target_cookie["value"]


@pytest.mark.parametrize(("status", "attempts"), [(503, 3), (403, 1)])
def test_an_answer_that_a_hook_refuses_is_one_with_an_error_status(
    make: Callable[..., Driver], kind: str, status: int, attempts: int
) -> None:
    def refuse(response: httpx.Response) -> None:
        response.raise_for_status()

    async def refuse_async(response: httpx.Response) -> None:
        response.raise_for_status()

    transport = httpx.MockTransport(lambda _: httpx.Response(status))
    http_client: httpx.Client | httpx.AsyncClient = (
        httpx.Client(transport=transport, event_hooks={"response": [refuse]})
        if kind == "threads"
        else httpx.AsyncClient(transport=transport, event_hooks={"response": [refuse_async]})
    )
    with pytest.raises(DeliveryStatusError) as caught:
        make(http_client=http_client).get_offers({"request": REQUEST, "session_id": SECRETS[3]})
    assert (caught.value.status, caught.value.attempts) == (status, attempts)
    assert SECRETS[3] not in "".join(traceback.format_exception(caught.value))


def test_the_text_of_another_ones_failure_is_not_shown(client: Driver, wire: Wire) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot reach {request.url}")

    wire.answer = fail
    with pytest.raises(TargetError, match="cannot reach") as caught:
        client.get_offers({"request": REQUEST, "session_id": "@".join(SECRETS[:2])})
    shown = "".join(traceback.format_exception(caught.value))
    assert not [secret for secret in SECRETS if secret in shown]
