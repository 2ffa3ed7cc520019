"""Visitors of web apps stay the same visitors, and their purchases count: Flask, Django and Starlette over real HTTP.

Cookies are sent as browsers send them, and what was counted is read from the sandbox's ledger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

import pytest

from target_delivery.sandbox import ReceivedRequest, Sandbox
from tests.integration.rules import artifact, rule
from tests.integration.web_apps import APPS, App

LATER = 4102444800
RAW = f"PC#abc.35_0#{LATER}|session#s1#{LATER}"
WHOLE = quote(RAW, safe="")
AMCV = "-408604571|MCMID|0732702432|MCAAMLH-1526984330|9|MCAAMB-1526984330|6G1ynYcL"
AMCV_NAME = "AMCV_SANDBOX%40AdobeOrg"


class Site:
    """A web app, the edge that it asks, and a browser without memory."""

    def __init__(self, port: int, edge: Sandbox) -> None:
        self.edge = edge
        self._port = port
        self._earlier = len(edge.requests)
        edge.ledger.reset()

    def get(self, path: str = "/", *cookie_headers: str | bytes, **query: str) -> tuple[dict[str, Any], list[str]]:
        """Return the JSON of a page, and its Set-Cookie headers."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.putrequest("GET", f"{path}?{urlencode(query)}")
            for header in cookie_headers:
                connection.putheader("Cookie", header)
            connection.endheaders()
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, body
            return json.loads(body), response.headers.get_all("Set-Cookie") or []
        finally:
            connection.close()

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The calls that the edge received in this test."""
        return self.edge.requests[self._earlier :]

    @property
    def sessions(self) -> set[str]:
        """The sessions of these calls."""
        return {request.query["sessionId"] for request in self.requests}


@pytest.fixture(params=sorted(APPS), scope="module")
def app(request: pytest.FixtureRequest) -> App:
    return APPS[request.param]


@pytest.fixture(scope="module")
def running(app: App) -> Iterator[tuple[int, Sandbox]]:
    with Sandbox() as edge, app(edge) as port:
        yield port, edge


@pytest.fixture
def site(running: tuple[int, Sandbox]) -> Site:
    return Site(*running)


@pytest.mark.parametrize(
    "header",
    [
        f"mbox={RAW}",
        f"mbox={WHOLE}",
        f"mbox={re.sub('%7C', '%7c', WHOLE)}",
        f'mbox="{RAW}"',
        f'mbox="{WHOLE}"',
        f"mbox=%22{WHOLE}%22",
        f"mbox={RAW.replace('|', '%7C')}",
        f"mbox={RAW.replace('#', '%23')}",
        f"mbox={RAW.replace('#', '%23', 1)}",
        f"mbox={WHOLE}; mbox={WHOLE}",
        f"a=1; mbox={WHOLE}; b",
        f'$Version=1; mbox="{RAW}"; $Path="/"',
        f'mbox="{RAW.replace("|", chr(92) + "174")}"',
        f"name=J\xf6rg; x=a+b%20c; mbox={WHOLE}; ={WHOLE}; mbox ",
        f"name=J\xf6rg \u20ac; mbox={WHOLE}".encode(),
        f"mbox={WHOLE};",
    ],
)
def test_a_visitor_is_the_same_on_every_page_however_the_cookie_is_written(site: Site, header: str | bytes) -> None:
    for _ in range(3):
        shown, _set = site.get("/", header if isinstance(header, bytes) else header.encode("latin-1"))
        assert shown["device"] == "abc.35_0"
    assert site.sessions == {"s1"}
    assert site.edge.ledger.visitors == 1


@pytest.mark.parametrize("name", [AMCV_NAME, unquote(AMCV_NAME)])
@pytest.mark.parametrize("value", [AMCV, quote(AMCV, safe=""), f'"{AMCV}"', quote(AMCV, safe="").replace("%7C", "%7c")])
def test_the_experience_cloud_id_is_found_under_the_name_that_browsers_send(site: Site, name: str, value: str) -> None:
    shown, _ = site.get("/", f"{name}={value}; mboxEdgeCluster=35")
    assert shown["ecid"] == "0732702432"
    audience_manager = site.requests[-1].json["experienceCloud"]["audienceManager"]
    assert audience_manager == {"locationHint": 9, "blob": "6G1ynYcL"}


def test_a_visitor_who_opted_out_keeps_the_targets_own_id_only(site: Site) -> None:
    value = quote(f"{AMCV}|MCOPTOUT-1699999999s|isoptedout", safe="")
    shown, _ = site.get("/", f"{AMCV_NAME}={value}; mbox={WHOLE}")
    assert (shown["device"], shown["ecid"]) == ("abc.35_0", None)
    assert "audienceManager" not in site.requests[-1].json["experienceCloud"]


def sent_back(set_cookies: list[str], *, encoded: bool = False) -> str:
    """Return the Cookie header of a browser that received cookies; some scripts write them encoded as a whole."""
    jar: SimpleCookie = SimpleCookie()
    for header in set_cookies:
        jar.load(header)
    assert set(jar) == {"mbox", "mboxEdgeCluster"}
    assert all(int(morsel["max-age"]) >= 1860 for morsel in jar.values())
    return "; ".join(f"{name}={quote(one.value, safe='') if encoded else one.coded_value}" for name, one in jar.items())


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("session", ["", "s-1", 'a|b#c%20"d";e,f=+\\&', "é€", "%7C%23%2523", "#1|x#2|"])
def test_a_cookie_that_was_set_comes_back_as_the_same_visitor(site: Site, session: str, encoded: bool) -> None:
    _, set_cookies = site.get("/", **({"session": session} if session else {}))
    for _ in range(2):
        _, set_cookies = site.get("/", sent_back(set_cookies, encoded=encoded))
    assert len(site.sessions) == 1
    assert not session or site.sessions == {session}
    assert site.edge.ledger.visitors == 1
    devices = {request.json["id"]["tntId"] for request in site.requests[1:]}
    assert len(devices) == 1


@pytest.mark.parametrize(
    "header",
    [f"mbox={'PC%23' * 1500}", "mbox=" + "%" * 7000, f"mbox=PC%23@evil.example/%23{LATER}", "mboxEdgeCluster=%40evil",
     f"mbox=session%23a%26x%3D1%23{LATER}", f"mbox=PC#a%0d%0aX-Evil:%201#{LATER}", "mbox=; mboxEdgeCluster=; AMCV_=",
     f"{AMCV_NAME}=MCMID%7C%0d%0aX-Evil"],
)  # fmt: skip
def test_a_hostile_cookie_harms_nothing(site: Site, header: str) -> None:
    site.get("/", header)
    (received,) = site.requests
    assert set(received.query) == {"imsOrgId", "sessionId"}
    assert "x-evil" not in received.headers
    assert parse_qs(urlencode(received.query)).keys() == {"imsOrgId", "sessionId"}


def test_two_orders_with_one_notification_id_count_twice_and_the_same_order_once(site: Site) -> None:
    page, _ = site.get("/", f"mbox={WHOLE}")
    before = site.edge.ledger.impressions.total()
    for order in ("A1", "B2", "A1", "A1"):
        site.get("/buy", f"mbox={WHOLE}", order=order, token=page["token"])
    assert site.edge.ledger.impressions.total() - before == 2
    assert site.edge.ledger.duplicates == 2
    impressions = [request.json["notifications"][0]["impressionId"] for request in site.requests[1:]]
    assert impressions[0] == impressions[2] == impressions[3] != impressions[1]


@pytest.mark.parametrize("method", ["on-device", "server-side"])
def test_one_activity_at_two_mboxes_counts_at_each(app: App, method: Any) -> None:
    with Sandbox(artifact(rule("home"), rule("product1"))) as edge:
        with app(edge, method) as port:
            Site(port, edge).get("/", f"mbox={WHOLE}", show="home product1")
        assert (edge.ledger.impressions.total(), edge.ledger.duplicates) == (2, 0)


def test_a_visitor_is_located_by_the_one_address_of_the_visit(app: App) -> None:
    addresses = [
        "::ffff:1.1.1.1",
        "1.1.1.1",
        " 1.1.1.1",
        "fe80::1%\u00e9",
        "fe80::1%x, 10.0.0.1",
        "1.1.1.1, 2.2.2.2",
        "",
    ]
    with Sandbox(artifact(rule("home", condition={"==": [{"var": "geo.city"}, "Bern"]}))) as edge:
        with app(edge, "on-device") as port:
            site = Site(port, edge)
            for address in addresses:
                site.get("/", f"mbox={WHOLE}", ip=address)
        looked_up = [request.headers["x-forwarded-for"] for request in edge.cdn_requests if request.path == "/v1/geo"]
        assert looked_up == ["1.1.1.1"] * 3
        assert edge.ledger.impressions.total() == 3
