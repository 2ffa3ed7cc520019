from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class View(Model):
    """The prefetched content of one view of a single-page app."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "key": "key",
        "options": "options",
        "metrics": "metrics",
        "analytics": "analytics",
        "state": "state",
        "trace": "trace",
        "id": "id",
    }

    name: str | None = None
    """Name of the view. At most 128 characters."""
    key: str | None = None
    """Key that distinguishes views with the same name. At most 512 characters."""
    options: list[Option] | None = None
    """The content to show."""
    metrics: list[Metric] | None = None
    """Events to report when the visitor acts on the content."""
    analytics: AnalyticsResponse | None = None
    """Data to forward to Adobe Analytics."""
    state: str | None = None
    """State of the prefetched view. Its notification must contain it."""
    trace: dict[str, JsonValue] | None = None
    """Trace of the decision, if the request asked for traces."""
    id: int | None = None
    """Number of the view in Target."""
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
        value = data.get("name")
        if value is not None and isinstance(value, str):
            self.name = value
            left -= 1
        else:
            self.name = None
        value = data.get("key")
        if value is not None and isinstance(value, str):
            self.key = value
            left -= 1
        else:
            self.key = None
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
        value = data.get("state")
        if value is not None and isinstance(value, str):
            self.state = value
            left -= 1
        else:
            self.state = None
        value = data.get("trace")
        if value is not None and isinstance(value, dict):
            self.trace = value
            left -= 1
        else:
            self.trace = None
        value = data.get("id")
        if value is not None and type(value) is int:
            self.id = value
            left -= 1
        else:
            self.id = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.name is not None:
            result["name"] = self.name
        if self.key is not None:
            result["key"] = self.key
        if self.options is not None:
            result["options"] = [item.to_dict() for item in self.options]
        if self.metrics is not None:
            result["metrics"] = [item.to_dict() for item in self.metrics]
        if self.analytics is not None:
            result["analytics"] = self.analytics.to_dict()
        if self.state is not None:
            result["state"] = self.state
        if self.trace is not None:
            result["trace"] = dict(self.trace)
        if self.id is not None:
            result["id"] = self.id
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .analytics_response import AnalyticsResponse
from .metric import Metric
from .option import Option
