from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class AnalyticsPayload(Model):
    """The Adobe Analytics hit that the page itself sends when logging is client_side."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "pe": "pe",
        "tnta": "tnta",
    }

    pe: str | None = None
    """Kind of the Analytics hit. tnt means Target."""
    tnta: str | None = None
    """Activities and experiences of the hit, separated by commas. Each is activity:experience:traffic
    type, followed by | and an event."""
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
        value = data.get("pe")
        if value is not None and isinstance(value, str):
            self.pe = value
            left -= 1
        else:
            self.pe = None
        value = data.get("tnta")
        if value is not None and isinstance(value, str):
            self.tnta = value
            left -= 1
        else:
            self.tnta = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.pe is not None:
            result["pe"] = self.pe
        if self.tnta is not None:
            result["tnta"] = self.tnta
        return self._with_additional(result) if self.additional_properties else result
