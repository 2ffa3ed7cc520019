"""Options are checked once, when they are given, before anything is sent."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from target_delivery import (
    AsyncTargetClient,
    DeliveryRequest,
    MboxRequest,
    OptionError,
    PrefetchRequest,
    TargetClient,
)
from tests.integration.drivers import ASYNCIO, OPTIONS, Driver, Wire, every_wire

REQUEST = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"client": None}, "create\\(\\) needs the option 'client'"),
        ({"organization_id": None}, "needs the option 'organization_id'"),
        ({"client": "a/b"}, "Option 'client' must be 1 to 128 letters, digits, '-' and '_', not 'a/b'"),
        ({"client": ""}, "Option 'client'"),
        ({"client": "a" * 129}, "Option 'client'"),
        ({"client": 7}, "Option 'client' must be a str"),
        ({"organization_id": " "}, "Option 'organization_id' must be a str that is not blank"),
        ({"timeout": 0}, "Option 'timeout' must be an int of milliseconds greater than 0, .* not 0"),
        ({"timeout": 1.5}, "Option 'timeout'"),
        ({"timeout": True}, "Option 'timeout'"),
        ({"timeout": "3000"}, "Option 'timeout' .* not a value of type str"),
        ({"retries": -1}, "Option 'retries' must be an int of at least 0, not -1"),
        ({"server_domain": "https://a.example"}, "Option 'server_domain' must be a host .* not 'https://a.example'"),
        ({"server_domain": "a.example/path"}, "Option 'server_domain'"),
        ({"server_domain": "user@a.example"}, "Option 'server_domain'"),
        ({"server_domain": "xn--a"}, "Option 'server_domain'"),
        ({"secure": "yes"}, "Option 'secure' must be True or False"),
        ({"logger": object()}, "Option 'logger' must be a logger"),
        ({"target_location_hint": "28.evil"}, "Option 'target_location_hint' must be an edge cluster"),
        ({"property_token": ""}, "Option 'property_token'"),
        ({"decisioning_method": "ondevice"}, "Option 'decisioning_method' must be one of .* not 'ondevice'"),
        (
            {"decisioning_method": "on-device", "artifact_payload": {}},
            "'artifact_payload' is not a usable artifact: .*",
        ),
        ({"polling_interval": 1000}, "Option 'polling_interval' must be .* at least 300000, .* not 1000"),
        ({"maximum_wait_ready": -1}, "Option 'maximum_wait_ready'"),
        ({"artifact_payload": "{}"}, "Option 'artifact_payload' must be a mapping"),
        ({"artifact_location": "rules.json"}, "'artifact_location' must be an http or https URL, not 'rules.json'"),
        ({"artifact_location": "ftp://a.example/rules.json"}, "Option 'artifact_location'"),
        ({"artifact_location": "https://a.example:port/"}, "Option 'artifact_location'"),
        ({"artifact_location": 7}, "Option 'artifact_location' must be a str"),
        ({"cdn_base_path": "a.example:port"}, "'cdn_base_path' must be a host, or an http or https URL, not 'a.ex"),
        ({"cdn_base_path": "file:///tmp"}, "Option 'cdn_base_path'"),
        ({"cdn_base_path": "not a host"}, "Option 'cdn_base_path'"),
        ({"environment_id": "7"}, "Option 'environment_id' must be an int"),
        ({"telemetry_enabled": 1}, "Option 'telemetry_enabled'"),
        ({"version": 1}, "Option 'version' must be a str"),
        ({"events": {"client_redy": print}}, "unknown event 'client_redy'. Did you mean 'client_ready'"),
        ({"events": {"client_ready": 1}}, r"Option \"events\['client_ready'\]\" must be callable"),
        ({"events": []}, "Option 'events' must be a mapping"),
        ({"http_client": object()}, "Option 'http_client' must be an httpx.(Async)?Client"),
        ({"TimeOut": 1}, "Unknown option 'TimeOut'. Did you mean 'timeout'"),
        ({"time_out": 1}, "Unknown option 'time_out'. Did you mean 'timeout'"),
        ({"organisation_id": None}, "Unknown option 'organisation_id'. Did you mean 'organization_id'"),
    ],
)
def test_client_options_are_checked(make: Callable[..., Driver], options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make(**options)


@pytest.mark.parametrize("create", [TargetClient.create, AsyncTargetClient.create])
@pytest.mark.parametrize("options", [None, "client", [("client", "demo")]])
def test_options_are_a_mapping(create: Callable[[Any], object], options: Any) -> None:
    with pytest.raises(OptionError, match=r"create\(\) needs its options as one mapping"):
        create(options)


def test_the_http_client_of_the_other_kind_is_refused() -> None:
    other: Any = httpx.AsyncClient()
    with pytest.raises(OptionError, match="http_client"):
        TargetClient.create({**OPTIONS, "http_client": other})  # type: ignore[typeddict-item]  # OPTIONS is a plain dict


def test_none_stands_for_the_default(make: Callable[..., Driver], wire: Wire) -> None:
    client = make(http_client=wire.http_client, timeout=None, logger=None, events=None, server_domain=None)
    client.get_offers({"request": REQUEST, "target_cookie": None, "customer_ids": None, "session_id": None})
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (None, r"get_offers\(\) needs its options as one mapping"),
        ({}, r"get_offers\(\) needs the option 'request'"),
        ({"request": None}, r"get_offers\(\) needs the option 'request'"),
        ({"request": {"prefetch": {}}}, r"Option 'request' must be a DeliveryRequest .*not a value of type dict"),
        ({"request": REQUEST, "target_cooky": "x"}, "Unknown option 'target_cooky'. Did you mean 'target_cookie'"),
        ({"request": REQUEST, "target_cookie": 1}, "Option 'target_cookie' must be a str"),
        ({"request": REQUEST, "cookies": "mbox=x"}, "Option 'cookies' must be a mapping, not a value of type str"),
        ({"request": REQUEST, "cookies": [("mbox", "x")]}, "Option 'cookies' must be a mapping"),
        ({"request": REQUEST, "cookies": {"mbox": b"x"}}, "Option 'cookies': 'mbox' must be a str, .* of type bytes"),
        ({"request": REQUEST, "cookies": {"AMCV_demo@AdobeOrg": 7}}, "'AMCV_demo@AdobeOrg' must be a str"),
        ({"request": REQUEST, "customer_ids": "x"}, "Option 'customer_ids' must be a list of CustomerId"),
        ({"request": REQUEST, "customer_ids": [{}]}, r"customer_ids\[0\].* must be a CustomerId"),
        ({"request": REQUEST, "decisioning_method": "on-device"}, "needs a client that was created with 'on-device'"),
        *(
            ({"request": REQUEST, "session_id": bad}, "Option 'session_id' must be a str: 1 to 128 printable")
            for bad in ("a b", "a?b", "a/b", "a\n", "x" * 129, 7)
        ),
    ],
)
def test_call_options_are_checked(client: Driver, wire: Wire, options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        client.get_offers(options)
    assert not wire.sent


def test_notifications_are_always_server_side(client: Driver) -> None:
    with pytest.raises(OptionError, match="Unknown option 'decisioning_method'"):
        client.send_notifications({"request": REQUEST, "decisioning_method": "server-side"})


def test_notifications_without_any_are_refused_unless_there_is_telemetry(client: Driver, wire: Wire) -> None:
    with pytest.raises(OptionError, match="at least one notification"):
        client.send_notifications({"request": REQUEST})
    with pytest.raises(OptionError, match="at least one notification"):
        client.send_notifications({"request": DeliveryRequest.from_dict({"telemetry": {"entries": []}})})
    assert not wire.sent
    telemetry = {"entries": [{"requestId": "r", "timestamp": 1, "execution": 1.5}]}
    client.send_notifications({"request": DeliveryRequest.from_dict({"telemetry": telemetry})})
    assert wire.body["telemetry"] == telemetry


@pytest.mark.parametrize("name", ["callback", "err_callback"])
def test_callbacks_are_callable(name: str) -> None:
    with TargetClient.create({"client": "demo", "organization_id": "o"}) as client:
        options: Any = {"request": REQUEST, "callback": print, name: 1}
        with pytest.raises(OptionError, match=f"Option '{name}' must be callable"):
            client.get_offers(options)
        alone: Any = {"request": REQUEST, "err_callback": print}
        with pytest.raises(OptionError, match="'err_callback' needs the option 'callback'"):
            client.get_offers(alone)


@every_wire(among=[ASYNCIO])
def test_an_async_client_has_no_callbacks(client: Driver) -> None:
    with pytest.raises(OptionError, match="no callbacks: await the call"):
        client.get_offers({"request": REQUEST, "callback": print})


def test_the_client_is_ready(make: Callable[..., Driver]) -> None:
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    assert make(events={"client_ready": seen.put}).wait_until_ready()
    event = seen.get(timeout=10)
    assert event.type == event["type"] == "client_ready"
    assert dict(event) == {"type": "client_ready"}
    with pytest.raises(KeyError, match="colour"):
        event["colour"]


def test_an_event_handler_that_raises_harms_nobody(
    make: Callable[..., Driver], wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(_: object) -> None:
        raise RuntimeError("boom")

    driver = make(events={"client_ready": handler}, http_client=wire.http_client)
    driver.get_offers({"request": REQUEST})
    driver.close()
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "The handler of the event client_ready raised RuntimeError."
    ]


def test_any_logger_will_do(make: Callable[..., Driver], wire: Wire) -> None:
    class Logger:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def debug(self, msg: str, *args: object) -> None:
            self.lines.append(msg % args)

        error = debug

    logger = Logger()
    make(logger=logger, http_client=wire.http_client).get_offers({"request": REQUEST})
    request, answer = logger.lines
    assert '"name":"home"' in request
    assert answer == 'Delivery API answer 200 {"status":200}'


@pytest.mark.parametrize("name", ["xyz", "q", "verbose", "mbox", "headers", "", "x" * 10_000, "\u0130" * 9, 5, None])
def test_an_unknown_option_that_is_near_nothing_known_suggests_nothing(client: Driver, wire: Wire, name: Any) -> None:
    for call in (client.get_offers, client.send_notifications):
        with pytest.raises(OptionError, match=r"^Unknown option .*\.$") as caught:
            call({"request": REQUEST, name: "x"})
        assert "Did you mean" not in str(caught.value)
    assert not wire.sent


def test_an_unknown_event_that_is_near_nothing_known_suggests_nothing(make: Callable[..., Driver]) -> None:
    with pytest.raises(OptionError, match=r"unknown event 'startup'\.$"):
        make(events={"startup": print})
