"""AsyncTargetClient: the shell that sends calls and waits in asyncio."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self

import httpx

from target_delivery.call import Core
from target_delivery.errors import CLOSED, ClientClosedError
from target_delivery.events import Event, emit
from target_delivery.options import read_call_options, read_client_options, read_mbox_names
from target_delivery.pool import http_options
from target_delivery.response import AttributesProvider, TargetDeliveryResponse
from target_delivery_api.api.delivery import execute as endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from target_delivery.call import Call
    from target_delivery.completion import Prepared
    from target_delivery.options import (
        AsyncClientOptions,
        AttributesOptions,
        Config,
        NotificationsOptions,
        OffersOptions,
    )
    from target_delivery.retry import Outcome

__all__ = ["AsyncTargetClient"]


class AsyncTargetClient:
    """A client of the Delivery API for asyncio, to be created once with ``AsyncTargetClient.create``.

    Shared by all tasks of one event loop. An async context manager; ``await close()`` ends it otherwise.
    """

    def __init__(self, config: Config, http_client: httpx.AsyncClient | None = None) -> None:
        self._owned = http_client is None
        self._http = httpx.AsyncClient(**http_options()) if http_client is None else http_client
        self._core = Core(config, self._http.headers)
        self._closed = False
        emit(config, Event("client_ready"))

    @classmethod
    def create(cls, options: AsyncClientOptions) -> Self:
        """Make a client of its options.

        Raises:
            OptionError: an option is missing, unknown or unusable.
        """
        return cls(read_client_options(options, httpx.AsyncClient), options.get("http_client"))

    async def get_offers(self, options: OffersOptions) -> TargetDeliveryResponse:
        """Ask for offers; see ``TargetClient.get_offers``."""
        call_options = read_call_options(options, "get_offers", callbacks=False)
        return await self._deliver(self._core.prepare("get_offers", call_options))

    async def send_notifications(self, options: NotificationsOptions) -> TargetDeliveryResponse:
        """Report what was displayed and clicked; see ``TargetClient.send_notifications``."""
        call_options = read_call_options(options, "send_notifications", callbacks=False)
        return await self._deliver(self._core.prepare("send_notifications", call_options))

    async def get_attributes(
        self, mbox_names: Sequence[str], options: AttributesOptions | None = None
    ) -> AttributesProvider:
        """Ask for the JSON offers of mboxes, and read them as attributes; see ``TargetClient.get_attributes``."""
        call_options = read_call_options(options or {}, "get_attributes", callbacks=False)
        call = self._core.prepare("get_attributes", call_options, read_mbox_names(mbox_names))
        return AttributesProvider(await self._deliver(call))

    @property
    def config(self) -> Config:
        """The options, checked and with their defaults."""
        return self._core.config

    def prepare_notifications(self, options: NotificationsOptions) -> Prepared:
        """Check and complete what would be sent, and send nothing; see ``TargetClient.prepare_notifications``."""
        return self._core.prepared(
            "send_notifications", read_call_options(options, "send_notifications", callbacks=False)
        )

    def is_stitched(self, prepared: Prepared) -> bool:
        """Tell whether a prepared request shares its supplementalDataId with other calls of its page."""
        return self._core.is_stitched(prepared)

    async def send_prepared(self, prepared: Prepared, *, retries: int | None = None) -> TargetDeliveryResponse:
        """Send what was prepared, now or in another process; see ``TargetClient.send_prepared``."""
        return await self._deliver(self._core.call(prepared, time.monotonic(), retries))

    async def close(self) -> None:
        """Close all connections. A second time does nothing. An ``http_client`` of the caller's stays open."""
        self._closed = True
        if self._owned:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.close()

    async def _deliver(self, call: Call) -> TargetDeliveryResponse:
        if self._closed:
            raise ClientClosedError(CLOSED)
        while True:
            outcome = await self._send(call)
            wait = call.attempts.after(outcome, time.monotonic())
            if wait is None:
                return self._core.interpret(call, outcome)
            await asyncio.sleep(wait)

    async def _send(self, call: Call) -> Outcome:
        try:
            return await endpoint.asyncio(self._http, call.wire, deadline=call.attempts.deadline)
        except (httpx.HTTPError, httpx.StreamError) as failure:
            return failure
        except RuntimeError:
            if self._http.is_closed:
                raise ClientClosedError(CLOSED) from None
            raise
