"""Where an outbox keeps notifications: the stores there are, and one of the user's own."""

import logging
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import assert_type

from target_delivery import AsyncTargetClient, TargetClient
from target_delivery.outbox import (
    AsyncNotificationOutbox,
    Claimed,
    Item,
    MemoryStore,
    NotificationOutbox,
    Reason,
    RedisStore,
    SetAside,
    Settlement,
    SQLiteStore,
    Store,
    StoreStats,
    open_store,
)
from target_delivery.outbox.testing import StoreContract

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
async_client = AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})

stores: list[Store] = [
    SQLiteStore("outbox.db"),
    SQLiteStore(Path("outbox.db"), lease=60, max_items=1000, max_bytes=2**20, create=False),
    RedisStore("redis://localhost:6379/0"),
    RedisStore("redis://localhost:6379/0", name="shop", lease=60, max_items=1000, max_bytes=2**20),
    RedisStore("redis://localhost:6379/0", create=False, logger=logging.getLogger("shop")),
    MemoryStore(),
    MemoryStore(lease=60, max_items=1000, max_bytes=2**20),
    open_store("sqlite:///outbox.db"),
    open_store("redis://localhost:6379/0#shop", create=False),
]

store = open_store("outbox.db")
assert_type(store, Store)
assert_type(store.lease, float)
assert_type(store.stats(time.time()), StoreStats)
assert_type(store.stats(time.time()).oldest, float | None)
assert_type(store.list_aside(), list[SetAside])
assert_type(store.list_aside(limit=10), list[SetAside])
assert_type(store.replay(["318"], time.time()), int)
assert_type(store.purge(None), int)
store.close()


class Audited(MemoryStore):
    """A store with more to it is a store."""

    def append(self, items: Sequence[Item]) -> None:
        super().append(items)
        for item in items:
            print(item.group, item.route, item.added, item.due, len(item.data))


class Own:
    """A store of the user's own; what it keeps is kept by another one here."""

    lease = 30.0

    def __init__(self) -> None:
        self._kept = MemoryStore(lease=self.lease)
        self.reasons: list[Reason] = []

    def dedicate(self, account: str) -> None:
        self._kept.dedicate(account)

    def append(self, items: Sequence[Item]) -> None:
        self._kept.append(items)

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        return self._kept.claim(now, groups=groups, size=size, linger=linger, closed=closed)

    def settle(self, settlement: Settlement, now: float) -> None:
        assert_type(settlement.confirmed, list[Claimed])
        assert_type(settlement.again, list[tuple[Claimed, float]])
        assert_type(settlement.released, list[tuple[Claimed, float]])
        assert_type(settlement.extended, list[Claimed])
        self.reasons.extend(reason for _, reason, _ in settlement.aside)
        self._kept.settle(settlement, now)

    def span(self) -> tuple[int, int] | None:
        return self._kept.span()

    def next_due(self, closed: Collection[str]) -> float | None:
        return self._kept.next_due(closed)

    def stats(self, now: float) -> StoreStats:
        return self._kept.stats(now)

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        return self._kept.list_aside(limit)

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        return self._kept.replay(refs, now)

    def purge(self, refs: Collection[str] | None) -> int:
        return self._kept.purge(refs)

    def close(self) -> None:
        self._kept.close()


class Derived(Own, Store):
    """One that says that it is a store."""


class TestOwn(StoreContract):
    """The tests of a user's own store."""

    def make_store(self, *, max_items: int = 1_000_000, max_bytes: int = 2**30) -> Store:
        return Own()


stores += [Audited(), Own(), Derived()]
NotificationOutbox(client, store=Own()).close()


async def main() -> None:
    async with AsyncNotificationOutbox(async_client, store=Own()):
        pass
