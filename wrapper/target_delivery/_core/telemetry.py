"""What the SDK reports of its own work (on-device.md section 7)."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_delivery.decisioning._json import as_list, as_object

if TYPE_CHECKING:
    from target_delivery.decisioning._json import AnyObject, JsonObject

__all__ = ["ARTIFACT_DOWNLOAD", "TelemetryStore", "WireTimes", "artifact_entry", "delivery_entry"]

ARTIFACT_DOWNLOAD = "ArtifactDownload"
"""``requestId`` of the entry of an artifact download."""

MOST_ENTRIES = 100
"""How many entries wait for a request at most. When there are more, the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class WireTimes:
    """What was measured of one exchange. None: not measured.

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

    def as_object(self) -> JsonObject:
        """Give ``request`` of a telemetry entry."""
        measured: JsonObject = {
            "dns": _milliseconds(self.dns),
            "tls": _milliseconds(self.tls),
            "timeToFirstByte": _milliseconds(self.time_to_first_byte),
            "download": _milliseconds(self.download),
            "responseSize": self.response_size,
        }
        return {name: value for name, value in measured.items() if value is not None}


def delivery_entry(
    request: AnyObject,
    answer: AnyObject,
    *,
    decisioning_method: str,
    timestamp: int,
    execution: float,
    parsing: float | None = None,
    wire: WireTimes | None = None,
) -> AnyObject:
    """Describe one delivery.

    Args:
        request: the request, in the form of ``DeliveryRequest``.
        answer: its answer, in the form of ``DeliveryResponse``, from the edge or from the device.
        decisioning_method: how the call asked to be decided.
        timestamp: when, in ms since the epoch.
        execution: how long the whole call took, in ms.
        parsing: how long reading the answer took, in ms.
        wire: what was measured of the exchange.
    """
    entry: JsonObject = {
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
) -> AnyObject:
    """Describe one artifact download; the arguments are those of delivery_entry."""
    entry: JsonObject = {"requestId": ARTIFACT_DOWNLOAD, "timestamp": timestamp}
    _add_measures(entry, execution, parsing, wire)
    return entry


class TelemetryStore:
    """Entries that wait for the next request. Any number of threads may use it.

    Args:
        capacity: how many may wait; the oldest are dropped.
    """

    def __init__(self, capacity: int = MOST_ENTRIES) -> None:
        self._entries: deque[AnyObject] = deque(maxlen=capacity)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: AnyObject) -> None:
        """Keep an entry."""
        self._entries.append(entry)

    def take(self) -> list[AnyObject]:
        """Give all entries and forget them."""
        entries: list[AnyObject] = []
        with suppress(IndexError):
            while True:
                entries.append(self._entries.popleft())
        return entries


def _features(request: JsonObject, decisioning_method: str) -> JsonObject:
    execute, prefetch = as_object(request.get("execute")), as_object(request.get("prefetch"))
    features: JsonObject = {
        "decisioningMethod": decisioning_method,
        "executeMboxCount": len(as_list(execute.get("mboxes"))),
        "executePageLoad": isinstance(execute.get("pageLoad"), dict),
        "prefetchMboxCount": len(as_list(prefetch.get("mboxes"))),
        "prefetchPageLoad": isinstance(prefetch.get("pageLoad"), dict),
        "prefetchViewCount": len(as_list(prefetch.get("views"))),
    }
    return {name: value for name, value in features.items() if value}


def _add_measures(entry: JsonObject, execution: float, parsing: float | None, wire: WireTimes | None) -> None:
    entry["execution"] = _milliseconds(execution)
    if parsing is not None:
        entry["parsing"] = _milliseconds(parsing)
    if wire is not None and (measured := wire.as_object()):
        entry["request"] = measured


def _milliseconds(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
