"""The outbox: storing, waiting for it while the edge is down, and delivering."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import outbox
from benchmarks.harness import Contestant, Goal, Process, Table, race, workers

if TYPE_CHECKING:
    from benchmarks.arena import Arena
    from benchmarks.harness import Round

OURS = "NotificationOutbox.send_notifications, SQLiteStore"
OURS_IN_THREADS = "the same in 8 threads"
BY_HAND = "INSERT and COMMIT by hand, the same rows into the same file"
PLAIN = "INSERT and COMMIT by hand, into a table of the bytes alone"
PLAIN_IN_THREADS = "the same in 8 threads, a connection each"
DELIVERED = "NotificationOutbox, stored and confirmed"
ONE_BY_ONE = "client.send_notifications one by one"
P99 = "99th percentile of send_notifications"
LIMIT = "5 ms"


def storing(arena: Arena) -> Table:
    contestants = {
        OURS: Contestant("outbox.store"),
        BY_HAND: Contestant("outbox.insert_as_stored"),
        PLAIN: Contestant("outbox.insert"),
        OURS_IN_THREADS: Contestant("outbox.store_in_threads"),
        PLAIN_IN_THREADS: Contestant("outbox.insert_in_threads"),
    }
    try:
        with workers(contestants, arena.setup) as rounds:
            samples = race(rounds, rounds=arena.rounds, count=200)
    finally:
        _tidy_up()
    return Table(
        title="Storing notifications",
        about=(
            "Each of them synced to disk before the call returns (WAL, synchronous = FULL), the edge down. Ours "
            "completes the request of another visitor each time and writes it as JSON; by hand bytes of the same size "
            "are at hand."
        ),
        operation="notification",
        samples=samples,
        goals=[
            Goal("send_notifications into SQLite, durable", OURS, BY_HAND, 0.5, faster=True),
            Goal("send_notifications into SQLite, durable", OURS, PLAIN, 0.5, faster=True),
            Goal("grouped commit", OURS_IN_THREADS, PLAIN_IN_THREADS, 1.0, faster=True),
        ],
    )


def waiting(arena: Arena) -> Table:
    run = outbox.latencies({})
    rounds: dict[str, Round] = {P99: lambda count: float(str(run(count))) * count, LIMIT: lambda count: 0.005 * count}
    try:
        samples = race(rounds, rounds=arena.rounds, count=200)
    finally:
        _tidy_up()
    return Table(
        title="What the caller waits for while the edge is down",
        about="The 99th percentile of 200 calls of send_notifications, one after the other.",
        operation="call",
        samples=samples,
        goals=[Goal("effect on the caller while the edge is down", P99, LIMIT, 1.0)],
    )


def delivering(arena: Arena) -> Table:
    contestants = {DELIVERED: Contestant("outbox.deliver"), ONE_BY_ONE: Contestant("outbox.send_one_by_one")}
    try:
        with Process("-c", _SANDBOX) as sandbox:
            setup = {**arena.setup, "sandbox": sandbox.hear()}
            with workers(contestants, setup) as rounds:
                samples = race(rounds, rounds=min(arena.rounds, 2), count=10_000)
    finally:
        _tidy_up()
    return Table(
        title="Delivering notifications",
        about="10,000 notifications of 1,000 visitors, ten of each in a row, to an embedded edge in its own process.",
        operation="notification",
        samples=samples,
        goals=[Goal("delivery of 10,000 notifications", DELIVERED, ONE_BY_ONE, 3.0, faster=True)],
    )


_SANDBOX = """
import sys
from target_delivery.sandbox import Sandbox
with Sandbox() as edge:
    print(edge.server_domain, flush=True)
    sys.stdin.read()
"""


def _tidy_up() -> None:
    for directory in Path(outbox.__file__).parents[1].glob(".outbox-*"):
        shutil.rmtree(directory, ignore_errors=True)
