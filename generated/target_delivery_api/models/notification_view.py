from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class NotificationView(Model):
    """The view that a notification concerns."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "key": "key",
        "state": "state",
    }

    name: str | None = None
    """Name of the view. At most 128 characters."""
    key: str | None = None
    """Key that distinguishes views with the same name. At most 512 characters."""
    state: str | None = None
    """State of the prefetched view, from the answer."""
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
        value = data.get("name")
        if value is not None and isinstance(value, str):
            self.name = value
            left -= 1
        else:
            self.name = None
        value = data.get("key")
        if value is not None and isinstance(value, str):
            self.key = value
            left -= 1
        else:
            self.key = None
        value = data.get("state")
        if value is not None and isinstance(value, str):
            self.state = value
            left -= 1
        else:
            self.state = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.name is not None:
            result["name"] = self.name
        if self.key is not None:
            result["key"] = self.key
        if self.state is not None:
            result["state"] = self.state
        return self._with_additional(result) if self.additional_properties else result
