"""NotificationOutbox: the outbox for threads."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from functools import partial
from math import inf
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
    time_to_flush,
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
"""Seconds that the end of the interpreter waits for calls that are under way if the outbox was not closed."""


class NotificationOutbox:
    """Keeps notifications until the edge has confirmed them, through crashes, deploys and outages.

    ``send_notifications`` returns when the notifications are safely stored. Threads in the background send them,
    grouped by visitor, until an answer of the edge names them. Create one outbox for a client and a store, and share it
    between all threads. Use it as a context manager, or call ``close()``. After a fork each process has threads of its
    own.

    Do not use it in a signal handler: the handler may have interrupted a call of this outbox, and would wait for that
    call forever. Let the handler raise SystemExit instead. The interrupted call stores all of its
    notifications or none, and the end of the with block delivers what is stored.

    Args:
        client: sends the notifications. Closing the outbox leaves it open.
        store: keeps the notifications. The outbox closes it.
        parallel: how many calls may be under way at once, 1 to 1000.
        max_batch: how many notifications go in one call, 1 to 50.
        linger: seconds that a notification waits for others of its visitor, 0 to 60.
        max_age: seconds after which a notification that was not confirmed is set aside.
        room_timeout: seconds that ``send_notifications`` waits for room in a full store. 0 refuses at once, None
            waits without limit.
        clock: tells the time; for tests.
        chance: makes random choices; for tests.

    Raises:
        OptionError: an argument is out of its range, or the store's lease is too short for the client's timeout.
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
            knows_cluster=client.knows_cluster,
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
        """Store notifications, to be sent in the background. Takes the options of the client's method.

        When this returns, the notifications survive the end of the process. The outbox sends them until the edge
        confirms them or refuses them, or until they are older than ``max_age``.

        Raises:
            OptionError: the call or a notification is wrong; nothing was stored.
            OutboxFullError: the store is full; nothing was stored.
            OutboxClosedError: the outbox is closed; nothing was stored.
            StoreError: the store failed. Give the same notifications again: they cannot count twice.
        """
        require_no_callbacks(options)
        self.send_prepared(self._client.prepare_notifications(options))

    def send_prepared(self, prepared: Prepared) -> None:
        """Store a request that ``prepare_notifications`` of a client made; see ``send_notifications``."""
        deadline = self._deadline(self._room_timeout)
        while True:
            if self._closed:
                raise closed_error()
            threads = self._process()
            entry, wake = threads.engine.put(prepared)
            threads.engine.commit()
            try:
                entry.require_stored()
            except OutboxFullError:
                if self._clock.monotonic() >= deadline:
                    raise
                threads.wake()
                time.sleep(ROOM_POLL)
            else:
                if wake:
                    threads.wake()
                return

    def flush(self, timeout: float | None = None) -> int:
        """Wait until every notification that is stored now is delivered or set aside.

        Args:
            timeout: seconds to wait; None waits without limit.

        Returns:
            0 if they all are; else how many notifications the store still holds. An event handler runs between
            deliveries, so a call in it does not wait.

        Raises:
            StoreError: the store cannot be read.
        """
        deadline = self._deadline(timeout)
        threads = self._process()
        if threads.is_current:
            threads.wake()
            return self.stats().stored
        newest = threads.engine.newest()
        threads.wake()
        while newest is not None and not threads.engine.delivered_up_to(newest):
            if self._clock.monotonic() >= deadline or not threads.start(closed=self._closed):
                return self.stats().stored
            time.sleep(FLUSH_POLL)
        return 0

    def close(self, timeout: float | None = CLOSE_TIMEOUT) -> int:
        """Stop taking notifications, deliver as many as the time allows, and end.

        The others stay in the store, for the next outbox that is opened on it. A second call does nothing and returns
        0.

        Args:
            timeout: seconds to wait; None waits until everything is delivered.

        Returns:
            0 if everything is delivered or set aside; else how many notifications the store still holds.

        Raises:
            StoreError: the store cannot be read. The outbox is closed all the same.
        """
        if self._closed:
            return 0
        threads = self._process()
        self._closed = True
        deadline = self._deadline(timeout)
        try:
            return self.flush(time_to_flush(timeout))
        finally:
            threads.stop(None if timeout is None else deadline - self._clock.monotonic())

    def stats(self) -> OutboxStats:
        """Count the notifications in the store.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._process().engine.stats()

    def list_set_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return the notifications that are set aside, oldest first, at most ``limit`` of them.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._process().engine.store.list_aside(limit)

    def replay(self, refs: Collection[str] | None = None) -> int:
        """Put notifications that were set aside back, to be sent as if they were stored now.

        Args:
            refs: the ``SetAside.ref`` of each; None puts all of them back.

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
        """Return the stats for metrics, in any thread; None if the outbox is closed.

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

    def _deadline(self, timeout: float | None) -> float:
        return inf if timeout is None else self._clock.monotonic() + timeout

    def _process(self) -> _Threads:
        """Return the threads of this process. A forked process starts its own."""
        threads = self._processes.get(os.getpid())
        if threads is None:
            threads = self._processes.setdefault(os.getpid(), _Threads(self._client, self._new_engine()))
        threads.start(closed=self._closed)
        return threads


class _Threads:
    """The threads of one process: the dispatcher, which runs the engine, and the senders, started as needed."""

    def __init__(self, client: TargetClient, engine: Engine) -> None:
        self.engine = engine
        self._client = client
        self._lock = threading.Lock()
        self._dispatcher: threading.Thread | None = None
        self._work: SimpleQueue[Batch | None] = SimpleQueue()
        self._senders = 0
        self._at_exit = partial(_stop_at_exit, weakref.ref(self))

    def start(self, *, closed: bool) -> bool:
        """Start the dispatcher, once, unless the outbox is closed. Return whether it runs or can still start."""
        if self._dispatcher is None and not closed:
            with self._lock:
                if self._dispatcher is None:
                    self._dispatcher = threading.Thread(target=self._run, name="target-outbox", daemon=True)
                    try:
                        self._dispatcher.start()
                        atexit.register(self._at_exit)
                    except RuntimeError:  # too many threads: the next use tries again, and appending goes on
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
        """End when the calls that are under way have ended. Wait for that at most ``timeout`` seconds."""
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
        """Give a batch to a sender."""
        if self._senders < self.engine.limits.calls:
            try:
                threading.Thread(target=self._send, name=f"target-outbox-{self._senders}", daemon=True).start()
                self._senders += 1
            except RuntimeError as error:  # too many threads
                if not self._senders:
                    self.engine.inbox.put((batch, error))
                    return
        self._work.put(batch)

    def _send(self) -> None:
        while (batch := self._work.get()) is not None:
            try:
                outcome: Outcome = self._client.send_prepared(batch.request, retries=0 if batch.probe else None)
            except BaseException as error:  # a hook of the caller's http_client can raise anything
                outcome = error
            self.engine.inbox.put((batch, outcome))


def _stop_at_exit(reference: weakref.ref[_Threads]) -> None:
    threads = reference()
    if threads is not None:
        with contextlib.suppress(Exception):
            threads.stop(EXIT_TIMEOUT)
