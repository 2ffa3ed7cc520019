"""AsyncTargetClient: the shell for asyncio. It runs flows, and performs their steps with awaited I/O."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import httpx

from target_delivery._core.call import Core
from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK, system_deadline
from target_delivery._core.flow import Enqueue, Send, Wait, run_async
from target_delivery._core.telemetry import TelemetryStore
from target_delivery._core.validation import read_client_options, require_config
from target_delivery._device.setup import set_up_device
from target_delivery._http import forks
from target_delivery._http.pool import CookielessAsyncClient, Pool
from target_delivery.errors import CLOSED, HTTP_CLIENT_CLOSED, ClientClosedError
from target_delivery_api import transport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.flow import Flow, Outcome, Step
    from target_delivery._core.prepared import Prepared
    from target_delivery.options import (
        AsyncClientOptions,
        AsyncOutbox,
        AttributesOptions,
        NotificationsOptions,
        OffersOptions,
    )
    from target_delivery.response import AttributesProvider, TargetDeliveryResponse
    from target_delivery_api.types import Answer

__all__ = ["AsyncTargetClient"]

T = TypeVar("T")


class _Exchanging(Protocol):
    """Sends a request and returns the whole answer, or raises."""

    async def __call__(
        self, client: httpx.AsyncClient, request: httpx.Request, /, *, deadline: float, max_bytes: int
    ) -> Answer: ...


class AsyncTargetClient:
    """A client of the Delivery API for asyncio, to be created once with ``AsyncTargetClient.create``.

    All tasks of one event loop share it. It is an async context manager, which awaits ``close()`` at the end.
    """

    def __init__(
        self,
        config: Config,
        http_client: httpx.AsyncClient | None = None,
        outbox: AsyncOutbox | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        require_config(config)
        self._outbox = outbox
        self._clock = clock
        self._pool: Pool[httpx.AsyncClient] = Pool(CookielessAsyncClient, http_client, asyncio.get_running_loop)
        self._exchange: _Exchanging = transport.asyncio
        if http_client is not None:
            from target_delivery._http.guard import Guard  # here, because importing httpcore takes long

            self._exchange = Guard().exchange
        self._ready = asyncio.Event()
        telemetry = TelemetryStore() if config.telemetry_enabled else None
        self._device = set_up_device(config, self._ready, telemetry=telemetry, clock=clock, chance=chance)
        self._core = Core(
            config, clock=clock, chance=chance, device=self._device, telemetry=telemetry, outbox=outbox is not None
        )
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._poller: asyncio.Task[None] | None = None
        forks.watch(self._core.stitching, self._core.stitching.lock)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return  # No event loop runs yet, so the first call starts polling.
        self._start_polling()

    @classmethod
    def create(cls, options: AsyncClientOptions) -> Self:
        """Create a client; see ``TargetClient.create``."""
        return cls(read_client_options(options, httpx.AsyncClient), options.get("http_client"), options.get("outbox"))

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
        self._start_polling()
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            return False
        return self._core.can_decide

    @property
    def config(self) -> Config:
        """The options of the client, checked and with their defaults."""
        return self._core.config

    def prepare_notifications(self, options: NotificationsOptions) -> Prepared:
        """Return a complete request, and send nothing; see ``TargetClient.prepare_notifications``."""
        return self._core.prepare_notifications(options)

    async def send_prepared(self, prepared: Prepared, *, retries: int | None = None) -> TargetDeliveryResponse:
        """Send a prepared request; see ``TargetClient.send_prepared``."""
        return await self._run(self._core.resend(prepared, retries))

    async def close(self) -> None:
        """Wait for reports that are under way, then close all connections.

        A second call does nothing. The caller's own ``http_client`` stays open.
        """
        self._closed = True
        self._ready.set()
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.wait([self._poller])
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._pool.owned:
            for http_client in self._pool.clients:
                await http_client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        self._start_polling()
        return await run_async(flow, self._perform)

    def _start_polling(self) -> None:
        if self._closed:
            raise ClientClosedError(CLOSED)
        if self._poller is None and self._device is not None:
            self._poller = asyncio.create_task(run_async(self._device.keeper.polling(), self._perform))

    async def _perform(self, step: Step) -> Outcome | None:
        if isinstance(step, Send):
            return await self._send(step)
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Enqueue):
            if self._outbox is not None:
                await self._outbox.send_prepared(step.prepared)
        else:
            task = asyncio.create_task(run_async(step.flow, self._perform))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return None

    async def _send(self, step: Send) -> Outcome:
        deadline = system_deadline(step.deadline, self._clock)
        try:
            with self._pool.lane() as http_client:
                try:
                    return await self._exchange(http_client, step.request, deadline=deadline, max_bytes=step.max_bytes)
                except RuntimeError:
                    if http_client.is_closed:
                        raise ClientClosedError(CLOSED if self._pool.owned else HTTP_CLIENT_CLOSED) from None
                    raise
        except (httpx.HTTPError, httpx.StreamError) as failure:
            return failure
