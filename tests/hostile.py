"""Hostile cookies and hints, as a visitor's browser may send them, and a check of the request that follows."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from hypothesis import strategies as st

from target_delivery import TargetDeliveryResponse
from target_delivery_api.types import Request

LATER = int(time.time()) + 10_000


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


def check(sent: Request, result: TargetDeliveryResponse) -> None:
    """Check that a visitor chose nothing but an edge cluster and a session."""
    assert sent.url.isascii()
    assert sent.url.isprintable()
    assert " " not in sent.url
    url = urlsplit(sent.url)
    assert url.scheme == "https"
    # Nothing beside the host: no user and no port.
    assert re.fullmatch(r"(mboxedge[0-9]{1,5}|demo)\.tt\.omtrdc\.net", url.netloc, re.ASCII)
    assert httpx.URL(sent.url).host == url.netloc, "every library must find the same host"
    assert "host" not in {name.lower() for name, _ in sent.headers}
    assert url.path == "/rest/v1/delivery"
    assert "#" not in sent.url
    assert sent.method == "POST"
    query = parse_qs(url.query, strict_parsing=True)
    assert set(query) == {"imsOrgId", "sessionId"}
    assert all(len(found) == 1 for found in query.values())
    assert not set(str(result.target_cookie["value"])) & set("\r\n;, \x00")
    assert result.target_location_hint_cookie is None or result.target_location_hint_cookie["value"].isdigit()
