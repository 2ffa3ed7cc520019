"""On-device decisions of this SDK."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.payloads import CLIENT, ORGANIZATION, cookies
from target_delivery import Context, DeliveryRequest, MboxRequest, PrefetchRequest, RequestDetails, TargetClient
from target_delivery.decisioning import load_artifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.worker import Run, Setup

THREADS = 8


def mbox(setup: Setup) -> Run:
    return _calls(setup, lambda: _mbox_request(setup["mbox"]))


def mbox_in_threads(setup: Setup) -> Run:
    run, pool = mbox(setup), ThreadPoolExecutor(THREADS)
    return lambda count: list(pool.map(run, [count // THREADS] * THREADS))


def page_load(setup: Setup) -> Run:
    context = Context.from_dict(setup["context"])
    return _calls(setup, lambda: DeliveryRequest(context=context, prefetch=PrefetchRequest(page_load=RequestDetails())))


def load(setup: Setup) -> Run:
    content = Path(setup["artifact"]).read_bytes()

    def run(count: int) -> None:
        for _ in range(count):
            load_artifact(content)

    return run


def load_json(setup: Setup) -> Run:
    content = Path(setup["artifact"]).read_bytes()

    def run(count: int) -> None:
        for _ in range(count):
            json.loads(content)

    return run


def _mbox_request(name: str) -> DeliveryRequest:
    return DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name=name, index=0)]))


def _calls(setup: Setup, request: Callable[[], DeliveryRequest]) -> Run:
    client = TargetClient.create(
        {
            "client": CLIENT,
            "organization_id": ORGANIZATION,
            "decisioning_method": "on-device",
            "artifact_payload": json.loads(Path(setup["artifact"]).read_bytes()),
            "polling_interval": 0,
            "telemetry_enabled": False,
        }
    )
    visitors = cookies()

    def run(count: int) -> None:
        for _ in range(count):
            client.get_offers({"request": request(), "target_cookie": next(visitors)})

    prefetch = client.get_offers({"request": request(), "target_cookie": next(visitors)}).response.prefetch
    assert prefetch is not None
    results = [prefetch.page_load] if prefetch.page_load is not None else prefetch.mboxes
    assert results
    assert results[0].options, "There is no offer to decide."
    run(1000)
    return run
