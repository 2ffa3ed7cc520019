"""A connection on which bytes came that nobody asked for is closed, and no later call takes them for its answer."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import BinaryIO

import pytest

from target_delivery import DeliveryRequest, ExecuteRequest, MboxRequest
from tests.integration.drivers import Driver, every_wire
from tests.tls import server_context

EXECUTE = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
LATER = 0.05
"""Seconds after which a server sends more."""
SOON = 10


def answer(visitor: str, chunked: bool = False) -> bytes:
    body = json.dumps({"status": 200, "id": {"tntId": f"{visitor}.35_0"}}).encode()
    if chunked:
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


Parts = Callable[[str], list[bytes | float]]
"""What a server sends as the answer to a visitor: bytes, and seconds to wait."""

UNASKED: dict[str, Parts] = {
    "a second answer in the same packet": lambda visitor: [answer(visitor) + answer("other")],
    "a second answer behind a chunked one": lambda visitor: [answer(visitor, chunked=True) + answer("other")],
    "a second answer at once": lambda visitor: [answer(visitor), answer("other")],
    "a second answer while idle": lambda visitor: [answer(visitor), LATER, answer("other")],
    "half an answer in the same packet": lambda visitor: [answer(visitor) + answer("other")[:-5]],
    "a byte in the same packet": lambda visitor: [answer(visitor) + b"H"],
    "a byte while idle": lambda visitor: [answer(visitor), LATER, b"H"],
    "early hints behind the answer": lambda visitor: [answer(visitor) + b"HTTP/1.1 103 Early Hints\r\n\r\n"],
    "an empty line": lambda visitor: [answer(visitor) + b"\r\n"],
}


class Edge:
    """Answers each connection's first request with bytes too many. Names visitors by the order of their requests."""

    def __init__(self, parts: Parts, context: ssl.SSLContext | None) -> None:
        self.parts = parts
        self.context = context
        self.connections: list[int] = []
        """The number of requests of each connection."""
        self.visitors = 0
        self.lock = threading.Lock()
        self.sent = threading.Semaphore(0)
        """Released when everything for one visitor has been sent."""

    def serve(self, connection: socket.socket) -> None:
        with suppress(OSError), ExitStack() as stack:
            stack.enter_context(connection)
            # Without this, the operating system would keep a second part until the first is acknowledged.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                connection = stack.enter_context(self.context.wrap_socket(connection, server_side=True))
            received = stack.enter_context(connection.makefile("rb"))
            with self.lock:
                mine = len(self.connections)
                self.connections.append(0)
            while read_request(received):
                with self.lock:
                    self.connections[mine] += 1
                    self.visitors += 1
                    visitor = f"v{self.visitors}"
                try:
                    for part in self.parts(visitor):
                        if isinstance(part, bytes):
                            connection.sendall(part)
                        else:
                            time.sleep(part)
                finally:
                    self.sent.release()


def read_request(received: BinaryIO) -> bool:
    """Read a request; return whether there was one."""
    length = 0
    for line in iter(received.readline, b"\r\n"):
        if not line:
            return False
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    received.read(length)
    return True


@contextmanager
def running(parts: Parts, context: ssl.SSLContext | None = None) -> Generator[tuple[Edge, str]]:
    edge = Edge(parts, context)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=edge.serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield edge, f"localhost:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@every_wire()
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("name", UNASKED)
def test_no_visitor_gets_bytes_that_came_for_nobody(make: Callable[..., Driver], name: str, secure: bool) -> None:
    with running(UNASKED[name], server_context() if secure else None) as (edge, address):
        client = make(server_domain=address, retries=0, secure=secure)
        for visitor in ("v1", "v2", "v3"):
            result = client.get_offers({"request": EXECUTE})
            assert f"{visitor}.35_0" in result.target_cookie["value"]
            assert edge.sent.acquire(timeout=SOON)
        assert edge.connections == [1, 1, 1]


@every_wire()
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_connection_without_such_bytes_is_used_again(make: Callable[..., Driver], secure: bool) -> None:
    with running(lambda visitor: [answer(visitor)], server_context() if secure else None) as (edge, address):
        client = make(server_domain=address, retries=0, secure=secure)
        for _ in range(5):
            client.get_offers({"request": EXECUTE})
        assert edge.connections == [5]
