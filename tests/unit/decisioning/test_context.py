"""The context that rules read."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from target_delivery.decisioning.allocation import Allocations
from target_delivery.decisioning.context import Context, Visit, parameters_of
from target_delivery.decisioning.page import page_of, reads_hosts
from target_delivery.decisioning.user_agent import user_of

AGENTS = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36": (
        "chrome",
        120,
        "windows",
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 "
    "Edg/119.0.2210.91": ("edge", 119, "windows"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 "
    "Safari/537.36 Edge/18.17763": ("edge", 18, "windows"),
    "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.43 Mobile "
    "Safari/537.36 EdgA/118.0.2088.66": ("edge", 118, "Android"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
    "EdgiOS/119.0.2151.96 Mobile/15E148 Safari/605.1.15": ("edge", 119, "iOS"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/120.0.6099.50 Mobile/15E148 Safari/604.1": ("chrome", 120, "iOS"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/120.0 "
    "Mobile/15E148 Safari/605.1.15": ("firefox", 120, "iOS"),
    "Mozilla/5.0 (iPad; CPU OS 13_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0.4 "
    "Mobile/15E148 Safari/604.1": ("mobile safari", 13, "iOS"),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
    "Safari/605.1.15": ("safari", 17, "mac"),
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0": ("firefox", 120, "linux"),
    "Mozilla/5.0 (X11; FreeBSD amd64; rv:109.0) Gecko/20100101 Firefox/109.0": ("firefox", 109, "Unix"),
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; AS; rv:11.0) like Gecko": ("ie", 11, "windows"),
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; WOW64; Trident/6.0)": ("ie", 10, "windows"),
    "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Mobile "
    "Safari/537.36": ("chrome", 114, "Android"),
    "Mozilla/5.0 (Linux; Android 12; SM-G991B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/118.0.0.0 Mobile Safari/537.36": ("chrome", 118, "Android"),
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36": (
        "chrome",
        119,
        "linux",
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36 "
    "OPR/105.0.0.0": ("unknown", -1, "windows"),
    "curl/8.4.0": ("unknown", -1, "unknown"),
    "": ("unknown", -1, "unknown"),
    "Firefox/99999999999999999999": ("firefox", 999999999, "unknown"),
}


@pytest.mark.parametrize(("agent", "expected"), AGENTS.items())
def test_user_agents(agent: str, expected: tuple[str, int, str]) -> None:
    user = user_of({"userAgent": agent})
    assert (user["browserType"], user["browserVersion"], user["platform"]) == expected
    assert user["locale"] == "en"


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ({"platform": "Windows"}, ("firefox", 120, "windows")),
        ({"platform": '"macOS"'}, ("firefox", 120, "mac")),
        ({"platform": "Chrome OS"}, ("firefox", 120, "linux")),
        ({"platform": "Fuchsia"}, ("firefox", 120, "unknown")),
        ({"platform": ""}, ("firefox", 120, "linux")),
        ({"platform": "Unknown"}, ("firefox", 120, "linux")),
        ({"browserUAWithMajorVersion": '"Google Chrome";v="121", "Not_A Brand";v="8"'}, ("chrome", 121, "linux")),
        ({"browserUAWithFullVersion": '"Chromium";v="121.0.1", "Brave";v="121.0.1"'}, ("chrome", 121, "linux")),
        ({"browserUAWithMajorVersion": '"Opera";v="107", "Chromium";v="121"'}, ("unknown", -1, "linux")),
        ({"browserUAWithMajorVersion": '"Not_A Brand";v="8"'}, ("firefox", 120, "linux")),
        ({"browserUAWithMajorVersion": 5, "platform": []}, ("firefox", 120, "linux")),
        ({}, ("firefox", 120, "linux")),
        ("no object", ("firefox", 120, "linux")),
    ],
)
def test_client_hints_win_over_the_user_agent_field_by_field(hints: Any, expected: tuple[str, int, str]) -> None:
    user = user_of({"userAgent": FIREFOX, "clientHints": hints})
    assert (user["browserType"], user["browserVersion"], user["platform"]) == expected


@pytest.mark.parametrize(
    "piece", ["Version/1 Mobile ", "Version/1 Mobiles ", "Trident/1 rv:", "Trident/", ") Version/1"]
)
def test_a_user_agent_that_repeats_its_words_takes_about_as_long_as_any_other(piece: str) -> None:
    def seconds(agents: str) -> float:
        took: list[float] = []
        for at in range(5):
            started = time.process_time()
            user_of({"userAgent": f"{at}{agents}"})  # another one each time: they are cached
            took.append(time.process_time() - started)
        return min(took)

    assert seconds(piece * 1024) < 15 * seconds(f"Not {piece[::-1]} " * 1024)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("Version/1 x) Version/17.4 (y; Mobile/15E148 Safari/604.1", ("mobile safari", 17)),
        ("Version/1 Version/2 Mobile Mobile Safari/3 Safari/4", ("mobile safari", 1)),
        ("Version/1 Mobiles Safari/3", ("safari", 1)),
        ("Version/1 Mobile) Safari/3", ("safari", -1)),
        ("Trident/7.0; x) Trident/8.0; rv:12.0; rv:11", ("ie", 11)),
        ("rv:9 Trident/7.0", ("unknown", -1)),
    ],
)
def test_words_of_a_browser_stand_in_order_and_in_one_bracket(agent: str, expected: tuple[str, int]) -> None:
    user = user_of({"userAgent": agent})
    assert (user["browserType"], user["browserVersion"]) == expected


def test_a_long_user_agent_takes_no_time() -> None:
    started = time.process_time()
    for piece in ("Trident/", "Version/1 Mobile ", '"a"', "Chrome", "(" * 9):
        user_of({"userAgent": piece * 200_000, "clientHints": {"browserUAWithMajorVersion": piece * 200_000}})
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        # url: path, query, fragment, domain, subdomain, topLevelDomain
        ("", ("", "", "", "", "", "")),
        (
            "http://local-target-test:8080/home?bar=true#hello",
            ("/home", "bar=true", "hello", "local-target-test", "", ""),
        ),
        ("http://adobe.com", ("", "", "", "adobe.com", "", "com")),
        ("https://www.test.x.com/", ("/", "", "", "x.com", "test", "com")),
        ("https://www.x.com", ("", "", "", "x.com", "", "com")),
        ("https://WWW.A.b.CO.uk/P", ("/P", "", "", "b.CO.uk", "A", "CO.uk")),
        ("https://wwwx.b.com", ("", "", "", "b.com", "wwwx", "com")),
        ("https://pied.piper.hooli.com/?a=b", ("/", "a=b", "", "hooli.com", "pied.piper", "com")),
        ("https://user:pa@ss@x.com:80/a?b?c#d#e", ("/a", "b?c", "d#e", "x.com", "", "com")),
        ("https://a.b.ck/", ("/", "", "", "a.b.ck", "", "b.ck")),
        ("https://x.www.ck/", ("/", "", "", "www.ck", "x", "ck")),
        ("http://co.uk/", ("/", "", "", "co.uk", "", "co.uk")),
        ("http://com/", ("/", "", "", "com", "", "com")),
        ("http://a.b.internal/", ("/", "", "", "b.internal", "a", "internal")),
        ("http://127.0.0.1:80/", ("/", "", "", "127.0.0.1", "", "")),
        ("http://[::1]:80/x", ("/x", "", "", "[::1]", "", "")),
        ("http://x.com./", ("/", "", "", "x.com", "", "com")),
        ("https://食狮.公司.cn/", ("/", "", "", "食狮.公司.cn", "", "公司.cn")),
        ("/only/path?q", ("/only/path", "q", "", "", "", "")),
        ("www.x.com/a", ("www.x.com/a", "", "", "", "", "")),
        ("http://a\nb.com/\n?\n", ("/\n", "\n", "", "a\nb.com", "", "com")),
        ("http://..com/", ("/", "", "", "..com", "", "")),
    ],
)
def test_urls(url: str, expected: tuple[str, ...]) -> None:
    page = page_of(url)
    names = ("path", "query", "fragment", "domain", "subdomain", "topLevelDomain")
    assert tuple(page[name] for name in names) == expected
    assert page["url"] == url
    assert all(page[f"{name}_lc"] == page[name].lower() for name in (*names, "url"))


@given(st.text(st.characters()))
def test_any_text_is_read_as_a_url(text: str) -> None:
    for url in (text, f"http://{text}", f"http://{text}.com/{text}"):
        assert page_of(url)["url"] == url


def test_which_variables_need_the_public_suffix_list() -> None:
    assert not reads_hosts({"page.url_lc", "page.query", "mbox.a", "user.browserType"})
    assert reads_hosts({"mbox.a", "page.domain_lc"})
    assert reads_hosts({"referring.topLevelDomain"})
    assert reads_hosts({"page"})


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {}),
        ({"a": "B"}, {"a": "B", "a_lc": "b"}),
        ({"a.b": "C"}, {"a": {"b": "C", "b_lc": "c"}}),
        ({"a.b": "1", "a.c.d": "2"}, {"a": {"b": "1", "b_lc": "1", "c": {"d": "2", "d_lc": "2"}}}),
        ({".a": "1", "b.": "2", "c..d": "3", ".": "4"}, {
            ".a": "1", ".a_lc": "1", "b.": "2", "b._lc": "2", "c..d": "3", "c..d_lc": "3", ".": "4", "._lc": "4",
        }),
        ({"a": "1", "a.b": "2"}, {"a": "1", "a_lc": "1", "a.b": "2", "a.b_lc": "2"}),
        ({"a.b": "2", "a": "1"}, {"a.b": "2", "a.b_lc": "2", "a": "1", "a_lc": "1"}),
        ({"a.b": "1", "a.b.c": "2"}, {"a": {"b": "1", "b_lc": "1"}, "a.b.c": "2", "a.b.c_lc": "2"}),
        ({"a": "X", "a_lc": "own"}, {"a": "X", "a_lc": "own", "a_lc_lc": "own"}),
        ({"a": "X", "a_lc.b": "Y"}, {"a": "X", "a_lc": {"b": "Y", "b_lc": "y"}}),
        ({"n": 5, "o": {"K": "V"}, "none": None}, {"n": 5, "o": {"K": "V"}, "none": None}),
        ({"x" + ".x" * 40: "1"}, {"x" + ".x" * 40: "1", "x" + ".x" * 40 + "_lc": "1"}),
    ],
)  # fmt: skip
def test_parameters(parameters: Any, expected: Any) -> None:
    before = repr(parameters)
    assert parameters_of(parameters) == expected
    assert repr(parameters) == before


@given(st.dictionaries(st.text("ab._", max_size=6), st.text(max_size=3), max_size=6))
def test_no_parameter_is_lost(parameters: Any) -> None:
    nested = parameters_of(parameters)
    for name, value in parameters.items():
        found: Any = nested
        if name not in nested or isinstance(nested[name], dict):
            for part in name.split("."):
                found = found[part]
        else:
            found = nested[name]
        assert found == value


MINUTE = 60_000


@pytest.mark.parametrize(
    ("now", "clock", "day"),
    [
        (0, "0000", 4),
        (1_613_070_000_000, "1900", 4),
        (1_709_247_900_000, "2305", 4),
        (1_708_819_200_000, "0000", 7),
        (1_708_905_600_000 - 1, "2359", 7),
        (1_708_905_600_000, "0000", 1),
        (-MINUTE, "2359", 3),
    ],
)
def test_time(now: int, clock: str, day: int) -> None:
    visit = Visit({}, Allocations("c", "v"), now)
    assert (visit.now, visit.time, visit.day) == (now, clock, day)


def test_sections_are_made_when_they_are_read() -> None:
    visit = Visit({"address": {"url": "http://a.com/"}, "geo": {"city": "ULM", "zip": "1"}}, Allocations("c", "v"), 0)
    context = Context(visit, {"parameters": {"A": "B"}})
    seen = context.as_object("7")
    assert list(seen) == [
        "current_timestamp", "current_time", "current_day", "user", "page", "referring", "geo", "mbox", "allocation",
    ]  # fmt: skip
    assert seen["geo"] == {"city": "ULM"}
    assert seen["mbox"] == {"A": "B", "A_lc": "b"}
    assert seen["allocation"] == visit.allocations["7"]
    with pytest.raises(AttributeError):
        context.nothing  # type: ignore[attr-defined]  # noqa: B018 - reading it raises


@pytest.mark.parametrize("address", [None, {}, {"referringUrl": "http://b.com/"}, {"url": 5}, "text", []])
def test_an_item_without_a_url_of_its_own_has_the_request_s(address: Any) -> None:
    visit = Visit({"address": {"url": "http://a.com/", "referringUrl": "http://r.com/"}}, Allocations("c", "v"), 0)
    context = Context(visit, {"address": address})
    assert (context.page["domain"], context.referring["domain"]) == ("a.com", "r.com")
