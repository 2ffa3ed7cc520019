"""The pool of the SDK's own HTTP clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager

import httpx
import pytest
from attrs import evolve

from target_delivery._http.pool import CookielessAsyncClient, CookielessClient, Pool
from target_delivery._http.settings import HttpOptions, HttpSettings, read_settings
from target_delivery_api.clients import AsyncHttpClient, HttpClient

ANSWER = b"HTTP/1.1 200 OK\r\nSet-Cookie: visitor=one\r\nContent-Length: 0\r\n\r\n"


def http_options() -> HttpOptions:
    return read_settings(trust_env=True).options


def settings(*, http2: bool = False) -> HttpSettings:
    return evolve(read_settings(trust_env=True), http2=http2)


class Edge:
    """Answers requests, without a body, as soon as `together` of them have arrived."""

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
        async with running(Edge(1)) as edge, CookielessAsyncClient(**http_options()) as pool:
            with CookielessClient(**http_options()) as blocking:
                for _ in range(2):
                    assert (await pool.get(edge.url)).headers["set-cookie"] == "visitor=one"
                    assert (await asyncio.to_thread(blocking.get, edge.url)).headers["set-cookie"] == "visitor=one"
            requests = [edge.requests.get_nowait() for _ in range(4)]
            assert not [request for request in requests if b"cookie" in request.lower()]

    asyncio.run(scenario())


def close(http_clients: Sequence[HttpClient | AsyncHttpClient]) -> None:
    for one in http_clients:
        if isinstance(one, CookielessClient):
            one.close()
        else:
            assert isinstance(one, CookielessAsyncClient)
            asyncio.run(one.aclose())


def clients(pool: Pool[HttpClient]) -> list[HttpClient]:
    return [lane.http for lane in pool._lanes]


def test_a_call_of_a_thread_has_a_connection_to_itself() -> None:
    pool: Pool[HttpClient] = Pool(CookielessClient, settings())
    with ExitStack() as lent:
        given = [lent.enter_context(pool.lane()) for _ in range(20)]
    assert [given.count(http_client) for http_client in clients(pool)] == [1] * 20
    close(pool.retire())


@pytest.mark.parametrize(("http2", "together"), [(False, 1), (True, 10)])
def test_calls_of_tasks_share_a_connection_with_http2(http2: bool, together: int) -> None:
    if http2:
        pytest.importorskip("h2")
    loop = asyncio.new_event_loop()
    pool: Pool[AsyncHttpClient] = Pool(CookielessAsyncClient, settings(http2=http2), lambda: loop)
    with ExitStack() as lent:
        given = [lent.enter_context(pool.lane()) for _ in range(20)]
    assert [given.count(lane.http) for lane in pool._lanes] == [together] * (20 // together)
    close(pool.retire())
    loop.close()


def test_the_first_http_client_that_is_free_is_used() -> None:
    pool: Pool[HttpClient] = Pool(CookielessClient, settings())
    with pool.lane() as first:
        with pool.lane() as second:
            assert first is not second
        with pool.lane() as third:
            assert third is second
    assert pool.owned
    assert clients(pool) == [first, second]
    close(pool.retire())


def test_calls_share_what_there_is_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_delivery._http.pool.LANES", 2)
    pool: Pool[HttpClient] = Pool(CookielessClient, settings())
    with ExitStack() as calls:
        given = [calls.enter_context(pool.lane()) for _ in range(6)]
    assert given.count(clients(pool)[0]) == given.count(clients(pool)[1]) == 3
    close(pool.retire())


@pytest.mark.parametrize("failure", [httpx.ReadError("gone"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_an_http_client_in_which_a_call_failed_is_given_up(failure: BaseException) -> None:
    pool: Pool[HttpClient] = Pool(CookielessClient, settings())
    with pytest.raises(type(failure)), pool.lane() as failed:
        raise failure
    assert failed.is_closed
    with pool.lane() as another:
        assert another is not failed
    close(pool.retire())


def test_an_http_client_is_closed_when_the_last_of_its_calls_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_delivery._http.pool.LANES", 1)
    pool: Pool[HttpClient] = Pool(CookielessClient, settings())
    with pool.lane() as shared:
        with pytest.raises(httpx.ReadError), pool.lane() as failed:
            raise httpx.ReadError("gone")
        assert failed is shared
        assert not shared.is_closed
        with pool.lane() as another:
            assert another is not shared
    assert shared.is_closed
    close(pool.retire())


def test_each_event_loop_has_http_clients_of_its_own() -> None:
    pool: Pool[AsyncHttpClient] = Pool(CookielessAsyncClient, settings(), asyncio.get_running_loop)

    async def lend() -> AsyncHttpClient:
        with pool.lane() as first:
            pass
        with pool.lane() as second:
            assert second is first
        return first

    used = [asyncio.run(lend()) for _ in range(3)]
    assert len(set(used)) == 3
    # Those of the event loops that have ended are gone.
    assert pool.retire() == used[-1:]
    close(used[-1:])


def test_the_callers_own_http_client_is_the_only_one() -> None:
    with httpx.Client() as own:
        pool: Pool[HttpClient] = Pool(CookielessClient, own)
        with pool.lane() as first, pool.lane() as second:
            assert first is second is own
        assert not pool.owned


async def sent_by_both(url: str) -> list[httpx.Response]:
    """Send a request as the SDK does, with each kind of HTTP client."""
    async with CookielessAsyncClient(**http_options()) as client:
        answers = [await client.send(client.build_request("GET", url), stream=True)]
        await answers[0].aclose()

    def blocking() -> httpx.Response:
        with CookielessClient(**http_options()) as client:
            answer = client.send(client.build_request("GET", url), stream=True)
            answer.close()
            return answer

    return [*answers, await asyncio.to_thread(blocking)]


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_proxies")
def test_a_request_goes_straight_to_the_connections(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with running(Edge(1)) as edge:
            answers = await sent_by_both(f"{edge.url}/path")
            assert [(one.status_code, one.request.url.path) for one in answers] == [(200, "/path")] * 2

    with caplog.at_level("INFO", logger="httpx"):
        asyncio.run(scenario())
    assert not caplog.records


@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with running(Edge(1)) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            await sent_by_both("http://edge.invalid/path")
            assert [proxy.requests.get_nowait().split(b"\r\n")[0] for _ in range(2)] == [
                b"GET http://edge.invalid/path HTTP/1.1"
            ] * 2

    asyncio.run(scenario())


def test_a_closed_http_client_says_so() -> None:
    client = CookielessClient(**http_options())
    request = client.build_request("GET", "http://127.0.0.1:1")
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.send(request, stream=True)
