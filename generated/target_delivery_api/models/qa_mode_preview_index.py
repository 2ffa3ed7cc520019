from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class QAModePreviewIndex(Model):
    """An activity and the experience of it to show, by their positions in the QA link."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "activityIndex": "activity_index",
        "experienceIndex": "experience_index",
    }

    activity_index: int | None = None
    """Position of the activity, counted from 1. At least 1."""
    experience_index: int | None = None
    """Position of the experience in its activity, counted from 1. If absent, the edge chooses. At least 1."""
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
        value = data.get("activityIndex")
        if value is not None and type(value) is int:
            self.activity_index = value
            left -= 1
        else:
            self.activity_index = None
        value = data.get("experienceIndex")
        if value is not None and type(value) is int:
            self.experience_index = value
            left -= 1
        else:
            self.experience_index = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.activity_index is not None:
            result["activityIndex"] = self.activity_index
        if self.experience_index is not None:
            result["experienceIndex"] = self.experience_index
        return self._with_additional(result) if self.additional_properties else result
