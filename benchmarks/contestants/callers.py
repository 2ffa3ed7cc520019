"""One caller, many tasks or many threads, and the latency of each of their calls. Standard library only."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from benchmarks.worker import Run


class Latencies(list[float]):
    """The seconds that each call of a round took, as its caller sees it."""

    @classmethod
    def of(cls, count: int) -> Latencies:
        """Make room for that many, so that noting one costs as little as can be."""
        return cls([0.0] * count)


def one_after_the_other(once: Callable[[], object]) -> Run:
    """Return what runs `once` that often."""

    def run(count: int) -> Latencies:
        latencies = Latencies.of(count)
        _call(once, iter(range(count)), latencies)
        return latencies

    return run


def in_threads(once: Callable[[], object], callers: int) -> Run:
    """Return what runs `once` that often, with so many threads. A thread that is done takes the next call."""
    pool = ThreadPoolExecutor(callers)

    def run(count: int) -> Latencies:
        calls, latencies = iter(range(count)), Latencies.of(count)
        for done in [pool.submit(_call, once, calls, latencies) for _ in range(callers)]:
            done.result()
        return latencies

    return run


def in_tasks(once: Callable[[], Awaitable[object]], callers: int, runner: asyncio.Runner) -> Run:
    """Return what runs `once` that often, with so many tasks. A task that is done takes the next call."""

    async def call(calls: Iterator[int], latencies: Latencies) -> None:
        for number in calls:
            start = perf_counter()
            await once()
            latencies[number] = perf_counter() - start

    async def all_of_them(count: int) -> Latencies:
        calls, latencies = iter(range(count)), Latencies.of(count)
        await asyncio.gather(*(call(calls, latencies) for _ in range(callers)))
        return latencies

    return lambda count: runner.run(all_of_them(count))


def _call(once: Callable[[], object], calls: Iterator[int], latencies: Latencies) -> None:
    for number in calls:
        start = perf_counter()
        once()
        latencies[number] = perf_counter() - start
