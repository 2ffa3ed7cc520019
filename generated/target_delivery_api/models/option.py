from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Option(Model):
    """One piece of content to show."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "type": "type",
        "content": "content",
        "eventToken": "event_token",
        "responseTokens": "response_tokens",
    }

    type: OptionType | None = None
    """Type of the content."""
    content: JsonValue | list[Action] = None
    """The content: markup or text for html, any JSON value for json, a URL for redirect, a list of Action
    for actions."""
    event_token: str | None = None
    """Token that the notification must contain when the content was shown."""
    response_tokens: dict[str, JsonValue] | None = None
    """Facts about the visitor and the decision, as the account configured them."""
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
        value = data.get("type")
        if value is not None and isinstance(value, str):
            self.type = OPTION_TYPE[value]
            left -= 1
        else:
            self.type = None
        value = data.get("eventToken")
        if value is not None and isinstance(value, str):
            self.event_token = value
            left -= 1
        else:
            self.event_token = None
        value = data.get("responseTokens")
        if value is not None and isinstance(value, dict):
            self.response_tokens = value
            left -= 1
        else:
            self.response_tokens = None
        value = data.get("content")
        if value is None:
            self.content = None
        elif (
            isinstance(value, list)
            and self.type == "actions"
            and len(read_content := [Action.from_dict(item) for item in value if isinstance(item, dict)])
            == len(value)
        ):
            self.content = read_content
            left -= 1
        else:
            self.content = value
            left -= 1
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.type is not None:
            result["type"] = str(self.type)
        if self.content is not None:
            result["content"] = (
                [item.to_dict() if isinstance(item, Action) else item for item in self.content]
                if isinstance(self.content, list)
                else self.content
            )
        if self.event_token is not None:
            result["eventToken"] = self.event_token
        if self.response_tokens is not None:
            result["responseTokens"] = dict(self.response_tokens)
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .action import Action
from .option_type import MEMBERS as OPTION_TYPE
from .option_type import OptionType
