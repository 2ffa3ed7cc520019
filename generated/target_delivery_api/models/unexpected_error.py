from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import Model, no_more, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class UnexpectedError(Model):
    """Why there is no decision.

    Attributes:
        status (int | None): HTTP status.
        message (str | None): What was wrong, for people to read.
        additional_properties (dict[str, JsonValue]): What the JSON had beyond that, by its JSON name.
    """

    JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "status": "status",
        "message": "message",
    }

    status: int | None = None
    message: str | None = None
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
        self.additional_properties = self.unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.status is not None:
            result["status"] = self.status
        if self.message is not None:
            result["message"] = self.message
        return self.with_additional(result) if self.additional_properties else result
