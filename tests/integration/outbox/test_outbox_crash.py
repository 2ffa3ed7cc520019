"""Processes that are killed at a random moment lose nothing, and nothing counts twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from target_delivery import StoreError, TargetClient
from target_delivery.outbox import NotificationOutbox, RedisStore, SQLiteStore, Store
from target_delivery.sandbox import Sandbox

from .conftest import Redis
from .world import notification, options, require_counted_once

KILLS = int(os.environ.get("OUTBOX_KILLS", "50"))
LEASE = 1.3
CLIENT = {"timeout": 300}
PER_LIFE = 40
"""Notifications of one process; then it only sends."""

# Forked from a process that has imported everything: a life begins in milliseconds.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([__name__, "target_delivery.outbox.threads", "target_delivery.outbox.sqlite", "redis"])


def open_store(url: str) -> Store:
    return RedisStore(url, lease=LEASE) if url.startswith("redis") else SQLiteStore(url, lease=LEASE)


def live(url: str, client_options: Any, name: str, log: str) -> None:
    """Store and send, and note what is safely stored, until the process is killed."""
    outbox = NotificationOutbox(
        TargetClient.create({**client_options, **CLIENT}), store=open_store(url), linger=0.01, parallel=4
    )
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(PER_LIFE):
        id_ = f"{name}-{number}"
        while True:
            try:
                outbox.send_notifications(options(notification(id_), visitor=f"{name}-{number % 3}"))
            except StoreError:  # Redis is being restarted
                continue
            break
        os.write(file, f"{id_}\n".encode())
    while True:
        signal.pause()


def killed_lives(
    url: str, edge: Sandbox, log: Path, *, at_once: int = 1, between: Callable[[int], None] = lambda kill: None
) -> None:
    """Let processes live and be killed, so many at once."""
    seed = random.randrange(2**32)
    print("seed", seed)
    moment = random.Random(seed)
    alive: list[ForkServerProcess] = []
    for kill in range(KILLS):
        while len(alive) < at_once:
            name = f"p{kill}.{len(alive)}"
            alive.append(processes.Process(target=live, args=(url, edge.client_options(), name, str(log))))
            alive[-1].start()
        time.sleep(moment.uniform(0, 0.15))
        between(kill)
        victim = alive.pop(moment.randrange(len(alive)))
        victim.kill()
        victim.join()
        assert victim.exitcode == -signal.SIGKILL, "it ended before it was killed"
        victim.close()
    for process in alive:
        process.kill()
        process.join()


def require_all_delivered(url: str, edge: Sandbox, log: Path) -> None:
    """Take over what is left, and look at the ledger."""
    with TargetClient.create({**edge.client_options(), **CLIENT}) as client:
        outbox = NotificationOutbox(client, store=open_store(url))
        assert outbox.flush(30) == 0
        stats = outbox.stats()
        outbox.close()
    stored = set(log.read_text().split())
    assert len(stored) >= KILLS, "hardly any process lived long enough to store something"
    require_counted_once(edge, stored, among=stored)
    assert stats.set_aside == 0
    assert stats.confirmed == len(set(edge.ledger.notifications))


@pytest.mark.parametrize("at_once", [1, 2])
def test_killed_processes_lose_nothing(edge: Sandbox, tmp_path: Path, at_once: int) -> None:
    path, log = str(tmp_path / "outbox.db"), tmp_path / "stored"
    killed_lives(path, edge, log, at_once=at_once)
    require_all_delivered(path, edge, log)


@pytest.mark.parametrize("at_once", [1, 2])
def test_killed_processes_and_a_killed_redis_lose_nothing(
    edge: Sandbox, tmp_path: Path, redis: Redis, at_once: int
) -> None:
    log = tmp_path / "stored"

    def restart_in_the_middle(kill: int) -> None:
        if kill == KILLS // 2:
            redis.kill()
            redis.start()

    killed_lives(redis.url(), edge, log, at_once=at_once, between=restart_in_the_middle)
    require_all_delivered(redis.url(), edge, log)
