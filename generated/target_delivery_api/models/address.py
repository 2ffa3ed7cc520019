from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Address(Model):
    """The page that the visitor is on."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "url": "url",
        "referringUrl": "referring_url",
    }

    url: str | None = None
    """URL of the current page. At most 4096 characters."""
    referring_url: str | None = None
    """URL of the page that linked to the current page. At most 4096 characters."""
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
        value = data.get("url")
        if value is not None and isinstance(value, str):
            self.url = value
            left -= 1
        else:
            self.url = None
        value = data.get("referringUrl")
        if value is not None and isinstance(value, str):
            self.referring_url = value
            left -= 1
        else:
            self.referring_url = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.url is not None:
            result["url"] = self.url
        if self.referring_url is not None:
            result["referringUrl"] = self.referring_url
        return self._with_additional(result) if self.additional_properties else result
