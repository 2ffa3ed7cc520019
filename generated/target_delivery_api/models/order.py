from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, read_datetime, require_object, write_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Order(Model):
    """An order that the visitor placed, for conversion metrics."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "id": "id",
        "total": "total",
        "purchasedProductIds": "purchased_product_ids",
        "time": "time",
        "experienceLocalId": "experience_local_id",
        "duplicate": "duplicate",
        "outlier": "outlier",
    }

    id: str | None = None
    """Id of the order. An order with an id that was reported before is a duplicate. At most 250
    characters."""
    total: float | None = None
    """Amount of the order, in the currency of the account. At least 0."""
    purchased_product_ids: list[str] | None = None
    """Ids of the bought products."""
    time: datetime | None = None
    """Time of the order."""
    experience_local_id: int | None = None
    """Number of the experience within its activity that gets the credit for the order. 0 to 2147483647."""
    duplicate: bool | None = None
    """Whether the order was reported before."""
    outlier: bool | None = None
    """Whether the amount is so unusual that reports should ignore the order."""
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
        value = data.get("id")
        if value is not None and isinstance(value, str):
            self.id = value
            left -= 1
        else:
            self.id = None
        value = data.get("total")
        if value is not None and (type(value) is float or type(value) is int):
            self.total = value
            left -= 1
        else:
            self.total = None
        value = data.get("purchasedProductIds")
        if (
            value is not None
            and isinstance(value, list)
            and len(read_purchased_product_ids := [item for item in value if isinstance(item, str)])
            == len(value)
        ):
            self.purchased_product_ids = read_purchased_product_ids
            left -= 1
        else:
            self.purchased_product_ids = None
        value = data.get("time")
        if value is not None and (read_time := read_datetime(value)) is not None:
            self.time = read_time
            left -= 1
        else:
            self.time = None
        value = data.get("experienceLocalId")
        if value is not None and type(value) is int:
            self.experience_local_id = value
            left -= 1
        else:
            self.experience_local_id = None
        value = data.get("duplicate")
        if value is not None and isinstance(value, bool):
            self.duplicate = value
            left -= 1
        else:
            self.duplicate = None
        value = data.get("outlier")
        if value is not None and isinstance(value, bool):
            self.outlier = value
            left -= 1
        else:
            self.outlier = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.id is not None:
            result["id"] = self.id
        if self.total is not None:
            result["total"] = self.total
        if self.purchased_product_ids is not None:
            result["purchasedProductIds"] = list(self.purchased_product_ids)
        if self.time is not None:
            result["time"] = write_datetime(self.time)
        if self.experience_local_id is not None:
            result["experienceLocalId"] = self.experience_local_id
        if self.duplicate is not None:
            result["duplicate"] = self.duplicate
        if self.outlier is not None:
            result["outlier"] = self.outlier
        return self._with_additional(result) if self.additional_properties else result
