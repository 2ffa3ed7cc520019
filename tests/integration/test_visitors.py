"""The cookies of a visitor: which session, visitor and cluster a call is about. Both clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from target_delivery import (
    DeliveryRequest,
    MboxRequest,
    MetricType,
    Notification,
    OptionError,
    PrefetchRequest,
    TargetClient,
)
from tests.integration.drivers import Driver, Wire

LATER = 4102444800
MBOX = f"session#s1#{LATER}|PC#abc.35_0#{LATER}"
AMCV = "-408604571|MCMID|0732|MCAAMLH-1526984330|9|MCAAMB-1526984330|6G1ynYcL"
COOKIES = {
    "mbox": quote(MBOX, safe=""),
    "mboxEdgeCluster": "%2228%22",
    "AMCV_demo%40AdobeOrg": quote(AMCV, safe=""),
    "other": "x",
}
PREFETCH = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
NOTIFY = DeliveryRequest(notifications=[Notification(id="n", type=MetricType.DISPLAY, timestamp=1, tokens=["t"])])
CALLS: dict[str, Callable[[Driver, dict[str, Any]], Any]] = {
    "get_offers": lambda client, options: client.get_offers({"request": PREFETCH, **options}),
    "send_notifications": lambda client, options: client.send_notifications({"request": NOTIFY, **options}),
    "get_attributes": lambda client, options: client.get_attributes(["home"], options),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
Call = Callable[[Driver, dict[str, Any]], Any]


def test_a_target_cookie_that_is_percent_encoded_as_a_whole_names_the_same_visitor(client: Driver, wire: Wire) -> None:
    value = "PC%23abc.35_0%234102444800%7Csession%23s1%234102444800"
    for form in (value, value.replace("%7C", "%7c"), f'"{value}"', MBOX, f'"{MBOX}"'):
        client.get_offers({"request": PREFETCH, "target_cookie": form})
        assert wire.body["id"] == {"tntId": "abc.35_0"}
        assert wire.sent[-1].url.params["sessionId"] == "s1"
        assert wire.sent[-1].url.host == "mboxedge35.tt.omtrdc.net"


@pytest.mark.parametrize("hint", ["28", '"28"', "%32%38", "%2228%22"])
def test_a_location_hint_may_be_quoted_or_encoded(client: Driver, wire: Wire, hint: str) -> None:
    client.get_offers({"request": PREFETCH, "target_location_hint": hint})
    assert wire.sent[-1].url.host == "mboxedge28.tt.omtrdc.net"


@calls
def test_the_cookies_of_the_request_name_visitor_session_and_cluster(client: Driver, wire: Wire, call: Call) -> None:
    call(client, {"cookies": COOKIES})
    assert wire.body["id"] == {"tntId": "abc.35_0", "marketingCloudVisitorId": "0732"}
    assert wire.body["experienceCloud"]["audienceManager"] == {"locationHint": 9, "blob": "6G1ynYcL"}
    assert wire.sent[-1].url.params["sessionId"] == "s1"
    assert wire.sent[-1].url.host == "mboxedge35.tt.omtrdc.net"
    call(client, {"cookies": {**COOKIES, "mbox": f"session%23s2%23{LATER}"}})
    assert wire.sent[-1].url.params["sessionId"] == "s2"
    assert wire.sent[-1].url.host == "mboxedge28.tt.omtrdc.net"


@calls
def test_a_cookie_that_is_given_on_its_own_wins_unless_it_is_blank(client: Driver, wire: Wire, call: Call) -> None:
    own = {
        "target_cookie": f"session#mine#{LATER}|PC#me#{LATER}",
        "target_location_hint": "31",
        "visitor_cookie": "MCMID|12",
    }
    call(client, {"cookies": COOKIES, **own})
    assert wire.body["id"] == {"tntId": "me", "marketingCloudVisitorId": "12"}
    assert wire.sent[-1].url.params["sessionId"] == "mine"
    assert wire.sent[-1].url.host == "mboxedge31.tt.omtrdc.net"
    for blank in ("", " ", None):
        call(client, {"cookies": COOKIES, **dict.fromkeys(own, blank)})
        assert wire.body["id"] == {"tntId": "abc.35_0", "marketingCloudVisitorId": "0732"}


def test_the_visitor_cookie_of_the_organization_is_found_under_either_name(client: Driver, wire: Wire) -> None:
    for name in ("AMCV_demo@AdobeOrg", "AMCV_demo%40AdobeOrg"):
        client.get_offers({"request": PREFETCH, "cookies": {name: AMCV, "AMCV_other%40AdobeOrg": "MCMID|9"}})
        assert wire.body["id"] == {"marketingCloudVisitorId": "0732"}
    blank_first = {"AMCV_demo@AdobeOrg": "", "AMCV_demo%40AdobeOrg": AMCV}
    client.get_offers({"request": PREFETCH, "cookies": blank_first})
    assert wire.body["id"] == {"marketingCloudVisitorId": "0732"}


@pytest.mark.parametrize(
    "cookies", [{}, {"mbox": "x" * 10_000_000}, {"mbox": "", "mboxEdgeCluster": " "}, {"mbox": None}]
)
def test_cookies_without_anything_to_read_are_no_visitor(client: Driver, wire: Wire, cookies: Any) -> None:
    client.get_offers({"request": PREFETCH, "cookies": cookies})
    assert "id" not in wire.body


@calls
@pytest.mark.parametrize("cookies", ["mbox=x", b"mbox=x", [("mbox", "x")], 7, {"mbox": b"x"}, {"mboxEdgeCluster": 35}])
def test_cookies_that_are_no_mapping_of_str_are_refused(client: Driver, wire: Wire, call: Call, cookies: Any) -> None:
    with pytest.raises(OptionError, match="Option 'cookies'"):
        call(client, {"cookies": cookies})
    assert not wire.sent


def test_an_outbox_routes_by_the_cookies_of_the_request() -> None:
    with TargetClient.create({"client": "demo", "organization_id": "demo@AdobeOrg"}) as client:
        prepared = client.prepare_notifications({"request": NOTIFY, "cookies": COOKIES})
    assert (prepared.session_id, prepared.cluster, prepared.device_id) == ("s1", "35", "abc.35_0")


def test_a_visitor_who_opted_out_is_sent_without_the_experience_cloud_id(client: Driver, wire: Wire) -> None:
    opted_out = {**COOKIES, "AMCV_demo%40AdobeOrg": quote(f"{AMCV}|MCOPTOUT-1699999999s|isoptedout", safe="")}
    client.get_offers({"request": PREFETCH, "cookies": opted_out})
    assert wire.body["id"] == {"tntId": "abc.35_0"}
    assert "audienceManager" not in wire.body["experienceCloud"]
