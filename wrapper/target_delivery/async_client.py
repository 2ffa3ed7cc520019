"""AsyncTargetClient: the shell for asyncio. It runs flows, and performs their steps with awaited I/O."""

from __future__ import annotations

import asyncio
import warnings
import weakref
from contextlib import nullcontext, suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from attrs import define, field

from target_delivery._core import checks
from target_delivery._core.call import Core
from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK, seconds_left, system_deadline
from target_delivery._core.emit import emit
from target_delivery._core.flow import AwaitReady, Enqueue, Send, Wait, run_async, until_wait
from target_delivery._core.telemetry import TelemetryStore
from target_delivery._core.validation import read_client_options, require_config
from target_delivery._device.setup import set_up_device
from target_delivery._http import forks
from target_delivery._http.wires import new_async_wire
from target_delivery._http.workers import CLOSE_TIMEOUT, END_TIME, MAX_DOUBTFUL_WORKERS, MAX_WORKERS, weakly
from target_delivery.errors import CLOSED, ClientClosedError
from target_delivery.events import ClientReady

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.flow import Flow, Outcome, Spawn, Step
    from target_delivery._core.prepared import Prepared
    from target_delivery.options import (
        AsyncClientOptions,
        AsyncOutbox,
        AttributesOptions,
        NotificationsOptions,
        OffersOptions,
    )
    from target_delivery.response import AttributesProvider, TargetDeliveryResponse
    from target_delivery_api.clients import AsyncHttpClient

__all__ = ["AsyncTargetClient"]

T = TypeVar("T")


@define(eq=False)
class _InLoop:
    """The part of a client that belongs to one event loop.

    Attributes:
        ready: set when the client is ready.
        reporters: limits the reports that run at the same time.
        doubtful_reporters: the same for reports to hosts that only a visitor's cookie names.
        tasks: the reports.
    """

    ready: asyncio.Event = field(factory=asyncio.Event)
    reporters: asyncio.Semaphore = field(factory=partial(asyncio.Semaphore, MAX_WORKERS))
    doubtful_reporters: asyncio.Semaphore = field(factory=partial(asyncio.Semaphore, MAX_DOUBTFUL_WORKERS))
    tasks: set[asyncio.Task[None]] = field(factory=set[asyncio.Task[None]])


class AsyncTargetClient(forks.Watched):
    """A client of the Delivery API for asyncio, to be created once with ``AsyncTargetClient.create``.

    All tasks share it, also those of several event loops, at the same time or one after the other. It is an async
    context manager, which awaits ``close()`` at the end.
    """

    def __init__(
        self,
        config: Config,
        http_client: AsyncHttpClient | None = None,
        outbox: AsyncOutbox | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        require_config(config)
        self._config = config
        self._outbox = outbox
        self._clock = clock
        self._context = copy_context()
        self._closed = False
        self._end: asyncio.Event | None = None
        self._loops: dict[asyncio.AbstractEventLoop, _InLoop] = {}
        self._ready = False
        self._to_tell = False
        self._poller: asyncio.Task[None] | None = None
        self._polling: Flow[None] | None = None
        self._parents: object = None
        self._wire = new_async_wire(http_client, trust_env=config.trust_env)
        telemetry = TelemetryStore() if config.telemetry_enabled else None
        self._device = set_up_device(config, weakly(self._end_wait), telemetry=telemetry, clock=clock, chance=chance)
        self._core = Core(
            config, clock=clock, chance=chance, device=self._device, telemetry=telemetry, outbox=outbox is not None
        )
        forks.watch(self._core.stitching, self._core.stitching.lock)
        forks.watch(self, nullcontext())
        with suppress(RuntimeError):  # No event loop runs yet, so the first call starts polling.
            self._enter()

    @classmethod
    def create(cls, options: AsyncClientOptions) -> Self:
        """Create a client; see ``TargetClient.create``."""
        return cls(read_client_options(options, "AsyncClient"), options.get("http_client"), options.get("outbox"))

    async def get_offers(self, options: OffersOptions) -> TargetDeliveryResponse:
        """Ask for offers; see ``TargetClient.get_offers``."""
        return await self._run(self._core.get_offers(options, callbacks=False).flow)

    async def send_notifications(self, options: NotificationsOptions) -> TargetDeliveryResponse:
        """Report displays and clicks; see ``TargetClient.send_notifications``."""
        return await self._run(self._core.send_notifications(options, callbacks=False).flow)

    async def get_attributes(
        self, mbox_names: Sequence[str], options: AttributesOptions | None = None
    ) -> AttributesProvider:
        """Ask for the JSON offers of mboxes, and return them as attributes; see ``TargetClient.get_attributes``."""
        return await self._run(self._core.get_attributes(mbox_names, options, callbacks=False).flow)

    async def wait_until_ready(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - as its sync twin
        """Wait until the client can be used; see ``TargetClient.wait_until_ready``."""
        limit = checks.seconds("timeout", timeout)
        here = self._enter()
        try:
            async with asyncio.timeout(limit):
                await here.ready.wait()
        except TimeoutError:
            return False
        return self._core.can_decide

    @property
    def config(self) -> Config:
        """The options of the client, checked and with their defaults."""
        return self._config

    def knows_cluster(self, cluster: str) -> bool:
        """Return whether the options or an answer of the edge have named a cluster; see ``TargetClient``."""
        return self._core.clusters.know(cluster)

    def prepare_notifications(self, options: NotificationsOptions) -> Prepared:
        """Return a complete request, and send nothing; see ``TargetClient.prepare_notifications``."""
        return self._core.prepare_notifications(options)

    async def send_prepared(self, prepared: Prepared, *, retries: int | None = None) -> TargetDeliveryResponse:
        """Send a prepared request; see ``TargetClient.send_prepared``."""
        return await self._run(self._core.resend(prepared, retries))

    async def flush(self, timeout: float | None = None) -> int:  # noqa: ASYNC109 - as its sync twin
        """Wait for the reports of all decisions on the device so far; see ``TargetClient.flush``.

        This counts the reports of other event loops, but does not wait for them.
        """
        limit = checks.seconds("timeout", timeout)
        here = self._loops.get(asyncio.get_running_loop())
        if here is not None and (reports := here.tasks - {asyncio.current_task()}):
            await asyncio.wait(reports, timeout=limit)
        return sum(not task.done() for state in self._loops.values() for task in state.tasks - {asyncio.current_task()})

    async def close(self, timeout: float | None = CLOSE_TIMEOUT) -> None:  # noqa: ASYNC109 - as its sync twin
        """Wait for reports that are under way, then close all connections; see ``TargetClient.close``.

        It can be awaited in any event loop. The reports of other event loops are given up at once.
        """
        limit = checks.seconds("timeout", timeout)
        if self._closed:
            if self._end is not None:
                with suppress(TimeoutError, RuntimeError):  # RuntimeError: the first call is in another event loop
                    await asyncio.wait_for(self._end.wait(), limit)
            return
        self._closed, self._end = True, asyncio.Event()
        try:
            await self._close(limit)
        finally:
            self._core.reports.end_all(ClientClosedError("The client was closed before the report was sent."))
            self._end.set()

    async def _close(self, limit: float | None) -> None:
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        self._wake()
        if self._poller is not None:
            _cancel(self._poller)
        here = self._loops.get(loop)
        reports = here.tasks - {own} if here is not None else set[asyncio.Task[None]]()
        try:
            if reports:
                await asyncio.wait(reports, timeout=limit)
        finally:  # also when the caller cancels the wait
            self._wire.stop()
            for state in list(self._loops.values()):
                for task in state.tasks - {own}:
                    _cancel(task)
            if self._poller is not None and self._poller.get_loop() is loop:
                reports.add(self._poller)
            try:
                if reports:
                    await asyncio.wait(reports, timeout=END_TIME)
            finally:
                await self._wire.close()

    def after_fork_in_child(self) -> None:
        """Leave event loops and tasks to the parent. The child polls in the event loop of its first call."""
        # References are kept, because asyncio complains about tasks that are deleted before their end.
        self._parents = (self._parents, self._loops, self._poller)
        self._loops, self._poller = {}, None
        self._core.reports.forget()

    def __repr__(self) -> str:
        return f"<AsyncTargetClient {self._config.describe()}{' closed' if self._closed else ''}>"

    def __del__(self) -> None:
        poller = getattr(self, "_poller", None)
        if poller is not None and not self._closed and not poller.done():
            warnings.warn(f"{self!r} was not closed; close() ends its downloads.", ResourceWarning, 2, self)
            _cancel(poller)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        self._enter()
        return await run_async(flow, self._perform)

    def _enter(self) -> _InLoop:
        """Return the part of the client for the running event loop. Start what runs in the background.

        Raises:
            ClientClosedError: the client is closed.
        """
        if self._closed:
            raise ClientClosedError(CLOSED)
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            for ended in [one for one in self._loops if one.is_closed()]:
                self._loops.pop(ended, None)
            here = self._loops[loop] = _InLoop()
            if self._ready:
                here.ready.set()
        if self._to_tell:
            self._to_tell = False
            # call_soon, because create() must return first.
            loop.call_soon(emit, self._config, ClientReady(), context=self._context.copy())
        if self._device is not None and (self._poller is None or _was_cut_off(self._poller)):
            self._polling = self._device.keeper.polling()
            # Handlers of events run in this task, so it gets the context of the code that made the client.
            self._poller = asyncio.create_task(_poll(weakref.ref(self)), context=self._context.copy())
        return here

    def _end_wait(self, ready: bool) -> None:
        """End the wait for the first artifact. If the client is ready, let _enter() emit client_ready."""
        self._to_tell = ready
        self._wake()

    def _wake(self) -> None:
        """Set the events of all event loops."""
        self._ready = True
        for loop, state in list(self._loops.items()):
            with suppress(RuntimeError):  # The event loop is closed.
                loop.call_soon_threadsafe(state.ready.set)

    async def advance_polling(self) -> float | None:
        """Run the polling up to its next wait; return the seconds to wait, or None at its end."""
        assert self._polling is not None  # noqa: S101 - the poller sets it
        seconds = await run_async(until_wait(self._polling), self._perform)
        if not self._closed:
            self._enter()  # Emits client_ready if the first artifact has come.
        return seconds

    async def _perform(self, step: Step) -> Outcome | None:
        if isinstance(step, Send):
            deadline = system_deadline(step.deadline, self._clock)
            return await self._wire.exchange(step.request, deadline, step.max_bytes)
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, AwaitReady):
            left = seconds_left(system_deadline(step.deadline, self._clock))
            with suppress(TimeoutError):
                async with asyncio.timeout(left):  # In Python 3.11, wait_for() can swallow the caller's cancellation.
                    await self._enter().ready.wait()
            self._enter()
        elif isinstance(step, Enqueue):
            if self._outbox is not None:
                await self._outbox.send_prepared(step.prepared)
        else:
            self._spawn(step)
        return None

    def _spawn(self, step: Spawn) -> None:
        here = self._loops[asyncio.get_running_loop()]
        limit = here.doubtful_reporters if step.doubtful else here.reporters

        async def report() -> None:
            async with limit:
                await run_async(step.flow, self._perform)

        def ended(task: asyncio.Task[None]) -> None:
            here.tasks.discard(task)
            step.abandon(None if task.cancelled() else task.exception())

        task = asyncio.create_task(report())
        here.tasks.add(task)
        task.add_done_callback(ended)


async def _poll(reference: weakref.ref[AsyncTargetClient]) -> None:
    # The task has a reference to the client only while it downloads, so that a client that nobody uses any more is
    # garbage.
    seconds: float | None = 0.0
    while seconds is not None:
        await asyncio.sleep(seconds)
        client = reference()
        seconds = await client.advance_polling() if client is not None else None
        del client


def _was_cut_off(task: asyncio.Task[None]) -> bool:
    """Whether a task was cut off: by the end of its event loop, or by an exception of the caller's http_client."""
    if not task.done():
        return task.get_loop().is_closed()
    return task.cancelled() or task.exception() is not None


def _cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task of any event loop."""
    with suppress(RuntimeError):  # The event loop is closed.
        task.get_loop().call_soon_threadsafe(task.cancel)
