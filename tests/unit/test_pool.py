"""The SDK's own connection pools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import httpx
import pytest

from target_delivery.pool import AsyncPool, Pool

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
        async with running(Edge(1)) as edge, AsyncPool() as pool:
            with Pool() as blocking:
                for _ in range(2):
                    assert (await pool.get(edge.url)).headers["set-cookie"] == "visitor=one"
                    assert (await asyncio.to_thread(blocking.get, edge.url)).headers["set-cookie"] == "visitor=one"
            requests = [edge.requests.get_nowait() for _ in range(4)]
            assert not [request for request in requests if b"cookie" in request.lower()]

    asyncio.run(scenario())


def test_requests_start_one_at_a_time_but_are_under_way_together() -> None:
    async def scenario() -> None:
        async with running(Edge(20)) as edge, AsyncPool() as pool, asyncio.timeout(10):
            answers = await asyncio.gather(*(pool.get(edge.url) for _ in range(20)))
            assert [answer.status_code for answer in answers] == [200] * 20

    asyncio.run(scenario())


def test_each_request_looks_for_a_connection_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[httpcore.Request] = []
    handle = httpcore.AsyncHTTP11Connection.handle_async_request

    async def counted(self: Any, request: httpcore.Request) -> httpcore.Response:
        tried.append(request)
        return await handle(self, request)

    monkeypatch.setattr(httpcore.AsyncHTTP11Connection, "handle_async_request", counted)

    async def scenario() -> None:
        async with running(Edge(1)) as edge, AsyncPool() as pool:
            for _ in range(3):
                await asyncio.gather(*(pool.get(edge.url) for _ in range(20)))

    asyncio.run(scenario())
    assert len(tried) == 60


def test_a_request_that_fails_or_is_given_up_lets_the_next_one_start() -> None:
    async def scenario() -> None:
        async with running(Edge(1000)) as edge, AsyncPool() as pool, asyncio.timeout(10):
            with pytest.raises(httpx.ConnectError):
                await pool.get("http://127.0.0.1:1")
            with pytest.raises(httpx.UnsupportedProtocol):
                await pool.get("gopher://127.0.0.1")
            for _ in range(2):
                given_up = asyncio.ensure_future(pool.get(edge.url))
                await edge.requests.get()
                given_up.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await given_up

    asyncio.run(scenario())
