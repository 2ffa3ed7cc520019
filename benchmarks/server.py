"""An edge that does as little as HTTP/1.1 allows: `python -m benchmarks.server` prints its port, then answers.

It reads requests with a Content-Length and gives each the same answer, on connections that stay open. Without asyncio,
which would cost it a third more: every contestant waits for what an answer takes, which blurs their differences.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from selectors import EVENT_READ, DefaultSelector

from benchmarks.payloads import MBOXES, answer

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

Reader = Callable[[], bool]
"""Reads from a connection and answers; returns whether the connection is still open."""


def reader(connection: socket.socket, response: bytes) -> Reader:
    received = b""

    def read() -> bool:
        nonlocal received
        try:
            data = connection.recv(16_384)
            received += data
            head = received.find(b"\r\n\r\n")
            length = _LENGTH.search(received, 0, head) if head >= 0 else None
            if length and len(received) >= head + 4 + int(length[1]):
                received = b""
                connection.sendall(response)
        except ConnectionError:
            return False
        return bool(data)

    return read


def serve() -> None:
    body = answer(*MBOXES)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
    response = head.encode() + body
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener, DefaultSelector() as selector:

        def accept() -> bool:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, EVENT_READ, reader(connection, response))
            return True

        selector.register(listener, EVENT_READ, accept)
        print(listener.getsockname()[1], flush=True)
        while True:
            for key, _ in selector.select():
                if not key.data():
                    connection = selector.unregister(key.fileobj).fileobj
                    assert isinstance(connection, socket.socket)
                    connection.close()


if __name__ == "__main__":
    serve()
