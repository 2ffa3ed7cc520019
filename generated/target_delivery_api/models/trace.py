from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Trace(Model):
    """Requests a trace of each decision."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "authorizationToken": "authorization_token",
        "usage": "usage",
    }

    authorization_token: str
    """Secret token that permits traces. Target issues it to members of the account."""
    usage: dict[str, str] | None = None
    """Purpose of the trace, as names and values."""
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
        value = data.get("authorizationToken")
        if not isinstance(value, str):
            raise cls._unreadable("authorizationToken", "a string", value)
        self.authorization_token = value
        left -= 1
        value = data.get("usage")
        if (
            value is not None
            and isinstance(value, dict)
            and len(read_usage := {key: item for key, item in value.items() if isinstance(item, str)})
            == len(value)
        ):
            self.usage = read_usage
            left -= 1
        else:
            self.usage = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        result["authorizationToken"] = self.authorization_token
        if self.usage is not None:
            result["usage"] = dict(self.usage)
        return self._with_additional(result) if self.additional_properties else result
