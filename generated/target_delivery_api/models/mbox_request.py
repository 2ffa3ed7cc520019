from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class MboxRequest(Model):
    """Requests the content of one mbox, a named place on a page or in an app."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "address": "address",
        "parameters": "parameters",
        "profileParameters": "profile_parameters",
        "order": "order",
        "product": "product",
        "index": "index",
        "name": "name",
    }

    address: Address | None = None
    """The page, if it differs from the page in the context."""
    parameters: dict[str, str] | None = None
    """Parameters that audiences see as mbox parameters. At most 50 entries."""
    profile_parameters: dict[str, str] | None = None
    """Parameters to store in the visitor's profile. At most 50 entries."""
    order: Order | None = None
    """The order that the visitor placed."""
    product: Product | None = None
    """The product that the visitor looks at."""
    index: int | None = None
    """Number that identifies the mbox within the request, even among mboxes with the same name. The answer
    repeats it."""
    name: str | None = None
    """Name of the mbox."""
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
        value = data.get("address")
        if value is not None and isinstance(value, dict):
            self.address = Address.from_dict(value)
            left -= 1
        else:
            self.address = None
        value = data.get("parameters")
        if (
            value is not None
            and isinstance(value, dict)
            and len(read_parameters := {key: item for key, item in value.items() if isinstance(item, str)})
            == len(value)
        ):
            self.parameters = read_parameters
            left -= 1
        else:
            self.parameters = None
        value = data.get("profileParameters")
        if (
            value is not None
            and isinstance(value, dict)
            and len(
                read_profile_parameters := {key: item for key, item in value.items() if isinstance(item, str)}
            )
            == len(value)
        ):
            self.profile_parameters = read_profile_parameters
            left -= 1
        else:
            self.profile_parameters = None
        value = data.get("order")
        if value is not None and isinstance(value, dict):
            self.order = Order.from_dict(value)
            left -= 1
        else:
            self.order = None
        value = data.get("product")
        if value is not None and isinstance(value, dict):
            self.product = Product.from_dict(value)
            left -= 1
        else:
            self.product = None
        value = data.get("index")
        if value is not None and type(value) is int:
            self.index = value
            left -= 1
        else:
            self.index = None
        value = data.get("name")
        if value is not None and isinstance(value, str):
            self.name = value
            left -= 1
        else:
            self.name = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.address is not None:
            result["address"] = self.address.to_dict()
        if self.parameters is not None:
            result["parameters"] = dict(self.parameters)
        if self.profile_parameters is not None:
            result["profileParameters"] = dict(self.profile_parameters)
        if self.order is not None:
            result["order"] = self.order.to_dict()
        if self.product is not None:
            result["product"] = self.product.to_dict()
        if self.index is not None:
            result["index"] = self.index
        if self.name is not None:
            result["name"] = self.name
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .address import Address
from .order import Order
from .product import Product
