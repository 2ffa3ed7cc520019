"""The wire over aiohttp: its transport, its pool, and how it takes answers that are no HTTP."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

aiohttp = pytest.importorskip("aiohttp")

from target_delivery._core.flow import Failure, Outcome  # noqa: E402
from target_delivery._http import aiohttp_wire  # noqa: E402
from target_delivery._http.aiohttp_wire import AiohttpWire  # noqa: E402
from target_delivery._http.certificates import Certificates  # noqa: E402
from target_delivery._http.httpx_wire import AsyncHttpxWire  # noqa: E402
from target_delivery._http.wires import new_async_wire  # noqa: E402
from target_delivery.errors import ClientClosedError  # noqa: E402
from target_delivery_api.types import Answer, Request  # noqa: E402
from tests.tls import CERTIFICATE, server_context  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="aiohttp is not used on Windows")

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LIMIT = 2**20


class Server:
    """Sends the same parts as the answer to each request. None ends the connection."""

    def __init__(self, parts: Sequence[bytes | None], context: ssl.SSLContext | None, pause: float) -> None:
        self.parts = parts
        self.context = context
        self.pause = pause
        self.requests: list[list[bytes]] = []
        """The requests of each connection."""
        self.received = threading.Event()
        """Set when a request has arrived."""
        self.url = ""

    def serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            mine: list[bytes] = []
            self.requests.append(mine)
            with connection:
                while request := connection.recv(65536):
                    mine.append(request)
                    self.received.set()
                    for part in self.parts:
                        if part is None:
                            return
                        connection.sendall(part)
                        time.sleep(self.pause)


@contextmanager
def serving(*parts: bytes | None, context: ssl.SSLContext | None = None, pause: float = 0) -> Generator[Server]:
    server = Server(parts, context, pause)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        scheme = "http" if context is None else "https"
        server.url = f"{scheme}://localhost:{listener.getsockname()[1]}/x"
        try:
            yield server
        finally:  # A thread that accepts for ever keeps the process from its end.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> AiohttpWire:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    return AiohttpWire(Certificates(trust_env=True))


async def send(wire: AiohttpWire, server: Server, content: bytes = b"{}", seconds: float = 10) -> Outcome:
    request = Request("POST", server.url, [("Content-Type", "application/json")], content)
    return await wire.exchange(request, time.monotonic() + seconds, LIMIT)


def outcome_of(wire: AiohttpWire, *parts: bytes | None, pause: float = 0) -> Outcome:
    async def scenario() -> Outcome:
        try:
            return await send(wire, server)
        finally:
            await wire.close()

    with serving(*parts, pause=pause) as server:
        return asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x01 nonsense\r\n\r\n",
        b"{}",
        b"<html>HTTP/0.9</html>\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + 200_000 * b"x" + b"\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + 20_000 * b"X: xxxx\r\n" + b"Content-Length: 2\r\n\r\n{}",
        b"",
    ],
)
def test_an_answer_that_is_no_http(wire: AiohttpWire, answer: bytes) -> None:
    assert outcome_of(wire, answer, None) == Failure("RemoteProtocolError", may_pass=True)


@pytest.mark.parametrize(
    "parts",
    [
        (b"Content-Length: 9\r\n\r\n{}", None),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", None),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"nonsense\r\n", None),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"nonsense\r\n"),
    ],
)
def test_an_answer_that_breaks_off(wire: AiohttpWire, parts: tuple[bytes | None, ...]) -> None:
    started = time.monotonic()
    outcome = outcome_of(wire, b"HTTP/1.1 200 OK\r\n", *parts, pause=0.05)
    assert isinstance(outcome, Failure)
    assert (outcome.name, outcome.may_pass) == ("TruncatedAnswer", True)
    assert outcome.answer is not None
    assert outcome.answer.content == b"{}"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + GOOD,),
        (b"HTTP/1.1 100 Continue\r\n\r\n", GOOD),
        (GOOD.replace(b"\r\n", b"\n"),),
        (b"HTTP/1.1 200 OK\r\n\r\n{", b"}", None),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", None),
        tuple(bytes([byte]) for byte in GOOD),
        tuple(bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    ],
)
def test_an_answer_in_an_unusual_form(wire: AiohttpWire, parts: tuple[bytes | None, ...]) -> None:
    outcome = outcome_of(wire, *parts, pause=0.001)
    assert isinstance(outcome, Answer)
    assert (outcome.status_code, outcome.content) == (200, b"{}")


def test_the_request_is_sent_in_one_piece_and_has_no_headers_of_aiohttp(wire: AiohttpWire) -> None:
    with serving(GOOD) as server:

        async def scenario() -> None:
            await send(wire, server, b'{"a":1}')
            await wire.close()

        asyncio.run(scenario())
    head, _, body = server.requests[0][0].partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    assert sorted(names) == [b"accept-encoding", b"content-length", b"content-type", b"host", b"user-agent"]
    assert b"aiohttp" not in head.lower()


@pytest.mark.parametrize("context", [None, server_context()], ids=["plain", "tls"])
def test_a_large_request(wire: AiohttpWire, context: ssl.SSLContext | None) -> None:
    """The other end reads more slowly than the request is sent."""
    content = os.urandom(5_000_000)
    received = bytearray()

    class Slow(Server):
        def serve(self, connection: socket.socket) -> None:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                while not received.endswith(content[-100:]):
                    time.sleep(0.001)
                    received.extend(connection.recv(100_000))
                connection.sendall(GOOD)

    with serving(context=context) as server:
        server.__class__ = Slow

        async def scenario() -> Outcome:
            try:
                return await send(wire, server, content)
            finally:
                await wire.close()

        assert isinstance(asyncio.run(scenario()), Answer)
    assert received.partition(b"\r\n\r\n")[2] == content


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("context", [None, server_context()], ids=["plain", "tls"])
def test_connections_are_used_again_up_to_a_number(
    wire: AiohttpWire, monkeypatch: pytest.MonkeyPatch, context: ssl.SSLContext | None, chunked: bool
) -> None:
    monkeypatch.setattr(aiohttp_wire, "MAX_IDLE", 3)
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" if chunked else GOOD

    async def scenario() -> None:
        for _ in range(3):
            await asyncio.gather(*(send(wire, server) for _ in range(10)))
        await wire.close()

    with serving(answer, context=context, pause=0.05) as server:
        asyncio.run(scenario())
    assert len(server.requests) == 10 + 7 + 7


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FURTHER = CHUNKED + b"2\r\n[]\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (CHUNKED, b"2\r\n{}\r\n0\r\n\r\n" + FURTHER),
        (CHUNKED, b"2\r\n{}\r\n0\r\nX: y\r\n\r\n" + FURTHER),
        (
            b"HTTP/1.1 103 Early Hints\r\nContent-Length: %d\r\n\r\n" % len(GOOD + FURTHER),
            GOOD[:-1],
            GOOD[-1:] + FURTHER,
        ),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\nHTTP/1.1 ",),
    ],
    ids=["chunked", "trailer", "1xx", "204"],
)
def test_an_answer_that_another_one_follows_ends_its_connection(wire: AiohttpWire, parts: Sequence[bytes]) -> None:
    async def scenario() -> None:
        for _ in range(2):
            outcome = await send(wire, server)
            assert isinstance(outcome, Answer)
            assert outcome.content in (b"{}", b"")
        await wire.close()

    with serving(*parts, pause=0.02) as server:
        asyncio.run(scenario())
    assert [len(requests) for requests in server.requests] == [1, 1]


def test_a_connection_is_used_again_after_an_answer_without_a_body(wire: AiohttpWire) -> None:
    async def scenario() -> None:
        for _ in range(2):
            assert isinstance(await send(wire, server), Answer)
        await wire.close()

    with serving(b"HTTP/1.1 204 No Content\r\n\r\n") as server:
        asyncio.run(scenario())
    assert [len(requests) for requests in server.requests] == [2]


@pytest.mark.parametrize("context", [None, server_context()], ids=["plain", "tls"])
def test_an_answer_before_the_end_of_the_request_ends_the_connection(
    wire: AiohttpWire, context: ssl.SSLContext | None
) -> None:
    """A server refuses a request that is too large, and does not read the rest of it."""

    class Refusing(Server):
        def serve(self, connection: socket.socket) -> None:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                connection.recv(1000)
                connection.sendall(GOOD.replace(b"200 OK", b"413 Too Large"))
                done.wait(20)

    async def scenario() -> None:
        for content in (bytes(10_000_000), b"{}"):
            outcome = await send(wire, server, content, seconds=5)
            assert isinstance(outcome, Answer)
            assert outcome.status_code == 413
        await wire.close()

    done = threading.Event()
    with serving(context=context) as server:
        server.__class__ = Refusing
        asyncio.run(scenario())
        done.set()


def test_an_answer_that_a_new_connection_begins_with(wire: AiohttpWire) -> None:
    """A server that is overloaded answers at once, before it has read the request."""

    class Hasty(Server):
        def serve(self, connection: socket.socket) -> None:
            with connection:
                connection.sendall(GOOD.replace(b"200 OK", b"503 Overloaded"))
                connection.recv(65536)

    async def scenario() -> Outcome:
        return await send(wire, server)

    with serving() as server:
        server.__class__ = Hasty
        outcome = asyncio.run(scenario())
    assert isinstance(outcome, Answer)
    assert outcome.status_code == 503


@pytest.mark.parametrize("context", [None, server_context()], ids=["plain", "tls"])
def test_close_in_another_event_loop_closes_idle_connections(wire: AiohttpWire, context: ssl.SSLContext | None) -> None:
    async def scenario() -> None:
        await send(wire, server)
        before = descriptors()
        await asyncio.to_thread(asyncio.run, wire.close())
        await asyncio.sleep(0.05)
        assert descriptors() < before
        with pytest.raises(ClientClosedError):
            await send(wire, server)

    with serving(GOOD, context=context) as server:
        asyncio.run(scenario())


def test_an_exchange_under_way_survives_close(wire: AiohttpWire) -> None:
    async def scenario() -> None:
        under_way = asyncio.create_task(send(wire, server))
        assert await asyncio.to_thread(server.received.wait, 10)
        before = descriptors()
        await wire.close()
        assert isinstance(await under_way, Answer)
        await asyncio.sleep(0.05)  # until the server has closed its side, too
        assert descriptors() < before

    with serving(GOOD[:-1], GOOD[-1:], pause=0.2) as server:
        asyncio.run(scenario())


def descriptors() -> int:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("counts the descriptors of the process in /proc")
    return len(list(folder.iterdir()))


PROGRAM = """
import asyncio, gc, logging, os, time
from target_delivery._http.aiohttp_wire import AiohttpWire
from target_delivery._http.certificates import Certificates
from target_delivery_api.types import Request

wire = AiohttpWire(Certificates(trust_env=True))
logging.getLogger("asyncio").addFilter(lambda record: "Executing" not in record.msg)  # of steps that are slow

async def send():
    outcome = await wire.exchange(Request("POST", {url!r}), time.monotonic() + 5, 2**20)
    assert outcome.content == b"{{}}", outcome

"""

GARBAGE = {
    "a closed event loop": """
        asyncio.run(send())
        del wire
        gc.collect()
        """,
    "a closed event loop at exit": "asyncio.run(send())",
    "an open event loop": """
        async def main():
            global wire
            await send()
            del wire
            gc.collect()
            await asyncio.sleep(0)
        asyncio.run(main())
        """,
    "an open event loop at exit": """
        loop = asyncio.new_event_loop()
        loop.run_until_complete(send())
        del wire
        gc.collect()
        loop.close()
        """,
    "a cycle": """
        asyncio.run(send())
        wire.itself = wire
        del wire
        gc.collect()
        """,
    "a task that the end of its event loop cut off": """
        async def main():
            global task
            task = asyncio.create_task(send())
            await asyncio.sleep(0.02)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.close()
        task._log_destroy_pending = False
        del task, wire
        gc.collect()
        """,
    "a child": """
        async def main():
            await send()
            child = os.fork()
            if child == 0:
                asyncio._set_running_loop(None)
                asyncio.run(send())
                gc.collect()
                return
            assert os.waitpid(child, 0)[1] == 0
            await send()
            await wire.close()
        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("context", [None, server_context()], ids=["plain", "tls"])
@pytest.mark.parametrize("name", GARBAGE)
def test_a_wire_that_nobody_closed_is_silent(
    monkeypatch: pytest.MonkeyPatch, name: str, context: ssl.SSLContext | None
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with serving(GOOD, context=context, pause=0.05) as server:
        text = PROGRAM.format(url=server.url) + textwrap.dedent(GARBAGE[name])
        ran = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", text], capture_output=True, text=True, timeout=60
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    if name == "a child":
        assert [len(requests) for requests in server.requests] == [2, 1]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("3.11.18", AsyncHttpxWire), ("3.12.0", AiohttpWire), ("3.14.0a1", AiohttpWire), ("4.0.0", AsyncHttpxWire)],
)
def test_a_version_of_aiohttp_that_cannot_be_used_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, version: str, kind: type[Any]
) -> None:
    monkeypatch.setattr(aiohttp, "__version__", version)
    assert type(new_async_wire(None, trust_env=False)) is kind


@pytest.mark.parametrize("module", ["target_delivery", "target_delivery.client"])
def test_aiohttp_is_not_imported_before_a_client_needs_it(module: str) -> None:
    text = f"""
    import sys, {module}
    target_delivery.TargetClient.create({{"client": "c", "organization_id": "o"}}).close()
    assert "aiohttp" not in sys.modules and "asyncio" not in sys.modules
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_nothing_is_left_of_cancelled_exchanges(wire: AiohttpWire) -> None:
    async def scenario() -> None:
        await send(wire, server)
        before = descriptors()
        for delay in range(0, 200, 4):
            calls = [asyncio.create_task(send(wire, server)) for _ in range(5)]
            await asyncio.sleep(delay / 10_000)
            for call in calls:
                call.cancel()
            assert {type(one) for one in await asyncio.gather(*calls, return_exceptions=True)} <= {
                asyncio.CancelledError,
                Answer,
            }
        assert len(asyncio.all_tasks()) == 1
        assert descriptors() <= before + 5
        await wire.close()

    with serving(GOOD, context=server_context(), pause=0.005) as server:
        asyncio.run(scenario())
        gc.collect()


def test_a_handshake_that_hangs_ends_at_the_deadline(wire: AiohttpWire) -> None:
    class Mute(Server):
        def serve(self, connection: socket.socket) -> None:
            with connection:
                time.sleep(2)

    async def scenario() -> None:
        started = time.monotonic()
        outcome = await send(wire, server, seconds=0.3)
        assert outcome == Failure("ConnectTimeout", may_pass=True)
        assert 0.3 <= time.monotonic() - started <= 0.3 + 0.5

    with serving() as server:
        server.__class__ = Mute
        server.url = server.url.replace("http:", "https:")
        asyncio.run(scenario())


def test_a_late_answer_is_no_late_connection_of_an_earlier_call(wire: AiohttpWire) -> None:
    """The caller cancelled a call that was in a handshake, and its task goes on with another call."""

    class Mute(Server):
        def serve(self, connection: socket.socket) -> None:
            with connection:
                connection.recv(65536)
                done.wait(20)

    async def scenario() -> None:
        server.url = server.url.replace("http:", "https:")
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await send(wire, server)
        server.url = server.url.replace("https:", "http:")
        assert await send(wire, server, seconds=0.2) == Failure("ReadTimeout", may_pass=True)

    done = threading.Event()
    with serving() as server:
        server.__class__ = Mute
        asyncio.run(scenario())
        done.set()
