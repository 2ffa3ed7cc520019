"""A store of a user's own, as docs/own-store.md shows it."""

import threading
import uuid
from collections.abc import Collection, Sequence

from attrs import define, evolve

from target_delivery import OptionError, OutboxFullError, StoreError
from target_delivery.outbox import LONGEST_WAIT, Claimed, Item, SetAside, Settlement, StoreStats


@define
class Row:
    item: Item
    due: float  # when it may be claimed; the end of the lease if it is claimed
    token: str | None = None  # names the claim
    attempts: int = 0


class DictStore:
    """Keeps notifications in a dict. It shows what a store does; it is not durable."""

    lease = 30.0

    def __init__(self, max_items: int = 1_000_000, max_bytes: int = 2**30) -> None:
        self.max_items, self.max_bytes = max_items, max_bytes
        self.lock = threading.Lock()
        self.account: str | None = None
        self.rows: dict[int, Row] = {}
        self.aside: dict[int, tuple[Item, SetAside]] = {}
        self.newest = 0
        self.confirmed = 0

    def dedicate(self, account: str) -> None:
        self.account = self.account or account
        if self.account != account:
            raise StoreError(f"This store belongs to {self.account}.")

    def append(self, items: Sequence[Item]) -> None:
        size = sum(len(item.data) for item in items)
        if len(items) > self.max_items or size > self.max_bytes:
            raise OptionError("The call is larger than the whole store.")
        with self.lock:
            if len(self.rows) + len(items) > self.max_items or self.bytes() + size > self.max_bytes:
                raise OutboxFullError("The store is full; nothing of this call was stored.")
            for item in items:
                self.add(item)

    def add(self, item: Item) -> None:
        self.newest += 1
        self.rows[self.newest] = Row(item, item.due)

    def bytes(self) -> int:
        return sum(len(row.item.data) for row in self.rows.values())

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        claimed: dict[str, list[Claimed]] = {}
        token = str(uuid.uuid4())
        with self.lock:
            open_rows = {ref: row for ref, row in self.rows.items() if row.item.route not in closed}
            due = sorted((row for row in open_rows.values() if self.is_due(row, now)), key=lambda row: row.due)
            chosen = list(dict.fromkeys(row.item.group for row in due))[:groups]
            for ref, row in open_rows.items():
                item, soon = row.item, row.due <= now + linger and not row.token
                if item.group in chosen and (soon or self.is_due(row, now)) and len(claimed.get(item.group, ())) < size:
                    row.token, row.due = token, now + self.lease
                    one = Claimed(str(ref), token, item.group, item.route, item.data, item.added, row.attempts)
                    claimed.setdefault(item.group, []).append(one)
        return list(claimed.values())

    def is_due(self, row: Row, now: float) -> bool:
        # A time that is too far away comes from a clock that was ahead.
        return not now < row.due <= now + max(LONGEST_WAIT, self.lease)

    def settle(self, settlement: Settlement, now: float) -> None:
        with self.lock:
            for one in settlement.confirmed:
                self.confirmed += self.rows.pop(int(one.ref), None) is not None
            for one, due in settlement.again:
                self.give_back(one, due, attempts=1)
            for one, due in settlement.released:
                self.give_back(one, due, attempts=0)
            for one in settlement.extended:
                if row := self.owned(one):
                    row.due = now + self.lease
            for one, reason, message in settlement.aside:
                if row := self.owned(one):
                    aside = SetAside(one.ref, reason, message, one.added, now, one.data)
                    self.aside[int(one.ref)] = (row.item, aside)
                    del self.rows[int(one.ref)]

    def owned(self, one: Claimed) -> Row | None:
        row = self.rows.get(int(one.ref))
        return row if row and row.token == one.token else None

    def give_back(self, one: Claimed, due: float, attempts: int) -> None:
        if row := self.owned(one):
            row.token, row.due, row.attempts = None, due, row.attempts + attempts

    def span(self) -> tuple[int, int] | None:
        with self.lock:
            return (min(self.rows), self.newest) if self.rows else None

    def next_due(self, closed: Collection[str]) -> float | None:
        with self.lock:
            return min((row.due for row in self.rows.values() if row.item.route not in closed), default=None)

    def stats(self, now: float) -> StoreStats:
        with self.lock:
            in_flight = sum(row.token is not None and row.due > now for row in self.rows.values())
            pending = len(self.rows) - in_flight
            oldest = min((row.item.added for row in self.rows.values()), default=None)
            return StoreStats(pending, in_flight, self.confirmed, len(self.aside), self.bytes(), oldest)

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        with self.lock:
            return [aside for _, aside in self.aside.values()][:limit]

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        with self.lock:
            chosen = [ref for ref in self.aside if refs is None or str(ref) in refs]
            for ref in chosen:
                item, _ = self.aside.pop(ref)
                self.add(evolve(item, added=now, due=now))
            return len(chosen)

    def purge(self, refs: Collection[str] | None) -> int:
        with self.lock:
            chosen = [ref for ref in self.aside if refs is None or str(ref) in refs]
            for ref in chosen:
                del self.aside[ref]
            return len(chosen)

    def close(self) -> None:
        pass
