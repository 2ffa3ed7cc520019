"""Send with httpx: through a proxy, in asyncio without aiohttp, and with the caller's own client.

The caller's own client can also be one of httpx2.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from target_delivery._core.flow import Failure
from target_delivery._http.calling import CALLING
from target_delivery._http.failures import failure_of
from target_delivery._http.guard import Guard
from target_delivery._http.pool import CookielessAsyncClient, CookielessClient, Pool
from target_delivery._http.settings import HttpSettings
from target_delivery._http.sockets import ConnectFailed
from target_delivery._http.watchdog import WATCHDOG, ConnectTooLate, WatchedExchange
from target_delivery.errors import CLOSED, HTTP_CLIENT_CLOSED, ClientClosedError
from target_delivery_api import transport

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from target_delivery._core.flow import Outcome
    from target_delivery_api.clients import AsyncHttpClient, HttpClient
    from target_delivery_api.types import Request

__all__ = ["AsyncHttpxWire", "HttpxWire"]


class HttpxWire:
    """Sends the requests of one TargetClient."""

    def __init__(self, given: HttpClient | HttpSettings) -> None:
        """Prepare to send.

        Args:
            given: the caller's own HTTP client, or the settings of the SDK's own ones.
        """
        self._pool: Pool[HttpClient] = Pool(CookielessClient, given)

    def exchange(
        self,
        request: Request,
        deadline: float,
        max_bytes: int,
        on_connect: Callable[[socket.socket], None] | None = None,
    ) -> Outcome:
        """See ``Wire.exchange``."""
        pool = self._pool
        interrupted = CALLING.deadline  # of the interrupted call, if a signal handler makes this call
        watched: WatchedExchange | None = None
        try:
            with pool.lane(CALLING.http_clients) as http_client:
                watched = WatchedExchange(http_client, deadline, on_connect)
                sending = CALLING.http_clients
                try:
                    CALLING.http_clients = [*sending, http_client]
                    if pool.owned and on_connect is None:
                        return transport.sync(http_client, request, deadline=deadline, max_bytes=max_bytes)
                    with WATCHDOG.watching(watched):
                        return transport.sync(
                            http_client, request, deadline=deadline, max_bytes=max_bytes, trace=watched
                        )
                except ConnectTooLate:
                    return Failure("ConnectTimeout", may_pass=True)
                except ConnectFailed as error:
                    return Failure(f"ConnectError ({error})", may_pass=True)
                except RuntimeError:
                    if http_client.is_closed:
                        raise ClientClosedError(CLOSED if pool.owned else HTTP_CLIENT_CLOSED) from None
                    raise
                finally:
                    CALLING.http_clients = sending
                    CALLING.deadline = interrupted
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            return Failure("ReadTimeout", may_pass=True) if watched is not None and watched.is_late else failure
        finally:
            if pool.closed:
                self._close_idle()

    def close(self) -> None:
        """See ``Wire.close``."""
        self._pool.closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        for http_client in self._pool.retire():
            if isinstance(http_client, CookielessClient):
                http_client.close()


class AsyncHttpxWire:
    """Sends the requests of one AsyncTargetClient."""

    def __init__(self, given: AsyncHttpClient | HttpSettings) -> None:
        """Prepare to send; see ``HttpxWire``."""
        self._pool: Pool[AsyncHttpClient] = Pool(CookielessAsyncClient, given, asyncio.get_running_loop)
        self._guard = None if isinstance(given, HttpSettings) else Guard()

    async def exchange(self, request: Request, deadline: float, max_bytes: int) -> Outcome:
        """See ``AsyncWire.exchange``."""
        pool = self._pool
        exchange = transport.asyncio if self._guard is None else self._guard.exchange
        try:
            with pool.lane() as http_client:
                try:
                    return await exchange(http_client, request, deadline=deadline, max_bytes=max_bytes)
                except RuntimeError:
                    if http_client.is_closed:
                        raise ClientClosedError(CLOSED if pool.owned else HTTP_CLIENT_CLOSED) from None
                    raise
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            return failure
        finally:
            if pool.closed:
                await self._close_idle()

    def stop(self) -> None:
        """See ``AsyncWire.stop``."""
        self._pool.closed = True

    async def close(self) -> None:
        """See ``AsyncWire.close``."""
        self.stop()
        try:
            if self._guard is not None:
                await self._guard.finish()
        finally:
            await self._close_idle()

    async def _close_idle(self) -> None:
        for http_client in self._pool.retire():
            if isinstance(http_client, CookielessAsyncClient):
                await http_client.aclose()
