from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Notification(Model):
    """Reports that content was shown or clicked. Prefetched content counts no impression without a
    notification."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "address": "address",
        "parameters": "parameters",
        "profileParameters": "profile_parameters",
        "order": "order",
        "product": "product",
        "id": "id",
        "impressionId": "impression_id",
        "type": "type",
        "timestamp": "timestamp",
        "tokens": "tokens",
        "mbox": "mbox",
        "view": "view",
        "pageLoad": "page_load",
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
    id: str
    """Id of the notification. The answer lists the ids of the processed notifications. At most 200
    characters."""
    impression_id: str | None = None
    """Id of the impression. A second notification with the same id does not count again. At most 128
    characters."""
    type: MetricType
    """Whether the content was shown or clicked."""
    timestamp: int
    """Time of the event, in milliseconds since 1970-01-01 UTC."""
    tokens: list[str] | None = None
    """Event tokens of the shown options or of the clicked metric."""
    mbox: NotificationMbox | None = None
    """The mbox with the content."""
    view: NotificationView | None = None
    """The view with the content."""
    page_load: NotificationPageLoad | None = None
    """The page load with the content."""
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
        value = data.get("id")
        if not isinstance(value, str):
            raise cls._unreadable("id", "a string", value)
        self.id = value
        left -= 1
        value = data.get("impressionId")
        if value is not None and isinstance(value, str):
            self.impression_id = value
            left -= 1
        else:
            self.impression_id = None
        value = data.get("type")
        if not isinstance(value, str):
            raise cls._unreadable("type", "a string", value)
        self.type = METRIC_TYPE[value]
        left -= 1
        value = data.get("timestamp")
        if type(value) is not int:
            raise cls._unreadable("timestamp", "an integer", value)
        self.timestamp = value
        left -= 1
        value = data.get("tokens")
        if (
            value is not None
            and isinstance(value, list)
            and len(read_tokens := [item for item in value if isinstance(item, str)]) == len(value)
        ):
            self.tokens = read_tokens
            left -= 1
        else:
            self.tokens = None
        value = data.get("mbox")
        if value is not None and isinstance(value, dict):
            self.mbox = NotificationMbox.from_dict(value)
            left -= 1
        else:
            self.mbox = None
        value = data.get("view")
        if value is not None and isinstance(value, dict):
            self.view = NotificationView.from_dict(value)
            left -= 1
        else:
            self.view = None
        value = data.get("pageLoad")
        if value is not None and isinstance(value, dict):
            self.page_load = NotificationPageLoad.from_dict(value)
            left -= 1
        else:
            self.page_load = None
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
        result["id"] = self.id
        if self.impression_id is not None:
            result["impressionId"] = self.impression_id
        result["type"] = str(self.type)
        result["timestamp"] = self.timestamp
        if self.tokens is not None:
            result["tokens"] = list(self.tokens)
        if self.mbox is not None:
            result["mbox"] = self.mbox.to_dict()
        if self.view is not None:
            result["view"] = self.view.to_dict()
        if self.page_load is not None:
            result["pageLoad"] = self.page_load.to_dict()
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .address import Address
from .metric_type import MEMBERS as METRIC_TYPE
from .metric_type import MetricType
from .notification_mbox import NotificationMbox
from .notification_page_load import NotificationPageLoad
from .notification_view import NotificationView
from .order import Order
from .product import Product
