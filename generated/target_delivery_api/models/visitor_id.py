from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class VisitorId(Model):
    """The ids of the visitor in one or more systems."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "tntId": "tnt_id",
        "thirdPartyId": "third_party_id",
        "marketingCloudVisitorId": "marketing_cloud_visitor_id",
        "customerIds": "customer_ids",
    }

    tnt_id: str | None = None
    """Target's id of the device. It may end with a dot, the number of the visitor's edge cluster, an
    underscore and another number. At most 128 characters."""
    third_party_id: str | None = None
    """The caller's id of the visitor, the same on all devices (mbox3rdPartyId). At most 128 characters."""
    marketing_cloud_visitor_id: str | None = None
    """Experience Cloud id of the visitor (ECID, MCMID). At most 128 characters."""
    customer_ids: list[CustomerId] | None = None
    """Ids of the visitor in the caller's systems. At most 50 items."""
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
        value = data.get("tntId")
        if value is not None and isinstance(value, str):
            self.tnt_id = value
            left -= 1
        else:
            self.tnt_id = None
        value = data.get("thirdPartyId")
        if value is not None and isinstance(value, str):
            self.third_party_id = value
            left -= 1
        else:
            self.third_party_id = None
        value = data.get("marketingCloudVisitorId")
        if value is not None and isinstance(value, str):
            self.marketing_cloud_visitor_id = value
            left -= 1
        else:
            self.marketing_cloud_visitor_id = None
        value = data.get("customerIds")
        if (
            value is not None
            and isinstance(value, list)
            and len(
                read_customer_ids := [CustomerId.from_dict(item) for item in value if isinstance(item, dict)]
            )
            == len(value)
        ):
            self.customer_ids = read_customer_ids
            left -= 1
        else:
            self.customer_ids = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.tnt_id is not None:
            result["tntId"] = self.tnt_id
        if self.third_party_id is not None:
            result["thirdPartyId"] = self.third_party_id
        if self.marketing_cloud_visitor_id is not None:
            result["marketingCloudVisitorId"] = self.marketing_cloud_visitor_id
        if self.customer_ids is not None:
            result["customerIds"] = [item.to_dict() for item in self.customer_ids]
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .customer_id import CustomerId
