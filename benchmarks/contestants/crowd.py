"""Fifty at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.worker import Run

AT_A_TIME = 50


def in_tasks(once: Callable[[], Awaitable[object]], runner: asyncio.Runner) -> Run:
    """Return what runs `once` that often, with fifty tasks."""

    async def some(count: int) -> None:
        for _ in range(count):
            await once()

    async def all_of_them(count: int) -> None:
        await asyncio.gather(*(some(count // AT_A_TIME) for _ in range(AT_A_TIME)))

    return lambda count: runner.run(all_of_them(count))


def in_threads(once: Callable[[], object]) -> Run:
    """Return what runs `once` that often, with fifty threads."""
    pool = ThreadPoolExecutor(AT_A_TIME)

    def some(count: int) -> None:
        for _ in range(count):
            once()

    return lambda count: list(pool.map(some, [count // AT_A_TIME] * AT_A_TIME))
