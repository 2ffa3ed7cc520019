"""NotificationOutbox: the shell that sends and waits in threads."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery.client import TargetClient
from target_delivery.errors import OutboxFullError
from target_delivery.outbox.engine import (
    CLOSE_TIMEOUT,
    FLUSH_POLL,
    ROOM_POLL,
    Engine,
    closed_error,
    make_engine,
    require_client,
    require_no_callbacks,
)
from target_delivery.outbox.metrics import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import TracebackType

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.prepared import Prepared
    from target_delivery.options import NotificationsOptions
    from target_delivery.outbox.engine import OutboxStats
    from target_delivery.outbox.scheduler import Batch, Outcome
    from target_delivery.outbox.stores.base import SetAside, Store

__all__ = ["NotificationOutbox"]

EXIT_TIMEOUT = 1.0
"""Seconds that the end of the interpreter waits for calls under way, when nobody closed the outbox."""


class NotificationOutbox:
    """Keeps notifications until the edge has confirmed them, through crashes, deploys and outages.

    ``send_notifications`` returns when they are safely stored; threads in the background send them, grouped by
    visitor, until the edge names them in an answer. To be created once for a client and a store, and shared by all
    threads. A context manager; ``close()`` ends it otherwise. After a fork each process has a scheduler of its own.

    Do not use it in a signal handler: the handler may have interrupted a call of this outbox, and would wait for that
    call forever. Let the handler raise SystemExit instead. The interrupted call stores all of its
    notifications or none, and the end of the with block delivers what is stored.

    Args:
        client: sends them. It stays open when the outbox is closed.
        store: keeps them. The outbox closes it.
        parallel: calls that are under way at once.
        max_batch: notifications of one call, at most 50.
        linger: seconds that a notification waits for others of its visitor, at most 60.
        max_age: seconds after which one that could not be delivered is set aside.
        room_timeout: seconds that ``send_notifications`` waits for room in a full store: 0 refuses at once, None
            waits as long as it takes.

    Raises:
        OptionError: an argument is unusable.
        StoreError: the store cannot be used, or holds notifications of another client code or organization.
    """

    def __init__(
        self,
        client: TargetClient,
        *,
        store: Store,
        parallel: int = 8,
        max_batch: int = 50,
        linger: float = 0.1,
        max_age: float = 86_400.0,
        room_timeout: float | None = 0.0,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        require_client(
            client, TargetClient, "A NotificationOutbox", "An AsyncTargetClient goes with an AsyncNotificationOutbox."
        )
        self._client = client
        self._clock = clock
        self._room_timeout = room_timeout
        self._new_engine: Callable[[], Engine] = partial(
            make_engine,
            client.config,
            store,
            parallel=parallel,
            max_batch=max_batch,
            linger=linger,
            max_age=max_age,
            room_timeout=room_timeout,
            clock=clock,
            chance=chance,
        )
        self._processes: dict[int, _Threads] = {}
        self._closed = False
        self._process()
        observe(self, store)

    def send_notifications(self, options: NotificationsOptions) -> None:
        """Store notifications, to be sent in the background; the options are those of the client's method.

        When this returns they survive the process: they are sent until the edge confirms them, refuses them, or
        they are older than ``max_age``.

        Raises:
            OptionError: the call or a notification is wrong; nothing was stored.
            OutboxFullError: the store is full; nothing was stored.
            OutboxClosedError: the outbox is closed; nothing was stored.
            StoreError: the store failed. To give the same notifications again is safe.
        """
        require_no_callbacks(options)
        self.send_prepared(self._client.prepare_notifications(options))

    def send_prepared(self, prepared: Prepared) -> None:
        """Store what ``prepare_notifications`` of a client made; otherwise as ``send_notifications``."""
        deadline = None if self._room_timeout is None else self._clock.monotonic() + self._room_timeout
        while True:
            if self._closed:
                raise closed_error()
            threads = self._process()
            entry, wake = threads.engine.put(prepared)
            threads.engine.commit()
            try:
                entry.require_stored()
            except OutboxFullError:
                if deadline is not None and self._clock.monotonic() >= deadline:
                    raise
                threads.wake()
                time.sleep(ROOM_POLL)
            else:
                if wake:
                    threads.wake()
                return

    def flush(self, timeout: float | None = None) -> int:
        """Wait until all that is stored now has left the store, delivered or set aside.

        Args:
            timeout: seconds to wait; None waits as long as it takes.

        Returns:
            0 when all of that is delivered or set aside; else how many notifications the store still holds. In an
            event handler, which is called between deliveries, it returns at once.

        Raises:
            StoreError: the store cannot be read.
        """
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        threads = self._process()
        if threads.is_current:
            threads.wake()
            return self.stats().stored
        newest = threads.engine.newest()
        threads.wake()
        while newest is not None and not threads.engine.delivered_up_to(newest):
            if (deadline is not None and self._clock.monotonic() >= deadline) or not threads.start(closed=self._closed):
                return self.stats().stored
            time.sleep(FLUSH_POLL)
        return 0

    def close(self, timeout: float | None = CLOSE_TIMEOUT) -> int:
        """Take no more, deliver what is stored, as far as the time allows, and end.

        What cannot be delivered stays in the store, for the next outbox that is opened on it.

        Args:
            timeout: seconds to wait; None waits until everything is delivered.

        Returns:
            0 when all is delivered or set aside; else how many notifications the store still holds. A second time
            does nothing and returns 0.

        Raises:
            StoreError: the store cannot be read. The outbox is closed all the same.
        """
        if self._closed:
            return 0
        threads = self._process()
        self._closed = True
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        try:
            # A little is kept back to end the calls that are under way.
            return self.flush(None if timeout is None else max(0.0, timeout - min(0.25, timeout / 4)))
        finally:
            threads.stop(None if deadline is None else deadline - self._clock.monotonic())

    def stats(self) -> OutboxStats:
        """Count what is in the store.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._process().engine.stats()

    def list_set_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return what is set aside, oldest first, at most so many.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._process().engine.store.list_aside(limit)

    def replay(self, refs: Collection[str] | None = None) -> int:
        """Put back what was set aside, to be sent again as if it were stored now.

        Args:
            refs: those, as ``SetAside.ref`` names them; None: everything.

        Returns:
            How many were put back.

        Raises:
            StoreError: the store cannot be written.
        """
        threads = self._process()
        replayed = threads.engine.store.replay(refs, self._clock.now())
        threads.wake()
        return replayed

    def counts(self) -> OutboxStats | None:
        """Return the stats for metrics, from whatever thread: None when the outbox is closed.

        Raises:
            StoreError: the store cannot be read.
        """
        current = self._processes.get(os.getpid())
        return None if self._closed or current is None else current.engine.stats()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def _process(self) -> _Threads:
        """Return what belongs to this process; after a fork it starts anew."""
        threads = self._processes.get(os.getpid())
        if threads is None:
            threads = self._processes.setdefault(os.getpid(), _Threads(self._client, self._new_engine()))
        threads.start(closed=self._closed)
        return threads


class _Threads:
    """The threads of one process: one that decides, and as many that send as are needed."""

    def __init__(self, client: TargetClient, engine: Engine) -> None:
        self.engine = engine
        self._client = client
        self._lock = threading.Lock()
        self._dispatcher: threading.Thread | None = None
        self._work: SimpleQueue[Batch | None] = SimpleQueue()
        self._senders = 0
        self._at_exit = partial(_stop_at_exit, weakref.ref(self))

    def start(self, *, closed: bool) -> bool:
        """Start the dispatcher, once, unless the outbox is closed; tell whether it runs."""
        if self._dispatcher is None and not closed:
            with self._lock:
                if self._dispatcher is None:
                    self._dispatcher = threading.Thread(target=self._run, name="target-outbox", daemon=True)
                    try:
                        self._dispatcher.start()
                        atexit.register(self._at_exit)
                    except RuntimeError:  # too many threads, for now: what comes is stored all the same
                        self._dispatcher = None
        return self._dispatcher is not None or not closed

    def wake(self) -> None:
        """Have the dispatcher look for work now."""
        self.engine.inbox.put(None)

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in the dispatcher's thread, as event handlers do: it must not wait for itself."""
        return threading.current_thread() is self._dispatcher

    def stop(self, timeout: float | None) -> None:
        """Send no more, and end when the calls that are under way have ended; wait for that so many seconds."""
        self.engine.stopping = True
        self.wake()
        if self._dispatcher is None:
            self.engine.store.close()
        elif not self.is_current:
            self._dispatcher.join(None if timeout is None else max(0.0, timeout))

    def _run(self) -> None:
        engine = self.engine
        while True:
            engine.cycle()
            while engine.to_send:
                self._give(engine.to_send.popleft())
            engine.tell()
            if engine.drained:
                break
            engine.wait()
        for _ in range(self._senders):
            self._work.put(None)
        engine.store.close()
        atexit.unregister(self._at_exit)

    def _give(self, batch: Batch) -> None:
        """Give a batch to a thread that sends."""
        if self._senders < self.engine.limits.parallel:
            try:
                threading.Thread(target=self._send, name=f"target-outbox-{self._senders}", daemon=True).start()
                self._senders += 1
            except RuntimeError as error:  # there are too many threads already
                if not self._senders:
                    self.engine.inbox.put((batch, error))
                    return
        self._work.put(batch)

    def _send(self) -> None:
        while (batch := self._work.get()) is not None:
            try:
                outcome: Outcome = self._client.send_prepared(batch.request, retries=0 if batch.probe else None)
            except BaseException as error:  # of a hook of the caller's http_client, too: the notification stays
                outcome = error
            self.engine.inbox.put((batch, outcome))


def _stop_at_exit(reference: weakref.ref[_Threads]) -> None:
    threads = reference()
    if threads is not None:
        with contextlib.suppress(Exception):
            threads.stop(EXIT_TIMEOUT)
