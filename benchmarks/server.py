"""An edge that does as little as HTTP/1.1 allows: `python -m benchmarks.server` prints its port, then answers.

It reads requests with a Content-Length and gives each the same answer, on connections that stay open.
"""

from __future__ import annotations

import asyncio
import re

from benchmarks.payloads import MBOXES, answer

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Edge(asyncio.Protocol):
    def __init__(self, response: bytes) -> None:
        self._response = response
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if separator and length and len(body) >= int(length[1]) and self._transport:
            self._received = b""
            self._transport.write(self._response)


async def serve() -> None:
    body = answer(*MBOXES)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
    response = head.encode() + body
    server = await asyncio.get_running_loop().create_server(lambda: Edge(response), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
