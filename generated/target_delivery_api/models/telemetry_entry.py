from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class TelemetryEntry(Model):
    """Measurements of one call."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "requestId": "request_id",
        "timestamp": "timestamp",
        "mode": "mode",
        "execution": "execution",
        "parsing": "parsing",
        "features": "features",
        "request": "request",
        "telemetryServerToken": "telemetry_server_token",
    }

    request_id: str | None = None
    """Request id of the call. ArtifactDownload for the download of a rule artifact."""
    timestamp: int | None = None
    """Time of the call, in milliseconds since 1970-01-01 UTC."""
    mode: ExecutionMode | None = None
    """Whether the decision was made at the edge or on the device."""
    execution: float | None = None
    """Duration of the whole call, in milliseconds."""
    parsing: float | None = None
    """Duration of parsing the answer, in milliseconds."""
    features: TelemetryFeatures | None = None
    """Features of the API that the call used."""
    request: TelemetryRequest | None = None
    """Durations of the parts of the HTTP exchange."""
    telemetry_server_token: str | None = None
    """The telemetryServerToken in the answer to the call."""
    additional_properties: dict[str, JsonValue] = field(factory=NEW_DICT)
    """JSON values that no other field holds, by JSON name."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a model from decoded JSON; see Model.from_dict."""
        # In a variable, because a comparison of type(data) itself makes pyright forget the types of the items.
        kind = type(data)
        if kind is not dict:
            require_object(cls, data)
        self = cls.__new__(cls)
        value: JsonValue
        left = len(data)
        value = data.get("requestId")
        if value is not None and isinstance(value, str):
            self.request_id = value
            left -= 1
        else:
            self.request_id = None
        value = data.get("timestamp")
        if value is not None and type(value) is int:
            self.timestamp = value
            left -= 1
        else:
            self.timestamp = None
        value = data.get("mode")
        if value is not None and isinstance(value, str):
            self.mode = EXECUTION_MODE[value]
            left -= 1
        else:
            self.mode = None
        value = data.get("execution")
        if value is not None and (type(value) is float or type(value) is int):
            self.execution = value
            left -= 1
        else:
            self.execution = None
        value = data.get("parsing")
        if value is not None and (type(value) is float or type(value) is int):
            self.parsing = value
            left -= 1
        else:
            self.parsing = None
        value = data.get("features")
        if value is not None and isinstance(value, dict):
            self.features = TelemetryFeatures.from_dict(value)
            left -= 1
        else:
            self.features = None
        value = data.get("request")
        if value is not None and isinstance(value, dict):
            self.request = TelemetryRequest.from_dict(value)
            left -= 1
        else:
            self.request = None
        value = data.get("telemetryServerToken")
        if value is not None and isinstance(value, str):
            self.telemetry_server_token = value
            left -= 1
        else:
            self.telemetry_server_token = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.request_id is not None:
            result["requestId"] = self.request_id
        if self.timestamp is not None:
            result["timestamp"] = self.timestamp
        if self.mode is not None:
            result["mode"] = str(self.mode)
        if self.execution is not None:
            result["execution"] = self.execution
        if self.parsing is not None:
            result["parsing"] = self.parsing
        if self.features is not None:
            result["features"] = self.features.to_dict()
        if self.request is not None:
            result["request"] = self.request.to_dict()
        if self.telemetry_server_token is not None:
            result["telemetryServerToken"] = self.telemetry_server_token
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .execution_mode import MEMBERS as EXECUTION_MODE
from .execution_mode import ExecutionMode
from .telemetry_features import TelemetryFeatures
from .telemetry_request import TelemetryRequest
