"""AsyncNotificationOutbox: the shell that sends and waits in asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self, TypeVar

from target_delivery.async_client import AsyncTargetClient
from target_delivery.errors import OutboxFullError, StoreError
from target_delivery.outbox.engine import (
    CLOSE_TIMEOUT,
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

    from target_delivery.completion import Prepared
    from target_delivery.options import NotificationsOptions
    from target_delivery.outbox.engine import OutboxStats
    from target_delivery.outbox.sender import Batch
    from target_delivery.outbox.stores import SetAside, Store

__all__ = ["AsyncNotificationOutbox"]

T = TypeVar("T")


class AsyncNotificationOutbox:
    """A NotificationOutbox for asyncio, shared by all tasks of one event loop; see there.

    An async context manager; ``await close()`` ends it otherwise. It sends from its first use in an event loop on.
    What would block the loop, the store's commits, runs in a thread.

    Args:
        client: sends the notifications. It stays open when the outbox is closed.
        store: keeps them. The outbox closes it.
        parallel: calls that are under way at once.
        max_batch: notifications of one call, at most 50.
        linger: seconds that a notification waits for others of its visitor.
        max_age: seconds after which one that could not be delivered is set aside.
        room_timeout: seconds that ``send_notifications`` waits for room in a full store: 0 refuses at once, None
            waits as long as it takes.

    Raises:
        OptionError: an argument is unusable.
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
    ) -> None:
        require_client(
            client, AsyncTargetClient, "An AsyncNotificationOutbox", "A TargetClient goes with a NotificationOutbox."
        )
        self._client = client
        self._room_timeout = room_timeout

        def engine() -> Engine:
            return make_engine(
                client.config, store, parallel=parallel, max_batch=max_batch, linger=linger, max_age=max_age
            )

        self._new_engine: Callable[[], Engine] = engine
        self._processes: dict[int, _Tasks] = {os.getpid(): _Tasks(client, engine())}
        self._closed = False
        observe(self, store)

    async def send_notifications(self, options: NotificationsOptions) -> None:
        """Store notifications, to be sent in the background; see ``NotificationOutbox.send_notifications``."""
        require_no_callbacks(options)
        await self.send_prepared(self._client.prepare_notifications(options))

    async def send_prepared(self, prepared: Prepared) -> None:
        """Store what ``prepare_notifications`` of a client made; otherwise as ``send_notifications``."""
        stitched = self._client.is_stitched(prepared)
        deadline = None if self._room_timeout is None else time.monotonic() + self._room_timeout
        while True:
            if self._closed:
                raise closed_error()
            tasks = self._process()
            entry, wake = tasks.engine.put(prepared, stitched=stitched)
            await tasks.in_store(tasks.engine.commit)
            try:
                entry.require_stored()
            except OutboxFullError:
                if deadline is not None and time.monotonic() >= deadline:
                    raise
                tasks.wake.set()
                await asyncio.sleep(ROOM_POLL)
            else:
                if wake:
                    tasks.wake.set()
                return

    async def flush(self, timeout: float | None = None) -> int:  # noqa: ASYNC109 - as the other outbox has it
        """Wait until all that is stored now has left the store; see ``NotificationOutbox.flush``."""
        deadline = None if timeout is None else time.monotonic() + timeout
        tasks = self._process()
        newest = await tasks.in_store(tasks.engine.newest)
        tasks.wake.set()
        while newest is not None and not await tasks.in_store(tasks.engine.delivered_up_to, newest):
            remaining = 0.02 if deadline is None else min(0.02, deadline - time.monotonic())
            if remaining <= 0:
                return (await self.stats()).stored
            tasks.cycled.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(tasks.cycled.wait(), remaining)
        return 0

    async def close(self, timeout: float | None = CLOSE_TIMEOUT) -> int:  # noqa: ASYNC109 - as the other outbox has it
        """Take no more, deliver what is stored, as far as the time allows; see ``NotificationOutbox.close``."""
        if self._closed:
            return 0
        tasks = self._process()
        self._closed = True
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            # A little is kept back to end the calls that are under way.
            return await self.flush(None if timeout is None else max(0.0, timeout - min(0.25, timeout / 4)))
        finally:
            await tasks.stop(None if deadline is None else deadline - time.monotonic())

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
        replayed = await tasks.in_store(tasks.engine.store.replay, refs, time.time())
        tasks.wake.set()
        return replayed

    def counts(self) -> OutboxStats | None:
        """Return the stats for metrics, from whatever thread: None when the outbox is closed or its store fails."""
        current = self._processes.get(os.getpid())
        if self._closed or current is None:
            return None
        try:
            return current.engine.stats()
        except StoreError:
            return None

    async def __aenter__(self) -> Self:
        self._process()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.close()

    def _process(self) -> _Tasks:
        """Return what belongs to this process; after a fork it starts anew."""
        tasks = self._processes.get(os.getpid())
        if tasks is None:
            tasks = self._processes.setdefault(os.getpid(), _Tasks(self._client, self._new_engine()))
        if not self._closed:
            tasks.start()
        return tasks


class _Tasks:
    """The tasks of one event loop: one that decides, and one for each call; and the thread for the store."""

    def __init__(self, client: AsyncTargetClient, engine: Engine) -> None:
        self.engine = engine
        self.wake = asyncio.Event()
        self.cycled = asyncio.Event()
        self._client = client
        self._store = ThreadPoolExecutor(1, thread_name_prefix="target-outbox")
        self._dispatcher: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the dispatcher, once."""
        if self._dispatcher is None:
            self._dispatcher = asyncio.get_running_loop().create_task(self._run())

    async def in_store(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do what may block, in the thread for the store."""
        return await asyncio.get_running_loop().run_in_executor(self._store, work, *arguments)

    async def stop(self, timeout: float | None) -> None:  # noqa: ASYNC109 - what remains of the caller's
        """Send no more; wait for the calls that are under way so many seconds, then cut them off."""
        self.engine.stopping = True
        self.wake.set()
        if self._dispatcher is not None:
            await asyncio.wait([self._dispatcher], timeout=timeout if timeout is None else max(0.0, timeout))
            for task in (self._dispatcher, *self._calls):
                task.cancel()
            await asyncio.wait([self._dispatcher, *self._calls])
        await self.in_store(self.engine.store.close)
        self._store.shutdown(wait=False)

    async def _run(self) -> None:
        engine = self.engine
        while True:
            self.wake.clear()
            for batch in await self.in_store(engine.cycle):
                task = asyncio.create_task(self._send(batch))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
            engine.tell()
            self.cycled.set()
            if engine.drained:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), engine.seconds_to_wait or (0.05 if engine.stopping else 0.001))

    async def _send(self, batch: Batch) -> None:
        try:
            outcome = await self._client.send_prepared(batch.request, retries=0 if batch.probe else None)
        except Exception as error:  # of a hook of the caller's http_client, too: the notification stays
            self.engine.ended.put((batch, error))
        else:
            self.engine.ended.put((batch, outcome))
        self.wake.set()
