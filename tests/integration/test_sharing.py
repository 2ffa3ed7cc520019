"""Many threads and tasks share one client, which leaves no threads or connections behind when it is closed."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from target_delivery import (
    AsyncTargetClient,
    ClientClosedError,
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    PrefetchRequest,
    TargetClient,
    TargetDeliveryResponse,
    VisitorId,
)
from target_delivery.sandbox import Latency, Sandbox, Status
from tests.integration.drivers import (
    GIVEN_WIRES,
    OWN_WIRES,
    AsyncDriver,
    Driver,
    WireKind,
    every_wire,
    is_asyncio,
    is_threads,
)

THREADS, TASKS, CALLS = 64, 500, 4
SOON = 10


def own_request(name: str) -> DeliveryRequest:
    return DeliveryRequest(
        request_id=name,
        id=VisitorId(third_party_id=name),
        execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]),
    )


def assert_own(name: str, answer: TargetDeliveryResponse) -> None:
    assert answer.response.request_id == answer.request.request_id == name
    assert answer.response.id is not None
    assert answer.response.id.third_party_id == name
    assert f"session#{name}#" in answer.target_cookie["value"]


@every_wire(but=is_asyncio)
def test_threads_share_a_client_without_a_lost_or_crossed_answer(
    edge: Sandbox, make: Callable[..., TargetClient]
) -> None:
    client = make(edge, timeout=60_000)
    begin = threading.Barrier(THREADS)

    def visit(number: int) -> None:
        begin.wait()
        for call in range(CALLS):
            name = f"visitor-{number}-{call}"
            assert_own(name, client.get_offers({"request": own_request(name), "session_id": name}))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(visit, range(THREADS)))
    assert edge.ledger.impressions.total() == THREADS * CALLS


@every_wire(but=is_threads)
def test_tasks_share_a_client_without_a_lost_or_crossed_answer(
    edge: Sandbox, make: Callable[..., AsyncDriver], wire_kind: WireKind
) -> None:
    driver = make(edge, timeout=60_000)
    # httpx goes through all connections for each request that waits: with 500 that takes half a minute.
    tasks = 100 if wire_kind.given else TASKS

    async def visit(number: int) -> None:
        name = f"visitor-{number}"
        assert_own(name, await driver.client.get_offers({"request": own_request(name), "session_id": name}))

    async def main() -> None:
        await asyncio.gather(*(visit(number) for number in range(tasks)))

    driver.run(main())
    assert edge.ledger.impressions.total() == tasks


def test_callbacks_by_the_hundred(edge: Sandbox) -> None:
    seen: list[str | None] = []
    with TargetClient.create({**edge.client_options(), "timeout": 60_000}) as client:
        results = [
            client.get_offers(
                {"request": own_request(f"r{n}"), "callback": lambda one: seen.append(one.request.request_id)}
            )
            for n in range(200)
        ]
    assert all(result.successful() for result in results)
    assert sorted(filter(None, seen)) == sorted(f"r{n}" for n in range(200))


def test_one_pool_serves_every_cluster() -> None:
    request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
    hosts: list[str] = []

    def handle(sent: httpx.Request) -> httpx.Response:
        hosts.append(sent.url.host)
        return httpx.Response(200, json={})

    with httpx.Client(transport=httpx.MockTransport(handle)) as http_client:
        client = TargetClient.create({"client": "demo", "organization_id": "o", "http_client": http_client})
        for hint in ("28", "35"):
            client.get_offers({"request": request, "target_location_hint": hint})
        client.close()
        assert not http_client.is_closed, "the caller's own client stays open"
    assert hosts == ["mboxedge28.tt.omtrdc.net", "mboxedge35.tt.omtrdc.net"]


def open_sockets() -> int:
    gc.collect()
    links = (os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return sum("socket:" in link for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts sockets by /proc/self/fd")
@every_wire(but=is_asyncio, among=OWN_WIRES)
def test_a_closed_client_leaves_no_thread_and_no_socket_behind(
    edge: Sandbox, make: Callable[..., TargetClient]
) -> None:
    threads = set(threading.enumerate())
    unconnected = open_sockets()
    client = make(edge)
    edge.faults.add(Status(503), times=3)
    results = [client.get_offers({"request": own_request(f"r{n}"), "callback": len}) for n in range(8)]
    client.get_offers({"request": own_request("r")})
    before = open_sockets()
    client.close()
    # Only the sockets of the edge, which runs in this process, may be left until it has seen their end.
    assert open_sockets() < before
    assert all(result.ready() for result in results)
    assert set(threading.enumerate()) == threads
    with pytest.raises(ClientClosedError, match="create a new one"):
        client.get_offers({"request": own_request("r")})
    deadline = time.monotonic() + SOON
    while open_sockets() > unconnected:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@every_wire(but=is_threads)
def test_a_closed_async_client_leaves_no_task_behind(edge: Sandbox, wire_kind: WireKind) -> None:
    async def main() -> None:
        http_client = wire_kind.new_http_client()
        options: Any = {**edge.async_client_options(), "http_client": http_client}
        client = AsyncTargetClient.create(options)
        await asyncio.gather(*(client.get_offers({"request": own_request(f"r{n}")}) for n in range(8)))
        await client.close()
        await client.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(ClientClosedError, match="create a new one"):
            await client.get_offers({"request": own_request("r")})
        if http_client is not None:
            await http_client.aclose()

    threads = set(threading.enumerate())
    asyncio.run(main())
    assert set(threading.enumerate()) == threads


@every_wire(but=is_threads)
def test_a_cancelled_task_gives_its_connection_back(edge: Sandbox, wire_kind: WireKind) -> None:
    async def main() -> None:
        http_client = wire_kind.new_http_client(limits=httpx.Limits(max_connections=1))
        options: Any = {**edge.async_client_options(), "http_client": http_client}
        async with AsyncTargetClient.create(options) as client:
            edge.faults.add(Latency(60_000), times=1)
            task = asyncio.create_task(client.get_offers({"request": own_request("slow")}))
            while not edge.requests:  # noqa: ASYNC110 - the edge runs outside this event loop
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.get_offers({"request": own_request("next")})
        if http_client is not None:
            await http_client.aclose()

    asyncio.run(main())


@every_wire()
def test_a_call_after_close_is_an_error_of_ours(edge: Sandbox, make: Callable[..., Driver]) -> None:
    client = make(edge)
    client.get_offers({"request": own_request("first")})
    client.close()
    with pytest.raises(ClientClosedError, match="create a new one"):
        client.get_offers({"request": own_request("r")})


@every_wire(among=GIVEN_WIRES)
def test_closing_the_http_client_under_a_call_is_an_error_of_ours(
    edge: Sandbox, make: Callable[..., Driver], wire_kind: WireKind
) -> None:
    http_client = wire_kind.new_http_client()
    client = make(edge, http_client=http_client)
    client.get_offers({"request": own_request("first")})
    client.run(http_client.aclose()) if isinstance(client, AsyncDriver) else http_client.close()
    with pytest.raises(ClientClosedError, match="http_client"):
        client.get_offers({"request": own_request("r")})
