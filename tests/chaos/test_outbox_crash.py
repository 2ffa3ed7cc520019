"""Killing a process at a random moment loses no notification and counts none twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from target_delivery import TargetClient
from target_delivery.outbox import NotificationOutbox
from target_delivery.sandbox import Sandbox
from tests.chaos.lives import CLIENT, Nursery, open_store
from tests.integration.outbox.conftest import Redis
from tests.integration.outbox.world import require_counted_once

KILLS = int(os.environ.get("OUTBOX_KILLS", "50"))


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


def killed_lives(
    nursery: Nursery,
    url: str,
    edge: Sandbox,
    log: Path,
    *,
    at_once: int,
    between: Callable[[int], None] = lambda kill: None,
) -> None:
    """Start processes and kill them at random moments. `at_once` of them run at the same time."""
    seed = random.randrange(2**32)
    print("seed", seed)
    moment = random.Random(seed)
    alive: list[int] = []
    for kill in range(4 * KILLS):
        # On a slow machine many processes die before they store anything: start more of them.
        if kill >= KILLS and log.exists() and log.read_bytes().count(b"\n") >= KILLS:
            break
        while len(alive) < at_once:
            alive.append(nursery.start(url, edge.client_options(), f"p{kill}.{len(alive)}", log))
        time.sleep(moment.uniform(0, 0.15))
        between(kill)
        # Raises ProcessLookupError if the process has already ended by itself.
        os.kill(alive.pop(moment.randrange(len(alive))), signal.SIGKILL)
    for process in alive:
        os.kill(process, signal.SIGKILL)


def require_all_delivered(url: str, edge: Sandbox, log: Path) -> None:
    """Send the notifications that the killed processes left, and compare the ledger with what they stored."""
    with TargetClient.create({**edge.client_options(), **CLIENT}) as client:
        outbox = NotificationOutbox(client, store=open_store(url))
        assert outbox.flush(30) == 0
        stats = outbox.stats()
        outbox.close()
    stored = set(log.read_text().split())
    assert len(stored) >= KILLS, "too few processes lived long enough to store something"
    require_counted_once(edge, stored, among=stored)
    assert stats.set_aside == 0


@pytest.mark.parametrize("at_once", [1, 2])
def test_killed_processes_lose_nothing(nursery: Nursery, edge: Sandbox, tmp_path: Path, at_once: int) -> None:
    path, log = str(tmp_path / "outbox.db"), tmp_path / "stored"
    killed_lives(nursery, path, edge, log, at_once=at_once)
    require_all_delivered(path, edge, log)


@pytest.mark.parametrize("at_once", [1, 2])
def test_killed_processes_and_a_killed_redis_lose_nothing(
    nursery: Nursery, edge: Sandbox, tmp_path: Path, redis: Redis, at_once: int
) -> None:
    log = tmp_path / "stored"

    def restart_in_the_middle(kill: int) -> None:
        if kill == KILLS // 2:
            redis.kill()
            redis.start()

    killed_lives(nursery, redis.url(), edge, log, at_once=at_once, between=restart_in_the_middle)
    require_all_delivered(redis.url(), edge, log)
