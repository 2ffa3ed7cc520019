"""Values from a visitor's browser never choose the host. Whole clients; the core is tested with more examples."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings

from target_delivery import DeliveryRequest, MboxRequest, PrefetchRequest, TargetClient
from target_delivery_api.types import Request
from tests.hostile import LATER, check, hints, target_cookies, visitor_cookies
from tests.integration.drivers import OPTIONS, AsyncDriver

REQUEST = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
HEADERS = {
    "accept-encoding", "content-length", "content-type", "host", "user-agent", "x-exc-sdk", "x-exc-sdk-version",
    "x-request-id",
}  # fmt: skip


class Edge:
    """A fake wire that keeps every request."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(200, json={"status": 200, "id": {"tntId": "device.35_0"}})


@pytest.fixture
def hostile_client(kind: str) -> Iterator[tuple[TargetClient | AsyncDriver, Edge]]:
    edge = Edge()
    transport = httpx.MockTransport(edge.handle)
    if kind == "threads":
        with httpx.Client(transport=transport) as http, TargetClient.create({**OPTIONS, "http_client": http}) as client:  # type: ignore[typeddict-item]  # OPTIONS is a plain dict
            yield client, edge
    else:
        async_http = httpx.AsyncClient(transport=transport)
        driver = AsyncDriver({**OPTIONS, "http_client": async_http})
        yield driver, edge
        driver.end()
        asyncio.run(async_http.aclose())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target_cookie=target_cookies, visitor_cookie=visitor_cookies, hint=hints)
@example(target_cookie=f"PC#device.28_0#{LATER}|session#a&b=c%23%3F#{LATER}", visitor_cookie="", hint="")
@example(target_cookie="", visitor_cookie="", hint="28")
def test_a_visitors_cookies_never_raise_and_choose_nothing_but_a_cluster(
    hostile_client: tuple[TargetClient | AsyncDriver, Edge], target_cookie: str, visitor_cookie: str, hint: str
) -> None:
    client, edge = hostile_client
    edge.sent.clear()
    result = client.get_offers({
        "request": REQUEST,
        "target_cookie": target_cookie,
        "visitor_cookie": visitor_cookie,
        "target_location_hint": hint,
    })  # fmt: skip
    (sent,) = edge.sent
    assert set(sent.headers) == HEADERS
    assert sent.headers["host"] == sent.url.host
    check(Request(sent.method, str(sent.url)), result)
