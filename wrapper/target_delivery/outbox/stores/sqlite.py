"""SQLiteStore: an outbox in a file, which the processes of one machine share."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import sqlite3
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard, TypeVar

from attrs import evolve, frozen

from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._http import forks
from target_delivery.errors import OutboxFullError, StoreError
from target_delivery.outbox.stores.base import (
    LONGEST_WAIT,
    Claimed,
    SetAside,
    Settlement,
    StoreStats,
    foreign,
    require_limits,
    require_refs,
    require_room,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery.outbox.items import Item
    from target_delivery.outbox.stores.base import Reason

__all__ = ["SQLiteStore"]

T = TypeVar("T")

SCHEMA_VERSION = 2
APPLICATION_ID = 0x54444F42  # "TDOB"
OLDEST_SQLITE = (3, 37)
"""The first SQLite with STRICT tables."""
BUSY_TIMEOUT = 10.0
"""Seconds to wait until other processes end their transactions."""
UPDATE_TIMEOUT = 120.0
"""Seconds to wait until another process has brought a file up to date, which takes about 30 s for a million items."""
SCAN = 2_000
"""Items of a route that a claim looks at, at most."""
WAL_LIMIT = 2**24
"""Bytes that SQLite truncates the -wal file to after it grew larger."""
LOW_ROOM = 2**25
"""Bytes. With less room on the disk, each append moves the content of the -wal file into the main file, so that the
-wal file stays small."""
LEAST_ROOM = 2**18
"""Bytes that appends leave free on the disk, for the claims and settlements of the stored items."""
CLAIM_ROOM = 4 * LEAST_ROOM
"""Bytes. With less room on the disk, claims are kept in memory, because storing a claim makes the file larger."""
MUCH_ROOM = 2**30
"""Bytes. With more room on the disk, appends look at it only every ROOM_INTERVAL: nothing fills it in that time."""
ROOM_INTERVAL = 0.01
"""Seconds."""
MAX_LENT = 100_000
"""Items that may be claimed or settled in memory only, because the disk is full."""
RECOUNT_INTERVAL = 10.0
"""Seconds between two counts of the items while the totals say that the store is full."""
MAX_SEQ = 2**62
"""Highest number that an outbox gives an item. Another program wrote a row with a higher one."""

_COLUMNS = "seq, grp, route, due, claim, attempts, added, data"
_ASIDE_COLUMNS = "seq, grp, route, reason, message, added, set_aside, data"
_INSERT = """
    INSERT INTO item (seq, grp, route, due, added, data) VALUES (
        (SELECT seq + 1 FROM total), (SELECT CASE WHEN items < ? AND bytes <= ? THEN ? END FROM total), ?, ?, ?, ?
    )
"""
"""Without room, grp is NULL, which the table refuses. So a single item needs no transaction to check for room."""
_REMOVE = "DELETE FROM item WHERE seq = ?"
_PUT_ASIDE = f"""
    INSERT INTO aside ({_ASIDE_COLUMNS})
    SELECT CASE WHEN EXISTS (SELECT 1 FROM aside WHERE seq = ?) THEN NULL ELSE ? END, ?, ?, ?, ?, ?, ?, ?
"""  # noqa: S608 - constant text
"""If the item's number is taken, as in a damaged file, SQLite gives it another."""
_ROUTES = """
    WITH RECURSIVE known (route) AS (
        SELECT MIN(route) FROM item WHERE route >= ''
        UNION ALL
        SELECT (SELECT MIN(route) FROM item WHERE item.route > known.route) FROM known WHERE typeof(route) = 'text'
    )
    SELECT
        route,
        (SELECT due FROM item WHERE item.route = known.route ORDER BY due LIMIT 1),
        (SELECT due FROM item WHERE item.route = known.route ORDER BY due DESC LIMIT 1)
    FROM known WHERE typeof(route) = 'text'
    UNION ALL
    SELECT NULL, NULL, NULL WHERE EXISTS (
        SELECT 1 FROM (SELECT route FROM item ORDER BY route LIMIT 1) WHERE typeof(route) <> 'text'
    ) OR EXISTS (
        SELECT 1 FROM (SELECT route FROM item ORDER BY route DESC LIMIT 1) WHERE typeof(route) <> 'text'
    )
"""
"""Each route, with the times at which its first and its last item are due. The query skips from route to route in the
index. The route None means that there are rows whose route is no text. Such rows stand first or last in the index."""
_STRAYS = f"SELECT {_COLUMNS} FROM item WHERE typeof(route) <> 'text' LIMIT {SCAN}"  # noqa: S608 - constant text
_TOO_LATE = f"""
    SELECT {_COLUMNS} FROM item
    WHERE route = CAST(:route AS TEXT) AND (due > :latest OR typeof(due) = 'null') LIMIT {SCAN}
"""  # noqa: S608 - constant text


def _claimable(condition: str) -> str:
    return f"""
        WITH waiting AS MATERIALIZED (
            SELECT seq, grp, due FROM item
            WHERE route = CAST(:route AS TEXT) AND due <= :soon {condition} AND NOT EXISTS (
                SELECT 1 FROM item AS sent WHERE sent.grp = item.grp AND sent.claim IS NOT NULL AND sent.due > :now
            )
            ORDER BY due LIMIT :scan
        ),
        chosen AS (SELECT grp FROM waiting WHERE due <= :now GROUP BY grp ORDER BY MIN(due) LIMIT :groups)
        SELECT {_COLUMNS} FROM item
        WHERE seq IN (SELECT seq FROM waiting WHERE grp IN chosen OR typeof(grp) <> 'text') ORDER BY seq
    """  # noqa: S608 - constant text


_CLAIMABLE = _claimable("")
"""The items of the groups that have waited longest. A group of which an item is in flight waits."""
_NOT_LENT = _claimable("AND seq NOT IN (SELECT value FROM json_each(:lent))")
"""As _CLAIMABLE, without items that are claimed or settled in memory."""

_TABLES = {
    "item": """
        seq INTEGER PRIMARY KEY,
        grp TEXT NOT NULL,
        route TEXT NOT NULL,
        due REAL NOT NULL,
        claim TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        added REAL NOT NULL,
        data BLOB NOT NULL
    """,
    "aside": """
        seq INTEGER PRIMARY KEY,
        grp TEXT NOT NULL,
        route TEXT NOT NULL,
        reason TEXT NOT NULL,
        message TEXT NOT NULL,
        added REAL NOT NULL,
        set_aside REAL NOT NULL,
        data BLOB NOT NULL
    """,
    "total": """
        seq INTEGER NOT NULL, items INTEGER NOT NULL, bytes INTEGER NOT NULL, confirmed INTEGER NOT NULL, owner TEXT
    """,
}
"""In item, due is the time at which an item may be claimed, or the end of the lease if it is claimed. claim is the
token of the claim.

total counts seq, because SQLite reuses the number of the newest row after it is deleted. Otherwise a process whose
lease has ended could confirm an item that it did not send."""
_INDEXES = (
    # One index has everything that a claim needs to choose groups, because every commit syncs a page of each index.
    "CREATE INDEX item_due ON item (route, due, grp)",
    "CREATE INDEX item_claimed ON item (grp) WHERE claim IS NOT NULL",
)
_TRIGGERS = (
    """
    CREATE TRIGGER item_in AFTER INSERT ON item BEGIN
        UPDATE total SET seq = NEW.seq, items = items + 1, bytes = bytes + length(NEW.data);
    END
    """,
    """
    CREATE TRIGGER item_out AFTER DELETE ON item BEGIN
        UPDATE total SET items = items - 1, bytes = bytes - COALESCE(length(OLD.data), 0);
    END
    """,
)
_MARKS = (f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {SCHEMA_VERSION}")
_SCHEMA = (
    *(f"CREATE TABLE {name} ({columns}) STRICT" for name, columns in _TABLES.items()),
    *_INDEXES,
    *_TRIGGERS,
)
_COUNTED = """
    SELECT (SELECT COUNT(*) FROM item), (SELECT COALESCE(SUM(length(data)), 0) FROM item),
        (SELECT MAX(seq) FROM item WHERE seq < ?), (SELECT MAX(seq) FROM aside WHERE seq < ?)
"""


def _plain(sql: object) -> str:
    """Return the text of a statement without comments and without differences in white space."""
    words = " ".join(re.sub(r"--[^\n]*", "", str(sql)).split())
    return re.sub(r" ?([(),;]) ?", r"\1", words)


def _objects(version: int) -> dict[tuple[str, str], str]:
    """Return the SQL of each table, index and trigger of an outbox, by type and name."""
    statements = [_plain(one) for one in _SCHEMA]
    if version == 1:
        statements = [
            one.replace(")STRICT", ")").replace("COALESCE(length(OLD.data),0)", "length(OLD.data)")
            for one in statements
        ]
    return {(one.split()[1].lower(), re.split(r"\W", one.split(maxsplit=2)[2])[0]): one for one in statements}


class _NoRoomError(StoreError):
    """The disk has no room for a transaction."""


@frozen
class _Lent:
    """An item that is claimed or settled in memory only.

    Attributes:
        until: when it may be claimed again, epoch seconds.
        token: names the claim.
        attempts: as in Claimed.
        held: whether the claim is in force; if not, the item waits to be sent again.
    """

    until: float
    token: str
    attempts: int
    held: bool


class _Compiler:
    """Allows SQLite to compile statements, or not. SQLite calls it for each part of a statement, as an authorizer."""

    def __init__(self) -> None:
        self.allowed = True

    def __call__(self, *_: object) -> int:
        return sqlite3.SQLITE_OK if self.allowed else sqlite3.SQLITE_DENY


class SQLiteStore(forks.Watched):
    """An outbox in a SQLite file, which several processes can share. Items are durable when ``append`` returns.

    The file must be on a local disk. The constructor opens it, and creates it if there is none. A fork waits for
    transactions to end and closes the file; each process opens it again.

    Args:
        path: the file. SQLite keeps two more files beside it, ``-wal`` and ``-shm``.
        lease: seconds after which another process may send the items of a process that died. Must be longer than a call
            of the client can take.
        max_items: how many notifications the store holds at most. Notifications that are set aside do not count.
        max_bytes: how many bytes of JSON it holds at most.
        create: create the file if there is none.
        clock: tells the time; for tests.
        chance: makes ids and random choices; for tests.

    Raises:
        OptionError: an argument is not a positive number.
        StoreError: the file is damaged, is not an outbox, has a newer version, or cannot be written. It is not changed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lease: float = 30.0,
        max_items: int = 1_000_000,
        max_bytes: int = 2**30,
        create: bool = True,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        require_limits(lease=lease, max_items=max_items, max_bytes=max_bytes)
        self._path = os.path.realpath(path)
        self._directory = os.path.dirname(self._path)
        self._lease = lease
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._create = create
        self._clock = clock
        self._chance = chance
        self._closed = False
        # Reentrant: an exception out of a signal handler can leave it held by the thread that then closes the store.
        self._lock = threading.RLock()
        self._file: tuple[int, int] | None = None
        self._sqlite: sqlite3.Connection | None = None
        self._durable = False
        self._schema = 0
        self._compiler = _Compiler()
        self._counted = -math.inf
        self._room_until = -math.inf
        self._lent: dict[int, _Lent] = {}
        self._owed = Settlement()
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            needed = ".".join(map(str, OLDEST_SQLITE))
            raise StoreError(f"SQLiteStore needs SQLite {needed}; this Python has {sqlite3.sqlite_version}.")
        forks.watch(self, self._lock)
        self._check_file()
        self._use(lambda _: None)  # open the file

    @property
    def lease(self) -> float:
        """Seconds after which another process may send the items of a process that died."""
        return self._lease

    @property
    def where(self) -> str | None:
        """The name of the store in metrics: the absolute path."""
        return self._path

    def dedicate(self, account: str) -> None:
        """Keep the store to one account; see Store."""
        self._totals()
        (owner,) = self._row("SELECT owner FROM total")
        if not _is_text(owner):

            def dedicate(sqlite: sqlite3.Connection) -> None:
                rows = sqlite.execute("SELECT owner FROM total").fetchall()
                if not _is_text(rows[0][0]):
                    sqlite.execute("UPDATE total SET owner = ?", (account,))

            self._write(dedicate, durable=True)
            (owner,) = self._row("SELECT owner FROM total")
        if owner != account:
            raise foreign(f"The outbox {self._path}", owner, account)

    def append(self, items: Sequence[Item]) -> None:
        """Store all items or none; see Store."""
        size = sum(len(item.data) for item in items)
        low = self._leave_room(size)
        rows = [
            (self._max_items, self._max_bytes - len(item.data), item.group, item.route, item.due, item.added, item.data)
            for item in items
        ]
        while not self._inserted(rows):
            _, held, held_bytes, _ = self._totals()
            limits = {"max_items": self._max_items, "max_bytes": self._max_bytes}
            try:
                require_room(len(items), size, held=held, held_bytes=held_bytes, **limits)
            except OutboxFullError:
                if self._clock.monotonic() < self._counted + RECOUNT_INTERVAL:
                    raise
                self._write(self._recount, durable=False)
        if low:
            self._checkpoint()

    def _inserted(self, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Insert all rows, durably. Return whether there was room for them."""

        def insert(sqlite: sqlite3.Connection) -> bool:
            try:
                if len(rows) == 1:
                    self._insert_one(sqlite, rows[0])
                else:
                    sqlite.executemany(_INSERT, rows)
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_NOTNULL:
                    raise
                if sqlite.in_transaction:
                    sqlite.execute("ROLLBACK")
                return False
            return True

        return self._write(insert, durable=True, single=len(rows) == 1)

    def _insert_one(self, sqlite: sqlite3.Connection, row: tuple[Any, ...]) -> None:
        """Insert a row, in fewer steps than a transaction has.

        A query for the version of the schema would cost a third of the insertion. Without one, SQLite itself finds a
        change: it has to compile the statement again. Refuse that, and check the schema in a transaction.
        """
        self._compiler.allowed = False
        try:
            self._execute(sqlite, _INSERT, row)
            return
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_AUTH:
                raise
        finally:
            self._compiler.allowed = True
        self._in_transaction(lambda sqlite: self._execute(sqlite, _INSERT, row), sqlite)

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        """Claim items that are due; see Store. A group of which an item is in flight waits."""
        # Usually nothing is due. Find that out without the write lock, which other processes need.
        latest = now + max(LONGEST_WAIT, self._lease)
        routes = [
            (route, late)
            for route, first, last in self._routes(closed)
            if (late := not _is_number(last) or last > latest or not _is_number(first)) or first <= now
        ]
        if not routes:
            return []
        routes.sort(key=lambda _: self._chance.uniform(0, 1))  # in random order: no route is always the first
        token = self._chance.new_id()

        def claim(sqlite: sqlite3.Connection) -> list[list[Claimed]]:
            by_group: dict[str, list[Claimed]] = {}
            damaged: list[list[Claimed]] = []
            for left, (route, late) in zip(range(len(routes), 0, -1), routes, strict=True):
                if late:
                    damaged += self._mend(sqlite, route, now, latest)
                if route is None:
                    continue
                share = -(-(groups - len(by_group)) // left)
                given = {"route": _raw(route), "now": now, "soon": now + linger, "scan": SCAN, "groups": share}
                for row in sqlite.execute(_CLAIMABLE, given).fetchall():
                    what = _damage(row)
                    if what:
                        damaged.append([self._put_damaged_aside(sqlite, row, what, now)])
                        continue
                    items = by_group.setdefault(row[1], [])
                    if len(items) < size:
                        items.append(_claimed(row, token))
            sqlite.executemany(
                "UPDATE item SET claim = ?, due = ? WHERE seq = ?",
                [(token, now + self._lease, int(one.ref)) for items in by_group.values() for one in items],
            )
            if damaged:
                self._recount(sqlite)
            return [*by_group.values(), *damaged]

        with self._lock:
            try:
                self._catch_up()
                free = self._require_claim_room()
                groups_claimed = self._write(claim, durable=False)
                if free < LOW_ROOM:
                    self._checkpoint()
                return groups_claimed
            except _NoRoomError:
                open_routes = [route for route, _ in routes if route is not None]
                return self._claim_in_memory(open_routes, token, now, groups=groups, size=size, linger=linger)

    def _mend(self, sqlite: sqlite3.Connection, route: str | None, now: float, latest: float) -> list[list[Claimed]]:
        """Make items due that were stored while the clock was ahead. Set rows aside whose route or time is damaged."""
        if route is None:
            rows = sqlite.execute(_STRAYS).fetchall()
        else:
            rows = sqlite.execute(_TOO_LATE, {"route": _raw(route), "latest": latest}).fetchall()
        damaged: list[list[Claimed]] = []
        for row in rows:
            what = _damage(row)
            if what:
                damaged.append([self._put_damaged_aside(sqlite, row, what, now)])
            else:
                sqlite.execute("UPDATE item SET due = ? WHERE seq = ?", (now, row[0]))
        return damaged

    def _put_damaged_aside(self, sqlite: sqlite3.Connection, row: tuple[Any, ...], what: str, now: float) -> Claimed:
        """Set a damaged row aside, because a STRICT table refuses to update it. Return its item for the outbox."""
        one = _claimed(row, "", what)
        sqlite.execute(_REMOVE, (row[0],))
        message = f"The stored item is damaged: {what}."
        given = (row[0], one.group, one.route, "malformed", message, one.added, now, one.data)
        cursor = sqlite.execute(_PUT_ASIDE, (given[0], *given))
        return evolve(one, ref=str(cursor.lastrowid))

    def settle(self, settlement: Settlement, now: float) -> None:
        """Note what became of claimed items; see Store.

        This need not survive a power failure: the items are then sent again, and the edge recognizes them by their
        impressionId. On a full disk it need not survive the end of the process.
        """
        with self._lock, contextlib.suppress(_NoRoomError):
            if not self._lent:
                try:
                    self._note(settlement, now)
                    return
                except _NoRoomError:
                    pass
            self._owe(settlement, now)
            self._catch_up()

    def _note(self, settlement: Settlement, now: float) -> None:
        try:
            self._write(partial(self._settled, settlement, now), durable=False)
        except StoreError as error:
            if not isinstance(error, _NoRoomError) and not isinstance(error.__cause__, sqlite3.IntegrityError):
                raise
            for part in settlement.parts():  # each needs less room
                try:
                    self._write(partial(self._settled, part, now), durable=False)
                except _NoRoomError:
                    raise
                except StoreError:
                    continue  # The row was damaged meanwhile. The next claim finds it after the lease.

    def _settled(self, settlement: Settlement, now: float, sqlite: sqlite3.Connection) -> None:
        confirmed = [(int(one.ref),) for one in settlement.confirmed]
        count = sqlite.executemany(_REMOVE, confirmed).rowcount if confirmed else 0
        sqlite.execute("UPDATE total SET confirmed = confirmed + ?", (count,))
        again = "UPDATE item SET claim = NULL, attempts = attempts + ?, due = ? WHERE seq = ? AND claim = ?"
        sqlite.executemany(again, [(1, due, int(one.ref), one.token) for one, due in settlement.again])
        sqlite.executemany(again, [(0, due, int(one.ref), one.token) for one, due in settlement.released])
        sqlite.executemany(
            "UPDATE item SET due = ? WHERE seq = ? AND claim = ?",
            [(now + self._lease, int(one.ref), one.token) for one in settlement.extended],
        )
        for one, reason, message in settlement.aside:
            if sqlite.execute(f"{_REMOVE} AND claim = ?", (int(one.ref), one.token)).rowcount:
                given = (int(one.ref), one.group, one.route, reason, message, one.added, now, one.data)
                sqlite.execute(_PUT_ASIDE, (given[0], *given))

    # --- a full disk: items are claimed and settled in memory until there is room

    def _claim_in_memory(
        self, routes: Sequence[str], token: str, now: float, *, groups: int, size: int, linger: float
    ) -> list[list[Claimed]]:
        """Claim items without a transaction. Other processes may send them too; the edge counts them once."""
        if len(self._lent) >= MAX_LENT:
            raise StoreError(
                f"The outbox {self._path} cannot be used: the disk is full. Make room; {len(self._lent)} notifications "
                "wait for their outcome to be stored."
            )
        by_group: dict[str, list[Claimed]] = {}
        latest = now + max(LONGEST_WAIT, self._lease)  # a later time is of a clock that was ahead
        for route in routes:
            lent = json.dumps(
                [seq for seq, one in self._lent.items() if now < one.until <= latest or one.until == math.inf]
            )
            share = groups - len(by_group)
            given = {"route": _raw(route), "now": now, "soon": now + linger, "scan": SCAN, "groups": share}
            for row in self._rows(_NOT_LENT, {**given, "lent": lent}):
                what = _damage(row)
                one = _claimed(row, token, what)
                items = by_group.setdefault(one.group, [])
                if len(items) >= size:
                    continue
                known = self._lent.get(row[0])
                if known is not None:
                    one = evolve(one, attempts=max(known.attempts, one.attempts))
                items.append(one)
                self._lent[row[0]] = _Lent(now + self._lease, token, one.attempts, held=True)
        return list(by_group.values())

    def _owe(self, settlement: Settlement, now: float) -> None:
        """Keep a settlement in memory until there is room for it."""

        def lend(one: Claimed, until: float, attempts: int = 0, *, held: bool = True) -> None:
            self._lent[int(one.ref)] = _Lent(until, one.token, one.attempts + attempts, held)

        for one in settlement.confirmed:
            lend(one, math.inf)
        for one, _, _ in settlement.aside:
            lend(one, math.inf)
        for one, due in settlement.again:
            lend(one, due, 1, held=False)
        for one, due in settlement.released:
            lend(one, due, held=False)
        for one in settlement.extended:
            lend(one, now + self._lease)
        self._owed.confirmed += settlement.confirmed
        self._owed.aside += settlement.aside

    def _catch_up(self) -> None:
        """Store the claims and settlements that are in memory. Deleting confirmed items needs the least room.

        Raises:
            StoreError: there is no room for all of them yet.
        """
        now = self._clock.now()
        if self._owed.confirmed:
            self._note(Settlement(confirmed=self._owed.confirmed), now)
            for one in self._owed.confirmed:
                self._lent.pop(int(one.ref), None)
            self._owed.confirmed = []
        if not self._lent:
            return
        self._require_claim_room()
        latest = now + max(LONGEST_WAIT, self._lease)
        given = [
            (one.token if one.held else None, min(one.until, latest), one.attempts, seq, one.token, now)
            for seq, one in self._lent.items()
        ]
        self._write(partial(_store_claims, given), durable=False)
        self._note(Settlement(aside=self._owed.aside), now)
        self._owed.aside = []
        self._lent.clear()

    def _require_claim_room(self) -> int:
        """Return how many bytes of the disk are free, if they are enough to store claims."""
        free = self._free()
        if free < CLAIM_ROOM:
            raise _NoRoomError(f"The disk of the outbox {self._path} has only {free} bytes left.")
        return free

    def _leave_room(self, size: int) -> bool:
        """Return whether the disk is nearly full.

        Raises:
            StoreError: the disk has no room for items of this size and for the work on the stored items.
        """
        now = self._clock.monotonic()
        if now < self._room_until:
            return False
        free = self._free()
        if free >= MUCH_ROOM:
            self._room_until = now + ROOM_INTERVAL
        if free >= LOW_ROOM:
            return False
        if free < LEAST_ROOM + 3 * size:
            self._checkpoint()
            free = self._free()
        if free < LEAST_ROOM + 3 * size:
            raise StoreError(
                f"The outbox {self._path} cannot be used: database or disk is full. The disk has {free} bytes left; "
                f"the outbox leaves {LEAST_ROOM} for its work. Nothing of this call was stored."
            )
        return True

    def _free(self) -> int:
        """Return how many bytes of the disk are free."""
        try:
            return shutil.disk_usage(self._directory).free
        except OSError:
            return LOW_ROOM  # The system does not say, so SQLite finds out.

    def _checkpoint(self) -> None:
        """Move the content of the -wal file into the file, so that the -wal file needs no room."""
        with contextlib.suppress(StoreError):
            self._use(lambda sqlite: sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall(), durable=False)

    # --- reading

    def span(self) -> tuple[int, int] | None:
        """Return the positions of the oldest item and of the item appended last; see Store."""
        (oldest,) = self._row("SELECT MIN(seq) FROM item")
        return None if oldest is None else (oldest, self._totals()[0])

    def next_due(self, closed: Collection[str]) -> float | None:
        """Return when the next item is due; see Store."""
        return min((due if _is_number(due) else 0.0 for _, due, _ in self._routes(closed)), default=None)

    def _routes(self, closed: Collection[str]) -> list[tuple[str | None, Any, Any]]:
        """Return each open route, and when its first and its last item is due."""
        return [row for row in self._rows(_ROUTES) if row[0] not in closed]

    def stats(self, now: float) -> StoreStats:
        """Count the items; see Store."""
        _, items, size, confirmed = self._totals()
        in_flight, aside, oldest = self._row(
            """
            SELECT
                (SELECT COUNT(*) FROM item WHERE claim IS NOT NULL AND due > ?),
                (SELECT COUNT(*) FROM aside),
                (SELECT added FROM item ORDER BY seq LIMIT 1)
            """,
            (now,),
        )
        oldest = (oldest if _is_number(oldest) else now) if items else None
        return StoreStats(max(0, items - in_flight), in_flight, confirmed, aside, size, oldest)

    def _totals(self) -> tuple[int, int, int, int]:
        """Return the last number given, how many items there are, their bytes, and how many were ever confirmed."""
        query = "SELECT seq, items, bytes, confirmed FROM total"
        rows = self._rows(query)
        if len(rows) != 1 or not all(map(_is_count, rows[0])):
            self._write(self._recount, durable=False)
            rows = self._rows(query)
        seq, items, size, confirmed = rows[0]
        return seq, items, size, confirmed

    def _recount(self, sqlite: sqlite3.Connection) -> None:
        """Count the items, and store the totals."""
        self._counted = self._clock.monotonic()
        items, size, *newest = sqlite.execute(_COUNTED, (MAX_SEQ, MAX_SEQ)).fetchone()
        totals = sqlite.execute("SELECT seq, confirmed, owner FROM total").fetchall()
        given = [seq for seq, _, _ in totals if _is_count(seq)]
        # If the last number is unknown, leave a gap, because no number may be given twice.
        seq = max([0, *given, *(one for one in newest if one is not None)]) + (0 if given else 2**32)
        confirmed = max((one for _, one, _ in totals if _is_count(one)), default=0)
        owner = next((one for _, _, one in totals if _is_text(one)), None)
        sqlite.execute("DELETE FROM total")
        sqlite.execute("INSERT INTO total VALUES (?, ?, ?, ?, ?)", (seq, items, size, confirmed, owner))

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return the items that are set aside; see Store."""
        rows = self._rows(
            "SELECT seq, reason, message, added, set_aside, data FROM aside ORDER BY seq LIMIT ?",
            (-1 if limit is None else limit,),
        )
        return [
            SetAside(
                str(seq), _REASONS.get(reason, "malformed"), _shown(message), _time(added), _time(at), _bytes(data)
            )
            for seq, reason, message, added, at, data in rows
        ]

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        """Append items that were set aside again; see Store."""
        where, parameters = _where(refs)

        def replay(sqlite: sqlite3.Connection) -> int:
            chosen = f"SELECT grp, route, data, seq FROM aside {where} ORDER BY seq"  # noqa: S608 - constant text
            rows = sqlite.execute(chosen, parameters).fetchall()
            # No limits: the store held these items before.
            room = (2**62, 2**62)
            given = [(*room, _shown(group), _shown(route), now, now, _bytes(data)) for group, route, data, _ in rows]
            sqlite.executemany(_INSERT, given)
            sqlite.executemany("DELETE FROM aside WHERE seq = ?", [row[3:] for row in rows])
            return len(rows)

        return self._write(replay, durable=True)

    def purge(self, refs: Collection[str] | None) -> int:
        """Forget items that were set aside; see Store."""
        where, parameters = _where(refs)

        def purge(sqlite: sqlite3.Connection) -> int:
            return sqlite.execute(f"DELETE FROM aside {where}", parameters).rowcount  # noqa: S608 - constant text

        return self._write(purge, durable=True)

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        with self._lock:
            if not self._closed:
                with contextlib.suppress(StoreError):
                    self._catch_up()
            self._closed = True
            self._release()

    def before_fork(self) -> None:
        """Close the file. The next use opens it again.

        A forked process inherits SQLite's record of locks, but not the locks themselves, and could corrupt the file.
        """
        self._release()

    def after_fork_in_child(self) -> None:
        """Forget the claims and settlements in memory, because the parent stores them."""
        self._lent.clear()
        self._owed = Settlement()

    def _release(self) -> None:
        sqlite, self._sqlite = self._sqlite, None
        if sqlite is not None:
            with contextlib.suppress(sqlite3.Error):
                sqlite.close()

    def _row(self, sql: str, parameters: Any = ()) -> Any:
        return self._rows(sql, parameters)[0]

    def _rows(self, sql: str, parameters: Any = ()) -> list[Any]:
        return self._use(lambda sqlite: self._execute(sqlite, sql, parameters).fetchall())

    def _use(self, work: Callable[[sqlite3.Connection], T], *, durable: bool | None = None) -> T:
        """Do work with the connection, in one thread at a time.

        Args:
            work: gets the connection.
            durable: whether a commit must survive a power failure, and not only the end of the process. None if the
                work only reads.
        """
        with self._lock:
            try:
                sqlite = self._sqlite or self._opened()
                if durable is not None:
                    self._make_ready(sqlite, durable=durable)
                return work(sqlite)
            except sqlite3.IntegrityError:
                raise
            except (sqlite3.Error, OSError) as error:
                self._fail(error)

    def _make_ready(self, sqlite: sqlite3.Connection, *, durable: bool) -> None:
        """Prepare the connection for writing."""
        if sqlite.in_transaction:
            sqlite.execute("ROLLBACK")  # a call was interrupted before it could roll back
        if durable:
            self._require_file()
        if self._durable is not durable:
            sqlite.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _check_schema(self, sqlite: sqlite3.Connection) -> None:
        """Raise an error if another program has changed a table, an index or a trigger."""
        (schema,) = self._execute(sqlite, "PRAGMA schema_version").fetchone()
        if schema != self._schema:
            self._is_outbox(sqlite)
            self._schema = schema

    def _in_transaction(self, work: Callable[[sqlite3.Connection], T], sqlite: sqlite3.Connection) -> T:
        """Do work inside a transaction, if the schema is an outbox's. Roll back if the work raises anything."""
        try:
            self._execute(sqlite, "BEGIN IMMEDIATE")
            self._check_schema(sqlite)
            result = work(sqlite)
            if sqlite.in_transaction:
                self._execute(sqlite, "COMMIT")
        except BaseException:
            if sqlite.in_transaction:
                sqlite.execute("ROLLBACK")
            raise
        return result

    def _write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool, single: bool = False) -> T:
        """Do work in a transaction. Make room and repair the totals if that lets it succeed.

        Args:
            work: gets the connection.
            durable: as in ``_use``.
            single: whether the work is one statement, which is a transaction by itself.
        """
        whole = work if single else partial(self._in_transaction, work)
        mended = False
        while True:
            try:
                return self._use(whole, durable=durable)
            except _NoRoomError:
                if mended:
                    raise
                self._checkpoint()
            except sqlite3.IntegrityError as error:
                if mended:
                    self._fail(error)
                self._use(partial(self._in_transaction, self._recount), durable=False)
            mended = True

    def _execute(
        self, sqlite: sqlite3.Connection, sql: str, parameters: Any = (), *, busy_timeout: float = BUSY_TIMEOUT
    ) -> sqlite3.Cursor:
        """Execute a statement. Wait for other processes in short steps; SQLite itself waits up to 0.1 s at a time."""
        deadline = None
        while True:
            try:
                return sqlite.execute(sql, parameters)
            except sqlite3.OperationalError as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                now = self._clock.monotonic()
                deadline = deadline or now + busy_timeout
                if code != sqlite3.SQLITE_BUSY or now >= deadline:
                    raise
                time.sleep(0.001)

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"The store {self._path} is closed.")
        first = self._file is None
        if first:
            self._find_file()
        else:
            self._require_file()
        sqlite = self._connect("rw")
        try:
            self._set_up(sqlite, first=first)
        except BaseException:
            sqlite.close()
            raise
        self._sqlite, self._durable = sqlite, False
        return sqlite

    def _find_file(self) -> None:
        """Remember the file's identity. Create the file if there is none, readable by its owner only."""
        if self._create:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        found = os.stat(self._path)
        self._file = (found.st_dev, found.st_ino)
        for path in (self._path, f"{self._path}-wal", f"{self._path}-shm"):
            with contextlib.suppress(FileNotFoundError):
                self._keep_to_owner(path)

    def _keep_to_owner(self, path: str) -> None:
        """Make an existing file unreadable for other users."""
        mode = os.stat(path).st_mode
        if os.name == "nt" or not mode & 0o077:
            return
        try:
            os.chmod(path, 0o600)
        except PermissionError as error:
            if mode & 0o007:
                raise StoreError(
                    f"The outbox {self._path} is open to all users of the machine, and holds ids of visitors. Its "
                    f"owner must make it private: chmod 600 {path}"
                ) from error

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{Path(self._path).absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=0,
            isolation_level=None,  # this module begins and ends transactions itself
            check_same_thread=False,
        )

    def _set_up(self, sqlite: sqlite3.Connection, *, first: bool) -> None:
        # The first statement of a connection waits for a process that is just closing the file.
        self._execute(sqlite, "PRAGMA synchronous = NORMAL")
        sqlite.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        sqlite.text_factory = _decoded
        if first:
            self._execute(sqlite, "PRAGMA journal_mode = WAL")
            self._prepare(sqlite)
        (self._schema,) = self._execute(sqlite, "PRAGMA schema_version").fetchone()
        sqlite.set_authorizer(self._compiler)

    def _prepare(self, sqlite: sqlite3.Connection) -> None:
        """Create the tables, or bring them up to date."""
        (version,) = self._execute(sqlite, "PRAGMA user_version").fetchone()
        older = 0 < version < SCHEMA_VERSION  # so another process may be bringing them up to date now
        self._execute(sqlite, "BEGIN IMMEDIATE", busy_timeout=UPDATE_TIMEOUT if older else BUSY_TIMEOUT)
        try:
            version = self._is_outbox(sqlite)
            if not version:
                for statement in (*_SCHEMA, "INSERT INTO total VALUES (0, 0, 0, 0, NULL)", *_MARKS):
                    sqlite.execute(statement)
            elif version < SCHEMA_VERSION:
                self._bring_up_to_date(sqlite)
            elif not self._counts_fit(sqlite):
                self._recount(sqlite)
            # Always write something, so that a read-only file raises an error now.
            sqlite.execute("UPDATE total SET owner = owner")
            self._execute(sqlite, "COMMIT")
        except BaseException as error:
            if sqlite.in_transaction:
                sqlite.execute("ROLLBACK")
            # Stored items can be delivered even from a full disk.
            if not (isinstance(error, sqlite3.Error) and _is_no_room(error) and self._is_outbox(sqlite)):
                raise

    def _counts_fit(self, sqlite: sqlite3.Connection) -> bool:
        """Return whether the totals are right."""
        items, size, *newest = sqlite.execute(_COUNTED, (MAX_SEQ, MAX_SEQ)).fetchone()
        rows = sqlite.execute("SELECT seq, items, bytes, confirmed, owner FROM total").fetchall()
        if len(rows) != 1 or not all(map(_is_count, rows[0][:4])) or not (rows[0][4] is None or _is_text(rows[0][4])):
            return False
        return (rows[0][1], rows[0][2]) == (items, size) and rows[0][0] >= max(one or 0 for one in newest)

    def _bring_up_to_date(self, sqlite: sqlite3.Connection) -> None:
        """Copy the tables of schema 1, which took values of any type, into STRICT tables. Set damaged items aside."""
        for kind, name in _objects(1):
            if kind != "table":
                sqlite.execute(f"DROP {kind} {name}")
        for name in _TABLES:
            sqlite.execute(f"ALTER TABLE {name} RENAME TO old_{name}")
        for statement in _SCHEMA[: len(_TABLES)]:
            sqlite.execute(statement)
        now = self._clock.now()
        fits = "typeof(grp) = 'text' AND typeof(route) = 'text' AND typeof(added) = 'real' AND typeof(data) = 'blob'"
        item = f"{fits} AND typeof(due) = 'real' AND typeof(attempts) = 'integer' AND typeof(claim) IN ('text', 'null')"
        aside = f"{fits} AND typeof(reason) = 'text' AND typeof(message) = 'text' AND typeof(set_aside) = 'real'"
        for name, columns, condition in (("item", _COLUMNS, item), ("aside", _ASIDE_COLUMNS, aside)):
            sqlite.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM old_{name} WHERE {condition}")  # noqa: S608 - constant text
        for row in sqlite.execute(f"SELECT {_COLUMNS} FROM old_item WHERE NOT ({item})").fetchall():  # noqa: S608 - constant text
            self._put_damaged_aside(sqlite, row, _damage(row), now)
        for row in sqlite.execute(f"SELECT {_ASIDE_COLUMNS} FROM old_aside WHERE NOT ({aside})").fetchall():  # noqa: S608 - constant text
            seq, group, route, reason, message, added, at, data = row
            texts = (_shown(group), _shown(route), _REASONS.get(reason, "malformed"), _shown(message))
            sqlite.execute(_PUT_ASIDE, (seq, seq, *texts, _time(added), _time(at), _bytes(data)))
        for seq, confirmed, owner in sqlite.execute("SELECT seq, confirmed, owner FROM old_total").fetchall():
            if _is_count(seq) and _is_count(confirmed):
                kept = (seq, confirmed, owner if _is_text(owner) else None)
                sqlite.execute("INSERT INTO total VALUES (?, 0, 0, ?, ?)", kept)
        for name in _TABLES:
            sqlite.execute(f"DROP TABLE old_{name}")
        for statement in (*_INDEXES, *_TRIGGERS, *_MARKS):
            sqlite.execute(statement)
        self._recount(sqlite)

    def _require_file(self) -> None:
        """Raise an error if the file was deleted or replaced: no other process would find what is written to it."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._file:
            raise StoreError(
                f"The outbox {self._path} was deleted or replaced while it was open. It stores nothing more; the "
                "notifications that it held are sent as long as this process runs. Create a new outbox."
            )

    def _check_file(self) -> None:
        """Check an existing file, through a connection that cannot write.

        Never open the file in another way: closing it would release the locks that SQLite holds in this process.

        Raises:
            StoreError: the file is damaged, or is not an outbox that this version can read.
        """
        sizes: list[int] = []
        # In this order: another process that creates the file right now writes -wal after it.
        for path in (f"{self._path}-wal", self._path):
            try:
                sizes.append(os.path.getsize(path))
            except FileNotFoundError:
                sizes.append(0)
            except OSError as error:
                self._fail(error)
        if not any(sizes):
            if not self._create and not os.path.exists(self._path):
                raise StoreError(f"There is no outbox {self._path}.")
            return
        if not sizes[1]:
            self._damaged("it is empty, while its -wal file is not")
        try:
            with contextlib.closing(self._connect("ro")) as sqlite:
                if self._is_outbox(sqlite):
                    for (verdict,) in self._execute(sqlite, "PRAGMA quick_check(1000)").fetchall():
                        if verdict != "ok" and not _ROW_DAMAGE.match(verdict):
                            self._damaged(verdict)
        except sqlite3.Error as error:
            self._fail(error)

    def _is_outbox(self, sqlite: sqlite3.Connection) -> int:
        """Return the version of an outbox's tables, indexes and triggers; 0 for an empty file.

        Raises:
            StoreError: the file has other tables, indexes or triggers.
        """
        (application_id,) = self._execute(sqlite, "PRAGMA application_id").fetchone()
        (version,) = self._execute(sqlite, "PRAGMA user_version").fetchone()
        if application_id != APPLICATION_ID:
            (tables,) = self._execute(sqlite, "SELECT COUNT(*) FROM sqlite_master").fetchone()
            if application_id or version or tables:
                raise StoreError(f"{self._path} is a SQLite database, but not an outbox. Choose another path.")
            return 0
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"The outbox {self._path} has schema version {version}; this version of the SDK knows "
                f"{SCHEMA_VERSION}. Update target-delivery, or choose another path. Nothing was changed."
            )
        found = {
            (str(kind), str(name)): _plain(sql)
            for kind, name, sql in self._execute(sqlite, "SELECT type, name, sql FROM sqlite_master").fetchall()
            if not str(name).startswith("sqlite_")
        }
        expected = _objects(int(version))
        for kind, name in sorted(found.keys() | expected.keys()):
            if (kind, name) not in expected:
                raise StoreError(
                    f"The outbox {self._path} has the {kind} {name!r}, which no outbox has and which may change what "
                    f"it stores. Nothing was changed. Remove it: DROP {kind.upper()} {name}"
                )
            if found.get((kind, name)) != expected[kind, name]:
                state = "different from that of an outbox" if (kind, name) in found else "missing"
                self._damaged(f"its {kind} {name} is {state}")
        return int(version)

    def _damaged(self, what: str) -> NoReturn:
        raise StoreError(
            f"The outbox {self._path} is damaged: {what}. Nothing was changed. Move the file aside to start with an "
            "empty outbox; sqlite3's command .recover may save what is in it."
        )

    def _fail(self, error: sqlite3.Error | OSError) -> NoReturn:
        if isinstance(error, sqlite3.Error) and _is_no_room(error):
            raise _NoRoomError(f"The outbox {self._path} cannot be used: {error}. The disk is full.") from error
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            self._damaged(str(error))
        hints = {
            sqlite3.SQLITE_CANTOPEN: " Its directory must exist and be writable.",
            sqlite3.SQLITE_READONLY: " The file and its directory must be writable.",
            sqlite3.SQLITE_BUSY: " Another process holds it.",
        }
        hint = hints[sqlite3.SQLITE_READONLY] if isinstance(error, PermissionError) else hints.get(code, "")
        raise StoreError(f"The outbox {self._path} cannot be used: {error}.{hint}") from error


def _where(refs: Collection[str] | None) -> tuple[str, list[str]]:
    require_refs(refs)
    if refs is None:
        return "", []
    numbers = [
        number for ref in refs if re.fullmatch(r"-?[0-9]{1,19}", ref) and -(2**63) <= (number := int(ref)) < 2**63
    ]
    return "WHERE seq IN (SELECT value FROM json_each(?))", [json.dumps(numbers)]


_ROW_DAMAGE = re.compile(r"(NULL|[A-Z]+|non-[A-Z]+) value in \w+\.\w+$")
"""The message of quick_check about a value that its column cannot have. Such a value damages one row only."""
_REASONS: dict[object, Reason] = {"refused": "refused", "expired": "expired", "malformed": "malformed"}


def _store_claims(given: Sequence[tuple[object, ...]], sqlite: sqlite3.Connection) -> None:
    """Store claims that were in memory, except for items that another process has claimed meanwhile."""
    sqlite.executemany(
        "UPDATE item SET claim = ?, due = ?, attempts = ? WHERE seq = ? AND (claim IS NULL OR claim = ? OR due <= ?)",
        given,
    )


def _is_no_room(error: sqlite3.Error) -> bool:
    # SQLite reports a quota, or a limit of the process, as IOERR_WRITE.
    return getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)


def _decoded(text: bytes) -> str:
    """Decode a text of the file. Bytes that are not UTF-8 become lone surrogates."""
    return text.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    """Return the bytes of a text that ``_decoded`` returned."""
    return text.encode("utf-8", "surrogateescape")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and (value.isascii() or value.encode("utf-8", "ignore").decode() == value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float))


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and 0 <= value < MAX_SEQ


def _damage(row: tuple[Any, ...]) -> str:
    """Return what is wrong with a row of the table item; the empty text if nothing is."""
    _, group, route, due, claim, attempts, added, data = row
    if not _is_text(group):
        column = "grp"
    elif not _is_text(route):
        column = "route"
    elif not _is_number(due):
        column = "due"
    elif claim is not None and not _is_text(claim):
        column = "claim"
    elif not _is_count(attempts):
        column = "attempts"
    elif not _is_number(added) or not math.isfinite(added):
        column = "added"
    elif not isinstance(data, bytes):
        column = "data"
    else:
        return ""
    return f"its column {column} has a value of a wrong type or out of range"


def _claimed(row: tuple[Any, ...], token: str, damage: str = "") -> Claimed:
    """Return the item of a row."""
    seq, group, route, _, _, attempts, added, data = row
    if not damage:
        return Claimed(str(seq), token, group, route, data, added, attempts)
    return Claimed(str(seq), token, _shown(group), _shown(route), _bytes(data), _time(added), 0, damage)


def _shown(value: object) -> str:
    """Return a value of any type as text without invalid characters."""
    if isinstance(value, str):
        value = _raw(value)
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _time(value: object) -> float:
    return value if _is_number(value) and math.isfinite(value) else 0.0


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b"" if value is None else _raw(str(value))
