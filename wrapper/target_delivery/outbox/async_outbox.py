"""AsyncNotificationOutbox: the outbox for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Self, TypeVar

from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery.async_client import AsyncTargetClient
from target_delivery.errors import OutboxError, OutboxFullError
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
    from concurrent.futures import Future
    from types import TracebackType

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.prepared import Prepared
    from target_delivery.options import NotificationsOptions
    from target_delivery.outbox.engine import OutboxStats
    from target_delivery.outbox.scheduler import Batch, Outcome
    from target_delivery.outbox.stores.base import SetAside, Store

__all__ = ["AsyncNotificationOutbox"]

T = TypeVar("T")
STORE_END = 0.5
"""Seconds that a close with a timeout waits for the store's last commit."""


class AsyncNotificationOutbox:
    """The NotificationOutbox for asyncio: the same arguments, methods and errors, with an AsyncTargetClient.

    Share it between all tasks of one event loop. Use it as an async context manager, or call ``await close()``. It
    begins to send at its first use in an event loop. The store's commits, which would block the loop, run in a thread.
    """

    def __init__(
        self,
        client: AsyncTargetClient,
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
            client, AsyncTargetClient, "An AsyncNotificationOutbox", "A TargetClient goes with a NotificationOutbox."
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
        self._engine: Engine = self._new_engine()
        self._tasks: _Tasks | None = None
        self._closed = False
        observe(self, store)

    async def send_notifications(self, options: NotificationsOptions) -> None:
        """Store notifications, to be sent in the background; see ``NotificationOutbox.send_notifications``."""
        require_no_callbacks(options)
        await self.send_prepared(self._client.prepare_notifications(options))

    async def send_prepared(self, prepared: Prepared) -> None:
        """Store a request that ``prepare_notifications`` of a client made; see ``send_notifications``."""
        deadline = self._deadline(self._room_timeout)
        while True:
            if self._closed:
                raise closed_error()
            tasks = self._process()
            entry, wake = tasks.engine.put(prepared)
            await tasks.in_store(tasks.engine.commit)
            try:
                entry.require_stored()
            except OutboxFullError:
                if self._clock.monotonic() >= deadline:
                    raise
                tasks.wake.set()
                await asyncio.sleep(ROOM_POLL)
            else:
                if wake:
                    tasks.wake.set()
                return

    async def flush(self, timeout: float | None = None) -> int:  # noqa: ASYNC109 - equal to NotificationOutbox
        """Wait until every notification that is stored now is delivered; see ``NotificationOutbox.flush``."""
        deadline = self._deadline(timeout)
        tasks = self._process()
        newest = await tasks.in_store(tasks.engine.newest)
        tasks.wake.set()
        while newest is not None and not await tasks.in_store(tasks.engine.delivered_up_to, newest):
            if self._clock.monotonic() >= deadline:
                return (await self.stats()).stored
            await asyncio.sleep(FLUSH_POLL)
        return 0

    async def close(self, timeout: float | None = CLOSE_TIMEOUT) -> int:  # noqa: ASYNC109 - equal to NotificationOutbox
        """Stop taking notifications, deliver as many as the time allows; see ``NotificationOutbox.close``."""
        if self._closed:
            return 0
        tasks = self._process()
        self._closed = True
        deadline = self._deadline(timeout)
        try:
            return await self.flush(time_to_flush(timeout))
        finally:
            await tasks.stop(None if timeout is None else deadline - self._clock.monotonic())

    async def stats(self) -> OutboxStats:
        """Count the notifications in the store; see ``NotificationOutbox.stats``."""
        tasks = self._process()
        return await tasks.in_store(tasks.engine.stats)

    async def list_set_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return the notifications that are set aside; see ``NotificationOutbox.list_set_aside``."""
        tasks = self._process()
        return await tasks.in_store(tasks.engine.store.list_aside, limit)

    async def replay(self, refs: Collection[str] | None = None) -> int:
        """Put notifications that were set aside back; see ``NotificationOutbox.replay``."""
        tasks = self._process()
        replayed = await tasks.in_store(tasks.engine.store.replay, refs, self._clock.now())
        tasks.wake.set()
        return replayed

    def counts(self) -> OutboxStats | None:
        """Return the stats for metrics, in any thread; see ``NotificationOutbox.counts``."""
        return None if self._closed else self._engine.stats()

    async def __aenter__(self) -> Self:
        self._process()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.close()

    def _deadline(self, timeout: float | None) -> float:
        return inf if timeout is None else self._clock.monotonic() + timeout

    def _process(self) -> _Tasks:
        """Return the tasks of this event loop and process. A forked process and a later event loop start their own."""
        loop, tasks = asyncio.get_running_loop(), self._tasks
        if tasks is not None and not tasks.belong_to(loop):
            if tasks.in_use:
                raise OutboxError("This outbox is in use in another event loop; create one outbox for each event loop.")
            if tasks.is_of_parent:
                self._engine = self._new_engine()
            else:
                tasks.leave()
            tasks = None
        if tasks is None:
            tasks = self._tasks = _Tasks(self._client, self._engine, loop, self._clock)
        if not self._closed:
            tasks.start()
        return tasks


class _Tasks:
    """The tasks of one event loop: the dispatcher, which runs the engine, and one for each call.

    The store is used in a thread of its own.
    """

    def __init__(
        self, client: AsyncTargetClient, engine: Engine, loop: asyncio.AbstractEventLoop, clock: Clock
    ) -> None:
        self.engine = engine
        self.wake = asyncio.Event()
        self._client = client
        self._loop = loop
        self._clock = clock
        self._pid = os.getpid()
        self._store = ThreadPoolExecutor(1, thread_name_prefix="target-outbox")
        self._ended = False
        self._dispatcher: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[Outcome]] = set()

    def belong_to(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Return whether they belong to this event loop, in this process."""
        return self._loop is loop and not self.is_of_parent

    @property
    def is_of_parent(self) -> bool:
        """Whether they belong to the process that forked this one."""
        return self._pid != os.getpid()

    @property
    def in_use(self) -> bool:
        """Whether their event loop may still run."""
        return not self.is_of_parent and not self._loop.is_closed()

    def leave(self) -> None:
        """End the thread. Call it when the event loop is closed."""
        self._store.shutdown()

    def start(self) -> None:
        """Start the dispatcher, once, and again if the tasks of the event loop were cancelled."""
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = self._loop.create_task(self._run())

    async def in_store(self, work: Callable[..., T], *arguments: Any) -> T:
        """Call a function that may block, in the store's thread."""
        if self._ended:
            raise closed_error()
        return await self._loop.run_in_executor(self._store, work, *arguments)

    async def stop(self, timeout: float | None) -> None:  # noqa: ASYNC109 - the rest of the caller's timeout
        """Start no more calls. Wait ``timeout`` seconds for the calls that are under way, then cancel them."""
        self.engine.stopping = True
        self.wake.set()
        ending: list[Future[None]] = []
        if self._dispatcher is not None:
            await asyncio.wait([self._dispatcher], timeout=timeout if timeout is None else max(0.0, timeout))
            tasks = [self._dispatcher, *self._calls]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            # Give the notifications of cancelled calls back now: otherwise they wait until their lease ends.
            while self.engine.to_send:
                self.engine.inbox.put((self.engine.to_send.popleft(), asyncio.CancelledError()))
            ending.append(self._store.submit(self.engine.cycle))
        self._ended = True
        ending.append(self._store.submit(self.engine.store.close))
        self._store.shutdown(wait=False)
        # Do not wait longer for a store that hangs.
        deadline = inf if timeout is None else self._clock.monotonic() + STORE_END
        while not all(one.done() for one in ending) and self._clock.monotonic() < deadline:  # noqa: ASYNC110 - a thread ends it
            await asyncio.sleep(FLUSH_POLL)
        for one in ending:
            if one.done():
                one.result()

    async def _run(self) -> None:
        engine = self.engine
        while True:
            self.wake.clear()
            await self.in_store(engine.cycle)
            while engine.to_send:
                batch = engine.to_send.popleft()
                task = self._loop.create_task(self._send(batch))
                self._calls.add(task)
                # A callback, because a task can be cancelled before its first step: then _send never runs.
                task.add_done_callback(partial(self._note, batch))
            engine.tell()
            if engine.drained:
                return
            with contextlib.suppress(TimeoutError):
                # wait_for may swallow a cancellation on Python 3.11.
                async with asyncio.timeout(engine.seconds_to_wait or 0.001):
                    await self.wake.wait()

    async def _send(self, batch: Batch) -> Outcome:
        try:
            return await self._client.send_prepared(batch.request, retries=0 if batch.probe else None)
        except Exception as error:  # a hook of the caller's http_client can raise anything
            return error

    def _note(self, batch: Batch, task: asyncio.Task[Outcome]) -> None:
        self._calls.discard(task)
        outcome = asyncio.CancelledError() if task.cancelled() else task.exception() or task.result()
        self.engine.inbox.put((batch, outcome))
        self.wake.set()
