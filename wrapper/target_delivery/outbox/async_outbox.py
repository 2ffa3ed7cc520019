"""AsyncNotificationOutbox: the shell that sends and waits in asyncio."""

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
"""Seconds that a close with a timeout waits for the store to end."""


class AsyncNotificationOutbox:
    """A NotificationOutbox for asyncio, shared by all tasks of one event loop; see there.

    An async context manager; ``await close()`` ends it otherwise. It sends from its first use in an event loop on.
    What would block the loop, the store's commits, runs in a thread.

    Args:
        client: sends the notifications. It stays open when the outbox is closed.
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
        """Store what ``prepare_notifications`` of a client made; otherwise as ``send_notifications``."""
        deadline = None if self._room_timeout is None else self._clock.monotonic() + self._room_timeout
        while True:
            if self._closed:
                raise closed_error()
            tasks = self._process()
            entry, wake = tasks.engine.put(prepared)
            await tasks.in_store(tasks.engine.commit)
            try:
                entry.require_stored()
            except OutboxFullError:
                if deadline is not None and self._clock.monotonic() >= deadline:
                    raise
                tasks.wake.set()
                await asyncio.sleep(ROOM_POLL)
            else:
                if wake:
                    tasks.wake.set()
                return

    async def flush(self, timeout: float | None = None) -> int:  # noqa: ASYNC109 - as the other outbox has it
        """Wait until all that is stored now has left the store; see ``NotificationOutbox.flush``."""
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        tasks = self._process()
        newest = await tasks.in_store(tasks.engine.newest)
        tasks.wake.set()
        while newest is not None and not await tasks.in_store(tasks.engine.delivered_up_to, newest):
            if deadline is not None and self._clock.monotonic() >= deadline:
                return (await self.stats()).stored
            await asyncio.sleep(FLUSH_POLL)
        return 0

    async def close(self, timeout: float | None = CLOSE_TIMEOUT) -> int:  # noqa: ASYNC109 - as the other outbox has it
        """Take no more, deliver what is stored, as far as the time allows; see ``NotificationOutbox.close``."""
        if self._closed:
            return 0
        tasks = self._process()
        self._closed = True
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        try:
            # A little is kept back to end the calls that are under way.
            return await self.flush(None if timeout is None else max(0.0, timeout - min(0.25, timeout / 4)))
        finally:
            await tasks.stop(None if deadline is None else deadline - self._clock.monotonic())

    async def stats(self) -> OutboxStats:
        """Count what is in the store; see ``NotificationOutbox.stats``."""
        tasks = self._process()
        return await tasks.in_store(tasks.engine.stats)

    async def list_set_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return what is set aside, oldest first, at most so many; see ``NotificationOutbox.list_set_aside``."""
        tasks = self._process()
        return await tasks.in_store(tasks.engine.store.list_aside, limit)

    async def replay(self, refs: Collection[str] | None = None) -> int:
        """Put back what was set aside; see ``NotificationOutbox.replay``."""
        tasks = self._process()
        replayed = await tasks.in_store(tasks.engine.store.replay, refs, self._clock.now())
        tasks.wake.set()
        return replayed

    def counts(self) -> OutboxStats | None:
        """Return the stats for metrics, from whatever thread; see ``NotificationOutbox.counts``."""
        return None if self._closed else self._engine.stats()

    async def __aenter__(self) -> Self:
        self._process()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.close()

    def _process(self) -> _Tasks:
        """Return what belongs to this event loop and process; after a fork or in another loop it starts anew."""
        loop, tasks = asyncio.get_running_loop(), self._tasks
        if tasks is not None and not tasks.belong_to(loop):
            if tasks.in_use:
                raise OutboxError("This outbox is in use in another event loop; each needs an outbox of its own.")
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
    """The tasks of one event loop: one that decides, and one for each call; and the thread for the store."""

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
        """Tell whether they are of this event loop, in this process."""
        return self._loop is loop and not self.is_of_parent

    @property
    def is_of_parent(self) -> bool:
        """Whether they are of the process that forked this one."""
        return self._pid != os.getpid()

    @property
    def in_use(self) -> bool:
        """Whether their event loop goes on."""
        return not self.is_of_parent and not self._loop.is_closed()

    def leave(self) -> None:
        """End the thread, when the event loop is closed."""
        self._store.shutdown()

    def start(self) -> None:
        """Start the dispatcher, once, and again when all tasks were cancelled."""
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = self._loop.create_task(self._run())

    async def in_store(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do what may block, in the thread for the store."""
        if self._ended:
            raise closed_error()
        return await self._loop.run_in_executor(self._store, work, *arguments)

    async def stop(self, timeout: float | None) -> None:  # noqa: ASYNC109 - what remains of the caller's
        """Send no more; wait for the calls that are under way so many seconds, then cut them off."""
        self.engine.stopping = True
        self.wake.set()
        ending: list[Future[None]] = []
        if self._dispatcher is not None:
            await asyncio.wait([self._dispatcher], timeout=timeout if timeout is None else max(0.0, timeout))
            tasks = [self._dispatcher, *self._calls]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            # Those that were cut off go back at once, and not only when their lease ends.
            while self.engine.to_send:
                self.engine.inbox.put((self.engine.to_send.popleft(), asyncio.CancelledError()))
            ending.append(self._store.submit(self.engine.cycle))
        self._ended = True
        ending.append(self._store.submit(self.engine.store.close))
        self._store.shutdown(wait=False)
        # A store that hangs ends on its own time.
        deadline = inf if timeout is None else self._clock.monotonic() + STORE_END
        while not all(one.done() for one in ending) and self._clock.monotonic() < deadline:  # noqa: ASYNC110 - of a thread
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
                # Not in _send, which a cancellation may keep from its first step.
                task.add_done_callback(partial(self._note, batch))
            engine.tell()
            if engine.drained:
                return
            with contextlib.suppress(TimeoutError):
                # Not wait_for, which on Python 3.11 may swallow a cancellation.
                async with asyncio.timeout(engine.seconds_to_wait or 0.001):
                    await self.wake.wait()

    async def _send(self, batch: Batch) -> Outcome:
        try:
            return await self._client.send_prepared(batch.request, retries=0 if batch.probe else None)
        except Exception as error:  # of a hook of the caller's http_client, too: the notification stays
            return error

    def _note(self, batch: Batch, task: asyncio.Task[Outcome]) -> None:
        self._calls.discard(task)
        outcome = asyncio.CancelledError() if task.cancelled() else task.exception() or task.result()
        self.engine.inbox.put((batch, outcome))
        self.wake.set()
