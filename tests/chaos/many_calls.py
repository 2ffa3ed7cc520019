"""Make very many calls in a process of its own: python -m tests.chaos.many_calls WIRE ADDRESS CALLS.

It prints by how many bytes the process has grown after a warm-up, and how many descriptors are left.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, ExecuteRequest, MboxRequest, TargetClient
from tests.integration.drivers import OPTIONS, OWN_WIRES

WARM_UP = 12_000
"""Calls after which a client knows as many visitors as it remembers."""
THREADS, TASKS = 8, 50
REQUEST = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def call_in_threads(client: TargetClient, calls: int) -> None:
    def work(count: int) -> None:
        for _ in range(count):
            assert client.get_offers({"request": REQUEST}).response.status == 200

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, [calls // THREADS] * THREADS))


async def call_in_tasks(client: AsyncTargetClient, calls: int) -> None:
    async def work() -> None:
        for _ in range(calls // TASKS):
            assert (await client.get_offers({"request": REQUEST})).response.status == 200

    await asyncio.gather(*(work() for _ in range(TASKS)))


def main(name: str, address: str, calls: int) -> None:
    (wire,) = [one for one in OWN_WIRES if one.name == name]
    options: Any = {**OPTIONS, "server_domain": address, "secure": False, "timeout": 60_000}
    with pytest.MonkeyPatch.context() as monkeypatch, asyncio.Runner() as runner:
        wire.prepare(monkeypatch)
        runner.get_loop()
        before = descriptors()
        if wire.kind == "threads":
            with TargetClient.create(options) as client:
                call_in_threads(client, WARM_UP)
                warm = resident()
                call_in_threads(client, calls)
                grown = resident() - warm
        else:
            async_client = AsyncTargetClient.create(options)
            runner.run(call_in_tasks(async_client, WARM_UP))
            warm = resident()
            runner.run(call_in_tasks(async_client, calls))
            grown = resident() - warm
            runner.run(async_client.close())
        print(grown, descriptors() - before)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
