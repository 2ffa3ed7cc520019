"""A user's own store passes the contract of stores, and every test of the contract can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from target_delivery.outbox import MemoryStore, SQLiteStore, Store
from target_delivery.outbox.testing import StoreContract
from tests.unit.outbox.own_store import DictStore

SOURCE = Path(__file__).with_name("own_store.py").read_text()
DOCUMENT = Path(__file__).parents[3] / "docs" / "own-store.md"
TESTS = sorted(name for name in vars(StoreContract) if name.startswith("test_"))


class TestDictStore(StoreContract):
    def make_store(self, *, max_items: int = 1_000_000, max_bytes: int = 2**30) -> Store:
        return DictStore(max_items, max_bytes)


class TestMemoryStore(StoreContract):
    def make_store(self, *, max_items: int = 1_000_000, max_bytes: int = 2**30) -> Store:
        return MemoryStore(max_items=max_items, max_bytes=max_bytes)


class TestSQLiteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def directory(self, tmp_path: Path) -> None:
        self._directory = tmp_path
        self._made = 0

    def make_store(self, *, max_items: int = 1_000_000, max_bytes: int = 2**30) -> Store:
        self._made += 1
        return SQLiteStore(self._directory / f"{self._made}.db", max_items=max_items, max_bytes=max_bytes)

    def open_again(self, store: Store) -> Store:
        return SQLiteStore(self._directory / f"{self._made}.db")


MUTATIONS = [
    # appending
    ("for item in items:\n                self.add", "for item in items[:1]:\n                self.add"),
    ("self.newest += 1", "self.newest = max(self.rows, default=0) + 1"),
    ("> self.max_items or self.bytes()", "> self.max_items + 1 or self.bytes()"),
    ("self.bytes() + size > self.max_bytes", "self.bytes() > self.max_bytes"),
    ("if len(items) > self.max_items or size > self.max_bytes:", "if False:"),
    ("= (row.item, aside)\n                    del self.rows[int(one.ref)]", "= (row.item, aside)"),
    ("Row(item, item.due)", "Row(item, item.added)"),
    # claiming
    ("row.token, row.due = token, now + self.lease", "pass"),
    ("row.token, row.due = token, now + self.lease", "row.token, row.due = token, now"),
    ("row.token, row.due = token, now + self.lease", "row.token, row.due = token, now + 1e9"),
    ("row.due <= now + linger and not row.token", "False"),
    ("row.due <= now + linger and not row.token", "True"),
    ("row.due <= now + linger and not row.token", "row.due <= now + linger"),
    ("not now < row.due <= now + max(LONGEST_WAIT, self.lease)", "row.due <= now"),
    ("max(LONGEST_WAIT, self.lease)", "self.lease"),
    (" < size:", " <= size:"),
    ("row.item.group for row in due))[:groups]", "row.item.group for row in due))"),
    (
        "open_rows = {ref: row for ref, row in self.rows.items() if row.item.route not in closed}",
        "open_rows = self.rows",
    ),
    ("if self.is_due(row, now)), key", "), key"),
    ("item.data, item.added, row.attempts)", "b'', item.added, row.attempts)"),
    ("item.data, item.added, row.attempts)", "item.data, now, row.attempts)"),
    ("item.data, item.added, row.attempts)", "item.data, item.added, 0)"),
    ("item.data, item.added, row.attempts)", "item.data, item.added, row.attempts + 1)"),
    ("return list(claimed.values())", "return [[one] for group in claimed.values() for one in group]"),
    ("return list(claimed.values())", "return [sum(claimed.values(), [])] if claimed else []"),
    ("return list(claimed.values())", "return [group[::-1] for group in claimed.values()]"),
    ("Claimed(str(ref)", "Claimed(str(ref % 7)"),
    # settling
    ("self.rows.pop(int(one.ref), None) is not None", "1"),
    ("self.rows.pop(int(one.ref), None) is not None", "self.rows.get(int(one.ref)) is not None"),
    ("for one in settlement.confirmed:", "for one in filter(self.owned, settlement.confirmed):"),
    ("due, attempts=1)", "due, attempts=0)"),
    ("due, attempts=0)", "due, attempts=1)"),
    ("row.attempts = None, due, ", "row.attempts = None, row.due, "),
    ("row.due = now + self.lease", "pass"),
    ("return row if row and row.token == one.token else None", "return row"),
    ("for one, due in settlement.released:", "for one, due in ():"),
    ("one.added, now, one.data)", "one.added, 0.0, one.data)"),
    ("SetAside(one.ref, reason,", "SetAside(one.ref, 'refused',"),
    # what is set aside
    ("[aside for _, aside in self.aside.values()][:limit]", "[aside for _, aside in self.aside.values()]"),
    ("[aside for _, aside in self.aside.values()][:limit]", "[one for _, one in self.aside.values()][::-1][:limit]"),
    ("self.add(evolve(item, added=now, due=now))", "self.rows[ref] = Row(item, now)"),
    ("evolve(item, added=now, due=now)", "evolve(item, due=now)"),
    ("item, _ = self.aside.pop(ref)", "item, _ = self.aside[ref]"),
    ("del self.aside[ref]", "pass"),
    # positions, times, the whole store
    ("(min(self.rows), self.newest)", "(self.newest, self.newest)"),
    ("(min(self.rows), self.newest)", "(min(self.rows), min(self.rows))"),
    ("if self.rows else None", "if self.rows else (0, 0)"),
    ("return min((row.due for row in self.rows.values() if row.item.route not in closed)", "return min((0.0,)"),
    (
        "return min((row.due for row in self.rows.values() if row.item.route not in closed)",
        "return min((row.due for row in self.rows.values())",
    ),
    (
        "return min((row.due for row in self.rows.values() if row.item.route not in closed)",
        "return min((row.due for row in self.rows.values() if not row.token)",
    ),
    ("in_flight = sum(row.token is not None and row.due > now for row in self.rows.values())", "in_flight = 0"),
    ("oldest = min((row", "oldest = max((row"),
    ("self.bytes(), oldest)", "0, oldest)"),
    ("self.account = self.account or account", "self.account = account"),
    ("    def close(self) -> None:\n        pass", "    def close(self) -> None:\n        del self.lock"),
]


def failing(store: Any) -> set[str]:
    """Return the names of the tests that fail for a store."""

    class Contract(StoreContract):
        def make_store(self, *, max_items: int = 1_000_000, max_bytes: int = 2**30) -> Store:
            made: Store = store(max_items, max_bytes)
            return made

    failed = set()
    for name in TESTS:
        try:
            getattr(Contract(), name)()
        except Exception:
            failed.add(name)
    return failed


def mutated(old: str, new: str) -> Any:
    assert SOURCE.count(old) == 1, f"{old!r} must stand once in own_store.py"
    names: dict[str, Any] = {}
    exec(compile(SOURCE.replace(old, new), "mutated", "exec"), names)
    return names["DictStore"]


def test_every_broken_store_fails_and_every_test_can_fail() -> None:
    assert failing(DictStore) == set()
    failed: set[str] = set()
    for old, new in MUTATIONS:
        here = failing(mutated(old, new))
        assert here, f"no test fails for a store with {new!r} instead of {old!r}"
        failed |= here
    assert sorted(failed) == TESTS


def test_the_contract_needs_no_test_framework() -> None:
    program = (
        "import sys, target_delivery.outbox.testing; sys.exit('pytest' in sys.modules or 'unittest' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_document_shows_the_store_that_is_tested() -> None:
    assert SOURCE.partition('"""\n\n')[2] in DOCUMENT.read_text()
