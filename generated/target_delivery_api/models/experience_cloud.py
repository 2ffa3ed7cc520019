from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class ExperienceCloud(Model):
    """Data for other Experience Cloud products."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "audienceManager": "audience_manager",
        "analytics": "analytics",
    }

    audience_manager: AudienceManager | None = None
    """Data for Adobe Audience Manager."""
    analytics: AnalyticsRequest | None = None
    """Data for Adobe Analytics."""
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
        value = data.get("audienceManager")
        if value is not None and isinstance(value, dict):
            self.audience_manager = AudienceManager.from_dict(value)
            left -= 1
        else:
            self.audience_manager = None
        value = data.get("analytics")
        if value is not None and isinstance(value, dict):
            self.analytics = AnalyticsRequest.from_dict(value)
            left -= 1
        else:
            self.analytics = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.audience_manager is not None:
            result["audienceManager"] = self.audience_manager.to_dict()
        if self.analytics is not None:
            result["analytics"] = self.analytics.to_dict()
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .analytics_request import AnalyticsRequest
from .audience_manager import AudienceManager
