from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import Model, no_more, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class ExperienceCloud(Model):
    """What other Experience Cloud solutions need to know of the call.

    Attributes:
        audience_manager (AudienceManager | None): For Audience Manager.
        analytics (AnalyticsRequest | None): For Analytics.
        additional_properties (dict[str, JsonValue]): What the JSON had beyond that, by its JSON name.
    """

    JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "audienceManager": "audience_manager",
        "analytics": "analytics",
    }

    audience_manager: AudienceManager | None = None
    analytics: AnalyticsRequest | None = None
    additional_properties: dict[str, JsonValue] = field(factory=no_more)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read one from decoded JSON; see Model.from_dict."""
        kind = type(data)  # apart, since asked in one it makes the items of `data` unknown to pyright
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
        self.additional_properties = self.unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.audience_manager is not None:
            result["audienceManager"] = self.audience_manager.to_dict()
        if self.analytics is not None:
            result["analytics"] = self.analytics.to_dict()
        return self.with_additional(result) if self.additional_properties else result


# At the end, where two models that hold each other can both be imported.
from .analytics_request import AnalyticsRequest
from .audience_manager import AudienceManager
