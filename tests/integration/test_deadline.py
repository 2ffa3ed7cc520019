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

import httpx
import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, DeliveryTimeoutError, ExecuteRequest, MboxRequest
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import OPTIONS, Driver

EXECUTE = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
TIMEOUT = 700
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
        yield f"{host}:{port}"
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("beginning", "part", "pause"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ", 0.05),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a", 0.05),
        (b"", HINTS, 0.05),
        (b"", 100 * HINTS, 0),
        (CHUNKED + b"1;extension=", b"a", 0.05),
    ],
    ids=["body", "header", "early hints", "flood of early hints", "chunk extension"],
)
def test_an_answer_that_never_ends(make: Callable[..., Driver], beginning: bytes, part: bytes, pause: float) -> None:
    with endless(beginning, part, pause) as address:
        ends_in_time(make(server_domain=address, secure=False, timeout=TIMEOUT))


@pytest.mark.parametrize(
    ("beginning", "part"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (CHUNKED + b"1;extension=", b"a"),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-Trailer: a\r\n"),
        (CHUNKED, b"0"),
    ],
    ids=["body", "body until the connection ends", "chunk extension", "trailers", "length of a chunk"],
)
def test_a_body_that_never_ends_with_the_callers_own_http_client(
    make: Callable[..., Driver], kind: str, beginning: bytes, part: bytes
) -> None:
    own = httpx.Client() if kind == "threads" else httpx.AsyncClient()
    with endless(beginning, part, 0.05) as address:
        ends_in_time(make(server_domain=address, secure=False, timeout=TIMEOUT, http_client=own))


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


@pytest.mark.parametrize("own", [True, False], ids=["the caller's", "the SDK's"])
def test_an_event_loop_whose_timers_end_a_moment_early(own: bool) -> None:
    async def call(address: str) -> list[Any]:
        options: Any = {**OPTIONS, "server_domain": address, "secure": False, "timeout": 50}
        async with httpx.AsyncClient() as http_client:
            if own:
                options["http_client"] = http_client
            client = AsyncTargetClient.create(options)
            calls = [client.get_offers({"request": EXECUTE}) for _ in range(20)]
            outcomes: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
            await client.close()
            return outcomes

    with endless(b"", b"", 0.05) as address, asyncio.Runner(loop_factory=_Early) as runner:
        outcomes = runner.run(call(address))
    assert {type(outcome) for outcome in outcomes} == {DeliveryTimeoutError}


def test_addresses_where_nobody_answers(make: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch) -> None:
    with mute() as nobody:
        resolve(monkeypatch, nobody, nobody, nobody)
        ends_in_time(make(server_domain=f"edge.test:{nobody[1]}", secure=False, timeout=TIMEOUT))


def test_an_address_that_answers_after_one_that_does_not(
    make: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(hosts=["edge.test"]) as edge:
        host, port = edge.server_domain.split(":")
        with mute(int(port), "127.0.0.2") as nobody:
            resolve(monkeypatch, nobody, (host, int(port)))
            client = make(edge, server_domain=f"edge.test:{port}", timeout=TIMEOUT)
            assert client.get_offers({"request": EXECUTE}).response.status == 200


def test_a_name_whose_look_up_hangs(make: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert len(looking) == 1
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
