from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import Model, no_more, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class AnalyticsRequest(Model):
    """How the decision reaches Adobe Analytics (A4T).

    Attributes:
        supplemental_data_id (str | None): Ties this call to the Analytics hit of the same page: two
            groups of 16 upper-case hexadecimal digits with a hyphen between them. Exactly 33 characters.
        logging (LoggingType | None): Who reports to Analytics: the edge, or the page with the payload of
            the answer.
        tracking_server (str | None): Host that collects Analytics data over http.
        tracking_server_secure (str | None): Host that collects Analytics data over https.
        additional_properties (dict[str, JsonValue]): What the JSON had beyond that, by its JSON name.
    """

    JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "supplementalDataId": "supplemental_data_id",
        "logging": "logging",
        "trackingServer": "tracking_server",
        "trackingServerSecure": "tracking_server_secure",
    }

    supplemental_data_id: str | None = None
    logging: LoggingType | None = None
    tracking_server: str | None = None
    tracking_server_secure: str | None = None
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
        self.additional_properties = self.unread(data) if left else {}
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
        return self.with_additional(result) if self.additional_properties else result


# At the end, where two models that hold each other can both be imported.
from .logging_type import MEMBERS as LOGGING_TYPE
from .logging_type import LoggingType
