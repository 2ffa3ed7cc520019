from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import Model, no_more, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class CustomerId(Model):
    """An id of the visitor in a system of the caller's own.

    Attributes:
        id (str): The id in that system. At most 128 characters.
        integration_code (str): Which system it is: the alias of the data source in the Experience Cloud.
            At most 50 characters.
        authenticated_state (AuthenticatedState): Whether the visitor has proven to be that customer.
        additional_properties (dict[str, JsonValue]): What the JSON had beyond that, by its JSON name.
    """

    JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "id": "id",
        "integrationCode": "integration_code",
        "authenticatedState": "authenticated_state",
    }

    id: str
    integration_code: str
    authenticated_state: AuthenticatedState
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
        if not isinstance(value, str):
            raise cls.unreadable("id", "a string", value)
        self.id = value
        left -= 1
        value = data.get("integrationCode")
        if not isinstance(value, str):
            raise cls.unreadable("integrationCode", "a string", value)
        self.integration_code = value
        left -= 1
        value = data.get("authenticatedState")
        if not isinstance(value, str):
            raise cls.unreadable("authenticatedState", "a string", value)
        self.authenticated_state = AUTHENTICATED_STATE[value]
        left -= 1
        self.additional_properties = self.unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        result["id"] = self.id
        result["integrationCode"] = self.integration_code
        result["authenticatedState"] = str(self.authenticated_state)
        return self.with_additional(result) if self.additional_properties else result


# At the end, where two models that hold each other can both be imported.
from .authenticated_state import MEMBERS as AUTHENTICATED_STATE
from .authenticated_state import AuthenticatedState
