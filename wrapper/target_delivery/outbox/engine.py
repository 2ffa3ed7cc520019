"""The engine: everything that the two kinds of outbox share. Threads or asyncio add only sending and waiting."""

from __future__ import annotations

import contextlib
import json
import threading
import traceback
from collections import deque
from collections.abc import Mapping
from math import inf, isfinite
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeGuard

from attrs import define, evolve, frozen

from target_delivery._core.backoff import Backoff
from target_delivery._core.clusters import Clusters
from target_delivery._core.emit import emit
from target_delivery._printable import printable
from target_delivery.errors import OptionError, OutboxClosedError, OutboxFullError, StoreError
from target_delivery.events import NotificationSetAside
from target_delivery.outbox.items import Item, packed
from target_delivery.outbox.policy import Ages
from target_delivery.outbox.scheduler import Limits, Scheduler
from target_delivery.outbox.stores.base import DOUBTFUL, LONGEST_WAIT, Settlement
from target_delivery_api.models import Notification

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.prepared import Prepared
    from target_delivery.outbox.scheduler import Batch, Outcome
    from target_delivery.outbox.stores.base import Claimed, Reason, Store

__all__ = ["CLOSE_TIMEOUT", "Engine", "OutboxStats", "make_engine"]

CLOSE_TIMEOUT = 5.0
"""Seconds that ``close`` waits for deliveries if it is not told otherwise, as at the end of a with block."""
END_TIME = 0.25
"""Seconds of a timeout of ``close`` that are kept back, at most a quarter of it, to end calls that are under way."""
MAX_LINGER = LONGEST_WAIT
"""Seconds. A larger value is probably meant in milliseconds."""
POLL = 0.5
"""Seconds between two looks at the store, for items that other processes put there or left behind."""
STORE_INTERVAL = 0.01
"""Seconds between two uses of the store, at least. Under load, one use settles and claims many items."""
ROOM_POLL = 0.02
"""Seconds between two attempts to append to a full store."""
FLUSH_POLL = 0.01
"""Seconds between two looks of ``flush`` at the store."""
MAX_WAIT = 5.0
"""Seconds for which the engine sleeps at most."""
BETWEEN_STORE_FAILURES = Backoff(first=0.1, longest=MAX_WAIT)
"""Waits between attempts at a store that fails."""
MAX_FAILURES_AT_END = 5
"""How often a store may fail before an outbox that is closing ends without it. The leases end by themselves."""
CALL_MARGIN = 1.0
"""Seconds by which a lease must outlast a call: to claim, to wait for a thread, to settle."""
MAX_SETTLE_FAILURES = 5
"""How often ``settle`` may raise something other than StoreError. Then the engine settles items one by one, so that
only the item at fault is left out. It is sent again when its lease ends."""
MAX_GROUPS_COUNTED = 10_000


@frozen
class OutboxStats:
    """Counts of the whole store, for all processes together.

    Attributes:
        pending: notifications that wait to be sent, or to be sent again.
        in_flight: notifications that are being sent.
        confirmed: notifications that the edge has confirmed, ever.
        set_aside: notifications that are set aside now.
        oldest_age: seconds since the oldest pending or in-flight one was stored; 0 when there is none.
        bytes: size of the pending and in-flight ones, as JSON.
    """

    pending: int
    in_flight: int
    confirmed: int
    set_aside: int
    oldest_age: float
    bytes: int

    @property
    def stored(self) -> int:
        """Number of notifications that are not delivered yet: pending and in flight."""
        return self.pending + self.in_flight


class Engine:
    """An outbox of one process, without sending and waiting.

    Any thread may append: ``put``, then ``commit``. One thread at a time runs a loop for the rest: ``cycle``, send the
    batches in ``to_send``, ``tell``, wait for ``seconds_to_wait``. When a call ends, its batch and outcome go into
    ``inbox``.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        limits: Limits,
        clock: Clock,
        chance: Chance,
        knows_cluster: Callable[[str], bool],
    ) -> None:
        self._clock = clock
        self._chance = chance
        self.store = store
        self.limits = limits
        self.inbox: SimpleQueue[tuple[Batch, Outcome] | None] = SimpleQueue()
        """Calls that ended, for the next cycle. None only wakes the loop."""
        self.to_send: deque[Batch] = deque()
        """Batches to send now. A shell that is cancelled in the middle leaves the others here, so none is lost."""
        self.stopping: bool = False
        """Set it to start no more calls. Calls that are under way end, and waiting notifications stay stored."""
        self._config = config
        self._clusters = Clusters(
            config.target_location_hint, fixed=config.server_domain is not None, known=knows_cluster
        )
        self._scheduler = Scheduler(limits, store.lease, self._clusters, chance)
        self._ages = Ages(clock.now(), clock.monotonic())
        self._committer = _Committer(store)
        self._bursts = _Bursts(limits)
        self._told: list[tuple[Claimed, Reason, str]] = []
        self._telling = False
        self._store_failures = 0
        self._sleeps_until = inf
        self._store_used = -inf
        self._closed_routes: frozenset[str] = frozenset()

    # --- appending

    def put(self, prepared: Prepared) -> tuple[Entry, bool]:
        """Queue the notifications of a request for the next ``commit``.

        Returns:
            An entry, which knows after ``commit`` if they are stored, and whether to wake the loop then.

        Raises:
            OptionError: the request is wrong.
        """
        route = "" if self._config.server_domain is not None else prepared.cluster or ""
        if not self._clusters.know(route):
            route = DOUBTFUL
        group, contents = packed(prepared)
        wall, now = self._clock.now(), self._clock.monotonic()
        wait = self._bursts.wait(group, len(contents), now)
        items = [Item(group, route, data, wall, wall + wait) for data in contents]
        wake = now + wait < self._sleeps_until and route not in self._closed_routes
        return self._committer.put(items), wake

    def commit(self) -> None:
        """Store what is queued, from any thread. Calls that queue meanwhile are stored by the next commit."""
        self._committer.commit()

    # --- sending: one thread at a time

    def cycle(self) -> None:
        """Settle the calls that ended, and put the batches to send now into ``to_send``. Never raises."""
        try:
            now = self._clock.monotonic()
            self._ages.look(self._clock.now(), now)
            self._take_notes(now)
            if self._store_used <= now < self._store_used + STORE_INTERVAL and not self.stopping:
                self.to_send += self._scheduler.start(now)
                self._sleeps_until = self._store_used + STORE_INTERVAL
            elif self._could_use_store(now):
                self._store_used = now
                self.to_send += self._scheduler.start(self._clock.monotonic())  # not `now`: the store may be slow
        except Exception:  # a bug must not stop deliveries
            self._sleeps_until = self._clock.monotonic() + POLL
            self._log("The outbox met a fault and goes on: %s", traceback.format_exc())

    def _log(self, text: str, *arguments: object) -> None:
        with contextlib.suppress(Exception):  # the caller's logger can raise anything
            self._config.logger.error(text, *arguments)

    def _could_use_store(self, now: float) -> bool:
        """Settle items in the store, and claim more. Return whether the store could be used."""
        if self.stopping:
            self._scheduler.release_ready(now)
        try:
            self._settle(now)
            if not self.stopping and self._scheduler.wanted():
                self._claim(now)
                self._settle(now)
            self._sleeps_until = 0.0 if self.stopping else self._wakes(now)
        except Exception as error:  # a user's own store can raise anything
            if not self._store_failures:
                self._log("The outbox cannot use its store and tries again: %s", printable(error))
            self._store_failures += 1
            self._sleeps_until = now + BETWEEN_STORE_FAILURES.wait(self._store_failures, self._chance)
            return False
        if self._store_failures:
            self._log("The outbox can use its store again.")
        self._store_failures = 0
        return True

    def _take_notes(self, now: float) -> None:
        while True:
            try:
                note = self.inbox.get_nowait()
            except Empty:
                return
            if note is not None:
                self._scheduler.ended(*note, now)

    def _claim(self, now: float) -> None:
        wall = self._clock.now()
        groups = self.store.claim(
            wall,
            groups=self._scheduler.wanted(),
            size=self.limits.max_batch,
            linger=self.limits.linger,
            closed=self._scheduler.closed(now),
        )
        self._scheduler.took(groups, now, lambda added: self._ages.age(added, wall))

    def _settle(self, now: float) -> None:
        settlement = self._scheduler.settlement
        if not settlement:
            return
        self._telling = self._telling or bool(settlement.aside)
        try:
            self.store.settle(self._dated(settlement, now), self._clock.now())
        except Exception as error:
            if isinstance(error, StoreError) or self._store_failures < MAX_SETTLE_FAILURES:
                raise
            self._settle_one_by_one(self._dated(settlement, now))
        else:
            self._told += settlement.aside
        self._scheduler.settlement = Settlement()

    def _dated(self, settlement: Settlement, now: float) -> Settlement:
        """Return the settlement with times of the system's clock, as a store needs them."""
        wall = self._clock.now()

        def dated(waiting: list[tuple[Claimed, float]]) -> list[tuple[Claimed, float]]:
            return [(claimed, wall + min(due - now, LONGEST_WAIT)) for claimed, due in waiting]

        return evolve(settlement, again=dated(settlement.again), released=dated(settlement.released))

    def _settle_one_by_one(self, settlement: Settlement) -> None:
        """Settle each item by itself, and leave out the items that the store fails on."""
        for part in settlement.parts():
            try:
                self.store.settle(part, self._clock.now())
                self._told += part.aside
            except Exception as error:
                self._log("The store cannot settle a notification, which will be sent again: %r", error)

    def _wakes(self, now: float) -> float:
        """Return the time until which there is nothing to do, unless a call ends or something is appended."""
        if not self._scheduler.wanted():
            return now + POLL
        self._closed_routes = self._scheduler.closed(now)
        due = self.store.next_due(self._closed_routes)
        times = [
            now + POLL,
            None if due is None else due - self._clock.now() + self._clock.monotonic(),
            self._scheduler.next_probe(now),
        ]
        return max(min(when for when in times if when is not None), now + 0.001)

    @property
    def seconds_to_wait(self) -> float:
        """Seconds until the next cycle, unless a call ends or something is appended."""
        return max(0.05 if self.stopping else 0.0, min(MAX_WAIT, self._sleeps_until - self._clock.monotonic()))

    def wait(self) -> None:
        """Wait in this thread until the next cycle is due."""
        with contextlib.suppress(Empty):
            self.inbox.put(self.inbox.get(timeout=self.seconds_to_wait))

    @property
    def drained(self) -> bool:
        """Whether a stopped outbox has no call under way and has settled everything, or has given up on its store."""
        noted = not self._scheduler.settlement or self._store_failures >= MAX_FAILURES_AT_END
        return self.stopping and not self._scheduler.running and self.inbox.empty() and noted

    def tell(self) -> None:
        """Log what became of edges, and emit an event for each notification set aside since then. Never raises."""
        changes, self._scheduler.changes = self._scheduler.changes, []
        told, self._told = self._told, []
        for change in changes:
            self._log("%s", change)
        for claimed, reason, message in told:
            self._log("A notification was set aside (%s): %s", reason, printable(message))
            event = NotificationSetAside(
                notification=_notification(claimed.data), reason=reason, message=message, ref=claimed.ref
            )
            with contextlib.suppress(Exception):
                emit(self._config, event)
        self._telling = bool(self._scheduler.settlement.aside)

    def stats(self) -> OutboxStats:
        """Count the notifications in the store.

        Raises:
            StoreError: the store cannot be read.
        """
        now = self._clock.now()
        counts = self.store.stats(now)
        age = 0.0 if counts.oldest is None else max(0.0, now - counts.oldest)
        return OutboxStats(counts.pending, counts.in_flight, counts.confirmed, counts.set_aside, age, counts.bytes)

    def delivered_up_to(self, position: int) -> bool:
        """Return whether every item up to a position has left the store, and its events were emitted."""
        span = self.store.span()
        return (span is None or span[0] > position) and not self._telling

    def newest(self) -> int | None:
        """Return the position of the item that was appended last; None if the store is empty."""
        span = self.store.span()
        return None if span is None else span[1]


@define(eq=False)
class Entry:
    """The items of one call, on their way into the store.

    Attributes:
        items: the items.
        stored: whether they are stored.
        error: why they could not be stored.
    """

    items: Sequence[Item]
    stored: bool = False
    error: Exception | None = None

    def require_stored(self) -> None:
        """Raise an error unless the items are stored. Call it after ``commit``."""
        if self.error is not None:
            raise self.error
        if not self.stored:
            raise StoreError(
                "The commit was interrupted. Give the same notifications again: none of them can count twice."
            )


class _Committer:
    """Appends the entries of many threads in few transactions.

    The thread that gets the lock commits all entries that wait. When the other threads get it, their entries are done.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: deque[Entry] = deque()

    def put(self, items: Sequence[Item]) -> Entry:
        entry = Entry(items)
        self._waiting.append(entry)
        return entry

    def commit(self) -> None:
        with self._lock:
            entries: list[Entry] = []
            while self._waiting:
                entries.append(self._waiting.popleft())
            if entries:
                self._append(entries)

    def _append(self, entries: list[Entry]) -> None:
        try:
            self._store.append([item for entry in entries for item in entry.items])
        except (OutboxFullError, OptionError) as error:
            if len(entries) == 1:
                entries[0].error = error
                return
            for entry in entries:  # there may be room for some of them
                self._append([entry])
        except Exception as error:
            for entry in entries:
                entry.error = error
        else:
            for entry in entries:
                entry.stored = True


class _Bursts:
    """Decides when a notification is due: after the linger, or at once if it makes a full call with earlier ones."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._counts: dict[str, tuple[int, float]] = {}

    def wait(self, group: str, count: int, now: float) -> float:
        """Return the seconds until the notifications are due."""
        waiting, since = self._counts.get(group, (0, now))
        if now >= since + self._limits.linger:
            waiting, since = 0, now
        waiting += count
        if len(self._counts) >= MAX_GROUPS_COUNTED:
            self._counts.clear()
        if waiting >= self._limits.max_batch:
            self._counts.pop(group, None)
            return 0.0
        self._counts[group] = (waiting, since)
        return self._limits.linger


def make_engine(
    config: Config,
    store: Store,
    *,
    knows_cluster: Callable[[str], bool],
    parallel: int,
    max_batch: int,
    linger: float,
    max_age: float,
    room_timeout: float | None,
    clock: Clock,
    chance: Chance,
) -> Engine:
    """Check the arguments of an outbox, and return its engine.

    Raises:
        OptionError: an argument is out of its range, or the store's lease is too short for the client's timeout.
        StoreError: the store cannot be used, or belongs to another account.
    """
    for name, value, low, high in (("parallel", parallel, 1, 1000), ("max_batch", max_batch, 1, 50)):
        if not _is_number(value, int) or not low <= value <= high:
            raise OptionError(f"{name} must be an int from {low} to {high}, not {value!r}.")
    for name, seconds, longest in (("linger", linger, MAX_LINGER), ("max_age", max_age, inf)):
        if not _is_number(seconds, (int, float)) or not 0 <= seconds <= longest:
            raise OptionError(f"{name} must be a number of seconds{_up_to(longest)}, not {seconds!r}.")
    if room_timeout is not None and (not _is_number(room_timeout, (int, float)) or not 0 <= room_timeout <= inf):
        raise OptionError(f"room_timeout must be a number of seconds or None, not {room_timeout!r}.")
    call_time = config.timeout / 1000
    if store.lease < call_time + CALL_MARGIN:
        raise OptionError(
            f"The store's lease of {store.lease:g} s must be at least {CALL_MARGIN:g} s longer than a call of the "
            f"client can take ({call_time:g} s, its option timeout). Otherwise another process sends the same "
            "notification again: give the store a longer lease, or the client a shorter timeout."
        )
    limits = Limits(parallel=parallel, max_batch=max_batch, linger=linger, max_age=max_age, call_time=call_time)
    store.dedicate(f"{config.client} ({config.organization_id})")
    return Engine(config, store, limits, clock, chance, knows_cluster)


def _up_to(high: float) -> str:
    return f", at most {high:g}" if isfinite(high) else ""


def _is_number(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def require_client(client: object, kind: type, outbox: str, other: str) -> None:
    """Refuse a client of the other kind.

    Raises:
        OptionError: the client is not of type ``kind``.
    """
    if not isinstance(client, kind):
        raise OptionError(f"{outbox} needs a client of type {kind.__name__}, not {type(client).__name__}. {other}")


def require_no_callbacks(options: object) -> None:
    """Refuse callbacks: a stored notification has no answer that they could be called with.

    Raises:
        OptionError: there is a callback.
    """
    if not _is_mapping(options):
        return
    for name in ("callback", "err_callback"):
        if options.get(name) is not None:
            raise OptionError(
                f"Option {name!r} has no place in an outbox: notifications are sent later, and there is no answer yet. "
                "To learn what cannot be delivered, handle the client's event notification_set_aside."
            )


def time_to_flush(timeout: float | None) -> float | None:
    """Return the part of a timeout of ``close`` that is for deliveries."""
    return None if timeout is None else max(0.0, timeout - min(END_TIME, timeout / 4))


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def closed_error() -> OutboxClosedError:
    """Return the error for a call on a closed outbox."""
    return OutboxClosedError("This outbox is closed; create a new one on the same store.")


def _notification(data: bytes) -> Notification | None:
    """Return the notification of a stored item, for an event; None when it cannot be read."""
    try:
        return Notification.from_dict(json.loads(data)["request"]["notifications"][0])
    except Exception:  # the item may be damaged in any way; the event is emitted without it
        return None
