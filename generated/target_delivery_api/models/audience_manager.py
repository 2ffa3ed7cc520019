from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class AudienceManager(Model):
    """Data of Adobe Audience Manager from the visitor's browser."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "locationHint": "location_hint",
        "blob": "blob",
    }

    location_hint: int | None = None
    """Number of the Audience Manager region that collects the visitor's data. At least 1."""
    blob: str | None = None
    """Encrypted metadata about the visitor, issued by Audience Manager. 1 to 1024 characters."""
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
        value = data.get("locationHint")
        if value is not None and type(value) is int:
            self.location_hint = value
            left -= 1
        else:
            self.location_hint = None
        value = data.get("blob")
        if value is not None and isinstance(value, str):
            self.blob = value
            left -= 1
        else:
            self.blob = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.location_hint is not None:
            result["locationHint"] = self.location_hint
        if self.blob is not None:
            result["blob"] = self.blob
        return self._with_additional(result) if self.additional_properties else result
