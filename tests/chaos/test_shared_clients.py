"""Very many calls of threads and tasks that share one client: no answer is lost or crossed.

The environment variable SHARED_CALLS is the number of calls of each test.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from target_delivery import TargetClient
from tests.integration.conftest import make
from tests.integration.drivers import OWN_WIRES, AsyncDriver, WireKind, every_wire, is_asyncio, is_installed, is_threads
from tests.integration.test_sharing import assert_own, own_request
from tests.slow_edge import running

__all__ = ["make"]

SHARED_CALLS = int(os.environ.get("SHARED_CALLS", "6400"))
THREADS, TASKS = 64, 500

edges = pytest.mark.parametrize("edge_kind", ["plain", "tls", "http2"])


@pytest.fixture(autouse=True)
def skip_wires_without_http2(wire_kind: WireKind, edge_kind: str) -> None:
    if edge_kind == "http2" and not (wire_kind.name == "asyncio-httpx" and is_installed("h2")):
        pytest.skip("needs httpx and h2")


def options_of(name: str) -> Any:
    return {"request": own_request(name), "session_id": name}


@edges
@every_wire(but=is_asyncio, among=OWN_WIRES)
def test_threads_share_a_client(make: Callable[..., TargetClient], edge_kind: str) -> None:
    with running(edge_kind) as address:
        client = make(server_domain=address, secure=edge_kind != "plain", timeout=60_000)
        begin = threading.Barrier(THREADS)

        def visit(number: int) -> None:
            begin.wait()
            for call in range(SHARED_CALLS // THREADS):
                name = f"visitor-{number}-{call}"
                assert_own(name, client.get_offers(options_of(name)))

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(visit, range(THREADS)))


@edges
@every_wire(but=is_threads, among=OWN_WIRES)
def test_tasks_share_a_client(make: Callable[..., AsyncDriver], edge_kind: str) -> None:
    with running(edge_kind) as address:
        driver = make(server_domain=address, secure=edge_kind != "plain", timeout=60_000)

        async def visit(number: int) -> None:
            for call in range(SHARED_CALLS // TASKS):
                name = f"visitor-{number}-{call}"
                assert_own(name, await driver.client.get_offers(options_of(name)))

        async def main() -> None:
            await asyncio.gather(*map(visit, range(TASKS)))

        driver.run(main())
