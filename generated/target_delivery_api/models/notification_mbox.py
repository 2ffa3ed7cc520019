from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import Model, no_more, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class NotificationMbox(Model):
    """The mbox that a notification is about.

    Attributes:
        name (str | None): Name of the mbox. At most 250 characters.
        state (str | None): State of the prefetched mbox, as the answer gave it.
        additional_properties (dict[str, JsonValue]): What the JSON had beyond that, by its JSON name.
    """

    JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "state": "state",
    }

    name: str | None = None
    state: str | None = None
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
        value = data.get("name")
        if value is not None and isinstance(value, str):
            self.name = value
            left -= 1
        else:
            self.name = None
        value = data.get("state")
        if value is not None and isinstance(value, str):
            self.state = value
            left -= 1
        else:
            self.state = None
        self.additional_properties = self.unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.name is not None:
            result["name"] = self.name
        if self.state is not None:
            result["state"] = self.state
        return self.with_additional(result) if self.additional_properties else result
