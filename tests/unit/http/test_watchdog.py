"""The deadline of calls in threads with the caller's own HTTP client."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from target_delivery._core.flow import Outcome
from target_delivery._http import names, watchdog
from target_delivery._http.httpx_wire import HttpxWire
from target_delivery._http.names import Names
from target_delivery._http.watchdog import Watchdog
from target_delivery_api.types import Answer, Request
from tests.unit.http.test_http1 import LATENESS, OK, Peer, Script, Server

TIMEOUT = 0.3


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    servers: list[Server] = []

    def start(script: Script) -> Server:
        servers.append(Server(script, "127.0.0.1", None))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def ask(client: httpx.Client, url: str, timeout: float = 10.0) -> Outcome:
    return HttpxWire(client).exchange(Request("GET", url, []), time.monotonic() + timeout, 2**20)


def fails_in_time(client: httpx.Client, url: str, timeout: float = TIMEOUT) -> str:
    started = time.monotonic()
    outcome = ask(client, url, timeout)
    assert time.monotonic() - started < timeout + LATENESS
    assert not isinstance(outcome, Answer)
    return outcome.name


def drip(peer: Peer) -> None:
    peer.read()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while peer.send(b"a", pause=0.05):
        pass


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), KeyboardInterrupt()], ids=repr)
def test_a_thread_that_cannot_be_started_is_started_for_a_later_exchange(
    serve: Callable[[Script], Server], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr("target_delivery._http.httpx_wire.WATCHDOG", Watchdog())
    server = serve(drip)
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "target-delivery-watchdog":
            raise error
        start(thread)

    with httpx.Client(timeout=TIMEOUT) as client:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            if isinstance(error, RuntimeError):
                unbound = serve(lambda peer: (peer.read(), peer.read()))
                assert fails_in_time(client, unbound.url) == "ReadTimeout"
            else:
                with pytest.raises(KeyboardInterrupt):
                    ask(client, server.url)
        client.timeout = httpx.Timeout(10)
        assert fails_in_time(client, server.url) == "ReadTimeout"


class Lingering(httpx.HTTPTransport):
    """Gives a connection back a while before its exchange ends."""

    def __init__(self) -> None:
        super().__init__()
        self.given_back = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if request.url.path == "/first":
            assert isinstance(response.stream, httpx.SyncByteStream)
            response.stream = LingeringStream(response.stream, self.given_back)
        return response


class LingeringStream(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, given_back: threading.Event) -> None:
        self.stream = stream
        self.given_back = given_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)

    def close(self) -> None:
        self.stream.close()
        self.given_back.set()
        time.sleep(2 * TIMEOUT)


def test_a_connection_that_was_given_back_is_not_shut_down(serve: Callable[[Script], Server]) -> None:
    def script(peer: Peer) -> None:
        while request := peer.read():
            if b"/second" in request:
                peer.server.ended.wait(2 * TIMEOUT)
            peer.send(OK)

    server = serve(script)
    transport = Lingering()
    with httpx.Client(transport=transport) as client, ThreadPoolExecutor(1) as threads:
        first = threads.submit(ask, client, server.url + "first", TIMEOUT)
        assert transport.given_back.wait(10)
        assert isinstance(ask(client, server.url + "second"), Answer)
        assert isinstance(first.result(), Answer)
    assert server.connections == 1


def test_attempts_to_connect_again_end_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
        assert fails_in_time(client, url, timeout=0.8) == "ConnectTimeout"


def test_a_name_that_is_not_looked_up_is_not_looked_up_by_httpx_either(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(names, "MAX_LOOK_UPS", 0)
    monkeypatch.setattr(watchdog, "NAMES", Names())
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(10) and [])
    try:
        with httpx.Client() as client:
            assert fails_in_time(client, "http://edge.test/").startswith("ConnectError (0 other host names")
    finally:
        ended.set()
