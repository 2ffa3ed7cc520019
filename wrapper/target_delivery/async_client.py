"""AsyncTargetClient: the shell that sends calls and waits in asyncio."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from target_delivery._core.call import Core
from target_delivery._core.flow import Keep, Send, Sleep
from target_delivery._http.pool import Pool, direct_async_client
from target_delivery.errors import CLOSED, HTTP_CLIENT_CLOSED, ClientClosedError
from target_delivery.options import read_call_options, read_client_options, read_mbox_names, require_config
from target_delivery.response import AttributesProvider, TargetDeliveryResponse
from target_delivery_api import transport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from target_delivery._core.flow import Conversation, Step
    from target_delivery._core.request import Prepared
    from target_delivery._core.retry import Outcome
    from target_delivery.options import (
        AsyncClientOptions,
        AsyncOutbox,
        AttributesOptions,
        Config,
        NotificationsOptions,
        OffersOptions,
    )

__all__ = ["AsyncTargetClient"]

T = TypeVar("T")


class AsyncTargetClient:
    """A client of the Delivery API for asyncio, to be created once with ``AsyncTargetClient.create``.

    Shared by all tasks of one event loop. An async context manager; ``await close()`` ends it otherwise.
    """

    def __init__(
        self, config: Config, http_client: httpx.AsyncClient | None = None, outbox: AsyncOutbox | None = None
    ) -> None:
        require_config(config)
        self._outbox = outbox
        self._pool: Pool[httpx.AsyncClient] = Pool(direct_async_client, http_client)
        self._ready = asyncio.Event()
        self._core = Core(config, self._ready, outbox=outbox is not None)
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._poller: asyncio.Task[None] | None = None
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return  # The first call starts polling, in the loop it runs in.
        self._start_polling()

    @classmethod
    def create(cls, options: AsyncClientOptions) -> Self:
        """Make a client of its options.

        Raises:
            OptionError: an option is missing, unknown or unusable.
        """
        return cls(read_client_options(options, httpx.AsyncClient), options.get("http_client"), options.get("outbox"))

    async def get_offers(self, options: OffersOptions) -> TargetDeliveryResponse:
        """Ask for offers; see ``TargetClient.get_offers``."""
        call = read_call_options(options, "get_offers", callbacks=False)
        prepared = self._core.prepare("get_offers", call)
        return await self._run(self._core.offers(prepared, call, time.monotonic()))

    async def send_notifications(self, options: NotificationsOptions) -> TargetDeliveryResponse:
        """Report what was displayed and clicked; see ``TargetClient.send_notifications``."""
        call = read_call_options(options, "send_notifications", callbacks=False)
        return await self._run(
            self._core.notifications(self._core.prepare("send_notifications", call), call, time.monotonic())
        )

    async def get_attributes(
        self, mbox_names: Sequence[str], options: AttributesOptions | None = None
    ) -> AttributesProvider:
        """Ask for the JSON offers of mboxes, and read them as attributes; see ``TargetClient.get_attributes``."""
        call = read_call_options(options or {}, "get_attributes", callbacks=False)
        prepared = self._core.prepare("get_attributes", call, read_mbox_names(mbox_names))
        return AttributesProvider(await self._run(self._core.offers(prepared, call, time.monotonic())))

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
        """The options, checked and with their defaults."""
        return self._core.config

    def prepare_notifications(self, options: NotificationsOptions) -> Prepared:
        """Check and complete what would be sent, and send nothing; see ``TargetClient.prepare_notifications``."""
        return self._core.completed_notifications(read_call_options(options, "send_notifications", callbacks=False))

    async def send_prepared(self, prepared: Prepared, *, retries: int | None = None) -> TargetDeliveryResponse:
        """Send what was prepared, now or in another process; see ``TargetClient.send_prepared``."""
        return await self._run(self._core.resend(prepared, retries))

    async def close(self) -> None:
        """Wait for the reports of decisions on the device that are under way, and close all connections.

        A second time does nothing. An ``http_client`` of the caller's stays open.
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

    async def _run(self, conversation: Conversation[T]) -> T:
        self._start_polling()
        return await self._hold(conversation)

    def _start_polling(self) -> None:
        if self._closed:
            raise ClientClosedError(CLOSED)
        if self._poller is None and self._core.device is not None:
            self._poller = asyncio.create_task(self._hold(self._core.device.keeper.polling()))

    async def _hold(self, conversation: Conversation[T]) -> T:
        try:
            step = next(conversation)
            while True:
                try:
                    outcome = await self._take(step)
                except Exception as error:  # of a transport or a hook of the caller's, or of a client that is closed
                    step = conversation.throw(error)
                else:
                    step = conversation.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _take(self, step: Step) -> Outcome | None:
        if isinstance(step, Send):
            return await self._send(step)
        if isinstance(step, Sleep):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Keep):
            if self._outbox is not None:
                await self._outbox.send_prepared(step.prepared)
        else:
            task = asyncio.create_task(self._hold(step.conversation))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return None

    async def _send(self, step: Send) -> Outcome:
        with self._pool.lane() as http_client:
            try:
                return await transport.asyncio(http_client, step.request, deadline=step.deadline)
            except (httpx.HTTPError, httpx.StreamError) as failure:
                return failure
            except RuntimeError:
                if http_client.is_closed:
                    raise ClientClosedError(CLOSED if self._pool.owned else HTTP_CLIENT_CLOSED) from None
                raise
