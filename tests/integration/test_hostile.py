"""Cookies, hints and session ids come from a visitor's browser: they never raise and never choose the host."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from target_delivery import DeliveryRequest, MboxRequest, PrefetchRequest, TargetClient
from tests.integration.drivers import OPTIONS, AsyncDriver

LATER = int(time.time()) + 10_000
REQUEST = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
HEADERS = {
    "accept-encoding", "content-length", "content-type", "host", "user-agent", "x-exc-sdk", "x-exc-sdk-version",
    "x-request-id",
}  # fmt: skip


def quote_all(text: str) -> str:
    return quote(text, safe="", errors="replace")


hostile = st.sampled_from([
    "@127.0.0.1:8080/", "28@evil.example", "28.evil.example#", "28/../../x?y=", "28%2eevil", "28\r\nX-Evil: 1",
    "28\x00", "٢٨", "28 ",
    "evil.example:443", "//evil.example", "\\evil", "?sessionId=1", "#", "[::1]", "28\u2028", "\ud800",
])  # fmt: skip
hints = hostile | st.text(max_size=40) | st.from_regex(r"[0-9]{0,7}[^0-9]?", fullmatch=True)
values = hostile | st.text(max_size=60) | hints.map(lambda hint: f"device.{hint}_0")
names = st.sampled_from(["PC", "session", "mboxEdgeCluster", "check"]) | st.text(max_size=8)
expiries = st.sampled_from([str(LATER), "0", "", "x", f"-{LATER}", "9" * 40])
parts = st.builds("{}#{}#{}".format, names, values | values.map(quote_all), expiries)
target_cookies = st.lists(parts, max_size=4).map("|".join) | st.text(max_size=200)
visitor_keys = st.sampled_from(["MCMID", "MCAAMLH-1", "MCAAMB-1", "-408604571", "vVersion"]) | st.text(max_size=8)
visitor_cookies = (
    st.lists(visitor_keys | values, max_size=9)
    .map("|".join)
    .flatmap(lambda text: st.sampled_from([text, quote_all(text)]))
)


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


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    assert sent.url.scheme == "https"
    assert re.fullmatch(r"(mboxedge[0-9]{1,5}|demo)\.tt\.omtrdc\.net", sent.url.host, re.ASCII)
    assert sent.headers["host"] == sent.url.host
    assert sent.url.port is None
    assert not sent.url.userinfo
    assert sent.url.path == "/rest/v1/delivery"
    assert not sent.url.fragment
    assert sent.method == "POST"
    assert set(sent.headers) == HEADERS
    query = parse_qs(sent.url.query.decode("ascii"), strict_parsing=True)
    assert set(query) == {"imsOrgId", "sessionId"}
    assert all(len(found) == 1 for found in query.values())
    assert not set(str(result.target_cookie["value"])) & set("\r\n;, \x00")
    assert result.target_location_hint_cookie is None or result.target_location_hint_cookie["value"].isdigit()
