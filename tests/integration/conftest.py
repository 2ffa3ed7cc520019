"""One vocabulary for both clients: each behaviour is tested through TargetClient and through AsyncTargetClient."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import httpx
import pytest

from target_delivery import AsyncTargetClient, AttributesProvider, TargetClient, TargetDeliveryResponse
from target_delivery.sandbox import Sandbox

OPTIONS = {"client": "demo", "organization_id": "demo@AdobeOrg"}
Answering = Callable[[httpx.Request], httpx.Response]


class Driver(Protocol):
    """A client of either kind, called in a blocking way."""

    def get_offers(self, options: Any) -> TargetDeliveryResponse: ...
    def send_notifications(self, options: Any) -> TargetDeliveryResponse: ...
    def get_attributes(self, names: Any, options: Any = None) -> AttributesProvider: ...
    def close(self) -> None: ...


class AsyncDriver:
    """An AsyncTargetClient with an event loop of its own."""

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

    def close(self) -> None:
        self._runner.run(self._client.close())

    def end(self) -> None:
        self.close()
        self._runner.close()


@pytest.fixture(params=["threads", "asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def edge() -> Iterator[Sandbox]:
    with Sandbox() as edge:
        yield edge


@pytest.fixture
def make(kind: str) -> Iterator[Callable[..., Driver]]:
    """Create clients of the kind under test; `make(**options)` reaches no network unless it is given an edge."""
    made: list[TargetClient | AsyncDriver] = []

    def create(edge: Sandbox | None = None, **options: Any) -> Driver:
        given = {**OPTIONS, **(edge.client_options() if edge is not None else {}), **options}
        driver = TargetClient.create(given) if kind == "threads" else AsyncDriver(given)  # type: ignore[typeddict-item]  # options under test
        made.append(driver)
        return driver

    yield create
    for driver in made:
        driver.end() if isinstance(driver, AsyncDriver) else driver.close()


class Wire:
    """A fake wire: keeps what is sent, and answers as it is told."""

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


@pytest.fixture
def wire(kind: str) -> Iterator[Wire]:
    wire = Wire(kind)
    yield wire
    if isinstance(wire.http_client, httpx.Client):
        wire.http_client.close()
    else:
        asyncio.run(wire.http_client.aclose())


@pytest.fixture
def client(make: Callable[..., Driver], wire: Wire) -> Driver:
    """A client on the fake wire."""
    return make(http_client=wire.http_client)
