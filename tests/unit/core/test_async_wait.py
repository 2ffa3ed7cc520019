"""A caller can cancel the wait for the first artifact at any moment."""

from __future__ import annotations

import asyncio
import time

import pytest

from target_delivery import AsyncTargetClient
from target_delivery._core.flow import AwaitReady


def test_a_wait_that_is_cancelled_in_the_moment_of_its_end_is_cancelled() -> None:
    async def scenario() -> None:
        client = AsyncTargetClient.create({"client": "demo", "organization_id": "o"})
        ready = client._enter().ready
        ready.clear()

        async def call() -> None:
            await client._perform(AwaitReady(time.monotonic() + 5))
            await asyncio.sleep(1)

        task = asyncio.create_task(call())
        await asyncio.sleep(0.05)
        ready.set()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.close()

    asyncio.run(scenario())
