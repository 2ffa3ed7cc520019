"""SQLiteStore: an outbox in a file, shared by the processes of a machine."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._http import forks
from target_delivery.errors import StoreError
from target_delivery.outbox.stores.base import (
    Claimed,
    SetAside,
    StoreStats,
    foreign,
    require_limits,
    require_refs,
    require_room,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Sequence

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery.outbox.items import Item
    from target_delivery.outbox.stores.base import Settlement

__all__ = ["SQLiteStore"]

SCHEMA_VERSION = 1
APPLICATION_ID = 0x54444F42  # "TDOB"
BUSY_TIMEOUT = 10.0
"""Seconds to wait for other processes to end their transactions."""
SCAN = 2_000
"""Due items of a route that are looked at for groups to claim."""
WAL_LIMIT = 2**24
"""Bytes that the -wal file is cut back to after it was longer."""

_INSERT = """
    INSERT INTO item (seq, grp, route, due, added, data) VALUES (
        (SELECT seq + 1 FROM total), (SELECT CASE WHEN items < ? AND bytes <= ? THEN ? END FROM total), ?, ?, ?, ?
    )
"""
"""Needs no transaction around it: without room the group is NULL, which the table refuses."""
_REMOVE = "DELETE FROM item WHERE seq = ?"
_ROUTES = """
    WITH RECURSIVE known (route) AS (
        SELECT MIN(route) FROM item
        UNION ALL
        SELECT (SELECT MIN(route) FROM item WHERE item.route > known.route) FROM known WHERE known.route IS NOT NULL
    )
    SELECT route, (SELECT MIN(due) FROM item WHERE item.route = known.route) FROM known WHERE route IS NOT NULL
"""
"""The routes of all items, from one to the next in the index, and when the first item of each is due."""
_CLAIMABLE = """
    WITH waiting AS MATERIALIZED (
        SELECT seq, grp, due FROM item WHERE route = :route AND due <= :soon AND NOT EXISTS (
            SELECT 1 FROM item AS sent WHERE sent.grp = item.grp AND sent.claim IS NOT NULL AND sent.due > :now
        )
        ORDER BY due LIMIT :scan
    ),
    chosen AS (SELECT grp FROM waiting WHERE due <= :now GROUP BY grp ORDER BY MIN(due) LIMIT :groups)
    SELECT seq, grp, route, data, added, attempts FROM item
    WHERE seq IN (SELECT seq FROM waiting WHERE grp IN chosen) ORDER BY seq
"""
"""The items of the groups that have waited longest, and of no group that is in flight."""
_SCHEMA = (
    """
    CREATE TABLE item (
        seq INTEGER PRIMARY KEY,
        grp TEXT NOT NULL,
        route TEXT NOT NULL,
        due REAL NOT NULL,      -- when it may be sent; of a claimed item the end of the lease
        claim TEXT,             -- token of the claim, NULL when nobody has it
        attempts INTEGER NOT NULL DEFAULT 0,
        added REAL NOT NULL,
        data BLOB NOT NULL
    )
    """,
    # All that choosing groups looks at, in one index: every further one is another page to sync at every commit.
    "CREATE INDEX item_due ON item (route, due, grp)",
    "CREATE INDEX item_claimed ON item (grp) WHERE claim IS NOT NULL",
    """
    CREATE TABLE aside (
        seq INTEGER PRIMARY KEY,
        grp TEXT NOT NULL,
        route TEXT NOT NULL,
        reason TEXT NOT NULL,
        message TEXT NOT NULL,
        added REAL NOT NULL,
        set_aside REAL NOT NULL,
        data BLOB NOT NULL
    )
    """,
    # seq is counted here: SQLite gives the number of a deleted newest row again, and a process that was taken for
    # dead could then confirm another item than the one it sent.
    """
    CREATE TABLE total (
        seq INTEGER NOT NULL, items INTEGER NOT NULL, bytes INTEGER NOT NULL, confirmed INTEGER NOT NULL, owner TEXT
    )
    """,
    """
    CREATE TRIGGER item_in AFTER INSERT ON item BEGIN
        UPDATE total SET seq = NEW.seq, items = items + 1, bytes = bytes + length(NEW.data);
    END
    """,
    """
    CREATE TRIGGER item_out AFTER DELETE ON item BEGIN
        UPDATE total SET items = items - 1, bytes = bytes - length(OLD.data);
    END
    """,
    "INSERT INTO total VALUES (0, 0, 0, 0, NULL)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


class SQLiteStore(forks.Watched):
    """An outbox in a SQLite file: durable when ``send_notifications`` returns, shared by several processes.

    The file is opened at once, and made when there is none. It must be on a local disk. A fork waits for transactions
    to end and closes the file; each process opens it anew.

    Args:
        path: the file. SQLite keeps two more beside it, ``-wal`` and ``-shm``.
        lease: seconds after which the items of a process that died are taken over. Longer than a call can take.
        max_items: notifications it holds at most, those that are set aside not counted.
        max_bytes: bytes of JSON it holds at most.
        create: make the file when there is none.
        clock: tells the time; for tests.
        chance: makes ids and random choices; for tests.

    Raises:
        OptionError: an argument is unusable.
        StoreError: the file is damaged, no outbox, of a newer version, or cannot be written. It is left as it is.
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
        forks.watch(self, self._lock)
        self._check_file()
        with self._connection():
            pass

    @property
    def lease(self) -> float:
        """Seconds after which the items of a process that died are taken over."""
        return self._lease

    @property
    def where(self) -> str | None:
        """What metrics call the store: the absolute path."""
        return self._path

    def dedicate(self, account: str) -> None:
        """Keep the store to one account; see Store."""
        with self._transaction(durable=True) as sqlite:
            sqlite.execute("UPDATE total SET owner = ? WHERE owner IS NULL", (account,))
            (owner,) = sqlite.execute("SELECT owner FROM total").fetchone()
        if owner != account:
            raise foreign(f"The outbox {self._path}", owner, account)

    def append(self, items: Sequence[Item]) -> None:
        """Store all items or none; see Store."""
        rows = [
            (
                self._max_items,
                self._max_bytes - len(item.data),
                item.group,
                item.route,
                item.due,
                item.added,
                item.data,
            )
            for item in items
        ]
        while not self._inserted(rows):
            held, held_bytes = self._row("SELECT items, bytes FROM total")
            require_room(
                len(items),
                sum(len(item.data) for item in items),
                held=held,
                held_bytes=held_bytes,
                max_items=self._max_items,
                max_bytes=self._max_bytes,
            )

    def _inserted(self, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Insert all rows, durably; tell whether there was room for them."""
        try:
            if len(rows) == 1:
                with self._connection(durable=True) as sqlite:
                    self._execute(sqlite, _INSERT, rows[0])
            else:
                with self._transaction(durable=True) as sqlite:
                    sqlite.executemany(_INSERT, rows)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_NOTNULL:
                self._fail(error)
            return False
        return True

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        """Take out what is due; see Store. A group that is in flight, from whatever process, waits."""
        # Mostly nothing is due: that takes no write lock from other processes.
        routes = [route for route, due in self._routes(closed) if due <= now]
        if not routes:
            return []
        routes.sort(key=lambda _: self._chance.uniform(0, 1))  # in random order: no route is always the first
        token = self._chance.new_id()
        by_group: dict[str, list[Claimed]] = {}
        with self._transaction(durable=False) as sqlite:
            for left, route in zip(range(len(routes), 0, -1), routes, strict=True):
                share = -(-(groups - len(by_group)) // left)
                parameters = {"route": route, "now": now, "soon": now + linger, "scan": SCAN, "groups": share}
                for seq, *rest in sqlite.execute(_CLAIMABLE, parameters).fetchall():
                    items = by_group.setdefault(rest[0], [])
                    if len(items) < size:
                        items.append(Claimed(str(seq), token, *rest))
            sqlite.executemany(
                "UPDATE item SET claim = ?, due = ? WHERE seq = ?",
                [(token, now + self._lease, int(one.ref)) for items in by_group.values() for one in items],
            )
        return list(by_group.values())

    def settle(self, settlement: Settlement, now: float) -> None:
        """Note what became of claimed items; see Store.

        It need not be durable: after a power failure they are sent again, and the edge knows them by impressionId.
        """
        with self._transaction(durable=False) as sqlite:
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
                    sqlite.execute(
                        "INSERT INTO aside VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (int(one.ref), one.group, one.route, reason, message, one.added, now, one.data),
                    )

    def span(self) -> tuple[int, int] | None:
        """Return the positions of the oldest and the newest item; see Store."""
        oldest, newest = self._row("SELECT MIN(seq), (SELECT seq FROM total) FROM item")
        return None if oldest is None else (oldest, newest)

    def next_due(self, closed: Collection[str]) -> float | None:
        """Return when the next item is due; see Store."""
        return min((due for _, due in self._routes(closed)), default=None)

    def _routes(self, closed: Collection[str]) -> list[tuple[str, float]]:
        """Return the open routes, and when their first items are due."""
        with self._connection() as sqlite:
            return [row for row in self._execute(sqlite, _ROUTES).fetchall() if row[0] not in closed]

    def stats(self, now: float) -> StoreStats:
        """Count; see Store."""
        items, size, confirmed, in_flight, aside, oldest = self._row(
            """
            SELECT items, bytes, confirmed,
                (SELECT COUNT(*) FROM item WHERE claim IS NOT NULL AND due > ?),
                (SELECT COUNT(*) FROM aside),
                (SELECT added FROM item ORDER BY seq LIMIT 1)
            FROM total
            """,
            (now,),
        )
        return StoreStats(items - in_flight, in_flight, confirmed, aside, size, oldest)

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return what is set aside, oldest first; see Store."""
        with self._connection() as sqlite:
            rows = self._execute(
                sqlite,
                "SELECT seq, reason, message, added, set_aside, data FROM aside ORDER BY seq LIMIT ?",
                (-1 if limit is None else limit,),
            ).fetchall()
        return [SetAside(str(seq), *rest) for seq, *rest in rows]

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        """Put back what was set aside; see Store."""
        where, parameters = _where(refs)
        with self._transaction(durable=True) as sqlite:
            chosen = f"SELECT grp, route, data, seq FROM aside {where} ORDER BY seq"  # noqa: S608 - constant text
            rows = sqlite.execute(chosen, parameters).fetchall()
            # What the store held before is always let in again.
            room = (2**62, 2**62)
            sqlite.executemany(_INSERT, [(*room, group, route, now, now, data) for group, route, data, _ in rows])
            sqlite.executemany("DELETE FROM aside WHERE seq = ?", [row[3:] for row in rows])
        return len(rows)

    def purge(self, refs: Collection[str] | None) -> int:
        """Forget what was set aside; see Store."""
        where, parameters = _where(refs)
        with self._transaction(durable=True) as sqlite:
            return sqlite.execute(f"DELETE FROM aside {where}", parameters).rowcount  # noqa: S608 - constant text

    def close(self) -> None:
        """Close the file. A second time does nothing."""
        with self._lock:
            self._closed = True
            self._release()

    def before_fork(self) -> None:
        """Close the file, to be opened anew at the next use.

        A child would inherit what SQLite knows of locks, and not the locks: it may corrupt what its parent has open.
        """
        self._release()

    def _release(self) -> None:
        sqlite, self._sqlite = self._sqlite, None
        if sqlite is not None:
            with contextlib.suppress(sqlite3.Error):
                sqlite.close()

    def _row(self, sql: str, parameters: Any = ()) -> Any:
        with self._connection() as sqlite:
            return self._execute(sqlite, sql, parameters).fetchone()

    @contextlib.contextmanager
    def _connection(self, *, durable: bool | None = None) -> Generator[sqlite3.Connection]:
        """Give the connection to one thread at a time.

        Args:
            durable: whether what it commits shall survive a power failure, and not only the end of the process;
                None for what only reads.
        """
        with self._lock:
            try:
                sqlite = self._sqlite or self._opened()
                if durable is not None:
                    self._make_ready(sqlite, durable=durable)
                yield sqlite
            except sqlite3.IntegrityError:
                raise
            except (sqlite3.Error, OSError) as error:
                self._fail(error)

    def _make_ready(self, sqlite: sqlite3.Connection, *, durable: bool) -> None:
        """Get ready to write."""
        if sqlite.in_transaction:
            sqlite.execute("ROLLBACK")  # a call was interrupted before it could roll back
        if durable:
            self._require_file()
        if self._durable is not durable:
            sqlite.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    @contextlib.contextmanager
    def _transaction(self, *, durable: bool) -> Generator[sqlite3.Connection]:
        """Give the connection inside a transaction, which is undone when it fails."""
        with self._connection(durable=durable) as sqlite:
            try:
                self._execute(sqlite, "BEGIN IMMEDIATE")
                yield sqlite
                self._execute(sqlite, "COMMIT")
            except BaseException:
                if sqlite.in_transaction:
                    sqlite.execute("ROLLBACK")
                raise

    def _execute(self, sqlite: sqlite3.Connection, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Execute, waiting for other processes. SQLite's own wait is in steps of up to 0.1 s."""
        deadline = self._clock.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                return sqlite.execute(sql, parameters)
            except sqlite3.OperationalError as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code != sqlite3.SQLITE_BUSY or self._clock.monotonic() >= deadline:
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
        """Note which file it is; make it when there is none, for its owner only: it holds ids of visitors."""
        if self._create:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        found = os.stat(self._path)
        self._file = (found.st_dev, found.st_ino)

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{Path(self._path).absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=0,
            isolation_level=None,  # transactions are ours to begin and end
            check_same_thread=False,
        )

    def _set_up(self, sqlite: sqlite3.Connection, *, first: bool) -> None:
        # The first statement of a connection waits for a process that is just closing the file.
        self._execute(sqlite, "PRAGMA synchronous = NORMAL")
        sqlite.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        if not first:
            return
        self._execute(sqlite, "PRAGMA journal_mode = WAL")
        self._execute(sqlite, "BEGIN IMMEDIATE")
        try:
            if not self._is_outbox(sqlite):
                for statement in _SCHEMA:
                    sqlite.execute(statement)
            # Written in any case: a full disk or a read-only file shows now, and not at the first conversion.
            sqlite.execute("UPDATE total SET seq = seq")
            self._execute(sqlite, "COMMIT")
        except BaseException:
            if sqlite.in_transaction:
                sqlite.execute("ROLLBACK")
            raise

    def _require_file(self) -> None:
        """Refuse to write what nobody would find again."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._file:
            raise StoreError(
                f"The outbox {self._path} was deleted or replaced while it was open. Nothing more is stored in it; "
                "what it held is sent as long as this process lives. Create a new outbox."
            )

    def _check_file(self) -> None:
        """Look at a file that is there, through a connection that cannot write.

        It must not be opened by other means: to close it then would take SQLite's locks from this process.

        Raises:
            StoreError: it is not a whole outbox that this version can read.
        """
        sizes: list[int] = []
        # In this order: who makes the file writes -wal after it.
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
                    (verdict,) = self._execute(sqlite, "PRAGMA quick_check(1)").fetchone()
                    if verdict != "ok":
                        self._damaged(verdict)
        except sqlite3.Error as error:
            self._fail(error)

    def _is_outbox(self, sqlite: sqlite3.Connection) -> bool:
        """Tell whether the file has our tables; an empty one has not yet."""
        (application_id,) = self._execute(sqlite, "PRAGMA application_id").fetchone()
        (version,) = self._execute(sqlite, "PRAGMA user_version").fetchone()
        if application_id != APPLICATION_ID:
            (tables,) = self._execute(sqlite, "SELECT COUNT(*) FROM sqlite_master").fetchone()
            if application_id or version or tables:
                raise StoreError(f"{self._path} is a SQLite database, but no outbox. Choose another path.")
            return False
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"The outbox {self._path} has schema version {version}; this version of the SDK knows "
                f"{SCHEMA_VERSION}. Update target-delivery, or choose another path. Nothing was changed."
            )
        return True

    def _damaged(self, what: str) -> NoReturn:
        raise StoreError(
            f"The outbox {self._path} is damaged: {what}. Nothing was changed. Move the file aside to start with an "
            "empty outbox; sqlite3's command .recover may save what is in it."
        )

    def _fail(self, error: sqlite3.Error | OSError) -> NoReturn:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            self._damaged(str(error))
        hints = {
            sqlite3.SQLITE_FULL: " The disk is full.",
            sqlite3.SQLITE_CANTOPEN: " Its directory has to be there, and writable.",
            sqlite3.SQLITE_READONLY: " The file and its directory have to be writable.",
            sqlite3.SQLITE_BUSY: " Another process holds it.",
        }
        hint = hints[sqlite3.SQLITE_READONLY] if isinstance(error, PermissionError) else hints.get(code, "")
        raise StoreError(f"The outbox {self._path} cannot be used: {error}.{hint}") from error


def _where(refs: Collection[str] | None) -> tuple[str, list[str]]:
    require_refs(refs)
    if refs is None:
        return "", []
    numbers = [int(ref) for ref in refs if ref.isascii() and ref.isdigit() and len(ref) <= 18]
    return "WHERE seq IN (SELECT value FROM json_each(?))", [json.dumps(numbers)]
