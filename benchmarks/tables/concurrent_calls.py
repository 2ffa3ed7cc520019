"""get_offers, fifty at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.harness import Contestant, Goal, Table, race, workers

if TYPE_CHECKING:
    from benchmarks.arena import Arena

OURS = "AsyncTargetClient.get_offers"
HAND_WRITTEN = "httpx.AsyncClient.post(...), .json()"
LARGE_POOL = "the same, 100 connections kept alive"
IN_THREADS = "TargetClient.get_offers in threads"
PUBLISHED = "target-python-sdk 1.1.0 get_offers in threads"


def table(arena: Arena) -> Table:
    contestants = {
        OURS: Contestant("delivery.get_offers_in_tasks"),
        HAND_WRITTEN: Contestant("handwritten.post_in_tasks"),
        LARGE_POOL: Contestant("handwritten.post_in_tasks_with_large_pool"),
        IN_THREADS: Contestant("delivery.get_offers_in_threads"),
        PUBLISHED: Contestant("published.get_offers_in_threads", arena.published_python),
    }
    with workers(contestants, arena.setup) as rounds:
        samples = race(rounds, rounds=arena.rounds, count=250)
    return Table(
        title="Fifty calls at a time",
        about=(
            "The same prefetch from 50 asyncio tasks, or 50 threads where that is said. httpx keeps 20 connections "
            "alive unless told otherwise; this SDK keeps 100, so the hand-written program is shown with both."
        ),
        operation="call",
        samples=samples,
        goals=[
            Goal("get_offers, AsyncTargetClient, 50 at a time", OURS, HAND_WRITTEN, 1.0, faster=True),
            Goal("get_offers, AsyncTargetClient, 50 at a time", OURS, LARGE_POOL, 1.0, faster=True),
        ],
    )
