"""Fixtures that run each test with both kinds of client, and some tests with every wire (``drivers.every_wire``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from target_delivery import TargetClient
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import ASYNCIO, OPTIONS, THREADS, AsyncDriver, Driver, Wire, WireKind
from tests.integration.rules import EDGE, artifact


@pytest.fixture(params=[THREADS, ASYNCIO], ids=str)
def wire_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> WireKind:
    wire: WireKind = request.param
    if wire not in (THREADS, ASYNCIO):
        wire.prepare(monkeypatch)
    return wire


@pytest.fixture
def kind(wire_kind: WireKind) -> str:
    return wire_kind.kind


@pytest.fixture
def edge() -> Iterator[Sandbox]:
    with Sandbox() as edge:
        yield edge


@pytest.fixture
def make(wire_kind: WireKind) -> Iterator[Callable[..., Driver]]:
    """Return a function that creates clients over the wire under test. They reach no network without an edge."""
    made: list[tuple[TargetClient | AsyncDriver, Any]] = []

    def create(edge: Sandbox | None = None, **options: Any) -> Driver:
        http_client = wire_kind.new_http_client() if "http_client" not in options else None
        from_edge: dict[str, Any] = {} if edge is None else {**edge.client_options()}
        driver = wire_kind.new_driver({**OPTIONS, **from_edge, "http_client": http_client, **options})
        made.append((driver, http_client))
        return driver

    yield create
    for driver, http_client in made:
        if isinstance(driver, AsyncDriver):
            driver.end(http_client)
        else:
            driver.close()
            if http_client is not None:
                http_client.close()


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
