"""Cookies, hints and session ids come from a visitor's browser: they never raise and never choose the host."""

from __future__ import annotations

from hypothesis import example, given, settings, strategies as st

from tests.hostile import LATER, check, hints, quote_all, target_cookies, visitor_cookies
from tests.unit.core.shell import REQUEST, Shell, answer, core
from tests.virtual import VirtualTime

TIME = VirtualTime(now=LATER - 10_000.0)
CORE = core(TIME, target_location_hint=None)
HEADERS = ["content-type", "x-exc-sdk", "x-exc-sdk-version", "x-request-id"]


@settings(max_examples=1000, deadline=None)
@given(target_cookie=target_cookies, visitor_cookie=visitor_cookies, hint=hints)
@example(target_cookie=f"PC#device.28_0#{LATER}|session#a&b=c%23%3F#{LATER}", visitor_cookie="", hint="")
@example(target_cookie="", visitor_cookie="", hint="28")
def test_a_visitors_cookies_never_raise_and_choose_nothing_but_a_cluster(
    target_cookie: str, visitor_cookie: str, hint: str
) -> None:
    shell = Shell(TIME, answer(body={"status": 200, "id": {"tntId": "device.35_0"}}))
    options = {
        "request": REQUEST,
        "target_cookie": target_cookie,
        "visitor_cookie": visitor_cookie,
        "target_location_hint": hint,
    }
    result = shell.run(CORE.get_offers(options, callbacks=False).flow)
    (sent,) = shell.sent
    assert sorted(name.lower() for name, _ in sent.request.headers) == HEADERS
    check(sent.request, result)


forms = st.sampled_from([str, quote_all, lambda text: quote_all(quote_all(text)), '"{}"'.format, "%22{}%22".format])
names = st.sampled_from(["mbox", "mboxEdgeCluster", "AMCV_demo@AdobeOrg", "AMCV_demo%40AdobeOrg", "other"])
values = st.builds(lambda form, text: form(text), forms, target_cookies | visitor_cookies | hints)


@settings(max_examples=1000, deadline=None)
@given(st.dictionaries(names, values))
def test_a_mapping_of_hostile_cookies_never_raises_and_chooses_nothing_but_a_cluster(cookies: dict[str, str]) -> None:
    shell = Shell(TIME, answer(body={"status": 200, "id": {"tntId": "device.35_0"}}))
    result = shell.run(CORE.get_offers({"request": REQUEST, "cookies": cookies}, callbacks=False).flow)
    (sent,) = shell.sent
    assert sorted(name.lower() for name, _ in sent.request.headers) == HEADERS
    check(sent.request, result)
