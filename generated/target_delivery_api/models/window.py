from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Window(Model):
    """The inner window of the visitor's browser."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "width": "width",
        "height": "height",
    }

    width: float | None = None
    """Width in pixels."""
    height: float | None = None
    """Height in pixels."""
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
        value = data.get("width")
        if value is not None and (type(value) is float or type(value) is int):
            self.width = value
            left -= 1
        else:
            self.width = None
        value = data.get("height")
        if value is not None and (type(value) is float or type(value) is int):
            self.height = value
            left -= 1
        else:
            self.height = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.width is not None:
            result["width"] = self.width
        if self.height is not None:
            result["height"] = self.height
        return self._with_additional(result) if self.additional_properties else result
