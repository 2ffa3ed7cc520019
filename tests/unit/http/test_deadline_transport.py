"""The transport that knows deadlines. Apart from deadlines it behaves like httpx's own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from httpcore._synchronization import ThreadLock

from target_delivery._http.httpx_wire import HttpxWire
from target_delivery._http.pool import CookielessClient
from target_delivery._http.settings import HttpOptions, read_settings
from target_delivery_api import transport
from target_delivery_api.types import Answer, Request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def http_options() -> HttpOptions:
    return read_settings(trust_env=True).options


class Server:
    """Gives every request the same answer, and closes the connection after an incomplete answer."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.requests: list[list[bytes]] = []
        """The requests of each connection."""
        self.end = threading.Event()

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        self.requests.append([])
        if self.answer is None:
            self.end.wait(20)
            return
        while request := connection.recv(65536):
            self.requests[-1].append(request)
            connection.sendall(self.answer)
            if self.answer != ANSWER:
                return


@contextmanager
def running(answer: bytes | None = ANSWER) -> Iterator[tuple[Server, str]]:
    """Run a server, and yield it with its URL. A server without an answer does not even read requests."""
    server = Server(answer)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.accept, args=(listener,))
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.end.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def nobody() -> Iterator[str]:
    with running() as (_, url):
        pass
    yield url


def test_a_connection_is_used_again() -> None:
    with running() as (server, url), CookielessClient(**http_options()) as client:
        for _ in range(3):
            answer = transport.sync(client, Request("GET", url), deadline=time.monotonic() + 10)
            assert answer.content == b"{}"
        assert client.get(url).http_version == "HTTP/1.1"
        assert [len(requests) for requests in server.requests] == [4]


def test_a_deadline_is_that_of_one_request() -> None:
    with running() as (_, url), CookielessClient(**http_options()) as client:
        client.send(httpx.Request("GET", url, extensions={"deadline": time.monotonic() + 0.2}))
        time.sleep(0.3)
        assert client.get(url).content == b"{}"
        with pytest.raises(httpx.WriteTimeout, match="deadline"):
            client.send(httpx.Request("GET", url, extensions={"deadline": time.monotonic()}))


def test_a_deadline_that_passes_during_a_tls_handshake() -> None:
    with running(None) as (server, url), CookielessClient(**http_options()) as client:
        with pytest.raises(httpx.ConnectTimeout):
            client.send(
                httpx.Request("GET", url.replace("http:", "https:"), extensions={"deadline": time.monotonic() + 0.2})
            )
        assert [len(requests) for requests in server.requests] == [0]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"\x00\x01 nonsense\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut off", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", httpx.RemoteProtocolError),
    ],
)
def test_a_wrong_answer_is_the_error_that_httpx_has_for_it(answer: bytes, expected: type[Exception]) -> None:
    with running(answer) as (_, url):
        fails(url, expected)


def test_a_connection_that_fails_is_the_error_that_httpx_has_for_it() -> None:
    with nobody() as url:
        fails(url, httpx.ConnectError)
    fails("http://name.invalid/", httpx.ConnectError)
    fails("ftp://127.0.0.1/", httpx.UnsupportedProtocol)


def test_time_that_passes_is_the_error_that_httpx_has_for_it() -> None:
    with running(None) as (_, url):
        fails(url, httpx.ReadTimeout, timeout=0.2)
        fails(url, httpx.WriteTimeout, content=bytes(50_000_000), timeout=0.2)


def test_a_request_that_nobody_reads_ends_at_the_deadline() -> None:
    with running(None) as (_, url), CookielessClient(**http_options()) as client:
        started = time.monotonic()
        with pytest.raises(httpx.WriteTimeout):
            transport.sync(client, Request("POST", url, content=bytes(50_000_000)), deadline=started + 0.5)
        assert 0.5 <= time.monotonic() - started <= 0.75


def fails(url: str, expected: type[Exception], content: bytes = b"", timeout: float | None = None) -> None:
    options = http_options()
    for own in (httpx.Client(verify=options["verify"], timeout=None), CookielessClient(**options)):
        request = httpx.Request("POST", url, content=content, extensions={"timeout": httpx.Timeout(timeout).as_dict()})
        with own as client, pytest.raises(httpx.HTTPError) as caught:
            client.send(request)
        assert type(caught.value) is expected
        assert caught.value.request is request


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_in_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with running() as (proxy, url):
        monkeypatch.setenv(name, url)
        with CookielessClient(**http_options()) as client:
            assert client.get("http://edge.test/path").content == b"{}"
        ((request,),) = proxy.requests
        assert request.startswith(b"GET http://edge.test/path HTTP/1.1\r\n")


def test_a_proxy_is_not_used_for_hosts_that_the_environment_excludes(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as (server, url), nobody() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        for excluded in ("*", "127.0.0.1"):
            monkeypatch.setenv("NO_PROXY", excluded)
            with CookielessClient(**http_options()) as client:
                assert client.get(url).content == b"{}"
        assert len(server.requests) == 2


class Interruption(BaseException):
    """Raised by a signal handler."""


def test_a_call_enters_no_lock_that_an_interruption_leaves_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    enter = ThreadLock.__enter__

    def interrupt(lock: ThreadLock) -> ThreadLock:
        enter(lock)
        monkeypatch.undo()
        raise Interruption

    ends: list[object] = []

    def call() -> None:
        for _ in range(2):
            try:
                ends.append(wire.exchange(Request("GET", url), time.monotonic() + 10, 1000))
            except Interruption as error:
                ends.append(error)

    with running() as (_, url):
        wire = HttpxWire(read_settings(trust_env=False))
        monkeypatch.setattr(ThreadLock, "__enter__", interrupt)
        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        thread.join(10)
        assert [type(end) for end in ends] == [Answer, Answer]
        wire.close()
