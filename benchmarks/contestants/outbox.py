"""Storing and delivering notifications."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING

from target_delivery import (
    DeliveryRequest,
    MetricType,
    Notification,
    NotificationMbox,
    TargetClient,
    VisitorId,
)
from target_delivery.outbox import NotificationOutbox, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.worker import Run, Setup
    from target_delivery.options import ClientOptions, NotificationsOptions

THREADS = 8
ROW = 480
"""Bytes that the outbox stores for each notification."""
PER_VISITOR = 10
VISITORS = 2_000
NOWHERE = "127.0.0.1:1"
"""An edge that is down: what is measured is what the caller waits for."""


def displayed(number: int, visitor: int) -> NotificationsOptions:
    """Return the options of one call, as a program makes them."""
    notification = Notification(
        id=f"n{number}",
        type=MetricType.DISPLAY,
        timestamp=1_700_000_000_000 + number,
        mbox=NotificationMbox(name="home"),
        tokens=["demo-1001-0-display"],
    )
    request = DeliveryRequest(id=VisitorId(tnt_id=f"visitor{visitor}.35_0"), notifications=[notification])
    return {"request": request, "session_id": f"session{visitor}"}


def options(server: str) -> ClientOptions:
    logging.getLogger("adobe.target").disabled = True
    return {"client": "sandbox", "organization_id": "SANDBOX@AdobeOrg", "server_domain": server, "secure": False}


def _file() -> Path:
    return Path(tempfile.mkdtemp(dir=Path(__file__).parents[1], prefix=".outbox-")) / "outbox.db"


def _in_threads(some: Callable[[int], object]) -> Run:
    pool = ThreadPoolExecutor(THREADS)
    return lambda count: list(pool.map(some, [count // THREADS] * THREADS))


def _storing() -> Callable[[int], None]:
    outbox = NotificationOutbox(TargetClient.create(options(NOWHERE)), store=SQLiteStore(_file()))
    given = itertools.cycle([displayed(number, number) for number in range(VISITORS)])

    def store(count: int) -> None:
        for one in itertools.islice(given, count):
            outbox.send_notifications(one)

    store(100)
    return store


def store(setup: Setup) -> Run:
    return _storing()


def store_in_threads(setup: Setup) -> Run:
    return _in_threads(_storing())


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS plain (id INTEGER PRIMARY KEY, data BLOB)")
    return connection


def _insert(connection: sqlite3.Connection, count: int) -> None:
    for _ in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO plain (data) VALUES (?)", (b"x" * ROW,))
        connection.execute("COMMIT")


def insert(setup: Setup) -> Run:
    connection = _connected(_file())
    return lambda count: _insert(connection, count)


def insert_as_stored(setup: Setup) -> Run:
    """Insert the rows that an outbox has, into the file of an outbox."""
    path = _file()
    SQLiteStore(path).close()
    connection = _connected(path)
    statement = "INSERT INTO item (seq, grp, route, due, added, data) VALUES (?, ?, '', ?, ?, ?)"
    numbers = itertools.count(1)

    def run(count: int) -> None:
        for _ in range(count):
            number, now = next(numbers), time()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(statement, (number, f"{number:024x}", now, now, b"x" * ROW))
            connection.execute("COMMIT")

    return run


def insert_in_threads(setup: Setup) -> Run:
    path, mine = _file(), threading.local()

    def some(count: int) -> None:
        if not hasattr(mine, "connection"):
            mine.connection = _connected(path)
        _insert(mine.connection, count)

    return _in_threads(some)


def latencies(setup: Setup) -> Run:
    """Print no time but the 99th percentile: what a caller waits for, at worst but for one in a hundred."""
    outbox = NotificationOutbox(TargetClient.create(options(NOWHERE)), store=SQLiteStore(_file()))
    numbers = itertools.count()

    def run(count: int) -> float:
        seconds: list[float] = []
        for _ in range(count):
            number = next(numbers)
            given = displayed(number, number)
            start = perf_counter()
            outbox.send_notifications(given)
            seconds.append(perf_counter() - start)
        return sorted(seconds)[count * 99 // 100]

    run(100)
    return run


def deliver(setup: Setup) -> Run:
    """Store and deliver, to the last confirmation."""
    client = TargetClient.create(options(setup["sandbox"]))
    outbox = NotificationOutbox(client, store=SQLiteStore(_file()))
    numbers = itertools.count()

    def run(count: int) -> None:
        for _ in range(count):
            number = next(numbers)
            outbox.send_notifications(displayed(number, number // PER_VISITOR))
        left = outbox.flush(300)
        if left:
            sys.exit(f"{left} notifications were not delivered.")

    run(100)
    return run


def send_one_by_one(setup: Setup) -> Run:
    client = TargetClient.create(options(setup["sandbox"]))
    numbers = itertools.count(10**9)

    def run(count: int) -> None:
        for _ in range(count):
            number = next(numbers)
            client.send_notifications(displayed(number, number // PER_VISITOR))

    run(100)
    return run
