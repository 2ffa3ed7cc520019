"""Names are looked up in threads, whose number has a bound."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpcore
import pytest

from target_delivery._http import names
from target_delivery._http.async_sockets import AsyncSockets
from target_delivery._http.names import Names

ADDRESS = ("127.0.0.1", 80)


class Resolver:
    """Stands for the operating system's look-up, which hangs until it is released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        assert self.released.wait(20)
        if host.startswith("bad"):
            raise UnicodeError("label too long")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ADDRESS)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.released.set()
    for thread in threading.enumerate():
        if thread.name == "target-delivery-names":
            thread.join()


def test_calls_that_need_the_same_name_share_one_look_up(resolver: Resolver) -> None:
    looking = Names()
    futures = [looking.look_up("edge.test", 443) for _ in range(100)]
    assert resolver.asked == ["edge.test"]
    resolver.released.set()
    assert [future.result(10) for future in futures] == [[(socket.AF_INET, ADDRESS)]] * 100
    # The result is not kept: the next call asks anew.
    looking.look_up("edge.test", 443).result(10)
    assert resolver.asked == ["edge.test"] * 2


def test_the_number_of_threads_has_a_bound(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MAX_LOOK_UPS", 3)
    looking = Names()
    futures = [looking.look_up(f"edge{number}.test", 443) for number in range(5)]
    with pytest.raises(OSError, match="3 other host names"):
        futures[4].result(10)
    resolver.released.set()
    assert futures[2].result(10)
    assert looking.look_up("edge9.test", 443).result(10)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", (socket.AF_INET, ("127.0.0.1", 1))), ("::1", (socket.AF_INET6, ("::1", 1, 0, 0)))],
)
def test_an_address_is_not_looked_up(resolver: Resolver, host: str, address: object) -> None:
    assert Names().look_up(host, 1).result(0) == [address]
    assert not resolver.asked


def test_a_name_that_cannot_be_looked_up_is_a_failure_to_connect(resolver: Resolver) -> None:
    resolver.released.set()
    with pytest.raises(httpcore.ConnectError, match="label too long"):
        asyncio.run(AsyncSockets().connect_tcp("bad.test", 1))


def test_a_look_up_that_hangs_does_not_delay_the_end_of_an_event_loop(resolver: Resolver) -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(AsyncSockets().connect_tcp("edge.test", 1), 0.05)

    started = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - started < 5
    assert resolver.asked == ["edge.test"]


class Interruption(BaseException):
    """Raised by a signal handler."""


@pytest.mark.parametrize("started", [False, True])
def test_a_look_up_that_is_interrupted_is_not_joined(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch, started: bool
) -> None:
    start = threading.Thread.start

    def interrupt(thread: threading.Thread) -> None:
        if started:
            start(thread)
        raise Interruption

    looking = Names()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupt)
        with pytest.raises(Interruption):
            looking.look_up("edge.test", 1)
    resolver.released.set()
    assert looking.look_up("edge.test", 1).result(10)


def test_a_thread_that_cannot_be_started_is_a_failure(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    looking = Names()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="new thread"):
            looking.look_up("edge.test", 1).result(0)
    resolver.released.set()
    assert looking.look_up("edge.test", 1).result(10)
