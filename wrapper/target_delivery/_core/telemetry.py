"""Telemetry: the timings that the SDK reports of its own work."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeGuard

from attrs import frozen

from target_delivery._core.prepared import is_object

if TYPE_CHECKING:
    from target_delivery._core.prepared import Json

__all__ = ["ARTIFACT_DOWNLOAD", "TelemetryStore", "WireTimes", "artifact_entry", "delivery_entry"]

ARTIFACT_DOWNLOAD = "ArtifactDownload"
"""``requestId`` of the entry of an artifact download."""

MOST_ENTRIES = 100
"""Entries that wait for the next request, at most. When there are more, the oldest are dropped."""


@frozen
class WireTimes:
    """Measurements of one exchange. None means not measured.

    Attributes:
        dns: name lookup, in ms.
        tls: TLS handshake, in ms.
        time_to_first_byte: from sending the request to the first byte of the answer, in ms.
        download: from there to the last byte, in ms.
        response_size: size of the answer's body, in bytes.
    """

    dns: float | None = None
    tls: float | None = None
    time_to_first_byte: float | None = None
    download: float | None = None
    response_size: int | None = None

    def as_object(self) -> Json:
        """Return the field ``request`` of a telemetry entry."""
        measured = {
            "dns": self.dns,
            "tls": self.tls,
            "timeToFirstByte": self.time_to_first_byte,
            "download": self.download,
            "responseSize": self.response_size,
        }
        return {name: _rounded(value) for name, value in measured.items() if value is not None}


def delivery_entry(
    request: Json,
    answer: Json,
    *,
    decisioning_method: str,
    timestamp: int,
    execution: float,
    parsing: float | None = None,
    wire: WireTimes | None = None,
) -> Json:
    """Return the telemetry entry of one call.

    Args:
        request: the request as JSON.
        answer: the answer as JSON, from the edge or from the device.
        decisioning_method: the decisioning method that the call asked for.
        timestamp: when the call ended, in ms since the epoch.
        execution: duration of the whole call, in ms.
        parsing: duration of reading the answer, in ms.
        wire: measurements of the exchange.
    """
    entry: Json = {
        "requestId": request.get("requestId") or answer.get("requestId"),
        "timestamp": timestamp,
        "mode": "edge" if answer.get("edgeHost") else "local",
        "features": _features(request, decisioning_method),
    }
    _add_measures(entry, execution, parsing, wire)
    if token := answer.get("telemetryServerToken"):
        entry["telemetryServerToken"] = token
    return entry


def artifact_entry(
    *, timestamp: int, execution: float, parsing: float | None = None, wire: WireTimes | None = None
) -> Json:
    """Return the telemetry entry of one artifact download; the arguments are those of ``delivery_entry``."""
    entry: Json = {"requestId": ARTIFACT_DOWNLOAD, "timestamp": timestamp}
    _add_measures(entry, execution, parsing, wire)
    return entry


class TelemetryStore:
    """Entries that wait for the next request. Safe in threads.

    Args:
        capacity: entries that may wait. When there are more, the oldest are dropped.
    """

    def __init__(self, capacity: int = MOST_ENTRIES) -> None:
        self._entries: deque[Json] = deque(maxlen=capacity)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Json) -> None:
        """Add an entry."""
        self._entries.append(entry)

    def take(self) -> list[Json]:
        """Remove and return all entries."""
        entries: list[Json] = []
        while self._entries:
            with suppress(IndexError):  # another thread may take the last one
                entries.append(self._entries.popleft())
        return entries


def _features(request: Json, decisioning_method: str) -> Json:
    features: Json = {"decisioningMethod": decisioning_method}
    for part in ("execute", "prefetch"):
        asked = request.get(part)
        if not is_object(asked):  # The caller's JSON can have any type here.
            continue
        if count := _count(asked, "mboxes"):
            features[f"{part}MboxCount"] = count
        if isinstance(asked.get("pageLoad"), dict):
            features[f"{part}PageLoad"] = True
        if part == "prefetch" and (count := _count(asked, "views")):
            features["prefetchViewCount"] = count
    return features


def _count(asked: Json, name: str) -> int:
    """Return the number of items in a list; 0 when it is something else."""
    value = asked.get(name)
    return len(value) if _is_list(value) else 0


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _add_measures(entry: Json, execution: float, parsing: float | None, wire: WireTimes | None) -> None:
    entry["execution"] = _rounded(execution)
    if parsing is not None:
        entry["parsing"] = _rounded(parsing)
    if wire is not None and (measured := wire.as_object()):
        entry["request"] = measured


def _rounded(measure: float) -> float:
    return round(measure, 2)
