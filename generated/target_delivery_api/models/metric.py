from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Metric(Model):
    """An event that an activity measures."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "type": "type",
        "selector": "selector",
        "eventToken": "event_token",
        "analytics": "analytics",
    }

    type: MetricType | None = None
    """Kind of the event."""
    selector: str | None = None
    """CSS selector of the element on which the event happens."""
    event_token: str | None = None
    """Token that the notification of the event must contain."""
    analytics: AnalyticsResponse | None = None
    """Data to forward to Adobe Analytics when the event happens."""
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
        value = data.get("type")
        if value is not None and isinstance(value, str):
            self.type = METRIC_TYPE[value]
            left -= 1
        else:
            self.type = None
        value = data.get("selector")
        if value is not None and isinstance(value, str):
            self.selector = value
            left -= 1
        else:
            self.selector = None
        value = data.get("eventToken")
        if value is not None and isinstance(value, str):
            self.event_token = value
            left -= 1
        else:
            self.event_token = None
        value = data.get("analytics")
        if value is not None and isinstance(value, dict):
            self.analytics = AnalyticsResponse.from_dict(value)
            left -= 1
        else:
            self.analytics = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.type is not None:
            result["type"] = str(self.type)
        if self.selector is not None:
            result["selector"] = self.selector
        if self.event_token is not None:
            result["eventToken"] = self.event_token
        if self.analytics is not None:
            result["analytics"] = self.analytics.to_dict()
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .analytics_response import AnalyticsResponse
from .metric_type import MEMBERS as METRIC_TYPE
from .metric_type import MetricType
