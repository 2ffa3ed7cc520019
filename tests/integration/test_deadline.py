"""A call ends at its deadline, whatever the server does with its sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import Context
from typing import Any, TypeVarTuple, Unpack

import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, DeliveryTimeoutError, ExecuteRequest, MboxRequest
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import (
    OPTIONS,
    OWN_WIRES,
    Driver,
    WireKind,
    every_wire,
    is_asyncio,
    is_threads,
)

EXECUTE = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
TIMEOUT = 300
Arguments = TypeVarTuple("Arguments")
SLACK = 0.25
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextmanager
def endless(beginning: bytes, part: bytes, pause: float) -> Iterator[str]:
    """Run a server that sends a part after every pause, without end; yield its address."""
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(beginning)
                while not stop.wait(pause):
                    connection.sendall(part)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        host, port = listener.getsockname()
        try:
            yield f"{host}:{port}"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


ENDLESS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ", 0.05),
    "body until the connection ends": (b"HTTP/1.1 200 OK\r\n\r\n", b" ", 0.05),
    "chunk extension": (CHUNKED + b"1;extension=", b"a", 0.05),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-Trailer: a\r\n", 0.05),
    "length of a chunk": (CHUNKED, b"0", 0.05),
}
ENDLESS_HEADS = {
    "nothing": (b"", b"", 0.05),
    "header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a", 0.05),
    "early hints": (b"", HINTS, 0.05),
}


@every_wire()
@pytest.mark.parametrize("name", ENDLESS)
def test_a_body_that_never_ends(make: Callable[..., Driver], name: str) -> None:
    with endless(*ENDLESS[name]) as address:
        ends_in_time(make(server_domain=address, secure=False, timeout=TIMEOUT))


@every_wire()
@pytest.mark.parametrize("name", ENDLESS_HEADS)
def test_a_head_that_never_ends(make: Callable[..., Driver], name: str) -> None:
    with endless(*ENDLESS_HEADS[name]) as address:
        ends_in_time(make(server_domain=address, secure=False, timeout=TIMEOUT))


# httpx parses 64 KiB of heads in one step. On a busy machine that takes longer than the slack.
@every_wire(among=OWN_WIRES)
def test_a_flood_of_early_hints(make: Callable[..., Driver]) -> None:
    with endless(b"", 100 * HINTS, 0) as address:
        ends_in_time(make(server_domain=address, secure=False, timeout=TIMEOUT))


class _Early(asyncio.SelectorEventLoop):
    """Ends its timers a moment early, as uvloop does, which counts whole milliseconds."""

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return super().call_at(when - 0.0009, callback, *args, context=context)


@every_wire(but=is_threads)
def test_an_event_loop_whose_timers_end_a_moment_early(wire_kind: WireKind) -> None:
    async def call(address: str) -> list[Any]:
        http_client = wire_kind.new_http_client()
        options: Any = {**OPTIONS, "server_domain": address, "secure": False, "timeout": 50, "http_client": http_client}
        async with AsyncTargetClient.create(options) as client:
            calls = [client.get_offers({"request": EXECUTE}) for _ in range(20)]
            outcomes: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
        if http_client is not None:
            await http_client.aclose()
        return outcomes

    with endless(b"", b"", 0.05) as address, asyncio.Runner(loop_factory=_Early) as runner:
        outcomes = runner.run(call(address))
    assert {type(outcome) for outcome in outcomes} == {DeliveryTimeoutError}


@every_wire()
def test_addresses_where_nobody_answers(make: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch) -> None:
    with mute() as nobody:
        resolve(monkeypatch, nobody, nobody, nobody)
        ends_in_time(make(server_domain=f"edge.test:{nobody[1]}", secure=False, timeout=TIMEOUT))


@every_wire()
def test_an_address_that_answers_after_one_that_does_not(
    make: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(hosts=["edge.test"]) as edge:
        host, port = edge.server_domain.split(":")
        with mute(int(port), "127.0.0.2") as nobody:
            resolve(monkeypatch, nobody, (host, int(port)))
            client = make(edge, server_domain=f"edge.test:{port}", timeout=700)
            assert client.get_offers({"request": EXECUTE}).response.status == 200


@every_wire()
def test_a_name_whose_look_up_hangs(
    wire_kind: WireKind, make: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def hang(*_: object, **__: object) -> list[Any]:
        ended.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    client = make(server_domain="edge.test", timeout=TIMEOUT)
    try:
        for _ in range(3):
            ends_in_time(client)
        looking = [thread for thread in threading.enumerate() if thread.name == "target-delivery-names"]
        assert len(looking) == (0 if wire_kind.given and is_asyncio(wire_kind) else 1)
    finally:
        ended.set()


def ends_in_time(client: Driver) -> None:
    started = time.monotonic()
    with pytest.raises(DeliveryTimeoutError):
        client.get_offers({"request": EXECUTE})
    assert TIMEOUT / 1000 <= time.monotonic() - started <= TIMEOUT / 1000 + SLACK


@contextmanager
def mute(port: int = 0, host: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
    """Yield an address that does not answer attempts to connect, because its queue is full."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server((host, port), backlog=0))
        for _ in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Let the name edge.test resolve to `addresses`."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in ("edge.test", b"edge.test"):
            return real(host, port, *args, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
