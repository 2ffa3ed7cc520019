"""What a developer sees of results and clients: as JSON, and as text without secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from target_delivery import DeliveryRequest, DeliveryResponse, ExecuteRequest, MboxRequest, OptionError, PrefetchRequest
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import Driver, Wire

ANSWER: dict[str, Any] = {
    "status": 200,
    "requestId": "r-1",
    "id": {"tntId": "SECRET.28_0"},
    "edgeHost": "mboxedge28.tt.omtrdc.net",
    "execute": {
        "mboxes": [
            {
                "name": "home",
                "options": [{"type": "json", "content": {"colour": "red"}, "responseTokens": {"activity.id": "1"}}],
                "analytics": {"payload": {"pe": "tnt"}},
                "trace": {"clientCode": "demo"},
            }
        ]
    },
}


def result_of(client: Driver, wire: Wire) -> Any:
    wire.answer = lambda _: httpx.Response(200, json=ANSWER)
    return client.get_offers(
        {
            "request": DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")])),
            "session_id": "SECRET-session",
        }
    )


def test_a_result_is_written_as_json(client: Driver, wire: Wire) -> None:
    result = result_of(client, wire)
    written = json.loads(json.dumps(result.to_dict()))
    assert list(written) == list(result)
    assert written["response"] == ANSWER
    assert written["request"] == wire.body
    assert written["target_cookie"] == result.target_cookie
    assert written["analytics_details"] == [{"payload": {"pe": "tnt"}}]
    assert written["trace"] == [{"clientCode": "demo"}]
    assert written["response_tokens"] == [{"activity.id": "1"}]
    assert written["meta"]["decisioning_method"] == "server-side"
    assert DeliveryResponse.from_dict(written["response"]) == result.response


def test_a_written_result_is_a_copy(client: Driver, wire: Wire) -> None:
    result = result_of(client, wire)
    result.to_dict()["response"]["execute"]["mboxes"].clear()
    result.to_dict()["request"].clear()
    assert len(result.response.execute.mboxes) == 1
    assert result.request.execute is not None
    assert json.loads(json.dumps(result.to_dict()))["response"] == ANSWER


def test_a_result_of_the_device_is_written_as_json(edge: Sandbox, make: Callable[..., Driver]) -> None:
    driver = make(edge, decisioning_method="on-device", **_cdn(edge))
    request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
    written = json.loads(json.dumps(driver.get_offers({"request": request}).to_dict()))
    assert written["meta"]["decisioning_method"] == "on-device"
    assert "target_location_hint_cookie" not in written


def _cdn(edge: Sandbox) -> dict[str, Any]:
    return {key: value for key, value in edge.client_options("on-device").items() if key.startswith("cdn")}


def test_the_text_of_results_and_clients_shows_no_secret(
    kind: str, make: Callable[..., Driver], client: Driver, wire: Wire
) -> None:
    result = result_of(client, wire)
    assert repr(result) == "<TargetDeliveryResponse status=200 request_id='r-1' decisioning_method='server-side'>"
    wire.answer = lambda _: httpx.Response(200, json=ANSWER)
    attributes = client.get_attributes(["home"])
    assert repr(attributes) == "<AttributesProvider with keys {'home': ['colour']}>"
    secret: Any = make(property_token="SECRET", artifact_location="https://cdn.example/SECRET")
    own = secret if kind == "threads" else secret.client
    name = "TargetClient" if kind == "threads" else "AsyncTargetClient"
    expected = f"<{name} client='demo' decisioning_method='server-side' edge='demo.tt.omtrdc.net'>"
    assert repr(own) == expected
    assert "SECRET" not in repr(own.config)
    secret.close()
    assert repr(own) == f"{expected[:-1]} closed>"


class MessageOnly:
    def debug(self, message: str) -> None: ...

    def error(self, message: str, *args: object) -> None: ...


class Catching:
    def debug(self, message: str, *args: object, **more: object) -> None: ...

    error = debug


def test_a_logger_that_takes_only_a_message_is_refused(make: Callable[..., Driver]) -> None:
    with pytest.raises(OptionError, match=r"debug\(\) of MessageOnly must take a message and any number of arguments"):
        make(logger=MessageOnly())
    with pytest.raises(OptionError, match=r"a logger with debug\(\) and error\(\)"):
        make(logger=object())
    make(logger=Catching())
