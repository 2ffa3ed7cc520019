from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class AnalyticsRequest(Model):
    """How the decision is reported to Adobe Analytics (A4T)."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "supplementalDataId": "supplemental_data_id",
        "logging": "logging",
        "trackingServer": "tracking_server",
        "trackingServerSecure": "tracking_server_secure",
    }

    supplemental_data_id: str | None = None
    """Id that links this call to the Analytics hit of the same page: two groups of 16 upper-case
    hexadecimal digits, joined by a hyphen. Exactly 33 characters."""
    logging: LoggingType | None = None
    """Whether the edge reports to Analytics, or the page does with the payload in the answer."""
    tracking_server: str | None = None
    """Host that receives Analytics data over http."""
    tracking_server_secure: str | None = None
    """Host that receives Analytics data over https."""
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
        value = data.get("supplementalDataId")
        if value is not None and isinstance(value, str):
            self.supplemental_data_id = value
            left -= 1
        else:
            self.supplemental_data_id = None
        value = data.get("logging")
        if value is not None and isinstance(value, str):
            self.logging = LOGGING_TYPE[value]
            left -= 1
        else:
            self.logging = None
        value = data.get("trackingServer")
        if value is not None and isinstance(value, str):
            self.tracking_server = value
            left -= 1
        else:
            self.tracking_server = None
        value = data.get("trackingServerSecure")
        if value is not None and isinstance(value, str):
            self.tracking_server_secure = value
            left -= 1
        else:
            self.tracking_server_secure = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.supplemental_data_id is not None:
            result["supplementalDataId"] = self.supplemental_data_id
        if self.logging is not None:
            result["logging"] = str(self.logging)
        if self.tracking_server is not None:
            result["trackingServer"] = self.tracking_server
        if self.tracking_server_secure is not None:
            result["trackingServerSecure"] = self.tracking_server_secure
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .logging_type import MEMBERS as LOGGING_TYPE
from .logging_type import LoggingType
