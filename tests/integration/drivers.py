"""One interface for both kinds of client, and a fake wire for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Protocol

import httpx

from target_delivery import AsyncTargetClient, AttributesProvider, TargetDeliveryResponse

OPTIONS = {"client": "demo", "organization_id": "demo@AdobeOrg"}
Answering = Callable[[httpx.Request], httpx.Response]


class Driver(Protocol):
    """A client of either kind, with blocking calls."""

    def get_offers(self, options: Any) -> TargetDeliveryResponse: ...
    def send_notifications(self, options: Any) -> TargetDeliveryResponse: ...
    def get_attributes(self, names: Any, options: Any = None) -> AttributesProvider: ...
    def wait_until_ready(self, timeout: float | None = None) -> bool: ...
    def close(self) -> None: ...


class AsyncDriver:
    """An AsyncTargetClient that runs in its own event loop."""

    def __init__(self, options: Any) -> None:
        self._runner = asyncio.Runner()
        try:
            self._client = AsyncTargetClient.create(options)
        except BaseException:
            self._runner.close()
            raise

    def get_offers(self, options: Any) -> TargetDeliveryResponse:
        return self._runner.run(self._client.get_offers(options))

    def send_notifications(self, options: Any) -> TargetDeliveryResponse:
        return self._runner.run(self._client.send_notifications(options))

    def get_attributes(self, names: Any, options: Any = None) -> AttributesProvider:
        return self._runner.run(self._client.get_attributes(names, options))

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        return self._runner.run(self._client.wait_until_ready(timeout))

    def close(self) -> None:
        self._runner.run(self._client.close())

    def end(self) -> None:
        self.close()
        self._runner.close()


class Wire:
    """A fake wire: keeps every request, and answers with the function `answer`."""

    def __init__(self, kind: str) -> None:
        self.sent: list[httpx.Request] = []
        self.answer: Answering = lambda _: httpx.Response(200, json={"status": 200})
        self.http_client: httpx.Client | httpx.AsyncClient = (
            httpx.Client(transport=httpx.MockTransport(self._handle))
            if kind == "threads"
            else httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self.answer(request)

    @property
    def body(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.sent[-1].content)
