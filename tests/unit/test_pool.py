"""The SDK's own connection pools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import httpx
import pytest

from target_delivery.pool import CookielessAsyncClient, CookielessClient, Pool

ANSWER = b"HTTP/1.1 200 OK\r\nSet-Cookie: visitor=one\r\nContent-Length: 0\r\n\r\n"


class Edge:
    """Answers requests without a body when `together` of them have come."""

    def __init__(self, together: int) -> None:
        self.together = together
        self.url = ""
        self.requests: asyncio.Queue[bytes] = asyncio.Queue()
        self.waiting: list[asyncio.WriteTransport] = []

    def came(self, request: bytes, transport: asyncio.WriteTransport) -> None:
        self.requests.put_nowait(request)
        self.waiting.append(transport)
        if len(self.waiting) >= self.together:
            for each in self.waiting:
                each.write(ANSWER)
            self.waiting.clear()


class Connection(asyncio.Protocol):
    def __init__(self, edge: Edge, all_of_them: list[asyncio.WriteTransport]) -> None:
        self.edge = edge
        self.all_of_them = all_of_them

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        self.all_of_them.append(transport)

    def data_received(self, data: bytes) -> None:
        self.edge.came(data, self.transport)


@asynccontextmanager
async def running(edge: Edge) -> AsyncIterator[Edge]:
    transports: list[asyncio.WriteTransport] = []
    server = await asyncio.get_running_loop().create_server(lambda: Connection(edge, transports), "127.0.0.1", 0)
    edge.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield edge
        for transport in transports:
            transport.close()


def test_the_cookies_of_one_answer_are_not_sent_with_the_next_request() -> None:
    async def scenario() -> None:
        async with running(Edge(1)) as edge, CookielessAsyncClient() as pool:
            with CookielessClient() as blocking:
                for _ in range(2):
                    assert (await pool.get(edge.url)).headers["set-cookie"] == "visitor=one"
                    assert (await asyncio.to_thread(blocking.get, edge.url)).headers["set-cookie"] == "visitor=one"
            requests = [edge.requests.get_nowait() for _ in range(4)]
            assert not [request for request in requests if b"cookie" in request.lower()]

    asyncio.run(scenario())


@pytest.mark.parametrize(("http2", "together"), [(False, 1), (True, 10)])
def test_a_call_has_a_connection_to_itself(monkeypatch: pytest.MonkeyPatch, http2: bool, together: int) -> None:
    if http2:
        pytest.importorskip("h2")
    monkeypatch.setattr("target_delivery.pool.find_spec", lambda name: object() if http2 else None)
    pool: Pool[httpx.Client] = Pool(CookielessClient, None)
    with ExitStack() as calls:
        given = [calls.enter_context(pool.lane()) for _ in range(20)]
    assert [given.count(http_client) for http_client in pool.clients] == [together] * (20 // together)
    for http_client in pool.clients:
        http_client.close()


def test_the_first_http_client_that_is_free_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_delivery.pool.find_spec", lambda name: None)
    pool: Pool[httpx.Client] = Pool(CookielessClient, None)
    with pool.lane() as first:
        with pool.lane() as second:
            assert first is not second
        with pool.lane() as third:
            assert third is second
    assert pool.owned
    assert pool.clients == [first, second]
    for http_client in pool.clients:
        http_client.close()


def test_calls_share_what_there_is_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_delivery.pool.LANES", 2)
    monkeypatch.setattr("target_delivery.pool.find_spec", lambda name: None)
    pool: Pool[httpx.Client] = Pool(CookielessClient, None)
    with ExitStack() as calls:
        given = [calls.enter_context(pool.lane()) for _ in range(6)]
    assert given.count(pool.clients[0]) == given.count(pool.clients[1]) == 3
    for http_client in pool.clients:
        http_client.close()


def test_the_callers_own_http_client_is_the_only_one() -> None:
    with httpx.Client() as own:
        pool: Pool[httpx.Client] = Pool(CookielessClient, own)
        with pool.lane() as first, pool.lane() as second:
            assert first is second is own
        assert not pool.owned
