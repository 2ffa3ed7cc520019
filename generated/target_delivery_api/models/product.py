from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Product(Model):
    """A product that the visitor looks at."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "id": "id",
        "categoryId": "category_id",
    }

    id: str | None = None
    """Id of the product. At most 128 characters."""
    category_id: str | None = None
    """Id of the product's category. At most 128 characters."""
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
        value = data.get("categoryId")
        if value is not None and isinstance(value, str):
            self.category_id = value
            left -= 1
        else:
            self.category_id = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.id is not None:
            result["id"] = self.id
        if self.category_id is not None:
            result["categoryId"] = self.category_id
        return self._with_additional(result) if self.additional_properties else result
