from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class UnexpectedError(Model):
    """The answer to a request that the edge rejected or could not decide."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "status": "status",
        "message": "message",
    }

    status: int | None = None
    """HTTP status."""
    message: str | None = None
    """Explanation of the error, for people to read."""
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
        value = data.get("status")
        if value is not None and type(value) is int:
            self.status = value
            left -= 1
        else:
            self.status = None
        value = data.get("message")
        if value is not None and isinstance(value, str):
            self.message = value
            left -= 1
        else:
            self.message = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.status is not None:
            result["status"] = self.status
        if self.message is not None:
            result["message"] = self.message
        return self._with_additional(result) if self.additional_properties else result
