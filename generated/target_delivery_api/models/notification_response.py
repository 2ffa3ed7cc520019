from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import Model, no_more, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class NotificationResponse(Model):
    """A notification that was processed.

    Attributes:
        id (str | None): Id of the notification.
        trace (dict[str, JsonValue] | None): How it was processed, when a trace was asked for.
        additional_properties (dict[str, JsonValue]): What the JSON had beyond that, by its JSON name.
    """

    JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "id": "id",
        "trace": "trace",
    }

    id: str | None = None
    trace: dict[str, JsonValue] | None = None
    additional_properties: dict[str, JsonValue] = field(factory=no_more)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read one from decoded JSON; see Model.from_dict."""
        kind = type(data)  # apart, since asked in one it makes the items of `data` unknown to pyright
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
        value = data.get("trace")
        if value is not None and isinstance(value, dict):
            self.trace = value
            left -= 1
        else:
            self.trace = None
        self.additional_properties = self.unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.id is not None:
            result["id"] = self.id
        if self.trace is not None:
            result["trace"] = dict(self.trace)
        return self.with_additional(result) if self.additional_properties else result
