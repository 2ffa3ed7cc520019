"""What the tests of the outbox share: notifications that the embedded edge counts, and both kinds of outbox."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from time import monotonic, sleep
from typing import Any, Protocol, TypeVar

from target_delivery import (
    AsyncTargetClient,
    DeliveryRequest,
    MetricType,
    Notification,
    NotificationMbox,
    TargetClient,
    VisitorId,
)
from target_delivery.outbox import AsyncNotificationOutbox, NotificationOutbox, OutboxStats, SetAside, Store
from target_delivery.sandbox import Sandbox
from tests.virtual import VirtualTime

T = TypeVar("T")
TOKEN = "demo-1001-0-display"


def notification(id_: str, token: str = TOKEN) -> Notification:
    """Make a notification that the edge counts as one impression."""
    return Notification(
        id=id_,
        type=MetricType.DISPLAY,
        timestamp=1_700_000_000_000,
        mbox=NotificationMbox(name="home"),
        tokens=[token],
    )


def options(*notifications: Notification, visitor: str = "visitor", **more: Any) -> Any:
    """Return the options of a call for one visitor."""
    request = DeliveryRequest(id=VisitorId(tnt_id=f"{visitor}.35_0"), notifications=list(notifications))
    return {"request": request, "session_id": f"session-{visitor}", **more}


def require_counted_once(edge: Sandbox, ids: set[str], among: set[str] | None = None) -> None:
    """Assert that the edge counted each id once, and nothing else, except for ids in `among`."""
    counted = set(edge.ledger.notifications)
    assert ids <= counted, f"{len(ids - counted)} of {len(ids)} are lost: {sorted(ids - counted)[:5]}"
    if among is None:
        assert counted == ids
    assert edge.ledger.impressions.total() == len(counted)


def eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition holds."""
    deadline = monotonic() + seconds
    while not holds():
        assert monotonic() < deadline
        sleep(0.01)


def pass_time_until(holds: Callable[[], bool], outbox: Outbox, time: VirtualTime, step: float = 0.1) -> None:
    """Let the outbox work, and its clock advance a little each time, until a condition holds."""
    deadline = monotonic() + 30
    while not holds():
        assert monotonic() < deadline, "it does not hold, however much time passes"
        outbox.flush(0)
        sleep(0.001)
        time.advance(step)


def pass_time(outbox: Outbox, time: VirtualTime, seconds: float, step: float = 0.1) -> None:
    """Let the outbox work while its clock advances so many seconds, a little each time."""
    end = time.clock.now() + seconds
    pass_time_until(lambda: time.clock.now() >= end, outbox, time, step)


def flush_in(outbox: Outbox, time: VirtualTime) -> None:
    """Let time pass until everything is delivered or set aside."""
    pass_time_until(lambda: outbox.stats().stored == 0, outbox, time)
    assert outbox.flush(10) == 0


class Outbox(Protocol):
    """An outbox of either kind, with blocking methods."""

    def send_notifications(self, options: Any) -> None: ...
    def send_all(self, many: Iterable[Any]) -> None: ...
    def flush(self, timeout: float | None = None) -> int: ...
    def close(self, timeout: float | None = 5.0) -> int: ...
    def stats(self) -> OutboxStats: ...
    def list_set_aside(self, limit: int | None = None) -> list[SetAside]: ...
    def replay(self, refs: Any = None) -> int: ...


class AsyncOutbox:
    """An AsyncNotificationOutbox with an event loop in a thread."""

    def __init__(self, client_options: Any, store: Store, **given: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._client = AsyncTargetClient.create(client_options)
            self._outbox = AsyncNotificationOutbox(self._client, store=store, **given)
            self._run(self._outbox.__aenter__())
        except BaseException:
            store.close()
            self._stop()
            raise

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def send_notifications(self, options: Any) -> None:
        self._run(self._outbox.send_notifications(options))

    def send_all(self, many: Iterable[Any]) -> None:
        async def send() -> None:
            for one in many:
                await self._outbox.send_notifications(one)

        self._run(send())

    def flush(self, timeout: float | None = None) -> int:
        return self._run(self._outbox.flush(timeout))

    def close(self, timeout: float | None = 5.0) -> int:
        return self._run(self._outbox.close(timeout))

    def stats(self) -> OutboxStats:
        return self._run(self._outbox.stats())

    def list_set_aside(self, limit: int | None = None) -> list[SetAside]:
        return self._run(self._outbox.list_set_aside(limit))

    def replay(self, refs: Any = None) -> int:
        return self._run(self._outbox.replay(refs))

    def end(self) -> None:
        try:
            self._run(self._outbox.close(0))
        finally:
            self._run(self._client.close())
            self._stop()


class ThreadsOutbox(NotificationOutbox):
    """A NotificationOutbox that closes its client as well."""

    def __init__(self, client_options: Any, store: Store, **given: Any) -> None:
        self._own = TargetClient.create(client_options)
        try:
            super().__init__(self._own, store=store, **given)
        except BaseException:
            store.close()
            self._own.close()
            raise

    def send_all(self, many: Iterable[Any]) -> None:
        for one in many:
            self.send_notifications(one)

    def end(self) -> None:
        try:
            self.close(0)
            # Calls that are under way need the client. A virtual clock cannot limit how long close waits for them.
            for threads in self._processes.values():
                if threads._dispatcher is not None:
                    threads._dispatcher.join(1)
        finally:
            self._own.close()


Make = Callable[..., Outbox]
