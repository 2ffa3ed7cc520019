"""An edge in a process of its own, so that its descriptors are not counted: python -m tests.slow_edge KIND.

It prints its port. The kinds are ``plain``, ``tls`` and ``http2``, which answer each request after up to 10
milliseconds; ``quick``, which answers at once; ``full``, which accepts no connection; and ``mute``, which accepts
connections and sends nothing. An answer has the ids of its request.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.tls import server_context

SLOWNESS = 0.01


def answer_to(content: bytes) -> bytes:
    """Return the body of the answer to a request."""
    request = json.loads(content)
    ids = {"requestId": request["requestId"], "id": request.get("id")}
    return json.dumps({"status": 200, "client": "demo", "edgeHost": "x" * 2000, **ids}).encode()


class Plain(asyncio.Protocol):
    """Answers HTTP/1.1 requests."""

    slowness = SLOWNESS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if end and len(body) == int(head.lower().partition(b"content-length:")[2].split()[0]):
            self.received = b""
            answer = answer_to(body)
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)
            if self.slowness:
                asyncio.get_running_loop().call_later(random.random() * self.slowness, self.transport.write, answer)
            else:
                self.transport.write(answer)


class Quick(Plain):
    """Answers HTTP/1.1 requests at once."""

    slowness = 0.0


class Http2(asyncio.Protocol):
    """Answers HTTP/2 requests."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        self.http2 = H2Connection(H2Configuration(client_side=False))
        self.bodies: dict[int, bytes] = {}
        self.http2.initiate_connection()
        transport.write(self.http2.data_to_send())

    def data_received(self, data: bytes) -> None:
        from h2.events import DataReceived, StreamEnded

        for event in self.http2.receive_data(data):
            if isinstance(event, DataReceived):
                self.http2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
            elif isinstance(event, StreamEnded):
                asyncio.get_running_loop().call_later(random.random() * SLOWNESS, self.answer, event.stream_id)
        self.transport.write(self.http2.data_to_send())

    def answer(self, stream_id: int) -> None:
        body = answer_to(self.bodies.pop(stream_id))
        if not self.transport.is_closing():
            self.http2.send_headers(stream_id, [(":status", "200"), ("content-length", str(len(body)))])
            self.http2.send_data(stream_id, body, end_stream=True)
            self.transport.write(self.http2.data_to_send())


async def serve(kind: str) -> None:
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0 if kind == "full" else 1000))
        if kind == "full":
            for _ in range(3):
                waiting = sockets.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
        else:
            context = {"tls": server_context(), "http2": server_context("h2")}.get(kind)
            protocol = {"http2": Http2, "quick": Quick, "mute": asyncio.Protocol}.get(kind, Plain)
            await asyncio.get_running_loop().create_server(protocol, sock=listener, ssl=context, backlog=1000)
        print(listener.getsockname()[1], flush=True)
        await asyncio.Event().wait()


@contextmanager
def running(kind: str) -> Generator[str]:
    """Run an edge, and yield its address."""
    command = [sys.executable, "-m", "tests.slow_edge", kind]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"localhost:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
