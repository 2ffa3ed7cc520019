from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class CustomerId(Model):
    """An id of the visitor in one of the caller's systems."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "id": "id",
        "integrationCode": "integration_code",
        "authenticatedState": "authenticated_state",
    }

    id: str
    """The id of the visitor in that system. At most 128 characters."""
    integration_code: str
    """The system that issued the id, as the alias of its data source in the Experience Cloud. At most 50
    characters."""
    authenticated_state: AuthenticatedState
    """Whether the visitor is logged in as this customer."""
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
        value = data.get("id")
        if not isinstance(value, str):
            raise cls._unreadable("id", "a string", value)
        self.id = value
        left -= 1
        value = data.get("integrationCode")
        if not isinstance(value, str):
            raise cls._unreadable("integrationCode", "a string", value)
        self.integration_code = value
        left -= 1
        value = data.get("authenticatedState")
        if not isinstance(value, str):
            raise cls._unreadable("authenticatedState", "a string", value)
        self.authenticated_state = AUTHENTICATED_STATE[value]
        left -= 1
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        result["id"] = self.id
        result["integrationCode"] = self.integration_code
        result["authenticatedState"] = str(self.authenticated_state)
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .authenticated_state import MEMBERS as AUTHENTICATED_STATE
from .authenticated_state import AuthenticatedState
