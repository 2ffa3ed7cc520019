"""What the tests of RedisStore share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from target_delivery.outbox import Claimed, Item, RedisStore

PREFIX = "{target-outbox}:"
ITEMS, DUE, GROUPS = ROUTE_KEYS = (f"{PREFIX}items:35", f"{PREFIX}due:35", f"{PREFIX}groups:35")

Open = Callable[..., RedisStore]


def pass_time(client: Any, seconds: float) -> None:
    """Let time pass for the items of all stores: Redis has a clock of its own, so they become due earlier instead."""
    for key in client.scan_iter("*:due:*"):
        for member in client.zrange(key, 0, -1):
            client.zincrby(key, -seconds, member)


def item(group: str = "g", route: str = "35", data: bytes = b"x", wait: float = 0.0) -> Item:
    return Item(group, route, data, 1000.0, 1000.0 + wait)


def claim(store: RedisStore, groups: int = 100, size: int = 50, **given: Any) -> list[list[Claimed]]:
    options: dict[str, Any] = {"linger": 0.0, "closed": (), **given}
    return store.claim(time.time(), groups=groups, size=size, **options)


def claim_all(store: RedisStore, **given: Any) -> list[Claimed]:
    """Claim until nothing is left that is due."""
    claimed: list[Claimed] = []
    while groups := claim(store, **given):
        claimed += (one for group in groups for one in group)
    return claimed


def claim_one(store: RedisStore) -> Claimed:
    """Claim the only item that is due."""
    ((one,),) = claim(store)
    return one


def counts(store: RedisStore) -> tuple[int, int, int, int, int]:
    stats = store.stats(time.time())
    return stats.pending, stats.in_flight, stats.confirmed, stats.set_aside, stats.bytes
