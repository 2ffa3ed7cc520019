"""The SDK's own connection pools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
