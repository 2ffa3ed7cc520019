from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class MboxResponse(Model):
    """The content of one mbox."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "index": "index",
        "name": "name",
        "options": "options",
        "metrics": "metrics",
        "analytics": "analytics",
        "trace": "trace",
    }

    index: int | None = None
    """Index of the mbox in the request."""
    name: str | None = None
    """Name of the mbox."""
    options: list[Option] | None = None
    """The content to show."""
    metrics: list[Metric] | None = None
    """Events to report when the visitor acts on the content."""
    analytics: AnalyticsResponse | None = None
    """Data to forward to Adobe Analytics."""
    trace: dict[str, JsonValue] | None = None
    """Trace of the decision, if the request asked for traces."""
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
        value = data.get("index")
        if value is not None and type(value) is int:
            self.index = value
            left -= 1
        else:
            self.index = None
        value = data.get("name")
        if value is not None and isinstance(value, str):
            self.name = value
            left -= 1
        else:
            self.name = None
        value = data.get("options")
        if (
            value is not None
            and isinstance(value, list)
            and len(read_options := [Option.from_dict(item) for item in value if isinstance(item, dict)])
            == len(value)
        ):
            self.options = read_options
            left -= 1
        else:
            self.options = None
        value = data.get("metrics")
        if (
            value is not None
            and isinstance(value, list)
            and len(read_metrics := [Metric.from_dict(item) for item in value if isinstance(item, dict)])
            == len(value)
        ):
            self.metrics = read_metrics
            left -= 1
        else:
            self.metrics = None
        value = data.get("analytics")
        if value is not None and isinstance(value, dict):
            self.analytics = AnalyticsResponse.from_dict(value)
            left -= 1
        else:
            self.analytics = None
        value = data.get("trace")
        if value is not None and isinstance(value, dict):
            self.trace = value
            left -= 1
        else:
            self.trace = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.index is not None:
            result["index"] = self.index
        if self.name is not None:
            result["name"] = self.name
        if self.options is not None:
            result["options"] = [item.to_dict() for item in self.options]
        if self.metrics is not None:
            result["metrics"] = [item.to_dict() for item in self.metrics]
        if self.analytics is not None:
            result["analytics"] = self.analytics.to_dict()
        if self.trace is not None:
            result["trace"] = dict(self.trace)
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .analytics_response import AnalyticsResponse
from .metric import Metric
from .option import Option
