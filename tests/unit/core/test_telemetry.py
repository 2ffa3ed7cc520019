"""Telemetry entries, and the store where they wait for the next request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from target_delivery._core.telemetry import TelemetryStore, WireTimes, artifact_entry, delivery_entry


def test_a_delivery_by_the_edge() -> None:
    entry = delivery_entry(
        {"requestId": "r", "prefetch": {"mboxes": [{}, {}], "views": []}},
        {"edgeHost": "mboxedge28.tt.omtrdc.net", "telemetryServerToken": "token"},
        decisioning_method="hybrid",
        timestamp=5,
        execution=12.3456,
        parsing=0.126,
        wire=WireTimes(dns=1.005, tls=2, time_to_first_byte=3.14159, response_size=99),
    )
    assert entry == {
        "requestId": "r",
        "timestamp": 5,
        "mode": "edge",
        "features": {"decisioningMethod": "hybrid", "prefetchMboxCount": 2},
        "execution": 12.35,
        "parsing": 0.13,
        "request": {"dns": 1.0, "tls": 2, "timeToFirstByte": 3.14, "responseSize": 99},
        "telemetryServerToken": "token",
    }


def test_a_delivery_on_the_device() -> None:
    entry = delivery_entry(
        {"execute": {"pageLoad": {}, "mboxes": "no array"}, "prefetch": {"pageLoad": {}, "views": [{}]}},
        {"requestId": "r"},
        decisioning_method="on-device",
        timestamp=5,
        execution=1,
    )
    assert entry == {
        "requestId": "r",
        "timestamp": 5,
        "mode": "local",
        "features": {
            "decisioningMethod": "on-device",
            "executePageLoad": True,
            "prefetchPageLoad": True,
            "prefetchViewCount": 1,
        },
        "execution": 1,
    }


def test_an_artifact_download() -> None:
    assert artifact_entry(timestamp=1, execution=2.5, wire=WireTimes(download=1.5)) == {
        "requestId": "ArtifactDownload",
        "timestamp": 1,
        "execution": 2.5,
        "request": {"download": 1.5},
    }
    assert "request" not in artifact_entry(timestamp=1, execution=2.5, wire=WireTimes())


def test_the_store_is_bounded_and_forgets() -> None:
    store = TelemetryStore(3)
    for at in range(5):
        store.add({"timestamp": at})
    assert len(store) == 3
    assert store.take() == [{"timestamp": 2}, {"timestamp": 3}, {"timestamp": 4}]
    assert store.take() == []


def test_no_entry_is_taken_twice() -> None:
    store = TelemetryStore(100_000)

    def work(worker: int) -> list[Any]:
        taken: list[Any] = []
        for at in range(500):
            store.add({"timestamp": worker * 1000 + at})
            taken += store.take()
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [entry["timestamp"] for entries in pool.map(work, range(8)) for entry in entries]
    taken += [entry["timestamp"] for entry in store.take()]
    assert len(taken) == len(set(taken)) == 8 * 500
