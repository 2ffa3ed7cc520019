"""Asyncio calls that are cancelled at random moments, or that reach their deadline, leave nothing behind.

CANCELLED_CALLS and LATE_CALLS are the calls of each test.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, DeliveryTimeoutError, ExecuteRequest, MboxRequest
from tests.slow_edge import running
from tests.tls import CERTIFICATE, client_context

CANCELLED_CALLS = int(os.environ.get("CANCELLED_CALLS", "1000"))
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

pytestmark = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="counts the descriptors of the process in /proc")
kinds = pytest.mark.parametrize(
    "kind",
    ["plain", "tls", pytest.param("http2", marks=pytest.mark.skipif(find_spec("h2") is None, reason="needs h2"))],
)
owners = pytest.mark.parametrize("own", [True, False], ids=["own", "the caller's"])


@pytest.fixture(autouse=True)
def trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def descriptors() -> int:
    return len(list(DESCRIPTORS.iterdir()))


async def calls_work(client: AsyncTargetClient) -> None:
    """Make a hundred calls at the same time."""
    results = await asyncio.gather(*(client.get_offers({"request": REQUEST}) for _ in range(100)))
    assert [result.response.status for result in results] == [200] * 100


async def nothing_is_left(before: int, client: AsyncTargetClient, http_client: httpx.AsyncClient | None) -> None:
    """Check the descriptors and the pool; those that are ending get two seconds."""
    deadline = time.monotonic() + 2
    while descriptors() > before + FEW or len(asyncio.all_tasks()) > 1:
        assert time.monotonic() < deadline, (descriptors(), before, asyncio.all_tasks())
        await asyncio.sleep(0.01)
    await calls_work(client)
    if http_client is not None:
        transport: Any = http_client._transport  # pyright: ignore[reportPrivateUsage]
        assert "Requests: 0 active, 0 queued | Connections: 0 active" in repr(transport._pool)


async def scenario(
    kind: str, own: bool, address: str, work: Callable[[AsyncTargetClient, Any], Awaitable[None]]
) -> None:
    start = descriptors()
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=20)
    http_client = None if own else httpx.AsyncClient(verify=client_context(), http2=kind == "http2", limits=limits)
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
    assert descriptors() <= start + 1


@kinds
@owners
def test_calls_that_are_cancelled_at_random_moments(kind: str, own: bool) -> None:
    async def cancelled(client: AsyncTargetClient) -> None:
        call = asyncio.create_task(client.get_offers({"request": REQUEST}))
        await asyncio.sleep(random.random() * 0.03)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call

    async def undisturbed(client: AsyncTargetClient) -> None:
        assert (await client.get_offers({"request": REQUEST})).response.status == 200

    async def work(client: AsyncTargetClient, _: Any) -> None:
        for _ in range(CANCELLED_CALLS // AT_ONCE):
            calls = [cancelled(client) for _ in range(AT_ONCE)] + [undisturbed(client) for _ in range(AT_ONCE // 10)]
            random.shuffle(calls)
            await asyncio.gather(*calls)

    with running(kind) as address:
        asyncio.run(scenario(kind, own, address, work))


@kinds
@owners
def test_calls_that_reach_their_deadline_while_they_connect(kind: str, own: bool) -> None:
    async def late(client: AsyncTargetClient) -> None:
        with pytest.raises(DeliveryTimeoutError):
            await client.get_offers({"request": REQUEST})

    with running("full" if kind == "plain" else "mute") as silent, running(kind) as address:

        async def work(_: AsyncTargetClient, options: Any) -> None:
            silently: Any = {**options, "server_domain": silent, "timeout": TIMEOUT}
            async with AsyncTargetClient.create(silently) as client:
                for _batch in range(LATE_CALLS // (4 * AT_ONCE)):
                    await asyncio.gather(*(late(client) for _ in range(4 * AT_ONCE)))

        asyncio.run(scenario(kind, own, address, work))
