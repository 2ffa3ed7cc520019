"""Clusters and hosts: of all values from outside, only digits reach a host name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from target_delivery._core.hosts import (
    cluster_of_edge_host,
    cluster_of_hint,
    cluster_of_tnt_id,
    is_server_domain,
    url_maker,
)

HOSTILE = [
    "@127.0.0.1:8080/",
    "28/../..",
    "28#",
    "28?x=1",
    "28.evil.example",
    " 28",
    "28\n",
    "٢٨",
    "123456",
    "-1",
    "2 8",
    "",
]


@pytest.mark.parametrize("hint", ["0", "28", "00028", "12345"])
def test_a_cluster_is_one_to_five_digits(hint: str) -> None:
    assert cluster_of_hint(hint) == hint


@pytest.mark.parametrize("hint", [*HOSTILE, None])
def test_whatever_else_is_absent(hint: str | None) -> None:
    assert cluster_of_hint(hint) is None
    assert cluster_of_tnt_id(f"device.{hint}_0") is None


@pytest.mark.parametrize(
    ("tnt_id", "cluster"),
    [
        ("32440324234-2343423.28_0", "28"),
        ("338e3c1e51f7416a8e1ccba4f81acea0.28_0", "28"),
        ("device.28", "28"),
        ("device.28_0_1", "28"),
        ("device", None),
        ("a.b.28_0", None),
        ("device.", None),
        ("device._0", None),
        (None, None),
    ],
)
def test_cluster_of_a_tnt_id(tnt_id: str | None, cluster: str | None) -> None:
    assert cluster_of_tnt_id(tnt_id) == cluster


@pytest.mark.parametrize(
    ("edge_host", "cluster"),
    [
        ("mboxedge28.tt.omtrdc.net", "28"),
        ("mboxedge.tt.omtrdc.net", None),
        ("mboxedge123456.tt.omtrdc.net", None),
        ("evil.example/mboxedge28.tt.omtrdc.net", None),
        (None, None),
    ],
)
def test_cluster_of_an_edge_host(edge_host: str | None, cluster: str | None) -> None:
    assert cluster_of_edge_host(edge_host) == cluster


@given(st.text())
def test_a_hint_is_a_cluster_or_nothing(hint: str) -> None:
    cluster = cluster_of_hint(hint)
    assert cluster is None or re.fullmatch("[0-9]{1,5}", cluster)


@pytest.mark.parametrize(
    ("server_domain", "secure", "cluster", "url"),
    [
        (None, True, None, "https://demo.tt.omtrdc.net"),
        (None, True, "28", "https://mboxedge28.tt.omtrdc.net"),
        (None, False, "28", "http://mboxedge28.tt.omtrdc.net"),
        ("127.0.0.1:8080", False, None, "http://127.0.0.1:8080"),
        ("target.example.com", True, "28", "https://target.example.com"),
    ],
)
def test_an_explicit_server_domain_wins_over_a_cluster(
    server_domain: str | None, secure: bool, cluster: str | None, url: str
) -> None:
    assert url_maker(client="demo", server_domain=server_domain, secure=secure)(cluster) == url


@pytest.mark.parametrize(
    "text", ["localhost", "a.example.com", "a.example.com:443", "127.0.0.1:1", "[::1]:8080", "[::1]"]
)
def test_server_domains(text: str) -> None:
    assert is_server_domain(text)


@pytest.mark.parametrize(
    "text",
    ["", "https://a.example", "a.example/", "user@a.example", "a.example:0", "a.example:65536", "a.example:", "a b",
     "a.example\n", "-a.example", "a?b", "a#b", "[::1", "::1"],
)  # fmt: skip
def test_what_is_no_server_domain(text: str) -> None:
    assert not is_server_domain(text)
