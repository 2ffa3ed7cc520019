"""Asyncio calls that are cancelled at random moments, or that reach their deadline, leave nothing behind.

CANCELLED_CALLS and LATE_CALLS are the calls of each test; with a client of the caller's own, a fifth is cancelled.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, DeliveryTimeoutError, ExecuteRequest, MboxRequest
from tests.integration.drivers import WireKind, every_wire, is_installed, is_threads
from tests.slow_edge import running

CANCELLED_CALLS = int(os.environ.get("CANCELLED_CALLS", "5000"))
LATE_CALLS = int(os.environ.get("LATE_CALLS", "400"))
AT_ONCE = 50
CONNECTIONS = 100
"""The limit of the caller's own HTTP client."""
FEW = 25
"""Descriptors that idle connections may hold."""
TIMEOUT = 300
DESCRIPTORS = Path("/proc/self/fd")
Work: TypeAlias = "Callable[[AsyncTargetClient, Any], Awaitable[None]]"
REQUEST = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))

pytestmark = [
    pytest.mark.skipif(not DESCRIPTORS.exists(), reason="counts the descriptors of the process in /proc"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
kinds = pytest.mark.parametrize("kind", ["plain", "tls", "http2"])
wires = every_wire(but=is_threads)


@pytest.fixture(autouse=True)
def skip_wires_without_http2(kind: str, wire_kind: WireKind) -> None:
    if kind == "http2" and (wire_kind.name == "asyncio-aiohttp" or not is_installed("h2")):
        pytest.skip("needs httpx and h2")


def descriptors() -> int:
    return len(list(DESCRIPTORS.iterdir()))


async def calls_work(client: AsyncTargetClient) -> None:
    """Make a hundred calls at the same time."""
    results = await asyncio.gather(*(client.get_offers({"request": REQUEST}) for _ in range(100)))
    assert [result.response.status for result in results] == [200] * 100


async def nothing_is_left(before: int, client: AsyncTargetClient, http_client: Any) -> None:
    """Check the descriptors and the pool; those that are ending get two seconds."""
    deadline = time.monotonic() + 2
    while descriptors() > before + FEW or len(asyncio.all_tasks()) > 1:
        assert time.monotonic() < deadline, (descriptors(), before, asyncio.all_tasks())
        await asyncio.sleep(0.01)
    await calls_work(client)
    if http_client is not None:
        assert "Requests: 0 active, 0 queued | Connections: 0 active" in repr(http_client._transport._pool)


async def scenario(
    kind: str, wire: WireKind, address: str, work: Callable[[AsyncTargetClient, Any], Awaitable[None]]
) -> None:
    start = descriptors()
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=20)
    http_client = wire.new_http_client(http2=kind == "http2", limits=limits)
    options: Any = {
        "client": "demo", "organization_id": "o@AdobeOrg", "server_domain": address, "secure": kind != "plain",
        "timeout": 20_000, "http_client": http_client,
    }  # fmt: skip
    client = AsyncTargetClient.create(options)
    await client.get_offers({"request": REQUEST})
    before = descriptors()
    await work(client, options)
    await nothing_is_left(before, client, http_client)
    await client.close()
    if http_client is not None:
        await http_client.aclose()
    # anyio loses a connection that is made in the moment in which it is cancelled. The garbage collector closes it.
    gc.collect()
    assert descriptors() <= start + 1


@kinds
@wires
def test_calls_that_are_cancelled_at_random_moments(kind: str, wire_kind: WireKind) -> None:
    async def cancelled(client: AsyncTargetClient) -> None:
        call = asyncio.create_task(client.get_offers({"request": REQUEST}))
        await asyncio.sleep(random.random() * 0.03)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call

    async def undisturbed(client: AsyncTargetClient) -> None:
        assert (await client.get_offers({"request": REQUEST})).response.status == 200

    async def work(client: AsyncTargetClient, _: Any) -> None:
        for _ in range(CANCELLED_CALLS // AT_ONCE // (5 if wire_kind.given else 1)):
            calls = [cancelled(client) for _ in range(AT_ONCE)] + [undisturbed(client) for _ in range(AT_ONCE // 10)]
            random.shuffle(calls)
            await asyncio.gather(*calls)

    with running(kind) as address:
        asyncio.run(scenario(kind, wire_kind, address, work))


@kinds
@wires
def test_calls_that_reach_their_deadline_while_they_connect(kind: str, wire_kind: WireKind) -> None:
    async def late(client: AsyncTargetClient) -> None:
        with pytest.raises(DeliveryTimeoutError):
            await client.get_offers({"request": REQUEST})

    with running("full" if kind == "plain" else "mute") as silent, running(kind) as address:

        async def work(_: AsyncTargetClient, options: Any) -> None:
            silently: Any = {**options, "server_domain": silent, "timeout": TIMEOUT}
            async with AsyncTargetClient.create(silently) as client:
                for _batch in range(LATE_CALLS // (4 * AT_ONCE)):
                    await asyncio.gather(*(late(client) for _ in range(4 * AT_ONCE)))

        asyncio.run(scenario(kind, wire_kind, address, work))
