from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Geo(Model):
    """The place of the visitor."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "ipAddress": "ip_address",
        "latitude": "latitude",
        "longitude": "longitude",
        "countryCode": "country_code",
        "stateCode": "state_code",
        "city": "city",
        "zip": "zip",
    }

    ip_address: str | None = None
    """IP address of the visitor. The edge derives absent fields from it."""
    latitude: float | None = None
    """Latitude in degrees. North is positive."""
    longitude: float | None = None
    """Longitude in degrees. East is positive."""
    country_code: str | None = None
    """Country, as an ISO 3166-1 alpha-2 code. Exactly 2 characters."""
    state_code: str | None = None
    """State or region, as the second part of an ISO 3166-2 code. 1 to 3 characters."""
    city: str | None = None
    """City. At most 50 characters."""
    zip: str | None = None
    """Postal code. At most 12 characters."""
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
        value = data.get("ipAddress")
        if value is not None and isinstance(value, str):
            self.ip_address = value
            left -= 1
        else:
            self.ip_address = None
        value = data.get("latitude")
        if value is not None and (type(value) is float or type(value) is int):
            self.latitude = value
            left -= 1
        else:
            self.latitude = None
        value = data.get("longitude")
        if value is not None and (type(value) is float or type(value) is int):
            self.longitude = value
            left -= 1
        else:
            self.longitude = None
        value = data.get("countryCode")
        if value is not None and isinstance(value, str):
            self.country_code = value
            left -= 1
        else:
            self.country_code = None
        value = data.get("stateCode")
        if value is not None and isinstance(value, str):
            self.state_code = value
            left -= 1
        else:
            self.state_code = None
        value = data.get("city")
        if value is not None and isinstance(value, str):
            self.city = value
            left -= 1
        else:
            self.city = None
        value = data.get("zip")
        if value is not None and isinstance(value, str):
            self.zip = value
            left -= 1
        else:
            self.zip = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.ip_address is not None:
            result["ipAddress"] = self.ip_address
        if self.latitude is not None:
            result["latitude"] = self.latitude
        if self.longitude is not None:
            result["longitude"] = self.longitude
        if self.country_code is not None:
            result["countryCode"] = self.country_code
        if self.state_code is not None:
            result["stateCode"] = self.state_code
        if self.city is not None:
            result["city"] = self.city
        if self.zip is not None:
            result["zip"] = self.zip
        return self._with_additional(result) if self.additional_properties else result
