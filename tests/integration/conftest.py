"""Fixtures that run each test with both kinds of client: TargetClient and AsyncTargetClient."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from target_delivery import TargetClient
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import OPTIONS, AsyncDriver, Driver, Wire
from tests.integration.rules import EDGE, artifact


@pytest.fixture(params=["threads", "asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def edge() -> Iterator[Sandbox]:
    with Sandbox() as edge:
        yield edge


@pytest.fixture
def make(kind: str) -> Iterator[Callable[..., Driver]]:
    """Return a function that creates clients of the kind under test. They reach no network without an edge."""
    made: list[TargetClient | AsyncDriver] = []

    def create(edge: Sandbox | None = None, **options: Any) -> Driver:
        given = {**OPTIONS, **(edge.client_options() if edge is not None else {}), **options}
        driver = TargetClient.create(given) if kind == "threads" else AsyncDriver(given)  # type: ignore[typeddict-item]  # options under test
        made.append(driver)
        return driver

    yield create
    for driver in made:
        driver.end() if isinstance(driver, AsyncDriver) else driver.close()


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
    """Return a client that sends over the fake wire."""
    return make(http_client=wire.http_client)


@pytest.fixture
def device_of(make: Callable[..., Driver], wire: Wire) -> Callable[..., Driver]:
    """Return a function that makes clients that decide on the device, with an artifact of some rules."""
    wire.answer = lambda _: httpx.Response(200, json=EDGE)

    def create(*rules: dict[str, Any], **options: Any) -> Driver:
        options |= {"artifact_payload": artifact(*rules), "polling_interval": 0, "telemetry_enabled": False}
        return make(http_client=wire.http_client, decisioning_method="on-device", **options)

    return create
