"""get_offers, many at a time: from asyncio tasks, and from threads that share a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from benchmarks.harness import Contestant, Goal, Table, race, workers
from benchmarks.payloads import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.arena import Arena
    from benchmarks.harness import Samples

OURS = "AsyncTargetClient.get_offers, with the extra aiohttp"
WITHOUT = "AsyncTargetClient.get_offers, without it"
AIOHTTP = "aiohttp.ClientSession.post(url, data=bytes), .json()"
HTTPX = "httpx.AsyncClient.post(url, content=bytes).json()"
LARGE_POOL = "the same, 100 connections kept alive"
IN_THREADS = "TargetClient.get_offers in threads"
PUBLISHED = "target-python-sdk 1.1.0 get_offers in threads"
SHARED = "one httpx.Client, post(url, content=bytes).json() in threads"
FIFTY = f"{OURS}, 50 at a time"

IN_TASKS = {
    OURS: Contestant("delivery.get_offers_in_tasks"),
    WITHOUT: Contestant("without_aiohttp.get_offers_in_tasks"),
    AIOHTTP: Contestant("handwritten.post_in_tasks_with_aiohttp"),
    HTTPX: Contestant("handwritten.post_in_tasks"),
}


def fifty(arena: Arena) -> Table:
    contestants = {
        **IN_TASKS,
        LARGE_POOL: Contestant("handwritten.post_in_tasks_with_large_pool"),
        IN_THREADS: Contestant("delivery.get_offers_in_threads"),
        PUBLISHED: Contestant("published.get_offers_in_threads", arena.published_python),
    }
    return Table(
        title="Fifty calls at a time",
        about=(
            "The same prefetch from 50 asyncio tasks, or 50 threads where that is said. httpx keeps 20 connections "
            "alive unless told otherwise; this SDK keeps 100, so the hand-written program is shown with both."
        ),
        operation="call",
        samples=_samples(arena, _with(contestants, callers=50), count=250),
        goals=[
            Goal("get_offers, AsyncTargetClient with aiohttp, 50 at a time", OURS, AIOHTTP, 2.0),
            Goal("get_offers, AsyncTargetClient with aiohttp, 50 at a time", OURS, HTTPX, 6.0, faster=True),
            Goal("get_offers, AsyncTargetClient without aiohttp, 50 at a time", WITHOUT, HTTPX, 1.0, faster=True),
            Goal("get_offers, AsyncTargetClient without aiohttp, 50 at a time", WITHOUT, LARGE_POOL, 1.0, faster=True),
        ],
    )


def five_hundred(arena: Arena) -> Table:
    contestants = {**_with(IN_TASKS, callers=500), FIFTY: evolve(IN_TASKS[OURS], callers=50)}
    counts = {**dict.fromkeys(contestants, 2000), HTTPX: 500}
    return Table(
        title="Five hundred calls at a time",
        about=(
            "The same prefetch from 500 asyncio tasks, and in the last row from 50. A round has 2,000 calls, but 500 "
            f"of httpx by hand, which would take most of the time of all. All timeouts are {PATIENCE} s: with the "
            "default of httpx, 5 s, some calls fail."
        ),
        operation="call",
        samples=_samples(evolve(arena, rounds=min(arena.rounds, 20)), contestants, count=counts),
        goals=[Goal("get_offers, AsyncTargetClient with aiohttp, 500 at a time", OURS, FIFTY, 1.3)],
    )


def shared_client(arena: Arena) -> Table:
    contestants = {
        IN_THREADS: Contestant("delivery.get_offers_in_threads"),
        SHARED: Contestant("handwritten.post_in_threads"),
        PUBLISHED: Contestant("published.get_offers_in_threads", arena.published_python),
    }
    return Table(
        title="Sixteen threads that share a client",
        about="The same prefetch from 16 threads.",
        operation="call",
        samples=_samples(arena, _with(contestants, callers=16), count=320),
        goals=[Goal("get_offers, one TargetClient in 16 threads", IN_THREADS, SHARED, 2.0, faster=True)],
    )


def _with(contestants: Mapping[str, Contestant], callers: int) -> dict[str, Contestant]:
    return {name: evolve(one, callers=callers) for name, one in contestants.items()}


def _samples(arena: Arena, contestants: Mapping[str, Contestant], count: int | Mapping[str, int]) -> Samples:
    with workers(contestants, arena.setup) as rounds:
        return race(rounds, rounds=arena.rounds, count=count)
