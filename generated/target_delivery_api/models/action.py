from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Action(Model):
    """One change to a page, in the content of an option of type actions."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "type": "type",
        "selector": "selector",
        "cssSelector": "css_selector",
        "content": "content",
    }

    type: str | None = None
    """The change to make to the selected element, such as insertBefore, setContent or setStyle."""
    selector: str | None = None
    """CSS selector of the element to change, as written in the activity."""
    css_selector: str | None = None
    """CSS selector for a style that hides the element until the change is applied."""
    content: JsonValue = None
    """Markup to insert, or an object with the names and values of attributes or styles to set."""
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
            self.type = value
            left -= 1
        else:
            self.type = None
        value = data.get("selector")
        if value is not None and isinstance(value, str):
            self.selector = value
            left -= 1
        else:
            self.selector = None
        value = data.get("cssSelector")
        if value is not None and isinstance(value, str):
            self.css_selector = value
            left -= 1
        else:
            self.css_selector = None
        value = data.get("content")
        if value is not None:
            self.content = value
            left -= 1
        else:
            self.content = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.type is not None:
            result["type"] = self.type
        if self.selector is not None:
            result["selector"] = self.selector
        if self.css_selector is not None:
            result["cssSelector"] = self.css_selector
        if self.content is not None:
            result["content"] = self.content
        return self._with_additional(result) if self.additional_properties else result
