"""A damaged row of a SQLite file is set aside, whatever is wrong with it. A full disk delays no delivery."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from target_delivery import StoreError, TargetClient
from target_delivery.outbox import Claimed, Item, NotificationOutbox, Settlement, SQLiteStore
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import RefusedConnection
from tests.integration.outbox.world import notification, options, require_counted_once

COLUMNS = ("seq", "grp", "route", "due", "claim", "attempts", "added", "data")
TOTALS = ("seq", "items", "bytes", "confirmed", "owner")
INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**63 - 1, -(2**63), 2**62, 2**53, -1, 0]))
VALUES = st.one_of(
    st.none().map(lambda _: ("?", None)),
    INTEGERS.map(lambda value: ("?", value)),
    st.floats(allow_nan=False).map(lambda value: ("?", value)),
    st.text(st.characters(codec="utf-8"), max_size=20).map(lambda value: ("?", value)),
    st.binary(max_size=20).map(lambda value: ("?", value)),
    st.binary(max_size=20).map(lambda value: ("CAST(? AS TEXT)", value)),
)


@contextlib.contextmanager
def without_types(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an outbox as another program that does not keep to the types of its columns."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)

    def rewrite(before: str, after: str) -> None:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table'", (before, after))
        connection.execute("PRAGMA writable_schema = RESET")

    rewrite(") STRICT", ") /**/")
    rewrite(" NOT NULL", " /*nn*/")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    for _, sql in triggers:
        connection.execute(sql)
    rewrite(" /*nn*/", " NOT NULL")
    rewrite(") /**/", ") STRICT")
    connection.close()


def claim_everything(store: SQLiteStore, now: float) -> list[Claimed]:
    """Claim and settle as an outbox does, until nothing is due for an hour."""
    found: list[Claimed] = []
    for step in range(8):
        while groups := store.claim(now + 500 * step, groups=16, size=50, linger=0.0, closed=()):
            claimed = [one for group in groups for one in group]
            found += claimed
            aside = [(one, "malformed", one.damage) for one in claimed if one.damage]
            confirmed = [one for one in claimed if not one.damage]
            store.settle(Settlement(aside=aside, confirmed=confirmed), now)  # type: ignore[arg-type]  # a Reason
    return found


@pytest.mark.parametrize("running", [False, True], ids=["opened-after", "open-meanwhile"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(column=st.sampled_from(COLUMNS), value=VALUES)
def test_any_value_in_any_column_of_an_item(running: bool, column: str, value: tuple[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "outbox.db"
        store = SQLiteStore(path)
        now = 1_000_000.0
        store.append(
            [Item(f"g{number % 3}", "35" if number % 2 else "", b"%d" % number, now, now) for number in range(9)]
        )
        if not running:
            store.close()
        with without_types(path) as other:
            try:
                other.execute(f"UPDATE item SET {column} = {value[0]} WHERE seq = 5", (value[1],))
            except sqlite3.IntegrityError:
                assert column == "seq"  # it must be an integer that no other row has
        if not running:
            store = SQLiteStore(path)
        store.stats(now)
        store.next_due(())
        found = claim_everything(store, now)
        assert {b"%d" % number for number in range(9)} - {b"4"} <= {one.data for one in found if not one.damage}
        (damaged,) = [one for one in found if one.damage] or [None]
        assert store.stats(now).set_aside == (damaged is not None)
        assert [one.ref for one in store.list_aside()] == ([damaged.ref] if damaged is not None else [])
        if column != "data":
            assert b"4" in {one.data for one in found}, "the data of the damaged row is kept"
        # Afterwards the store works as if nothing had happened.
        store.append([Item("g", "", b"new", now, now)])
        assert [one.data for one in claim_everything(store, now)] == [b"new"]
        assert store.stats(now).pending == 0
        assert column == "data" or store.stats(now).bytes == 0
        assert store.span() is None
        store.replay(None, now)
        store.close()
        SQLiteStore(path).close()


@pytest.mark.parametrize("running", [False, True], ids=["opened-after", "open-meanwhile"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(column=st.sampled_from(TOTALS), value=VALUES)
def test_any_value_in_any_column_of_the_totals(running: bool, column: str, value: tuple[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "outbox.db"
        store = SQLiteStore(path)
        now = 1_000_000.0
        store.append([Item(f"g{number}", "", b"%d" % number, now, now) for number in range(5)])
        if not running:
            store.close()
        with without_types(path) as other:
            other.execute(f"UPDATE total SET {column} = {value[0]}", (value[1],))
        if not running:
            store = SQLiteStore(path)
        store.append([Item("g", "", b"new", now, now)])
        store.stats(now)
        store.span()
        assert sorted(one.data for one in claim_everything(store, now)) == [b"0", b"1", b"2", b"3", b"4", b"new"]
        store.append([Item("g", "", b"newer", now, now)] * 2)
        assert store.stats(now).pending >= 0
        store.close()


@settings(max_examples=40, deadline=None)
@given(column=st.sampled_from(("seq", "grp", "route", "reason", "message", "added", "set_aside", "data")), value=VALUES)
def test_any_value_in_any_column_of_what_is_set_aside(column: str, value: tuple[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "outbox.db"
        store = SQLiteStore(path)
        store.append([Item(f"g{number}", "", b"%d" % number, 0.0, 0.0) for number in range(3)])
        claimed = [one for group in store.claim(0.0, groups=9, size=9, linger=0.0, closed=()) for one in group]
        store.settle(Settlement(aside=[(one, "refused", "no") for one in claimed]), 0.0)
        with without_types(path) as other, contextlib.suppress(sqlite3.IntegrityError):
            other.execute(f"UPDATE aside SET {column} = {value[0]} WHERE seq = 2", (value[1],))
        listed = store.list_aside()
        assert len(listed) == 3
        str(listed).encode()
        assert store.replay([one.ref for one in listed], 0.0) == 3
        assert {b"0", b"2"} <= {one.data for one in claim_everything(store, 0.0)}
        store.close()


@pytest.mark.parametrize("damage", ["grp = CAST(x'ff' AS TEXT)", "seq = 9223372036854775807", "added = 9e999"])
def test_a_damaged_row_is_told_and_the_others_are_delivered(edge: Sandbox, tmp_path: Path, damage: str) -> None:
    """What a STRICT table takes, so that any program could have written it."""
    told: list[Any] = []
    path = tmp_path / "outbox.db"
    with TargetClient.create({**edge.client_options(), "events": {"notification_set_aside": told.append}}) as client:
        edge.faults.add(RefusedConnection(), times=None)  # so that nothing is delivered before the damage
        outbox = NotificationOutbox(client, store=SQLiteStore(path), linger=60.0)
        for number in range(5):
            outbox.send_notifications(options(notification(f"n{number}"), visitor=f"visitor{number}"))
        outbox.close(0)
        edge.faults.clear()
        with sqlite3.connect(path) as other:
            other.execute("UPDATE item SET due = 0")
            other.execute(f"UPDATE item SET {damage} WHERE seq = 3")
        other.close()
        outbox = NotificationOutbox(client, store=SQLiteStore(path), linger=0.0)
        outbox.send_notifications(options(notification("after")))
        assert outbox.close(10) == 0
        store = SQLiteStore(path)
        aside = store.list_aside()
        store.close()
    kept = {"n0", "n1", "n3", "n4", "after"}
    if "seq" in damage:
        assert not aside
        require_counted_once(edge, kept | {"n2"})
    else:
        require_counted_once(edge, kept)
        assert [(one.reason, one.ref) for one in aside] == [("malformed", told[0]["ref"])]
        assert "is damaged" in aside[0].message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("CREATE TRIGGER spy AFTER INSERT ON item BEGIN DELETE FROM item; END", "trigger 'spy'"),
        ("CREATE UNIQUE INDEX one ON item (route)", "index 'one'"),
        ("CREATE TABLE other (x)", "table 'other'"),
        ("CREATE VIEW other AS SELECT 1", "view 'other'"),
        ("DROP INDEX item_due", "its index item_due is missing"),
        ("DROP TRIGGER item_in", "its trigger item_in is missing"),
        ("ALTER TABLE item ADD COLUMN more TEXT", "its table item is different"),
    ],
)
@pytest.mark.parametrize("running", [False, True], ids=["opened-after", "open-meanwhile"])
def test_a_changed_schema_is_refused_and_named(tmp_path: Path, change: str, says: str, running: bool) -> None:
    path = tmp_path / "outbox.db"
    store = SQLiteStore(path)
    store.append([Item("g", "", b"x", 0.0, 0.0)])
    if not running:
        store.close()
    with sqlite3.connect(path) as other:
        other.execute(change)
    other.close()
    with pytest.raises(StoreError, match=says):
        store.append([Item("g", "", b"y", 0.0, 0.0)]) if running else SQLiteStore(path)
    store.close()


@pytest.mark.parametrize("together", [1, 2], ids=["one", "several"])
def test_a_schema_that_is_changed_and_restored_is_used_again(tmp_path: Path, together: int) -> None:
    path = tmp_path / "outbox.db"
    items = [Item("g", "", b"x", 0.0, 0.0)] * together
    store = SQLiteStore(path)
    store.append(items)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TRIGGER spy AFTER INSERT ON item BEGIN DELETE FROM item; END")
    for _ in range(2):
        with pytest.raises(StoreError, match="trigger 'spy'"):
            store.append(items)
    assert other.execute("SELECT COUNT(*) FROM item").fetchone() == (together,)
    other.execute("DROP TRIGGER spy")
    store.append(items)
    other.execute("VACUUM")
    store.append(items)
    other.close()
    assert store.stats(0.0).pending == 3 * together
    store.close()


# --- older outboxes

SCHEMA_1 = """
CREATE TABLE item (seq INTEGER PRIMARY KEY, grp TEXT NOT NULL, route TEXT NOT NULL,
    due REAL NOT NULL,      -- when it may be claimed; the end of the lease if it is claimed
    claim TEXT,             -- token of the claim, or NULL
    attempts INTEGER NOT NULL DEFAULT 0, added REAL NOT NULL, data BLOB NOT NULL);
CREATE INDEX item_due ON item (route, due, grp);
CREATE INDEX item_claimed ON item (grp) WHERE claim IS NOT NULL;
CREATE TABLE aside (seq INTEGER PRIMARY KEY, grp TEXT NOT NULL, route TEXT NOT NULL, reason TEXT NOT NULL,
    message TEXT NOT NULL, added REAL NOT NULL, set_aside REAL NOT NULL, data BLOB NOT NULL);
CREATE TABLE total (
    seq INTEGER NOT NULL, items INTEGER NOT NULL, bytes INTEGER NOT NULL, confirmed INTEGER NOT NULL, owner TEXT);
CREATE TRIGGER item_in AFTER INSERT ON item BEGIN
    UPDATE total SET seq = NEW.seq, items = items + 1, bytes = bytes + length(NEW.data); END;
CREATE TRIGGER item_out AFTER DELETE ON item BEGIN
    UPDATE total SET items = items - 1, bytes = bytes - length(OLD.data); END;
INSERT INTO total VALUES (0, 0, 0, 7, 'acme');
PRAGMA application_id = 1413762882;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
"""


def test_a_file_of_schema_1_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with sqlite3.connect(path) as old:
        old.executescript(SCHEMA_1)
        for number in range(10):
            old.execute("INSERT INTO item VALUES (?, 'g', '28', 5.0, NULL, 2, 1.0, ?)", (number + 1, b"%d" % number))
        old.execute("UPDATE item SET claim = 'token', due = 20.0 WHERE seq = 1")
        old.execute("UPDATE item SET attempts = 'many' WHERE seq = 2")
        old.execute("INSERT INTO aside VALUES (99, 'g', '', 'refused', 'no', 1.0, 2.0, x'00')")
        old.execute("INSERT INTO aside VALUES (98, 'g', '', 'refused', 'no', 'never', 2.0, 'text')")
    old.close()
    store = SQLiteStore(path)
    store.dedicate("acme")
    stats = store.stats(10.0)
    assert (stats.pending, stats.in_flight, stats.confirmed, stats.set_aside, stats.bytes) == (8, 1, 7, 3, 9)
    (group,) = store.claim(21.0, groups=9, size=50, linger=0.0, closed=())
    assert [(one.data, one.attempts, one.added) for one in group] == [
        (b"%d" % number, 2, 1.0) for number in range(10) if number != 1
    ]
    assert [(one.ref, one.reason, one.data) for one in store.list_aside()] == [
        ("2", "malformed", b"1"),
        ("98", "refused", b"text"),
        ("99", "refused", b"\0"),
    ]
    store.append([Item("g", "", b"new", 0.0, 0.0)])
    span = store.span()
    assert span is not None
    assert span[1] > 99
    store.close()
    SQLiteStore(path).close()


def test_a_file_that_all_users_can_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.touch(0o666)
    os.chmod(path, 0o666)
    store = SQLiteStore(path)
    store.append([Item("g", "", b"x", 0.0, 0.0)])
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    store.close()


# --- a full disk

FILLED = """
import sys, threading
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.integration.outbox.world import eventually, notification, options
from target_delivery import StoreError, TargetClient
from target_delivery.outbox import NotificationOutbox, SQLiteStore
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import RefusedConnection
disk = Path({disk!r})
with Sandbox() as edge:
    edge.faults.add(RefusedConnection(), times=None)
    with TargetClient.create({{**edge.client_options(), "retries": 0, "timeout": 500}}) as client:
        outbox = NotificationOutbox(client, store=SQLiteStore(disk / "outbox.db"), linger=0.0)
        stored = 0
        try:
            while True:
                outbox.send_notifications(options(notification("n%d" % stored), visitor="visitor%d" % (stored % 40)))
                stored += 1
        except StoreError as error:
            assert "full" in str(error), error
        if {other}:
            try:  # another program takes the rest
                with open(disk / "log", "wb", buffering=0) as log:
                    while True:
                        log.write(bytes(512))
            except OSError:
                pass
        edge.faults.clear()
        eventually(lambda: len(set(edge.ledger.notifications)) == stored, 30)
        delivered = set(edge.ledger.notifications)
        assert delivered == {{"n%d" % number for number in range(stored)}}, (stored, len(delivered))
        assert edge.ledger.impressions.total() == stored
        if {other}:
            (disk / "log").unlink()
        assert outbox.flush(15) == 0, outbox.stats()
        assert outbox.close(10) == 0
        print("stored", stored)
"""


@pytest.mark.parametrize("other", [False, True], ids=["filled-by-the-outbox", "filled-by-another-program"])
def test_an_outbox_on_a_full_disk_delivers_everything(tmp_path: Path, other: bool) -> None:
    """A disk of 1 MB in a name space of its own."""
    program = FILLED.format(root=str(Path(__file__).parents[3]), disk=str(tmp_path), other=other)
    script = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" -c "$3"'
    run = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, program]
    try:
        probe = subprocess.run(["unshare", "-rm", "sh", "-c", f"mount -t tmpfs none {tmp_path}"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    if probe.returncode:
        pytest.skip("this system does not let tests mount a disk")
    started = time.monotonic()
    done = subprocess.run(run, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[-1]) > 50
    assert time.monotonic() - started < 60


def test_items_are_claimed_in_memory_while_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox.db"
    store = SQLiteStore(path)
    store.append([Item(f"g{number}", "", b"%d" % number, 0.0, 0.0) for number in range(6)])
    full = True
    execute = store._execute

    def executed(sqlite: sqlite3.Connection, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if full and sql == "COMMIT":
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return execute(sqlite, sql, parameters)

    monkeypatch.setattr(store, "_execute", executed)
    one, two, three = (one for group in store.claim(1.0, groups=3, size=9, linger=0.0, closed=()) for one in group)
    store.settle(Settlement(confirmed=[one], again=[(two, 50.0)], aside=[(three, "refused", "no")]), 2.0)
    four, *_ = (one for group in store.claim(3.0, groups=9, size=9, linger=0.0, closed=()) for one in group)
    assert four.data == b"3"
    assert store.claim(4.0, groups=9, size=9, linger=0.0, closed=()) == []
    assert store.claim(51.0, groups=1, size=1, linger=0.0, closed=())[0][0].attempts == 1
    full = False
    store.settle(Settlement(confirmed=[four]), 52.0)
    stats = store.stats(52.0)
    assert (stats.confirmed, stats.set_aside, stats.pending + stats.in_flight) == (2, 1, 3)
    store.close()
