"""The generated operation: building a request, sending it, and parsing the answer."""

import asyncio
import gzip
import json
import math
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import httpx
import httpx2
import pytest
from hypothesis import given, strategies as st

from target_delivery_api import transport
from target_delivery_api.api.delivery import execute
from target_delivery_api.errors import ModelError, TruncatedAnswer
from target_delivery_api.models import Context, DeliveryRequest, DeliveryResponse, Geo, UnexpectedError
from target_delivery_api.types import Answer

BASE = "http://127.0.0.1:8080"


def built(session_id="s1", *, base_url=BASE, body=None, version=None, headers=()):
    return execute.build_request(
        base_url=base_url,
        ims_org_id="demo@AdobeOrg",
        session_id=session_id,
        version=version,
        body=body or DeliveryRequest(request_id="r"),
        headers=headers,
    )


def answer(status, content, **headers):
    return Answer(status, {name.lower(): value for name, value in headers.items()}, content)


class TestBuildRequest:
    def test_the_request(self):
        request = built(version="1.2", headers={"X-Request-Id": "abc"})

        assert request.method == "POST"
        assert request.url == f"{BASE}/rest/v1/delivery?imsOrgId=demo%40AdobeOrg&sessionId=s1&version=1.2"
        assert request.headers == [("Content-Type", "application/json"), ("X-Request-Id", "abc")]
        assert request.content == b'{"requestId":"r"}'

    def test_without_a_version_there_is_no_such_parameter(self):
        assert dict(parse_qsl(urlsplit(built().url).query)) == {"imsOrgId": "demo@AdobeOrg", "sessionId": "s1"}

    def test_a_slash_at_the_end_of_the_base_makes_no_difference(self):
        assert built(base_url=f"{BASE}/").url == built().url

    def test_headers_of_the_request_itself_cannot_be_given(self):
        given = [
            ("hOst", "evil.test"),
            ("Content-Length", "1"),
            ("content-TYPE", "a"),
            ("Transfer-Encoding", "chunked"),
        ]
        request = built(headers=[*given, ("X-A", "1"), ("x-a", "2")])

        assert request.headers == [("Content-Type", "application/json"), ("X-A", "1"), ("x-a", "2")]

    @pytest.mark.parametrize("base_url", ["http://bücher.test", "http://a/?b=", "http://a#", "http://a b", "a.test"])
    def test_a_base_that_cannot_be_sent_to_is_an_error(self, base_url):
        with pytest.raises(ModelError, match="The URL must be http or https"):
            built(base_url=base_url)

    @given(session_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
    def test_no_session_id_alters_anything_but_itself(self, session_id):
        request = built(session_id, version="v")
        url = urlsplit(request.url)

        assert request.url.isascii()
        assert request.url.isprintable()
        assert not set(request.url) & set(" #\\")
        assert (url.scheme, url.netloc, url.path) == ("http", "127.0.0.1:8080", "/rest/v1/delivery")
        pairs = parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)
        assert pairs == [("imsOrgId", "demo@AdobeOrg"), ("sessionId", session_id), ("version", "v")]
        # The HTTP library sends it as it is.
        assert str(httpx.URL(request.url)) == request.url
        assert httpx.URL(request.url).raw_path.decode() == f"{url.path}?{url.query}"

    def test_text_beyond_ascii_survives(self):
        text = "Zürich \N{GRINNING FACE} \ud800"

        assert json.loads(built(body=DeliveryRequest(request_id=text)).content) == {"requestId": text}

    @pytest.mark.parametrize("number", [math.nan, math.inf])
    def test_what_json_cannot_say_is_an_error(self, number):
        body = DeliveryRequest(context=Context(geo=Geo(latitude=number)))

        with pytest.raises(ModelError, match="DeliveryRequest cannot be written as JSON"):
            built(body=body)

    def test_an_object_that_is_no_json_is_an_error(self):
        with pytest.raises(ModelError, match=r"DeliveryRequest cannot be written as JSON.*set"):
            built(body=DeliveryRequest(request_id={"a"}))


class TestParse:
    def test_200(self):
        assert execute.parse(answer(200, b'{"status": 200}')) == DeliveryResponse(status=200)

    def test_204(self):
        assert execute.parse(answer(204, b"")) is None

    @pytest.mark.parametrize("status", [302, 400, 500])
    def test_anything_else(self, status):
        content = json.dumps({"status": status, "message": "no"}).encode()

        assert execute.parse(answer(status, content)) == UnexpectedError(status=status, message="no")

    def test_an_error_may_lack_what_the_specification_requires(self):
        assert execute.parse(answer(503, b"{}")) == UnexpectedError()

    @pytest.mark.parametrize(
        "content", [b"", b"<html>", b"\xff\xfe\xfa", b'{"status": 20', b"[" * 90_000], ids=lambda value: value[:9]
    )
    def test_what_is_not_json(self, content):
        with pytest.raises(ModelError, match=r"status 502 is not JSON: \d+ bytes with content type text/html"):
            execute.parse(answer(502, content, **{"Content-Type": "text/html"}))

    @pytest.mark.parametrize("content", [b"[]", b"null", b"7"])
    def test_json_that_is_no_object(self, content):
        with pytest.raises(ModelError, match="DeliveryResponse must be read from a JSON object"):
            execute.parse(answer(200, content))


class Edge:
    """Run a server for one connection that sends the given parts with a pause before each."""

    def __init__(self, *parts, pause=0.0):
        self.parts = parts
        self.pause = pause
        self.received = b""
        self.gone = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        connection, _ = self.listener.accept()
        with connection:
            while b"\r\n\r\n" not in self.received or not self.received.endswith(b"}"):
                got = connection.recv(65536)
                if not got:
                    return
                self.received += got
            for part in self.parts:
                if self.gone.wait(self.pause):
                    return
                try:
                    connection.sendall(part)
                except OSError:
                    return


@contextmanager
def serving(*parts, pause=0.0):
    edge = Edge(*parts, pause=pause)
    edge.thread.start()
    try:
        yield edge
    finally:
        edge.gone.set()
        edge.thread.join(10)
        edge.listener.close()


def head(length, status="200 OK", more=""):
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n".encode()


class Sender:
    """Sends a request with a client of httpx or httpx2."""

    def __init__(self, library, *, asynchronous):
        self.library = library
        self.asynchronous = asynchronous

    def __call__(self, request, *, deadline=None, **options):
        if self.asynchronous:
            return asyncio.run(self._in_task(request, deadline, options))
        with self.library.Client(**options) as client:
            return execute.sync(client, request, deadline=deadline)

    async def _in_task(self, request, deadline, options):
        async with self.library.AsyncClient(**options) as client:
            return await execute.asyncio(client, request, deadline=deadline)


send_sync = Sender(httpx, asynchronous=False)
both = pytest.mark.parametrize(
    "send",
    [
        pytest.param(
            Sender(library, asynchronous=asynchronous), id=f"{library.__name__}-{'asyncio' if asynchronous else 'sync'}"
        )
        for library in (httpx, httpx2)
        for asynchronous in (False, True)
    ],
)


@both
class TestSend:
    def test_an_answer(self, send):
        with serving(head(14, more="X-A: 1\r\n"), b'{"status":200}') as edge:
            got = send(built(base_url=edge.url))

        assert (got.status_code, got.content, got.headers["x-a"]) == (200, b'{"status":200}', "1")
        assert edge.received.startswith(b"POST /rest/v1/delivery?imsOrgId=demo%40AdobeOrg&sessionId=s1 HTTP/1.1\r\n")
        assert edge.received.endswith(b'\r\n\r\n{"requestId":"r"}')
        lines = edge.received.lower().split(b"\r\n")
        host = edge.url.removeprefix("http://").encode()
        for line in (b"host: " + host, b"content-type: application/json", b"content-length: 17"):
            assert lines.count(line) == 1
            assert sum(one.startswith(line[: line.index(b":") + 1]) for one in lines) == 1

    def test_headers_of_the_request_itself_are_sent_once(self, send):
        given = {"hOst": "evil.test", "Content-Length": "1", "content-TYPE": "a", "Transfer-Encoding": "chunked"}
        with serving(head(2), b"{}") as edge:
            send(built(base_url=edge.url, headers=given))

        lines = edge.received.lower().split(b"\r\n")
        names = [line.partition(b":")[0] for line in lines]
        assert b"host: " + edge.url.removeprefix("http://").encode() in lines
        assert b"content-length: 17" in lines
        assert b"transfer-encoding" not in names
        assert [names.count(name) for name in (b"host", b"content-length", b"content-type")] == [1, 1, 1]

    def test_a_header_beyond_ascii_is_sent_in_utf_8(self, send):
        with serving(head(2), b"{}") as edge:
            send(built(base_url=edge.url, headers={"X-City": "Zürich"}))

        assert "x-city: zürich".encode() in edge.received.lower().split(b"\r\n")

    def test_no_content(self, send):
        with serving(b"HTTP/1.1 204 No Content\r\n\r\n") as edge:
            got = send(built(base_url=edge.url), deadline=time.monotonic() + 10)

        assert (got.status_code, got.content) == (204, b"")

    def test_a_redirect_is_an_answer(self, send):
        with serving(head(0, "302 Found", "Location: http://127.0.0.1:1/elsewhere\r\n")) as edge:
            got = send(built(base_url=edge.url), follow_redirects=True)

        assert got.status_code == 302

    def test_the_clients_own_headers_are_sent_and_its_cookies_are_not(self, send):
        request_headers = {"X-Mine": "request"}
        with serving(head(2), b"{}") as edge:
            send(
                built(base_url=edge.url, headers=request_headers),
                headers=[(b"X-Gateway", b"k\xfc"), (b"X-Mine", b"client"), (b"X-Two", b"1"), (b"X-Two", b"2")],
                cookies={"mbox": "another visitor's"},
            )

        lines = edge.received.lower().split(b"\r\n")
        assert b"x-gateway: k\xfc" in lines, "the bytes of the client's header"
        assert [line for line in lines if line.startswith(b"x-two")] == [b"x-two: 1", b"x-two: 2"]
        assert b"x-mine: request" in lines
        assert b"x-mine: client" not in lines
        assert any(line.startswith(b"accept-encoding: ") for line in lines)
        assert any(line.startswith(b"user-agent: ") for line in lines)
        assert b"accept: */*" not in lines
        assert b"cookie" not in edge.received.lower()

    def test_a_compressed_answer(self, send):
        content = gzip.compress(b'{"client":"demo"}')
        with serving(head(len(content), more="Content-Encoding: gzip\r\n"), content[:9], content[9:]) as edge:
            got = send(built(base_url=edge.url))

        assert got.content == b'{"client":"demo"}'

    def test_an_answer_that_only_claims_to_be_compressed_stays_as_it_came(self, send):
        with serving(head(3, "503 No", "Content-Encoding: gzip\r\n"), b"abc") as edge:
            got = send(built(base_url=edge.url))

        assert (got.status_code, got.content) == (503, b"abc")

    @pytest.mark.parametrize("chunked", [False, True])
    def test_an_answer_that_ends_early(self, send, chunked):
        start = (
            b"HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n"
            if chunked
            else head(31, more="X-A: 1\r\n")
        )
        with serving(start, b'{"client":', b'"de') as edge, pytest.raises(TruncatedAnswer) as caught:
            send(built(base_url=edge.url), deadline=time.monotonic() + 10)

        error = caught.value
        got = error.answer
        assert (got.status_code, got.headers["x-a"], got.content) == (200, "1", b'{"client":"de')
        assert "before the answer with status 200 was complete: only 13 bytes" in str(error)

    def test_a_refused_connection_stays_what_it_is(self, send):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(send.library.ConnectError):
            send(built(base_url=url), deadline=time.monotonic() + 10)

    @pytest.mark.parametrize("parts", [(), (head(9),), (head(9), b"{")], ids=["nothing", "headers", "some"])
    def test_silence_ends_at_the_deadline(self, send, parts):
        with serving(*parts, b"", pause=0) as edge:
            # After the last part the server keeps the connection open until the test ends.
            edge.parts = (*parts, *[b""] * 10_000)
            edge.pause = 0.05
            start = time.monotonic()
            with pytest.raises(send.library.TimeoutException):
                send(built(base_url=edge.url), deadline=start + 0.5)
            assert time.monotonic() - start < 3

    def test_a_body_that_trickles_ends_at_the_deadline(self, send):
        with serving(head(10_000), *[b" "] * 10_000, pause=0.01) as edge:
            start = time.monotonic()
            with pytest.raises(send.library.ReadTimeout, match="deadline"):
                send(built(base_url=edge.url), deadline=start + 0.6)
            assert 0.55 < time.monotonic() - start < 3

    def test_pauses_in_a_body_do_not_add_to_the_deadline(self, send):
        """Each pause is shorter than the time left when the body began, but the last one ends after the deadline."""
        with serving(head(10_000), *[b" "] * 10, pause=0.7) as edge:
            start = time.monotonic()
            with pytest.raises(send.library.ReadTimeout):
                send(built(base_url=edge.url), deadline=start + 1.7)
            assert 1.6 < time.monotonic() - start < 2.05

    def test_a_slow_answer_within_the_deadline_is_whole(self, send):
        with serving(head(4), b"{", b" ", b" ", b"}", pause=0.12) as edge:
            got = send(built(base_url=edge.url), deadline=time.monotonic() + 30)

        assert got.content == b"{  }"

    def test_nothing_is_sent_after_the_deadline(self, send):
        transport_ = send.library.MockTransport(lambda _: pytest.fail("sent"))

        with pytest.raises(send.library.ReadTimeout, match="deadline"):
            send(built(), transport=transport_, deadline=time.monotonic())

    def test_a_deadline_holds_for_one_sending_only(self, send):
        request = built()
        limits = []

        def handle(request):
            limits.append(request.extensions["timeout"]["read"])
            return send.library.Response(204)

        for deadline in (time.monotonic() + 2, None):
            send(request, transport=send.library.MockTransport(handle), deadline=deadline, timeout=60)

        assert limits[0] <= 2
        assert limits[1] == 60

    def test_the_clients_own_limit_applies_when_it_is_shorter(self, send):
        with serving(*[b""] * 10_000, pause=0.05) as edge:
            start = time.monotonic()
            with pytest.raises(send.library.ReadTimeout):
                send(built(base_url=edge.url), deadline=start + 30, timeout=send.library.Timeout(None, read=0.2))
            assert time.monotonic() - start < 10

    def test_an_answer_that_was_read_before(self, send):
        """A mock transport or an event hook of the client may have read the body already."""
        transport_ = send.library.MockTransport(lambda _: send.library.Response(400, json={"message": "no"}))

        got = send(built(), transport=transport_, deadline=time.monotonic() + 10)

        assert (got.status_code, json.loads(got.content)) == (400, {"message": "no"})

    def test_a_request_can_be_sent_again(self, send):
        seen = []

        def handle(request):
            seen.append((request.content, request.headers.multi_items()))
            return send.library.Response(204)

        request = built()
        for _ in range(2):
            send(request, transport=send.library.MockTransport(handle), deadline=time.monotonic() + 10)

        assert seen[0] == seen[1]
        assert seen[0][0] == b'{"requestId":"r"}'


def test_a_connection_is_used_again():
    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            for _ in range(2):
                received = b""
                while not received.endswith(b"}"):
                    received += connection.recv(65536)
                connection.sendall(head(2) + b"{}")

    with socket.create_server(("127.0.0.1", 0)) as listener, httpx.Client() as client:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for _ in range(2):
            execute.sync(client, built(base_url=url), deadline=time.monotonic() + 10)
        thread.join(10)
        assert not thread.is_alive()


def test_a_quick_answer_starts_no_thread(monkeypatch):
    monkeypatch.setattr(transport, "Timer", None)
    with serving(head(2), b"{", b"}") as edge:
        assert send_sync(built(base_url=edge.url), deadline=time.monotonic() + 10).content == b"{}"


@pytest.mark.parametrize("extensions", [{}, {"network_stream": None}])
def test_a_slow_answer_without_a_socket_is_watched_between_its_parts(monkeypatch, extensions):
    """A transport of the caller may not offer its socket."""
    monkeypatch.setattr(transport, "_SLOW", -1)

    class Body(httpx.SyncByteStream):
        def __iter__(self):
            yield b"{"
            yield b"}"

    handle = httpx.MockTransport(lambda _: httpx.Response(200, stream=Body(), extensions=extensions))

    assert send_sync(built(), transport=handle, deadline=time.monotonic() + 10).content == b"{}"


def test_the_deadline_is_looked_at_with_every_part():
    class Body(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                yield b" "

    handle = httpx.MockTransport(lambda _: httpx.Response(200, stream=Body()))

    with pytest.raises(httpx.ReadTimeout):
        send_sync(built(), transport=handle, deadline=time.monotonic() + 0.1)


def test_a_connection_that_others_share_is_not_shut_down(monkeypatch):
    monkeypatch.setattr(transport, "_SLOW", -1)
    monkeypatch.setattr(transport, "Timer", None)

    class Body(httpx.SyncByteStream):
        def __iter__(self):
            yield b"{}"

    with socket.socket() as connection:

        class Stream:
            def get_extra_info(self, _):
                return connection

        extensions = {"network_stream": Stream(), "http_version": b"HTTP/2"}
        handle = httpx.MockTransport(lambda _: httpx.Response(200, stream=Body(), extensions=extensions))

        assert send_sync(built(), transport=handle, deadline=time.monotonic() + 10).content == b"{}"


def test_a_cancelled_call_stays_cancelled():
    async def main(url):
        async with httpx.AsyncClient() as client:
            async with asyncio.timeout(0.2):
                await execute.asyncio(client, built(base_url=url), deadline=time.monotonic() + 30)

    with serving(*[b""] * 10_000, pause=0.05) as edge, pytest.raises(TimeoutError):
        asyncio.run(main(edge.url))
