"""Reading and writing the cookies of a visitor."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from target_delivery._core.cookies import (
    TargetCookie,
    VisitorCookie,
    is_session_id,
    location_hint_cookie,
    read_target_cookie,
    read_visitor_cookie,
    target_cookie,
)

NOW = 1_700_000_000
LATER = NOW + 1


def test_a_target_cookie_is_read() -> None:
    cookie = f"session#abc%2E1#{LATER}|PC#device.28_0#{LATER}|disable#1#{LATER}"
    assert read_target_cookie(cookie, NOW) == TargetCookie("abc.1", "device.28_0")


@pytest.mark.parametrize(
    "part",
    [
        f"session#abc#{NOW - 1}",
        "session#abc#",
        "session#abc",
        "session#abc#soon",
        f"session#abc#{LATER}#more",
        f"session##{LATER}",
        f"session#a b#{LATER}",
        f"session#a%2Fb#{LATER}",
        f"session#{'a' * 129}#{LATER}",
        f"session#a%00#{LATER}",
        f"session#abc#-{LATER}",
        f"session#abc#{LATER}.5",
        "session#abc#１７０００００００１",
        "|||###%%%",
    ],
)
def test_a_malformed_or_expired_part_is_ignored_and_the_others_are_not(part: str) -> None:
    assert read_target_cookie(part, NOW) == TargetCookie()
    assert read_target_cookie(f"{part}|PC#device#{LATER}", NOW) == TargetCookie(None, "device")


def test_a_part_lives_until_its_second_is_over() -> None:
    assert read_target_cookie(f"session#abc#{NOW}", NOW).session_id == "abc"


@pytest.mark.parametrize("value", [None, ""])
def test_no_cookie(value: str | None) -> None:
    assert read_target_cookie(value, NOW) == TargetCookie()
    assert read_visitor_cookie(value) == VisitorCookie()


def test_a_target_cookie_is_written() -> None:
    assert target_cookie("s-1", None, NOW + 0.9) == {
        "name": "mbox",
        "value": f"session#s-1#{NOW + 1860}",
        "max_age": 1860,
    }
    assert target_cookie("s-1", "d.28_0", NOW) == {
        "name": "mbox",
        "value": f"session#s-1#{NOW + 1860}|PC#d.28_0#{NOW + 63244800}",
        "max_age": 63244800,
    }


def test_a_location_hint_cookie_is_written() -> None:
    assert location_hint_cookie("28") == {"name": "mboxEdgeCluster", "value": "28", "max_age": 1860}
    assert location_hint_cookie(None) is None


plain = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=128)


@given(plain.filter(is_session_id), plain | st.none())
def test_what_is_written_is_read_again(session_id: str, device_id: str | None) -> None:
    cookie = target_cookie(session_id, device_id, NOW)
    assert read_target_cookie(cookie["value"], NOW) == TargetCookie(session_id, device_id)
    assert not set(cookie["value"]) & set(' ",;\\')


@given(st.text() | st.from_regex(r"(session|PC)#[^|]*#[0-9]*(\|.*)?"))
def test_reading_a_target_cookie_never_raises(value: str) -> None:
    cookie = read_target_cookie(value, NOW)
    assert cookie.session_id is None or is_session_id(cookie.session_id)
    assert cookie.device_id is None or (cookie.device_id.isprintable() and 0 < len(cookie.device_id) <= 128)


def test_a_visitor_cookie_is_read() -> None:
    value = "-408604571|MCMID|073270243244076158522941|MCAAMLH-1526984330|9|MCAAMB-1526984330|6G1ynYcL|v|4.1"
    expected = VisitorCookie("073270243244076158522941", 9, "6G1ynYcL")
    assert read_visitor_cookie(quote(value)) == expected
    assert read_visitor_cookie(value) == expected
    assert read_visitor_cookie(value.partition("|")[2]) == expected


@pytest.mark.parametrize(
    "value",
    ["MCMID", "MCMID|", "1|2|3", "MCAAMLH-1|0", "MCAAMLH-1|x", "MCAAMLH-1|-9", "MCAAMB-1|", f"MCMID|{'1' * 129}", "%"],
)
def test_a_malformed_visitor_cookie_yields_nothing(value: str) -> None:
    assert read_visitor_cookie(value) == VisitorCookie()


@given(st.text() | st.from_regex(r"(-?[0-9]+\|)?(MCMID|MCAAMLH-[0-9]*|MCAAMB-[0-9]*)\|[^|]*(\|.*)?"))
def test_reading_a_visitor_cookie_never_raises(value: str) -> None:
    cookie = read_visitor_cookie(value)
    assert cookie.location_hint is None or cookie.location_hint >= 1
