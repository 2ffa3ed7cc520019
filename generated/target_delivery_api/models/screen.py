from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Screen(Model):
    """The screen of the visitor's device."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "width": "width",
        "height": "height",
        "colorDepth": "color_depth",
        "pixelRatio": "pixel_ratio",
        "orientation": "orientation",
    }

    width: float | None = None
    """Width in pixels."""
    height: float | None = None
    """Height in pixels."""
    color_depth: float | None = None
    """Bits per pixel."""
    pixel_ratio: float | None = None
    """Physical pixels per CSS pixel, along one axis."""
    orientation: ScreenOrientationType | None = None
    """Whether the device is held in portrait or in landscape orientation."""
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
        value = data.get("colorDepth")
        if value is not None and (type(value) is float or type(value) is int):
            self.color_depth = value
            left -= 1
        else:
            self.color_depth = None
        value = data.get("pixelRatio")
        if value is not None and (type(value) is float or type(value) is int):
            self.pixel_ratio = value
            left -= 1
        else:
            self.pixel_ratio = None
        value = data.get("orientation")
        if value is not None and isinstance(value, str):
            self.orientation = SCREEN_ORIENTATION_TYPE[value]
            left -= 1
        else:
            self.orientation = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.width is not None:
            result["width"] = self.width
        if self.height is not None:
            result["height"] = self.height
        if self.color_depth is not None:
            result["colorDepth"] = self.color_depth
        if self.pixel_ratio is not None:
            result["pixelRatio"] = self.pixel_ratio
        if self.orientation is not None:
            result["orientation"] = str(self.orientation)
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .screen_orientation_type import MEMBERS as SCREEN_ORIENTATION_TYPE
from .screen_orientation_type import ScreenOrientationType
