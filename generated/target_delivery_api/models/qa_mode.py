from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class QAMode(Model):
    """Shows the activities of a QA link, without counting impressions."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "token": "token",
        "listedActivitiesOnly": "listed_activities_only",
        "evaluateAsTrueAudienceIds": "evaluate_as_true_audience_ids",
        "evaluateAsFalseAudienceIds": "evaluate_as_false_audience_ids",
        "previewIndexes": "preview_indexes",
    }

    token: str | None = None
    """Token of the QA link."""
    listed_activities_only: bool | None = None
    """Whether only the activities in previewIndexes are considered."""
    evaluate_as_true_audience_ids: list[int] | None = None
    """Ids of audiences that the visitor is treated as a member of."""
    evaluate_as_false_audience_ids: list[int] | None = None
    """Ids of audiences that the visitor is treated as not a member of."""
    preview_indexes: list[QAModePreviewIndex] | None = None
    """The experiences to show, for each activity."""
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
        value = data.get("token")
        if value is not None and isinstance(value, str):
            self.token = value
            left -= 1
        else:
            self.token = None
        value = data.get("listedActivitiesOnly")
        if value is not None and isinstance(value, bool):
            self.listed_activities_only = value
            left -= 1
        else:
            self.listed_activities_only = None
        value = data.get("evaluateAsTrueAudienceIds")
        if (
            value is not None
            and isinstance(value, list)
            and len(read_evaluate_as_true_audience_ids := [item for item in value if type(item) is int])
            == len(value)
        ):
            self.evaluate_as_true_audience_ids = read_evaluate_as_true_audience_ids
            left -= 1
        else:
            self.evaluate_as_true_audience_ids = None
        value = data.get("evaluateAsFalseAudienceIds")
        if (
            value is not None
            and isinstance(value, list)
            and len(read_evaluate_as_false_audience_ids := [item for item in value if type(item) is int])
            == len(value)
        ):
            self.evaluate_as_false_audience_ids = read_evaluate_as_false_audience_ids
            left -= 1
        else:
            self.evaluate_as_false_audience_ids = None
        value = data.get("previewIndexes")
        if (
            value is not None
            and isinstance(value, list)
            and len(
                read_preview_indexes := [
                    QAModePreviewIndex.from_dict(item) for item in value if isinstance(item, dict)
                ]
            )
            == len(value)
        ):
            self.preview_indexes = read_preview_indexes
            left -= 1
        else:
            self.preview_indexes = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.token is not None:
            result["token"] = self.token
        if self.listed_activities_only is not None:
            result["listedActivitiesOnly"] = self.listed_activities_only
        if self.evaluate_as_true_audience_ids is not None:
            result["evaluateAsTrueAudienceIds"] = list(self.evaluate_as_true_audience_ids)
        if self.evaluate_as_false_audience_ids is not None:
            result["evaluateAsFalseAudienceIds"] = list(self.evaluate_as_false_audience_ids)
        if self.preview_indexes is not None:
            result["previewIndexes"] = [item.to_dict() for item in self.preview_indexes]
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .qa_mode_preview_index import QAModePreviewIndex
