"""An AsyncTargetClient works in one event loop after another, and in several at the same time."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, ExecuteRequest, MboxRequest, OptionError
from tests.integration.drivers import GIVEN_WIRES, OWN_WIRES, WireKind, every_wire, is_threads
from tests.slow_edge import running

REQUEST = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))


@pytest.fixture(params=["plain", "tls"])
def options(request: pytest.FixtureRequest, wire_kind: WireKind) -> Iterator[Any]:
    """Return the options of a client for an edge that takes a while to answer. A call is sent once only."""
    with running(request.param) as address:
        secure = request.param == "tls"
        yield {"client": "demo", "organization_id": "o", "server_domain": address, "secure": secure, "retries": 0}


async def call(client: AsyncTargetClient, times: int = 3) -> None:
    results = await asyncio.gather(*(client.get_offers({"request": REQUEST}) for _ in range(times)))
    assert [result.response.status for result in results] == [200] * times


@every_wire(but=is_threads, among=OWN_WIRES)
def test_one_event_loop_after_another(options: Any) -> None:
    client = AsyncTargetClient.create(options)
    for _ in range(3):
        asyncio.run(call(client))
    asyncio.run(client.close())


@every_wire(but=is_threads, among=OWN_WIRES)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts the descriptors of the process in /proc")
def test_an_event_loop_that_ended_keeps_no_connections(options: Any) -> None:
    client = AsyncTargetClient.create(options)
    asyncio.run(call(client, 20))
    asyncio.run(call(client, 1))
    few = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        asyncio.run(call(client, 1))
    assert len(os.listdir("/proc/self/fd")) <= few
    asyncio.run(client.close())
    assert len(os.listdir("/proc/self/fd")) < few


@every_wire(but=is_threads, among=OWN_WIRES)
def test_several_event_loops_at_the_same_time(options: Any) -> None:
    client = AsyncTargetClient.create(options)

    def run(times: int) -> None:
        asyncio.run(call(client, times))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, [10] * 12))
    asyncio.run(client.close())


@every_wire(but=is_threads, among=GIVEN_WIRES)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the event loop leaves the connections of httpx open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_callers_own_http_client_in_one_event_loop_after_another(options: Any, wire_kind: WireKind) -> None:
    http_client = wire_kind.new_http_client()
    options["http_client"] = http_client
    client = AsyncTargetClient.create(options)

    async def end() -> None:
        await call(client)
        await client.close()
        await http_client.aclose()

    for _ in range(3):
        asyncio.run(call(client))
    asyncio.run(end())
    gc.collect()


@every_wire(but=is_threads, among=GIVEN_WIRES)
def test_the_callers_own_http_client_in_two_event_loops_at_the_same_time_is_refused(
    options: Any, wire_kind: WireKind
) -> None:
    sent: list[object] = []

    async def note(request: object) -> None:
        sent.append(request)

    async def scenario() -> None:
        http_client = wire_kind.new_http_client(event_hooks={"request": [note]})
        options["http_client"] = http_client
        client = AsyncTargetClient.create(options)
        async with http_client, client:
            await call(client, 1)
            with pytest.raises(OptionError, match="another event loop"):
                await asyncio.to_thread(asyncio.run, call(client, 1))
            await call(client, 1)

    asyncio.run(scenario())
    assert len(sent) == 2
