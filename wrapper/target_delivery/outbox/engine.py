"""What the two kinds of outbox have in common: all but sending and waiting."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeGuard

from attrs import frozen

from target_delivery.errors import OptionError, OutboxClosedError, OutboxFullError
from target_delivery.events import NotificationSetAside, emit
from target_delivery.outbox.items import Item, packed
from target_delivery.outbox.sender import Limits, Sender
from target_delivery.outbox.stores import Settlement
from target_delivery_api.models import Notification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_delivery.completion import Prepared
    from target_delivery.options import Config
    from target_delivery.outbox.sender import Batch, Outcome
    from target_delivery.outbox.stores import Claimed, Reason, Store

__all__ = ["CLOSE_TIMEOUT", "Engine", "OutboxStats", "make_engine"]

CLOSE_TIMEOUT = 5.0
"""Seconds that leaving a with block waits for deliveries."""
POLL = 0.5
"""Seconds after which the store is looked at for what other processes put there or left behind."""
ROOM_POLL = 0.02
"""Seconds after which a full store is tried again."""
MAX_STORE_BACKOFF = 5.0
"""Seconds between attempts at a store that fails."""
MAX_FAILURES_AT_END = 5
"""How often a store that fails is tried before an outbox ends without it: the leases end all the same."""
CALL_MARGIN = 1.0
"""Seconds by which a lease must outlast a call: to claim, to wait for a thread, to settle."""
MAX_GROUPS_COUNTED = 10_000


@frozen
class OutboxStats:
    """Counts of the whole store, whichever process its items come from.

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
        """Notifications that are not delivered yet: pending and in flight."""
        return self.pending + self.in_flight


class Engine:
    """An outbox of one process, without the part that sends."""

    def __init__(self, config: Config, store: Store, limits: Limits) -> None:
        self.store = store
        self.limits = limits
        self.ended: SimpleQueue[tuple[Batch, Outcome]] = SimpleQueue()
        """Calls that ended; the next cycle takes note of them."""
        self.stopping = False
        """Set it to send no more: calls that are under way end, and what waits stays stored."""
        self._config = config
        self._sender = Sender(limits, store.lease)
        self._committer = _Committer(store)
        self._bursts = _Bursts(limits)
        self._told: list[tuple[Claimed, Reason, str]] = []
        self._telling = False
        self._store_failures = 0
        self._sleeps_until = float("inf")
        self._closed_routes: frozenset[str] = frozenset()

    # --- storing

    def put(self, prepared: Prepared, *, stitched: bool) -> tuple[Entry, bool]:
        """Queue what ``commit`` stores.

        Returns:
            What says after ``commit`` whether it is durable, and whether the sender has to be woken then.

        Raises:
            OptionError: the request is wrong.
        """
        group, contents = packed(prepared, stitched=stitched)
        now = time.time()
        due = self._bursts.due(group, len(contents), now)
        route = "" if self._config.server_domain is not None else prepared.cluster or ""
        items = [Item(group, route, data, now, due) for data in contents]
        wake = due < self._sleeps_until and route not in self._closed_routes
        return self._committer.put(items), wake

    def commit(self) -> None:
        """Store what is queued, from whatever thread. Whoever waits for it meanwhile rides along with the next."""
        self._committer.commit()

    # --- sending: one thread at a time

    def cycle(self) -> list[Batch]:
        """Take note of what ended, and return the batches to send now."""
        now = time.time()
        while True:
            try:
                batch, outcome = self.ended.get_nowait()
            except Empty:
                break
            self._sender.ended(batch, outcome, now)
        if self.stopping:
            self._sender.release_ready(now)
        try:
            self._settle(now)
            if not self.stopping and self._sender.wanted():
                self._claim(now)
            started = self._sender.start(now)
            self._sleeps_until = 0.0 if self.stopping else self._wakes(now)
        except Exception as error:  # a store of somebody else's may raise anything, and sending has to go on
            if not self._store_failures:
                self._config.logger.error("The outbox cannot use its store and tries again: %s", error)
            self._store_failures += 1
            self._sleeps_until = now + min(MAX_STORE_BACKOFF, 0.05 * 2 ** min(self._store_failures, 20))
            return self._sender.start(now)
        self._store_failures = 0
        try:
            self._settle(now)
        except Exception:
            self._sleeps_until = now  # the next cycle tries again, and tells
        return started

    def _claim(self, now: float) -> None:
        groups = self.store.claim(
            now,
            groups=self._sender.wanted(),
            size=self.limits.max_batch,
            linger=self.limits.linger,
            closed=self._sender.closed(now),
        )
        self._sender.took(groups, now)

    def _settle(self, now: float) -> None:
        settlement = self._sender.settlement
        if settlement:
            self._telling = self._telling or bool(settlement.aside)
            self.store.settle(settlement, now)
            self._sender.settlement = Settlement()
            self._told += settlement.aside

    def _wakes(self, now: float) -> float:
        """Return until when there is nothing to do, unless a call ends or something is stored."""
        if not self._sender.wanted():
            return now + POLL
        self._closed_routes = self._sender.closed(now)
        times = [now + POLL, self.store.next_due(self._closed_routes), self._sender.next_probe()]
        return max(min(when for when in times if when is not None), now + 0.001)

    @property
    def seconds_to_wait(self) -> float:
        """Seconds until the next cycle, unless a call ends or something is stored."""
        return max(0.0, self._sleeps_until - time.time())

    @property
    def drained(self) -> bool:
        """Whether a stopped outbox has nothing under way, and nothing left to note that the store would take."""
        noted = not self._sender.settlement or self._store_failures >= MAX_FAILURES_AT_END
        return self.stopping and not self._sender.running and self.ended.empty() and noted

    def tell(self) -> None:
        """Emit an event for everything that was set aside since the last time."""
        told, self._told = self._told, []
        for claimed, reason, message in told:
            self._config.logger.error("A notification was set aside (%s): %s", reason, message)
            emit(
                self._config,
                NotificationSetAside(
                    notification=_notification(claimed.data),
                    reason=reason,
                    message=message,
                ),
            )
        self._telling = bool(self._sender.settlement.aside)

    def stats(self) -> OutboxStats:
        """Count.

        Raises:
            StoreError: the store cannot be read.
        """
        now = time.time()
        counts = self.store.stats(now)
        age = 0.0 if counts.oldest is None else max(0.0, now - counts.oldest)
        return OutboxStats(counts.pending, counts.in_flight, counts.confirmed, counts.set_aside, age, counts.bytes)

    def delivered_up_to(self, position: int) -> bool:
        """Tell whether all that was stored up to a position has left the store, and its events were emitted."""
        span = self.store.span()
        return (span is None or span[0] > position) and not self._telling

    def newest(self) -> int | None:
        """Return the position of what was stored last; None when the store is empty."""
        span = self.store.span()
        return None if span is None else span[1]


class Entry:
    """Items of one call on their way into the store."""

    __slots__ = ("_error", "items")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items: Sequence[Item] = items
        self._error: BaseException | None = None

    def failed(self, error: BaseException) -> None:
        """Note why they are not stored."""
        self._error = error

    def require_stored(self) -> None:
        """Raise what went wrong; to be called after ``commit``."""
        if self._error is not None:
            raise self._error


class _Committer:
    """Stores what many threads bring in as few transactions as there can be.

    Whoever comes first commits for all who wait. By the time the others hold the lock their part is done.
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
        except OutboxFullError as error:
            if len(entries) == 1:
                entries[0].failed(error)
                return
            for entry in entries:
                # There may be room for some of them.
                self._append([entry])
        except BaseException as error:
            for entry in entries:
                entry.failed(error)
            if not isinstance(error, Exception):
                raise


class _Bursts:
    """Says when a notification is due: after the linger, or at once when it completes a call."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._counts: dict[str, tuple[int, float]] = {}

    def due(self, group: str, count: int, now: float) -> float:
        waiting, since = self._counts.get(group, (0, now))
        if now >= since + self._limits.linger:
            waiting, since = 0, now
        waiting += count
        if len(self._counts) >= MAX_GROUPS_COUNTED:
            self._counts.clear()
        if waiting >= self._limits.max_batch:
            self._counts.pop(group, None)
            return now
        self._counts[group] = (waiting, since)
        return now + self._limits.linger


def make_engine(
    config: Config, store: Store, *, parallel: int, max_batch: int, linger: float, max_age: float
) -> Engine:
    """Check what an outbox is made with, and make its engine.

    Raises:
        OptionError: an argument is unusable.
    """
    for name, value, low, high in (("parallel", parallel, 1, 1000), ("max_batch", max_batch, 1, 50)):
        if not _is_number(value, int) or not low <= value <= high:
            raise OptionError(f"{name} must be an int from {low} to {high}, not {value!r}.")
    for name, seconds in (("linger", linger), ("max_age", max_age)):
        if not _is_number(seconds, (int, float)) or not seconds >= 0:
            raise OptionError(f"{name} must be a number of seconds, not {seconds!r}.")
    call_time = config.timeout / 1000
    if store.lease < call_time + CALL_MARGIN:
        raise OptionError(
            f"The store's lease of {store.lease:g} s must be at least {CALL_MARGIN:g} s longer than a call of the "
            f"client can take ({call_time:g} s, its option timeout): another process would send the same again."
        )
    limits = Limits(parallel=parallel, max_batch=max_batch, linger=linger, max_age=max_age, call_time=call_time)
    return Engine(config, store, limits)


def _is_number(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def require_client(client: object, kind: type, outbox: str, other: str) -> None:
    """Refuse the client that goes with the other kind of outbox.

    Raises:
        OptionError: it is not of the kind.
    """
    if not isinstance(client, kind):
        raise OptionError(f"{outbox} needs a client of type {kind.__name__}, not {type(client).__name__}. {other}")


def require_no_callbacks(options: object) -> None:
    """Refuse options of a call that has an answer.

    Raises:
        OptionError: there is a callback.
    """
    for name in ("callback", "err_callback"):
        if _is_mapping(options) and options.get(name) is not None:
            raise OptionError(
                f"Option {name!r} has no place in an outbox: it has no answer to give. "
                "The client's event notification_set_aside tells of what cannot be delivered."
            )


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def closed_error() -> OutboxClosedError:
    """Return the error for a call of a closed outbox."""
    return OutboxClosedError("This outbox is closed; create a new one on the same store.")


def _notification(data: bytes) -> Notification | None:
    """Return the notification of a stored item, for an event; None when it cannot be read."""
    try:
        return Notification.from_dict(json.loads(data)["request"]["notifications"][0])
    except (ValueError, LookupError, TypeError):
        return None
