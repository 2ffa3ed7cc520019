"""Requests that a web page or a broken program sends to a sandbox on a developer's machine."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.guard import MAX_BODY
from tests.integration.sandbox.exchanges import QUERY, URL, Post, connect, mboxes, rejection

BODY = {"context": {"channel": "web"}, "execute": mboxes("home")}


def deep(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    head = b'{"context":{"channel":"web"},"trace":' if opening == "{" else b'{"context":'
    return head + (opening.encode() * levels) + b"1" + closing.encode() * levels + b"}"


@pytest.mark.parametrize("levels", [101, 1_000, 50_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_that_nests_too_deep_is_invalid(
    edge: Sandbox, client: httpx.Client, levels: int, opening: str, closing: str
) -> None:
    answer = client.post(URL, params=QUERY, content=deep(levels, opening, closing))
    assert rejection(answer)
    assert client.post(URL, params=QUERY, content=opening * levels).status_code == 400
    assert edge.requests[0].json is None or edge.requests[0].json
    assert (edge.ledger.requests, edge.ledger.rejected) == (0, 2)


@pytest.mark.parametrize("path", [URL, "/sandbox/production/v1/rules.json", "/v1/geo"])
def test_a_body_has_a_bound(edge: Sandbox, client: httpx.Client, path: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * MAX_BODY

    method = "POST" if path == URL else "GET"
    for content in (b" " * (MAX_BODY + 1), b" " * (20 * MAX_BODY), chunks()):
        answer = client.request(method, path, params=QUERY, content=content)
        assert answer.status_code == 413
        assert answer.json() == {
            "status": 413,
            "message": f"{method} {path}: {answer.reason_phrase}: The body has more than {MAX_BODY} bytes",
        }
    assert edge.requests == edge.cdn_requests == []
    padded = json.dumps(BODY).encode().ljust(MAX_BODY)
    assert client.request(method, path, params=QUERY, content=padded).status_code == 200


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Content-Length: 999999999999"])
def test_a_body_without_an_end_is_cut_off(edge: Sandbox, framing: str) -> None:
    host, _, port = edge.server_domain.rpartition(":")
    piece = b"%x\r\n%s\r\n" % (MAX_BODY, b" " * MAX_BODY)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        head = f"POST {URL}?imsOrgId=S@AdobeOrg&sessionId=s HTTP/1.1\r\nHost: {edge.server_domain}\r\n{framing}\r\n\r\n"
        connection.sendall(head.encode())
        with pytest.raises(ConnectionError):
            connection.sendall(piece * 200)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "x",
        "0.0.0.0:{port}",
        "192.0.2.1",
        "[::1",
        "[2001:db8::1]:{port}",
        "127.0.0.1@evil.example",
        "notlocalhost",
        "127.0.0.1,evil",
    ],
)
@pytest.mark.parametrize("path", [URL, "/ledger", "/sandbox/production/v1/rules.json", "/v1/geo", "/nowhere"])
def test_a_host_that_is_not_loopback_is_not_served(edge: Sandbox, client: httpx.Client, host: str, path: str) -> None:
    headers = {"Host": host.format(port=edge.server_domain.rpartition(":")[2])}
    method = "POST" if path == URL else "GET"
    answer = client.request(method, path, params=QUERY, json=BODY, headers=headers)
    assert answer.status_code == 403
    assert "--allow-host" in answer.json()["message"]
    assert edge.requests == edge.cdn_requests == []
    assert edge.ledger.requests == 0


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "localhost.:80",
        "shop.localhost",
        "127.0.0.1",
        "127.8.9.1:80",
        "[::1]",
        "[::1]:80",
        "[::ffff:127.0.0.1]:80",
        "mboxedge35.tt.omtrdc.net",
        "assets.adobetarget.com",
    ],
)
def test_the_hosts_of_loopback_and_of_the_real_edge_are_served(client: httpx.Client, host: str) -> None:
    answer = client.post(URL, params=QUERY, json=BODY, headers={"Host": host})
    assert answer.status_code == 200, answer.text


def test_more_hosts_can_be_named() -> None:
    with Sandbox(hosts=["Edge.Internal", "edge"]) as edge, connect(edge) as client:
        for host, status in (("edge.internal:8080", 200), ("EDGE", 200), ("other.internal", 403)):
            assert client.get("/ledger", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("hosts", ["edge", ["edge:80"], ["http://edge"], [""], ["a b"]])
def test_hosts_that_are_no_names_are_refused(hosts: Any) -> None:
    with pytest.raises(ValueError, match="list of host names without a port"):
        Sandbox(hosts=hosts)


def test_a_sandbox_for_other_machines_serves_every_address_and_no_other_names() -> None:
    with Sandbox(host="0.0.0.0", allow_remote=True) as edge, connect(edge) as client:
        for host, status in (("192.0.2.1:80", 200), ("[2001:db8::1]", 200), ("evil.example", 403)):
            assert client.get("/ledger", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", [URL, "/ledger", "/sandbox/production/v1/rules.json", "/v1/geo"])
def test_pages_of_another_origin_are_not_served(
    edge: Sandbox, client: httpx.Client, headers: dict[str, str], path: str
) -> None:
    method = "POST" if path == URL else "GET"
    answer = client.request(method, path, params=QUERY, json=BODY, headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert edge.requests == edge.cdn_requests == []
    assert edge.ledger.requests == 0


def test_the_sandboxs_own_origin_and_links_to_it_are_served(edge: Sandbox, client: httpx.Client) -> None:
    own = {"Origin": edge.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert client.post(URL, params=QUERY, json=BODY, headers=own).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/ledger", headers=link).status_code == 200
    assert client.post(URL, params=QUERY, json=BODY, headers=link).status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "Text/Plain; charset=utf-8", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_content_type_that_forms_can_send_is_not_processed(edge: Sandbox, client: httpx.Client, kind: str) -> None:
    answer = client.post(URL, params=QUERY, content=json.dumps(BODY), headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["message"]
    assert edge.ledger.requests == 0


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", URL, {"POST"}),
        ("OPTIONS", URL, {"POST"}),
        ("DELETE", "/ledger", {"GET", "HEAD"}),
        ("PUT", "/sandbox/production/v1/rules.json", {"GET", "HEAD"}),
        ("POST", "/v1/geo", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client: httpx.Client, method: str, path: str, allowed: set[str]) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert answer.json()["message"] == f"{method} {path}: Method Not Allowed"


def test_the_sandbox_goes_on_after_all_of_this(post: Post) -> None:
    assert post(execute=mboxes("home")).status_code == 200
