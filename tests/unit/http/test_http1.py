"""The wire over HTTP/1.1 for threads, against servers that send the bytes of the tests."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from target_delivery._core.flow import Failure, Outcome
from target_delivery._http import http1
from target_delivery._http.certificates import Certificates
from target_delivery._http.http1 import Http1Wire
from target_delivery.errors import ClientClosedError
from target_delivery_api.types import Answer, Request
from tests.tls import CERTIFICATE, server_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LATENESS = 0.25
"""Seconds that an exchange may last after its deadline."""


class Peer:
    """The server's side of a connection."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server = server
        self.connection = connection

    def read(self) -> bytes:
        """Return the next request; b"" when the client has closed the connection."""
        request = b""
        with suppress(OSError):
            while b"\r\n\r\n" not in request:
                received = self.connection.recv(65536)
                if not received:
                    return b""
                request += received
            head, _, body = request.partition(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    while len(body) < int(line[15:]):
                        body += self.connection.recv(65536)
            self.server.requests.append(head + b"\r\n\r\n" + body)
            return self.server.requests[-1]
        return b""

    def send(self, *parts: bytes, pause: float = 0) -> bool:
        """Send parts, with a pause after each. Return False when the test or the connection has ended."""
        for part in parts:
            try:
                self.connection.sendall(part)
            except OSError:
                return False
            if pause and self.server.ended.wait(pause):
                return False
        return not self.server.ended.is_set()

    def closed_by_the_client(self) -> bool:
        """Wait until the client closes the connection."""
        self.connection.settimeout(10)
        try:
            return self.connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


Script = Callable[[Peer], object]


class Server:
    """Runs a script for each connection, in a thread of its own."""

    def __init__(self, script: Script, host: str, tls: ssl.SSLContext | None) -> None:
        self.script = script
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.ended = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=200)
        self.port: int = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if tls else ''}://{'localhost' if tls else shown}:{self.port}/"

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self.serve, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                if self.tls is not None:
                    connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
            with connection:
                self.script(Peer(self, connection))

    def close(self) -> None:
        self.ended.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive()


def answering(*answers: bytes) -> Script:
    """Return a script that gives each request of a connection its answer, the last one repeatedly."""

    def script(peer: Peer) -> None:
        left = list(answers)
        while peer.read():
            peer.send(left.pop(0) if len(left) > 1 else left[0])

    return script


def once(answer: bytes) -> Script:
    """Return a script that answers one request, and closes the connection."""

    def script(peer: Peer) -> None:
        peer.read()
        peer.send(answer)

    return script


def silent(peer: Peer) -> None:
    """Read nothing, send nothing."""
    peer.server.ended.wait(10)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Server]) -> Iterator[Http1Wire]:
    # It is closed before the servers of `serve`, which wait for the ends of its connections.
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    made = Http1Wire(Certificates(trust_env=True))
    yield made
    made.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that starts a server."""
    servers: list[Server] = []

    def start(script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(script, host, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def ask(wire: Http1Wire, url: str, content: bytes = b"", *, seconds: float = 10, max_bytes: int = 2**24) -> Outcome:
    return wire.exchange(
        Request("POST" if content else "GET", url, content=content), time.monotonic() + seconds, max_bytes
    )


def content(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Answer), outcome
    return outcome.content


def failure(outcome: Outcome) -> Failure:
    assert isinstance(outcome, Failure), outcome
    return outcome


def fails_in_time(wire: Http1Wire, url: str, content: bytes = b"", *, seconds: float = 0.4) -> str:
    """Return the name of a failure that ends an exchange at its deadline."""
    started = time.monotonic()
    name = failure(ask(wire, url, content, seconds=seconds)).name
    assert seconds - 0.01 <= time.monotonic() - started <= seconds + LATENESS
    return name


plain_and_tls = pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"])


class TestConnections:
    @plain_and_tls
    @pytest.mark.parametrize(
        "answer",
        [
            OK,
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        ],
        ids=["length", "empty", "204", "304", "chunked", "500", "100"],
    )
    def test_a_connection_is_used_again(
        self, wire: Http1Wire, serve: Callable[..., Server], tls: ssl.SSLContext | None, answer: bytes
    ) -> None:
        server = serve(answering(answer), tls=tls)
        for _ in range(3):
            assert isinstance(ask(wire, server.url, b"{}"), Answer)
        assert (server.connections, len(server.requests)) == (1, 3)

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        ],
    )
    def test_a_connection_that_the_answer_closes_is_not_used_again(
        self, wire: Http1Wire, serve: Callable[..., Server], answer: bytes
    ) -> None:
        server = serve(answering(answer))
        assert [content(ask(wire, server.url)) for _ in range(2)] == [b"{}"] * 2
        assert server.connections == 2

    def test_an_answer_without_a_length_ends_with_its_connection(
        self, wire: Http1Wire, serve: Callable[..., Server]
    ) -> None:
        server = serve(once(b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * 100_000))
        assert [content(ask(wire, server.url)) for _ in range(2)] == [b"a" * 100_000] * 2

    @plain_and_tls
    def test_an_idle_connection_that_the_server_closes_is_no_error(
        self, wire: Http1Wire, serve: Callable[..., Server], tls: ssl.SSLContext | None
    ) -> None:
        closed = threading.Event()

        def script(peer: Peer) -> None:
            once(OK)(peer)
            peer.connection.close()
            closed.set()

        server = serve(script, tls=tls)
        for _ in range(3):
            assert content(ask(wire, server.url)) == b"{}"
            assert closed.wait(10)
            closed.clear()
            arrived(wire)
        assert server.connections == 3

    def test_another_origin_has_a_connection_of_its_own(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        servers = [serve(answering(OK)) for _ in range(2)]
        for server in (*servers, *servers):
            ask(wire, server.url)
        assert [server.connections for server in servers] == [1, 1]

    def test_at_most_100_connections_are_kept(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        together = threading.Barrier(130)

        def script(peer: Peer) -> None:
            while peer.read():
                with suppress(threading.BrokenBarrierError):
                    together.wait(15)
                peer.send(OK)

        server = serve(script)
        with ThreadPoolExecutor(130) as threads:
            outcomes = threads.map(lambda _: ask(wire, server.url, seconds=30), range(130))
            assert [content(one) for one in outcomes] == [b"{}"] * 130
        assert server.connections == 130
        assert len(wire._idle) == 100

    def test_no_connection_is_used_that_was_idle_for_30_seconds(
        self, wire: Http1Wire, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        passed = [0.0]

        class Clock:
            def monotonic(self) -> float:
                return time.monotonic() + passed[0]

        monkeypatch.setattr(http1, "SYSTEM_CLOCK", Clock())
        server, other = serve(answering(OK)), serve(answering(OK))

        def send(to: Server) -> None:
            deadline = http1.SYSTEM_CLOCK.monotonic() + 10
            assert isinstance(wire.exchange(Request("GET", to.url), deadline, 100), Answer)

        send(server)
        send(other)
        passed[0] = 29
        send(server)
        assert server.connections == 1
        assert len(wire._idle) == 2
        passed[0] = 31
        send(server)
        assert server.connections == 1
        assert len(wire._idle) == 1, "a connection that is too old is closed when another one is kept"
        passed[0] = 62
        send(server)
        assert server.connections == 2

    def test_threads_have_their_own_answers(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        def script(peer: Peer) -> None:
            while request := peer.read():
                body = request.partition(b"\r\n\r\n")[2]
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)

        server = serve(script)

        def send(number: int) -> bool:
            body = b"%d" % number * (number % 50 + 1)
            return content(ask(wire, server.url, body, seconds=60)) == body

        with ThreadPoolExecutor(32) as threads:
            assert all(threads.map(send, range(640)))
        assert server.connections <= 32

    def test_an_exception_during_an_exchange_closes_its_connection(
        self, wire: Http1Wire, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[bool] = []

        def script(peer: Peer) -> None:
            peer.read()
            peer.send(OK)
            seen.append(peer.closed_by_the_client())

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        server = serve(script)
        with monkeypatch.context() as patch:
            patch.setattr(http1, "_headers_of", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ask(wire, server.url)
        server.threads[-1].join(15)
        assert seen == [True]
        assert not wire._idle

    def test_after_close_an_exchange_ends_and_closes_its_connection(
        self, wire: Http1Wire, serve: Callable[..., Server]
    ) -> None:
        asked, closed = threading.Event(), threading.Event()
        seen: list[bool] = []

        def script(peer: Peer) -> None:
            peer.read()
            asked.set()
            closed.wait(10)
            peer.send(OK)
            seen.append(peer.closed_by_the_client())

        server = serve(script)
        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(ask, wire, server.url)
            assert asked.wait(10)
            wire.close()
            closed.set()
            assert content(running.result(10)) == b"{}"
        server.threads[-1].join(15)
        assert seen == [True]
        with pytest.raises(ClientClosedError):
            ask(wire, server.url)

    def test_close_closes_idle_connections(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        seen: list[bool] = []

        def script(peer: Peer) -> None:
            peer.read()
            peer.send(OK)
            seen.append(peer.closed_by_the_client())

        server = serve(script)
        ask(wire, server.url)
        wire.close()
        server.threads[-1].join(15)
        assert seen == [True]

    def test_on_connect_gets_the_socket_that_is_used(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        def script(peer: Peer) -> None:
            peer.read()
            peer.closed_by_the_client()

        def shut_down_soon(connection: socket.socket) -> None:
            threading.Timer(0.1, connection.shutdown, (socket.SHUT_RDWR,)).start()

        server = serve(script)
        started = time.monotonic()
        outcome = wire.exchange(Request("GET", server.url), started + 10, 100, shut_down_soon)
        assert failure(outcome).may_pass
        assert time.monotonic() - started < 5

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    @plain_and_tls
    def test_a_child_process_does_not_use_the_connections_of_its_parent(
        self, wire: Http1Wire, serve: Callable[..., Server], tls: ssl.SSLContext | None
    ) -> None:
        server = serve(answering(OK), tls=tls)
        ask(wire, server.url)
        child = os.fork()
        if child == 0:
            good = not wire._idle and ask(wire, server.url, b"child")
            os._exit(0 if isinstance(good, Answer) and good.content == b"{}" else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert server.connections == 2
        assert content(ask(wire, server.url)) == b"{}"
        assert server.connections == 2, "the parent's connection is still open"


def test_certificates_that_a_child_cannot_load_fail_before_a_connection(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answering(OK))
    certificates = Certificates(trust_env=True)
    certificates.after_fork_in_child()
    monkeypatch.setenv("SSL_CERT_FILE", "/does/not/exist")
    failed = failure(ask(Http1Wire(certificates), server.url.replace("http:", "https:")))
    assert failed.name.startswith("ConnectError (TLS certificates cannot be loaded")
    assert not server.connections


def arrived(wire: Http1Wire) -> None:
    """Wait until something has arrived on the idle connection, such as its end."""
    (connection,) = wire._idle
    connection.socket.settimeout(10)
    socket.socket.recv(connection.socket, 1, socket.MSG_PEEK)


class TestRequests:
    def test_the_bytes_of_a_request(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        server = serve(answering(OK))
        request = Request(
            "POST", f"{server.url}a%20b?c=d", [("X-City", "Zürich"), ("X-A", "1"), ("X-A", "2")], b'{"a":1}'
        )
        wire.exchange(request, time.monotonic() + 10, 100)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        first, *headers = head.split(b"\r\n")
        assert first == b"POST /a%20b?c=d HTTP/1.1"
        assert body == b'{"a":1}'
        agent = headers.pop(next(i for i, line in enumerate(headers) if line.lower().startswith(b"user-agent: ")))
        assert agent.startswith(b"user-agent: target-delivery-python/")
        assert sorted(headers, key=bytes.lower) == [
            b"accept-encoding: gzip, deflate",
            b"content-length: 7",
            b"host: 127.0.0.1:%d" % server.port,
            b"X-A: 1",
            b"X-A: 2",
            "X-City: Zürich".encode(),
        ]

    def test_a_url_without_a_path(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        server = serve(answering(OK))
        for url in (server.url[:-1], f"{server.url[:-1]}?a=b"):
            assert content(ask(wire, url)) == b"{}"
        assert [one.split(b"\r\n")[0] for one in server.requests] == [b"GET / HTTP/1.1", b"GET /?a=b HTTP/1.1"]

    @pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6")
    def test_the_host_of_an_ipv6_address(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        server = serve(answering(OK), host="::1")
        assert content(ask(wire, server.url)) == b"{}"
        assert b"\r\nhost: [::1]:%d\r\n" % server.port in server.requests[0]

    @pytest.mark.parametrize(
        ("url", "host"),
        [
            ("http://edge.test/", b"edge.test"),
            ("http://edge.test:80/", b"edge.test"),
            ("http://edge.test:443/", b"edge.test:443"),
            ("http://[::1]/", b"[::1]"),
            ("http://edge.test:8080/", b"edge.test:8080"),
        ],
    )
    def test_a_port_is_named_only_when_it_is_not_the_default(
        self,
        wire: Http1Wire,
        serve: Callable[..., Server],
        monkeypatch: pytest.MonkeyPatch,
        url: str,
        host: bytes,
    ) -> None:
        server = serve(answering(OK))
        monkeypatch.setattr(http1, "connect", lambda *_: socket.create_connection(("127.0.0.1", server.port)))
        assert content(ask(wire, url)) == b"{}"
        assert b"\r\nhost: %b\r\n" % host in server.requests[0]

    def test_an_answer_to_half_a_request(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        """The server refuses a large request, and closes the connection while the rest of it is being sent."""

        def script(peer: Peer) -> None:
            peer.connection.recv(1000)
            peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")

        server = serve(script)
        for _ in range(5):
            outcome = ask(wire, server.url, bytes(8_000_000))
            assert isinstance(outcome, Answer), outcome
            assert (outcome.status_code, outcome.content) == (413, b"{}")
        assert server.connections == 5


class TestAnswers:
    def test_interim_answers_are_skipped(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"
        server = serve(answering(b"HTTP/1.1 100 Continue\r\n\r\n" + hint * 20 + OK))
        for _ in range(2):
            outcome = ask(wire, server.url)
            assert isinstance(outcome, Answer)
            assert (outcome.status_code, outcome.content, outcome.headers) == (200, b"{}", {"content-length": "2"})
        assert server.connections == 1

    @pytest.mark.parametrize("pause", [0, 0.01])
    @pytest.mark.parametrize("status", [b"100 Continue", b"103 Early Hints"])
    def test_interim_answers_without_end_end_at_the_deadline(
        self, wire: Http1Wire, serve: Callable[..., Server], status: bytes, pause: float
    ) -> None:
        def script(peer: Peer) -> None:
            peer.read()
            many = 1 if pause else 1000
            while peer.send((b"HTTP/1.1 %b\r\nA: b\r\n\r\n" % status) * many, pause=pause):
                pass

        assert fails_in_time(wire, serve(script).url) == "ReadTimeout"

    def test_an_answer_that_leaves_http_is_an_answer_and_its_connection_is_closed(
        self, wire: Http1Wire, serve: Callable[..., Server]
    ) -> None:
        server = serve(answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"))
        for _ in range(2):
            outcome = ask(wire, server.url)
            assert isinstance(outcome, Answer)
            assert (outcome.status_code, outcome.content) == (101, b"")
        assert server.connections == 2

    def test_headers(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        server = serve(
            once(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:2 \r\nX-B:\r\nX-Folded: a\r\n \t b\r\nContent-Length: 2\r\n\r\n{}")
        )
        outcome = ask(wire, server.url)
        assert isinstance(outcome, Answer)
        assert outcome.headers == {"x-a": "1, 2", "x-b": "", "x-folded": "a b", "content-length": "2"}
        assert outcome.content == b"{}"

    @pytest.mark.parametrize(
        "body",
        [
            b'5;a=b\r\n{"a":\r\n2 ; c="d"\r\n1}\r\n0;e\r\nX-Trailer: f\r\nY: g\r\n\r\n',
            b'0007\r\n{"a":1}\r\n000\r\n\r\n',
        ],
    )
    @pytest.mark.parametrize("bytewise", [False, True])
    def test_chunks(self, wire: Http1Wire, serve: Callable[..., Server], body: bytes, bytewise: bool) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n"

        def script(peer: Peer) -> None:
            while peer.read():
                peer.send(head, *(body[i : i + 1] for i in range(len(body))) if bytewise else [body])

        server = serve(script)
        for _ in range(2):
            assert content(ask(wire, server.url)) == b'{"a":1}'
        assert len(server.requests) == 2

    @pytest.mark.parametrize(
        "start",
        [b"1.1 200 OK\r\nContent-Length: 3", b"1.0 200 OK\r\nConnection: keep-alive"],
    )
    def test_a_connection_is_not_used_again_if_somebody_may_see_another_end_of_its_answer(
        self, wire: Http1Wire, serve: Callable[..., Server], start: bytes
    ) -> None:
        body = b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        server = serve(answering(b"HTTP/" + start + body))
        for _ in range(2):
            assert content(ask(wire, server.url)) == b"{}"
        assert server.connections == 2

    @pytest.mark.parametrize("part", [b"a", b"\r", b"\ra:b", b"\r "])
    def test_a_large_head_does_not_outlast_the_deadline(
        self, wire: Http1Wire, serve: Callable[..., Server], part: bytes
    ) -> None:
        lines = b"".join(b"X-%d: %b\r\n" % (number, part * (60_000 // len(part))) for number in range(90))
        server = serve(answering(b"HTTP/1.1 103 Early Hints\r\n" + lines + b"\r\n"))
        before = time.process_time()
        failure(ask(wire, server.url))
        assert time.process_time() - before < LATENESS

    def test_a_large_chunk(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        body = os.urandom(3_000_000)
        server = serve(
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        )
        for _ in range(2):
            assert content(ask(wire, server.url)) == body
        assert server.connections == 1

    @pytest.mark.parametrize("length", [b"2, 2", b"2\r\nContent-Length: 2", b"002"])
    def test_a_length_that_is_said_twice(self, wire: Http1Wire, serve: Callable[..., Server], length: bytes) -> None:
        server = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n{}" % length))
        for _ in range(2):
            assert content(ask(wire, server.url)) == b"{}"

    @pytest.mark.parametrize(
        "head",
        [
            *(
                b"Content-Length: " + value
                for value in (b"+2", b"5_0", b"-1", b"abc", b"", b"2 2", b"0x2", b"9" * 9000)
            ),
            *(b"Content-Length: " + value for value in (b"2\r\nContent-Length: 3", b"2, 3", b"2,", "٢".encode())),
            *(b"Transfer-Encoding: " + value for value in (b"gzip, chunked", b"identity", b"chunked, chunked", b"")),
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"no colon\r\nContent-Length: 2",
            b"Content-Length : 2",
            b": 2\r\nContent-Length: 2",
            b" folded: 2\r\nContent-Length: 2",
            b"X-A: 1\rContent-Length: 2",
            b"X-A: 1\r\n \rContent-Length: 2",
            b"X-A: \x00\r\nContent-Length: 2",
            *(b"Content-Length: 2" + space for space in (b"\xa0", b"\x85", b"\x0b")),
            b"Transfer-Encoding: chunked\xa0",
            b"\r\n".join(b"X-%d: a" % number for number in range(200)),
            b"X-A: " + b"a" * 100_000,
        ],
        ids=lambda head: repr(head[:50]),
    )
    def test_a_malformed_head(self, wire: Http1Wire, serve: Callable[..., Server], head: bytes) -> None:
        server = serve(once(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n{}" % head))
        failed = failure(ask(wire, server.url))
        assert failed.name.startswith("RemoteProtocolError")
        assert failed.answer is None
        assert not wire._idle

    @pytest.mark.parametrize(
        "answer",
        [
            *(b"", b"\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 99 OK\r\n\r\n", b"a" * 100_000),
            *(b"HTTP/1.1 1000 OK\r\n\r\n", b"HTTP/1.1 +20 OK\r\n\r\n", b"\x16\x03\x01\x00\x01", b"{}"),
        ],
        ids=lambda answer: repr(answer[:20]),
    )
    def test_bytes_that_are_no_answer(self, wire: Http1Wire, serve: Callable[..., Server], answer: bytes) -> None:
        failed = failure(ask(wire, serve(once(answer)).url))
        assert failed.name.partition(" ")[0] in ("RemoteProtocolError", "ReadError")
        assert failed.may_pass

    @pytest.mark.parametrize(
        "size",
        [
            b"-2",
            b"+2",
            b"0x2",
            b"2_0",
            b"",
            b"x",
            b" 2",
            b"2\n",
            b"2 x",
            b";a",
            b"f" * 17,
            "٢".encode(),
            b"2" + b" " * 70_000,
        ],
    )
    def test_a_malformed_size_of_a_chunk(self, wire: Http1Wire, serve: Callable[..., Server], size: bytes) -> None:
        def script(peer: Peer) -> None:
            peer.read()
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n%b\r\n}}\r\n0\r\n\r\n" % size)
            peer.closed_by_the_client()

        failed = failure(ask(wire, serve(script).url))
        assert failed.name == "TruncatedAnswer"
        assert failed.answer is not None
        assert failed.answer.content == b"{"
        assert not wire._idle

    @pytest.mark.parametrize("end", [b"{}X\r\n0\r\n\r\n", b"{}\r\r0\r\n\r\n"])
    def test_a_chunk_that_does_not_end(self, wire: Http1Wire, serve: Callable[..., Server], end: bytes) -> None:
        server = serve(once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n" + end))
        assert failure(ask(wire, server.url)).name == "TruncatedAnswer"

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX: y",
        ],
    )
    def test_an_answer_that_is_cut_off(self, wire: Http1Wire, serve: Callable[..., Server], answer: bytes) -> None:
        failed = failure(ask(wire, serve(once(answer)).url))
        assert (failed.name, failed.may_pass) == ("TruncatedAnswer", True)
        assert failed.answer is not None
        assert failed.answer.content == b"{"

    def test_a_reset_in_a_body(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        def script(peer: Peer) -> None:
            peer.read()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
            peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        assert failure(ask(wire, serve(script).url)).name == "TruncatedAnswer"

    @pytest.mark.parametrize("chunked", [False, True])
    def test_an_answer_that_is_too_large(self, wire: Http1Wire, serve: Callable[..., Server], chunked: bool) -> None:
        head = b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n" if chunked else b"Content-Length: 999999999\r\n\r\n"

        def script(peer: Peer) -> None:
            peer.read()
            peer.send(b"HTTP/1.1 200 OK\r\n" + head, *[bytes(65536)] * 10_000)

        failed = failure(ask(wire, serve(script).url, max_bytes=1_000_000))
        assert failed.name.startswith("AnswerTooLarge")
        assert not failed.may_pass
        assert not wire._idle

    @plain_and_tls
    @pytest.mark.parametrize("extra", [b"x", OK])
    def test_bytes_behind_an_answer_are_no_answer_to_the_next_request(
        self, wire: Http1Wire, serve: Callable[..., Server], tls: ssl.SSLContext | None, extra: bytes
    ) -> None:
        server = serve(answering(OK + extra), tls=tls)
        for _ in range(3):
            assert content(ask(wire, server.url)) == b"{}"
        assert server.connections == 3

    @plain_and_tls
    @pytest.mark.parametrize("extra", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"])
    def test_bytes_that_arrive_later_are_no_answer_to_the_next_request(
        self, wire: Http1Wire, serve: Callable[..., Server], tls: ssl.SSLContext | None, extra: bytes
    ) -> None:
        answered = threading.Event()

        def script(peer: Peer) -> None:
            while peer.read():
                peer.send(OK)
                answered.wait(10)
                answered.clear()
                peer.send(extra)

        server = serve(script, tls=tls)
        for _ in range(3):
            assert content(ask(wire, server.url)) == b"{}"
            answered.set()
            arrived(wire)
        assert server.connections == 3


class TestDeadlines:
    def test_there_is_no_time_left(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        server = serve(answering(OK))
        assert failure(ask(wire, server.url, seconds=0)).name == "ConnectTimeout"
        ask(wire, server.url)
        assert failure(ask(wire, server.url, seconds=0)).name == "WriteTimeout"
        assert len(server.requests) == 1

    def test_connecting(self, wire: Http1Wire) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, filled(listener) as url:
            assert fails_in_time(wire, url) == "ConnectTimeout"

    def test_a_tls_handshake(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        server = serve(silent)
        assert fails_in_time(wire, server.url.replace("http:", "https:")) == "ConnectTimeout"

    def test_writing(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        assert fails_in_time(wire, serve(silent).url, bytes(50_000_000), seconds=0.8) == "WriteTimeout"

    @plain_and_tls
    @pytest.mark.parametrize(
        "parts",
        [
            [],
            [b"HTTP/1.1 200 OK\r\n"],
            [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"],
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"],
            [b"HTTP/1.1 200 OK\r\n\r\n{"],
        ],
        ids=["nothing", "head", "length", "chunked", "open"],
    )
    def test_silence(
        self, wire: Http1Wire, serve: Callable[..., Server], tls: ssl.SSLContext | None, parts: list[bytes]
    ) -> None:
        def script(peer: Peer) -> None:
            peer.read()
            peer.send(*parts)
            silent(peer)

        assert fails_in_time(wire, serve(script, tls=tls).url) == "ReadTimeout"
        assert not wire._idle

    @pytest.mark.parametrize(
        ("start", "drop"),
        [
            (b"", b"a"),
            (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
            (b"HTTP/1.1 200 OK\r\nX: a\r\n", b" "),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b" "),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a"),
            (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        ],
    )
    def test_drops(self, wire: Http1Wire, serve: Callable[..., Server], start: bytes, drop: bytes) -> None:
        def script(peer: Peer) -> None:
            peer.read()
            if peer.send(start):
                peer.send(*[drop] * 10_000, pause=0.02)

        assert fails_in_time(wire, serve(script).url) == "ReadTimeout"

    @pytest.mark.parametrize(
        "part",
        [
            b"a" * 1000,
            b"X: a\r\n" * 1000,
            b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"a" * 60_000) * 90 + b"\r\n",
            b"HTTP/1.1 103 Early Hints\r\n" + b"X: %b\r\n" % (b"a" * 1000) * 90 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 100_000,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;%b\r\na\r\n" % (b"a" * 9000) * 1000,
        ],
        ids=["line", "lines", "head", "hints", "trailers", "extensions"],
    )
    def test_a_flood(self, wire: Http1Wire, serve: Callable[..., Server], part: bytes) -> None:
        def script(peer: Peer) -> None:
            peer.read()
            for _ in range(10_000_000 // len(part) + 1):
                if not peer.send(part):
                    return

        started = time.monotonic()
        ask(wire, serve(script).url, seconds=1)
        assert time.monotonic() - started < 1 + LATENESS
        assert not wire._idle


class TestTls:
    def test_a_certificate_that_is_not_trusted(
        self, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        wire = Http1Wire(Certificates(trust_env=False))
        name = failure(ask(wire, serve(answering(OK), tls=server_context()).url)).name
        assert name.startswith("ConnectError (")
        assert "CERTIFICATE_VERIFY_FAILED" in name

    def test_a_certificate_for_another_host(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        server = serve(answering(OK), tls=server_context())
        name = failure(ask(wire, server.url.replace("localhost", "127.0.0.2"))).name
        assert name.startswith("ConnectError (")
        assert not server.requests

    def test_a_server_without_tls(self, wire: Http1Wire, serve: Callable[..., Server]) -> None:
        def script(peer: Peer) -> None:
            peer.connection.recv(65536)
            peer.send(b"HTTP/1.1 400 Bad\r\n\r\n")

        server = serve(script)
        assert failure(ask(wire, server.url.replace("http:", "https:"))).name.startswith("ConnectError (")


def test_a_connection_that_is_refused(wire: Http1Wire) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    failed = failure(ask(wire, f"http://127.0.0.1:{port}/"))
    assert failed.name.startswith("ConnectError (")
    assert "refused" in failed.name
    assert failed.may_pass


def test_a_host_that_does_not_exist(wire: Http1Wire) -> None:
    assert failure(ask(wire, "http://name.invalid/")).name.startswith("ConnectError (")


@contextmanager
def filled(listener: socket.socket) -> Iterator[str]:
    """Fill the queue of a listener that accepts nothing. A further connection gets no answer."""
    address: Any = listener.getsockname()
    waiting: list[socket.socket] = []
    try:
        for _ in range(3):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        time.sleep(0.1)
        yield f"http://{address[0]}:{address[1]}/"
    finally:
        for one in waiting:
            one.close()
