"""Reading and writing the cookies of a visitor."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings, strategies as st

from target_delivery._core.cookies import (
    TargetCookie,
    VisitorCookie,
    is_opted_out,
    is_session_id,
    location_hint_cookie,
    read_location_hint_cookie,
    read_target_cookie,
    read_visitor_cookie,
    target_cookie,
)
from target_delivery._core.hosts import cluster_of_hint

NOW = 1_700_000_000
LATER = NOW + 1
AMCV = "-408604571|MCMID|073270243244076158522941|MCAAMLH-1526984330|9|MCAAMB-1526984330|6G1ynYcL|v|4.1"


def whole(value: str) -> str:
    """Percent-encode a value as a whole, as JavaScript's encodeURIComponent does."""
    return quote(value, safe="!'()*")


def lower(value: str) -> str:
    """Write percent-encodings in lower case."""
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), value)


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
    for cookie in (f"{part}|PC#device#{LATER}", f"PC#device#{LATER}|{part}"):
        assert read_target_cookie(cookie, NOW) == TargetCookie(None, "device")
        assert read_target_cookie(whole(cookie), NOW) == TargetCookie(None, "device")


def test_a_part_lives_until_its_second_is_over() -> None:
    assert read_target_cookie(f"session#abc#{NOW}", NOW).session_id == "abc"


@pytest.mark.parametrize("expires", [NOW - 1, NOW, 10**15 - 1, 10**15])
@pytest.mark.parametrize("device", ["", f"|PC#d.28_0#{NOW - 1}", f"|PC#d.28_0#{NOW}", f"|PC#{'d' * 129}#{LATER}"])
@pytest.mark.parametrize("session", ["a-1._~", "a" * 128, "a" * 129, "", "a b"])
def test_a_cookie_of_the_usual_form_is_read_like_any_other(session: str, device: str, expires: int) -> None:
    usual = f"session#{session}#{expires}{device}"
    assert read_target_cookie(usual, NOW) == read_target_cookie(f"{usual}|check#true#{LATER}", NOW)


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


def test_a_cookie_that_is_percent_encoded_as_a_whole_is_read() -> None:
    value = "PC%23abc.35_0%234102444800%7Csession%23s1%234102444800"
    expected = TargetCookie("s1", "abc.35_0")
    for form in (value, lower(value), f'"{value}"', f"%22{value}%22"):
        assert read_target_cookie(form, NOW) == expected


@pytest.mark.parametrize(
    ("value", "session_id"),
    [
        ("session#a%2520b#4102444800", "a%20b"),
        ("session%23a%252520b%234102444800", "a%20b"),
        ("session%23a%2523b%234102444800", "a#b"),
        ("session%23a%2523b%234102444800%7Cx%231%232", "a#b"),
        ("session#a%7Cb#4102444800|PC#d#4102444800", "a|b"),
        ("session#5%7Cb#4102444800|PC#d#4102444800", "5|b"),
        ("session#a+b#4102444800", "a+b"),
        ("session%2523a%25234102444800", None),
    ],
)
def test_a_value_is_decoded_once_for_the_whole_and_once_for_its_parts(value: str, session_id: str | None) -> None:
    assert read_target_cookie(value, NOW).session_id == session_id
    assert read_target_cookie(lower(value), NOW).session_id == session_id


@pytest.mark.parametrize(
    "value",
    [
        "session#s1#4102444800%7CPC#d#4102444800",
        "session%23s1%234102444800|PC%23d%234102444800",
        "session%23s1%234102444800|PC#d#4102444800",
        "session#s1%234102444800%7cPC%23d#4102444800",
        "session%23s1#4102444800%7CPC%23d%234102444800%7Cx#y#1",
        "check#true#4102444800%7Csession#s1#4102444800%7CPC#d#4102444800",
    ],
)
def test_some_separators_may_be_encoded(value: str) -> None:
    assert read_target_cookie(value, NOW) == TargetCookie("s1", "d")


@pytest.mark.parametrize("unit", ["%7C", "%23", "#", "|", "%7C%23", "#1%7C", "%23%231%7C", '"', "%22", "%", "session#"])
def test_a_long_hostile_value_takes_time_in_proportion_to_its_length(unit: str) -> None:
    started = time.perf_counter()
    for value in ("#" + unit * (8190 // len(unit)), unit * (8190 // len(unit)) + "#1", unit * 10_000_000):
        assert read_target_cookie(value, NOW) == TargetCookie()
        assert read_visitor_cookie(value) == VisitorCookie()
        assert cluster(value) is None
    assert time.perf_counter() - started < 1  # about 10 ms


def cluster(value: str | None) -> str | None:
    return cluster_of_hint(read_location_hint_cookie(value))


@pytest.mark.parametrize("value", ["35", '"35"', "%33%35", "%2235%22", '"%335"'])
def test_a_location_hint_cookie_is_read(value: str) -> None:
    assert cluster(value) == "35"


@pytest.mark.parametrize("value", [None, "", '""', "%2533%2535", "35%0a", "%D9%A2", "35%2F", "35.evil.example"])
def test_a_malformed_location_hint_cookie_names_no_cluster(value: str | None) -> None:
    assert cluster(value) is None


plain = (
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=128)
    | st.text("#|%x1", min_size=1, max_size=128)
    | st.from_regex(r"a?#[0-9]{1,3}\|[A-Za-z]{1,4}#[0-9]?", fullmatch=True, alphabet=st.characters(codec="ascii"))
)


@settings(max_examples=500)
@given(plain.filter(is_session_id), plain | st.none())
def test_what_is_written_is_read_again(session_id: str, device_id: str | None) -> None:
    cookie = target_cookie(session_id, device_id, NOW)
    assert read_target_cookie(cookie["value"], NOW) == TargetCookie(session_id, device_id)
    assert not set(cookie["value"]) & set(' ",;\\')


@given(plain.filter(is_session_id), plain | st.none(), st.sampled_from([str, lower]), st.sampled_from(["{}", '"{}"']))
def test_what_is_written_and_then_encoded_as_a_whole_is_read_again(
    session_id: str, device_id: str | None, case: Callable[[str], str], quotes: str
) -> None:
    value = quotes.format(case(whole(target_cookie(session_id, device_id, NOW)["value"])))
    assert read_target_cookie(value, NOW) == TargetCookie(session_id, device_id)


unreserved = st.text("abcABC019-._~", min_size=1, max_size=128)


@settings(max_examples=500)
@given(unreserved, unreserved | st.none(), st.lists(st.sampled_from(["", "upper", "lower"]), min_size=5, max_size=5))
def test_what_is_written_is_read_again_whichever_of_its_separators_are_encoded(
    session_id: str, device_id: str | None, cases: list[str]
) -> None:
    how = iter(cases)
    encoded = {"#": {"upper": "%23", "lower": "%23"}, "|": {"upper": "%7C", "lower": "%7c"}}
    value = target_cookie(session_id, device_id, NOW)["value"]
    mixed = re.sub(r"[#|]", lambda found: encoded[found[0]].get(next(how), found[0]), value)
    assert read_target_cookie(mixed, NOW) == TargetCookie(session_id, device_id)


@given(st.text() | st.from_regex(r"(session|PC)#[^|]*#[0-9]*(\|.*)?"))
def test_reading_a_target_cookie_never_raises(value: str) -> None:
    cookie = read_target_cookie(value, NOW)
    assert cookie.session_id is None or is_session_id(cookie.session_id)
    assert cookie.device_id is None or (cookie.device_id.isprintable() and 0 < len(cookie.device_id) <= 128)


def test_a_visitor_cookie_is_read() -> None:
    expected = VisitorCookie("073270243244076158522941", 9, "6G1ynYcL")
    for value in (AMCV, quote(AMCV), lower(quote(AMCV)), AMCV.partition("|")[2], AMCV.replace("|", "%7C", 3)):
        assert read_visitor_cookie(value) == expected
        assert read_visitor_cookie(f'"{value}"') == expected


@pytest.mark.parametrize("opt_out", ["global", "isoptedout", "GLOBAL", "true"])
def test_a_visitor_who_opted_out_has_no_experience_cloud_id(opt_out: str) -> None:
    for value in (f"{AMCV}|MCOPTOUT-1699999999s|{opt_out}", f"MCOPTOUT-1699999999s|{opt_out}|MCMID|0732"):
        assert read_visitor_cookie(value) == VisitorCookie(opted_out=True)
    for name in ("AMCV_1@AdobeOrg", "AMCV_1%40AdobeOrg"):
        assert is_opted_out({name: whole(f"{AMCV}|MCOPTOUT-1699999999s|{opt_out}")}, "1@AdobeOrg")


@pytest.mark.parametrize("end", ["|MCOPTOUT-1699999999s|NONE", "|MCOPTOUT-1699999999s|none", "|MCOPTOUT|", "|MCOPTOUT"])
def test_a_visitor_who_did_not_opt_out_has_one(end: str) -> None:
    assert read_visitor_cookie(AMCV + end) == VisitorCookie("073270243244076158522941", 9, "6G1ynYcL")
    assert not is_opted_out({"AMCV_1@AdobeOrg": AMCV + end}, "1@AdobeOrg")
    assert not is_opted_out({}, "1@AdobeOrg")


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
