from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Browser(Model):
    """The visitor's browser."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "host": "host",
        "language": "language",
        "webGLRenderer": "web_gl_renderer",
    }

    host: str | None = None
    """Host name of the page in the browser."""
    language: str | None = None
    """Language of the browser, such as en-US."""
    web_gl_renderer: str | None = None
    """Name of the graphics renderer. It distinguishes devices with the same user agent."""
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
        value = data.get("host")
        if value is not None and isinstance(value, str):
            self.host = value
            left -= 1
        else:
            self.host = None
        value = data.get("language")
        if value is not None and isinstance(value, str):
            self.language = value
            left -= 1
        else:
            self.language = None
        value = data.get("webGLRenderer")
        if value is not None and isinstance(value, str):
            self.web_gl_renderer = value
            left -= 1
        else:
            self.web_gl_renderer = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.host is not None:
            result["host"] = self.host
        if self.language is not None:
            result["language"] = self.language
        if self.web_gl_renderer is not None:
            result["webGLRenderer"] = self.web_gl_renderer
        return self._with_additional(result) if self.additional_properties else result
