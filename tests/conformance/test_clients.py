"""Run each case through a whole client. A fake wire serves the artifact and geo, and takes notifications."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, TargetClient, TargetDeliveryResponse
from target_delivery._core.clock import SYSTEM_CLOCK, Clock
from target_delivery._core.validation import read_client_options
from tests.conformance.test_suites import check_contained, clock

if TYPE_CHECKING:
    from tests.conformance.conftest import Case


class Wire:
    """A transport that serves the artifact and geo, and records notifications."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.reports: list[dict[str, Any]] = []
        self.reported = threading.Event()

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/rules.json"):
            return httpx.Response(200, content=self.case.artifact.read_bytes())
        if request.url.path == "/v1/geo":
            return httpx.Response(200, json=self.case.test.get("mockGeo", {}))
        self.reports.append(json.loads(request.content))
        ids = [{"id": one["id"]} for one in self.reports[-1].get("notifications", ())]
        return httpx.Response(200, json={"status": 200, "notifications": ids})


def options_of(case: Case) -> dict[str, Any]:
    """Return the client options of the suite, which are in camelCase, by their names in Python."""
    conf = {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name): value for name, value in case.conf.items()}
    return {"decisioning_method": "on-device", **conf}


def call_of(case: Case) -> dict[str, Any]:
    given = case.test["input"]
    request = dict(given["request"])
    if "trace" in request:
        # The API requires a token. On-device decisioning does not read it.
        request["trace"] = {"authorizationToken": "token", **request["trace"]}
    return {
        "request": DeliveryRequest.from_dict(request),
        "session_id": given.get("sessionId"),
        "target_location_hint": given.get("locationHint"),
    }


def check(case: Case, wire: Wire, result: TargetDeliveryResponse) -> None:
    check_contained(result.response.to_dict(), case.test.get("output", {}), "response")
    if "notificationOutput" not in case.test:
        return
    if case.test["notificationOutput"] is None:
        assert not wire.reports
        return
    (report,) = wire.reports
    for entry in report.get("telemetry", {}).get("entries", ()):
        # Durations differ from run to run, so the runner of the suites supplies these two.
        entry.setdefault("execution", 1.0)
        entry.setdefault("parsing", 0.5)
    check_contained({"request": report}, case.test["notificationOutput"], "notification")


@pytest.fixture
def wire(case: Case) -> Wire:
    return Wire(case)


def clock_of(case: Case) -> Clock:
    now = clock(case.test.get("mockDate"))
    return SYSTEM_CLOCK if now is None else Clock(now=lambda: now / 1000)


def test_in_threads(case: Case, wire: Wire) -> None:
    with httpx.Client(transport=httpx.MockTransport(wire.handle)) as http_client:
        config = read_client_options(options_of(case), httpx.Client)
        with TargetClient(config, http_client, clock=clock_of(case)) as client:
            assert client.wait_until_ready(10)
            result = client.get_offers(call_of(case))  # type: ignore[call-overload]  # a suite's call
        check(case, wire, result)


def test_in_asyncio(case: Case, wire: Wire) -> None:
    async def play() -> TargetDeliveryResponse:
        transport = httpx.MockTransport(wire.handle)
        config = read_client_options(options_of(case), httpx.AsyncClient)
        async with (
            httpx.AsyncClient(transport=transport) as http_client,
            AsyncTargetClient(config, http_client, clock=clock_of(case)) as client,
        ):
            assert await client.wait_until_ready(10)
            return await client.get_offers(call_of(case))  # type: ignore[arg-type]  # a suite's call

    check(case, wire, asyncio.run(play()))
