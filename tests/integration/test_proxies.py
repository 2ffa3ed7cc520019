"""Proxies and certificates of the environment, for everything that the SDK sends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from target_delivery import DeliveryRequest, MboxRequest, OptionError, PrefetchRequest
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import Driver
from tests.integration.test_on_device import ARTIFACT

REQUEST = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
NOBODY = "http://127.0.0.1:9"

# Each environment: its variables, where PROXY is the URL of a proxy that answers, and whether a call of
# http://127.0.0.1 goes to the proxy, goes directly, or is an error of create() that names a variable.
ENVIRONMENTS: dict[str, tuple[dict[str, str], str]] = {
    "none": ({}, "direct"),
    "http": ({"HTTP_PROXY": "PROXY"}, "proxy"),
    "small letters": ({"http_proxy": "PROXY"}, "proxy"),
    "small letters first": ({"http_proxy": "PROXY", "HTTP_PROXY": NOBODY}, "proxy"),
    "all": ({"ALL_PROXY": "PROXY"}, "proxy"),
    "https only": ({"HTTPS_PROXY": NOBODY}, "direct"),
    "without a scheme": ({"HTTP_PROXY": "HOST"}, "proxy"),
    "of a CGI script": ({"HTTP_PROXY": NOBODY, "REQUEST_METHOD": "GET"}, "direct"),
    "localhost and IPv6 excluded": ({"HTTP_PROXY": "PROXY", "NO_PROXY": "localhost,::1/128"}, "proxy"),
    "IPv6 in brackets excluded": ({"HTTP_PROXY": "PROXY", "NO_PROXY": "[::1]"}, "proxy"),
    "address excluded": ({"HTTP_PROXY": NOBODY, "NO_PROXY": "localhost,[::1]:80,127.0.0.1"}, "direct"),
    "network excluded": ({"HTTP_PROXY": NOBODY, "NO_PROXY": "10.0.0.0/8, 127.0.0.0/8"}, "direct"),
    "another network excluded": ({"HTTP_PROXY": "PROXY", "NO_PROXY": "10.0.0.0/8"}, "proxy"),
    "everything excluded": ({"HTTP_PROXY": NOBODY, "no_proxy": "*"}, "direct"),
    "socks": ({"ALL_PROXY": "socks://127.0.0.1:9"}, "ALL_PROXY"),
    "unknown scheme": ({"HTTP_PROXY": "gopher://127.0.0.1:9"}, "HTTP_PROXY"),
    "garbage": ({"http_proxy": "http://[::1"}, "http_proxy"),
}


class Proxy(ThreadingHTTPServer):
    """An edge, a CDN and a proxy: answers each request, and notes whether it was sent to a proxy."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.targets: list[str] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(b'{"status": 200}')

    def do_GET(self) -> None:
        self._answer(httpx.Response(200, json=ARTIFACT).content)

    def _answer(self, body: bytes) -> None:
        self.server.targets.append("proxy" if self.path.startswith("http://") else "direct")
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(params=ENVIRONMENTS, ids=ENVIRONMENTS)
def expected(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, proxy: Proxy) -> str:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    # The extra socks may be installed here; its absence is what is tested.
    monkeypatch.setattr("target_delivery._http.proxies.find_spec", lambda name: None)
    variables, outcome = ENVIRONMENTS[request.param]
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("PROXY", f"http://{proxy.host}").replace("HOST", proxy.host))
    return outcome


def test_a_call_goes_through_the_proxy_of_the_environment(
    make: Callable[..., Driver], proxy: Proxy, expected: str
) -> None:
    options: dict[str, Any] = {"server_domain": proxy.host, "secure": False}
    if expected not in ("proxy", "direct"):
        with pytest.raises(OptionError, match=f"The environment variable {expected} "):
            make(**options)
        return
    assert make(**options).get_offers({"request": REQUEST}).response.status == 200
    assert proxy.targets == [expected]


def test_an_artifact_is_downloaded_through_the_proxy_of_the_environment(
    make: Callable[..., Driver], proxy: Proxy, expected: str
) -> None:
    options = {"decisioning_method": "on-device", "cdn_base_path": f"http://{proxy.host}", "polling_interval": 0}
    if expected not in ("proxy", "direct"):
        with pytest.raises(OptionError, match=f"The environment variable {expected} "):
            make(**options)
        return
    assert make(**options).wait_until_ready(10)
    assert proxy.targets == [expected]


@pytest.mark.usefixtures("expected")
def test_the_sandbox_is_reached_in_every_environment(edge: Sandbox, make: Callable[..., Driver]) -> None:
    for method in (None, "on-device"):
        options: Any = edge.client_options(method)  # type: ignore[arg-type]  # one of the methods
        driver = make(**options)
        assert driver.wait_until_ready(10)
        assert driver.get_offers({"request": REQUEST}).response.status == 200


@pytest.mark.usefixtures("expected")
def test_the_demo_runs_in_every_environment() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "target_delivery", "demo"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_no_proxy_is_used_when_the_environment_is_not_trusted(
    make: Callable[..., Driver], proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://x")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    make(server_domain=proxy.host, secure=False, trust_env=False).get_offers({"request": REQUEST})
    assert proxy.targets == ["direct"]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"])
def test_certificates_that_cannot_be_loaded_are_an_error_that_names_variable_and_file(
    make: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, "/no/such/file")
    with pytest.raises(OptionError, match=rf"{name} names '/no/such/file'"):
        make()


def test_a_file_without_certificates_is_an_error_that_names_it(
    make: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    with pytest.raises(OptionError, match=r"SSL_CERT_FILE names '.*empty\.pem'"):
        make()


def test_a_redirect_of_the_artifact_is_followed(kind: str, make: Callable[..., Driver]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/here":
            return httpx.Response(307, headers={"location": "/here"})
        return httpx.Response(200, json=ARTIFACT)

    transport = httpx.MockTransport(answer)
    http_client: Any = (
        httpx.Client(transport=transport) if kind == "threads" else httpx.AsyncClient(transport=transport)
    )
    driver = make(http_client=http_client, decisioning_method="on-device", polling_interval=0)
    assert driver.wait_until_ready(10)
    assert driver.get_offers({"request": REQUEST}).response.status == 200
    driver.close()
    http_client.close() if kind == "threads" else asyncio.run(http_client.aclose())
