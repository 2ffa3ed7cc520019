"""Stores made wrong, and stores of the user's own that lack something."""

from collections.abc import Collection, Sequence
from pathlib import Path

import redis

from target_delivery import AsyncTargetClient, TargetClient
from target_delivery.outbox import (
    AsyncNotificationOutbox,
    Claimed,
    Item,
    MemoryStore,
    NotificationOutbox,
    RedisStore,
    SetAside,
    Settlement,
    SQLiteStore,
    Store,
    StoreStats,
    open_store,
)

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
async_client = AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})

SQLiteStore()  # error: mypy[call-arg] pyright[reportCallIssue]: "path"
SQLiteStore("outbox.db", 60)  # error: mypy[call-arg] pyright[reportCallIssue]: Expected 1 positional argument
SQLiteStore("outbox.db", lease="60")  # error: mypy[arg-type] pyright[reportArgumentType]: "lease"
SQLiteStore("outbox.db", lease=None)  # error: mypy[arg-type] pyright[reportArgumentType]: "lease"
SQLiteStore("outbox.db", max_item=1000)  # error: mypy[call-arg] pyright[reportCallIssue]: "max_item"
SQLiteStore("outbox.db", max_items=1e6)  # error: mypy[arg-type] pyright[reportArgumentType]: "max_items"
SQLiteStore(b"outbox.db")  # error: mypy[arg-type] pyright[reportArgumentType]: "str | PathLike[str]"
# error: mypy[arg-type] mypy[call-arg] pyright[reportCallIssue]: Expected 0 positional arguments
MemoryStore("outbox.db")
MemoryStore(create=False)  # error: mypy[call-arg] pyright[reportCallIssue]: "create"
RedisStore()  # error: mypy[call-arg] pyright[reportCallIssue]: "url"
RedisStore(redis.Redis())  # error: mypy[arg-type] pyright[reportArgumentType]: expected "str"
# error: mypy[call-arg] pyright[reportCallIssue]: Expected 1 positional argument
RedisStore("redis://localhost:6379/0", "shop")
RedisStore("redis://localhost:6379/0", logger="shop")  # error: mypy[arg-type] pyright[reportArgumentType]: "logger"
open_store(Path("outbox.db"))  # error: mypy[arg-type] pyright[reportArgumentType]: expected "str"
open_store("sqlite:///outbox.db", lease=60)  # error: mypy[call-arg] pyright[reportCallIssue]: "lease"
# error: mypy[call-arg] pyright[reportCallIssue]: Expected 1 positional argument
open_store("sqlite:///outbox.db", False)

store = open_store("sqlite:///outbox.db")
store.stats()  # error: mypy[call-arg] pyright[reportCallIssue]: "now"
store.purge()  # error: mypy[call-arg] pyright[reportCallIssue]: "refs"
store.replay(["318"])  # error: mypy[call-arg] pyright[reportCallIssue]: "now"
store.purge(store.list_aside())  # error: mypy[arg-type] pyright[reportArgumentType]
store.lease = 60  # error: mypy[misc] pyright[reportAttributeAccessIssue]
print(store.stats(0).oldest + 60)  # error: mypy[operator] pyright[reportOptionalOperand]
print(store.stats(0).oldest_age)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
SetAside("318", "rejected", "", 0, 0, b"")  # error: mypy[arg-type] pyright[reportArgumentType]: Literal['rejected']


class Part:
    """All of a store but its lease and purge()."""

    def append(self, items: Sequence[Item]) -> None: ...

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        return []

    def settle(self, settlement: Settlement, now: float) -> None: ...

    def span(self) -> tuple[int, int] | None: ...

    def next_due(self, closed: Collection[str]) -> float | None: ...

    def stats(self, now: float) -> StoreStats:
        return StoreStats(0, 0, 0, 0, 0, None)

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        return []

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        return 0

    def close(self) -> None: ...


class NoPurge(Part):
    lease = 30.0


class NoRefs(Part):
    lease = 30.0

    def purge(self) -> int:
        return 0


class Awaited(Part):
    lease = 30.0

    async def purge(self, refs: Collection[str] | None) -> int:
        return 0


class TextLease(Part):
    lease = "30"

    def purge(self, refs: Collection[str] | None) -> int:
        return 0


class Derived(NoPurge, Store): ...


NotificationOutbox(client, store=NoPurge())  # error: mypy[arg-type] pyright[reportArgumentType]: "purge" is not present
# error: mypy[arg-type] pyright[reportArgumentType]: "purge" is not present
AsyncNotificationOutbox(async_client, store=NoPurge())
# error: mypy[arg-type] pyright[reportArgumentType]: "purge" is an incompatible type
NotificationOutbox(client, store=NoRefs())
# error: mypy[arg-type] pyright[reportArgumentType]: "CoroutineType[Any, Any, int]" is incompatible
NotificationOutbox(client, store=Awaited())
# error: mypy[arg-type] pyright[reportArgumentType]: "lease" is an incompatible type
NotificationOutbox(client, store=TextLease())
Derived()  # error: mypy[abstract] pyright[reportAbstractUsage]: "Store.purge" is not implemented
