"""The proxies of the environment."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, strategies as st

from target_delivery import OptionError
from target_delivery._http.proxies import read_proxies

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("REQUEST_METHOD", raising=False)


def proxy_of(url: str) -> str | None:
    proxies = read_proxies()
    proxy = proxies.of(httpx.URL(url)) if proxies is not None else None
    return str(proxy.url) if proxy is not None else None


@pytest.mark.parametrize(
    ("entries", "direct", "proxied"),
    [
        ("localhost,::1/128", ["http://localhost", "http://[::1]:8080"], ["http://[::2]", "http://127.0.0.1"]),
        ("[::1]", ["http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]"], ["http://[::2]"]),
        ("[::1]:8080", ["http://[::1]:8080"], ["http://[::1]", "http://[::1]:80"]),
        ("::1", ["http://[::1]:8080"], ["http://localhost"]),
        ("fd00::/8", ["http://[fd12::1]"], ["http://[fe80::1]"]),
        ("[fd00::]/8", ["http://[fd12::1]"], ["http://[fe80::1]"]),
        ("10.0.0.0/8", ["http://10.1.2.3", "http://[::ffff:10.1.2.3]"], ["http://11.1.2.3", "http://a10.example"]),
        ("10.9.9.9/8", ["http://10.1.2.3"], ["http://11.1.2.3"]),
        ("192.0.2.1", ["http://192.0.2.1:8080"], ["http://192.0.2.10"]),
        ("192.0.2.1:80", ["http://192.0.2.1"], ["http://192.0.2.1:8080"]),
        (
            "example.com",
            ["http://example.com", "http://a.example.com", "http://EXAMPLE.com."],
            ["http://myexample.com"],
        ),
        (".example.com", ["http://a.example.com"], ["http://example.com", "http://myexample.com"]),
        ("*.example.com", ["http://a.b.example.com"], ["http://example.com"]),
        ("example.com:8080", ["http://example.com:8080"], ["http://example.com"]),
        ("http://example.com", ["http://example.com"], ["https://example.com"]),
        ("all://example.com", ["http://example.com", "https://example.com"], ["http://other"]),
        ("bücher.example", ["http://bücher.example", "http://xn--bcher-kva.example"], ["http://b.example"]),
        ("xn--bcher-kva.example", ["http://bücher.example"], ["http://b.example"]),
        (" a.example ,b.example c.example,", ["http://b.example", "http://c.example"], ["http://d.example"]),
        ("*", ["http://example.com", "https://[::1]"], []),
        ("a, * ", ["http://example.com"], []),
        ("[::1,10.0.0.0/99,:80,///,http://,a:b,[]", [], ["http://[::1]", "http://10.0.0.1", "http://a"]),
        ("", [], ["http://localhost"]),
    ],
)
def test_hosts_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, entries: str, direct: list[str], proxied: list[str]
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", entries)
    assert [proxy_of(url) for url in direct] == [None] * len(direct)
    assert [proxy_of(url) for url in proxied] == ["http://proxy.example:3128"] * len(proxied)


@pytest.mark.parametrize(
    ("variables", "http", "https"),
    [
        ({}, None, None),
        ({"HTTP_PROXY": "http://a:1"}, "http://a:1", None),
        ({"https_proxy": "http://a:1"}, None, "http://a:1"),
        ({"HTTP_PROXY": "http://b:1", "http_proxy": "http://a:1"}, "http://a:1", None),
        ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://a:1", "http://b:1"),
        ({"HTTP_PROXY": "a:1"}, "http://a:1", None),
        ({"HTTP_PROXY": " http://a:1 "}, "http://a:1", None),
        ({"HTTP_PROXY": ""}, None, None),
        ({"HTTP_PROXY": "http://a:1", "http_proxy": ""}, None, None),
        ({"HTTP_PROXY": "http://a:1", "REQUEST_METHOD": "GET"}, None, None),
        (
            {"ALL_PROXY": "socks4://x", "HTTP_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:1"},
            "http://a:1",
            "http://b:1",
        ),
    ],
)
def test_which_proxy_is_used(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], http: str | None, https: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (proxy_of("http://edge.example"), proxy_of("https://edge.example")) == (http, https)


@pytest.mark.parametrize(
    "value",
    ["ftp://a", "socks4://a", "http://", "http://[::1", "http://a:99999", "http://a:b", "http://user:SECRET@:1"],
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(OptionError, match=f"The environment variable {name} ") as caught:
        read_proxies()
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["socks", "socks5", "socks5h", "SOCKS5"])
def test_a_socks_proxy_needs_an_extra(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:1080")
    monkeypatch.setattr("target_delivery._http.proxies.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"ALL_PROXY names a SOCKS proxy; pip install 'target-delivery\[socks\]'"):
        read_proxies()
    monkeypatch.setattr("target_delivery._http.proxies.find_spec", lambda name: object())
    assert (proxy_of("http://a") or "").startswith("socks5")


@given(
    st.text(alphabet="abc.:/*[]0123456789-é", max_size=20),
    st.sampled_from(["http://a.b", "https://[::1]:1", "http://1.2.3.4"]),
)
def test_no_entry_breaks_the_others(entry: str, url: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALL_PROXY", "http://proxy.example:3128")
        patch.setenv("NO_PROXY", f"{entry},direct.example")
        proxy_of(url)
        assert proxy_of("http://direct.example") is None
