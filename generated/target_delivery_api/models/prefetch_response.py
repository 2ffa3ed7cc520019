from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class PrefetchResponse(Model):
    """The decisions for prefetch. Their impressions count when notifications report them."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "views": "views",
        "pageLoad": "page_load",
        "mboxes": "mboxes",
        "metrics": "metrics",
    }

    views: list[View] | None = None
    """The content of each view."""
    page_load: PageLoadResponse | None = None
    """The content that the page shows on loading."""
    mboxes: list[PrefetchMboxResponse] | None = None
    """The content of each mbox."""
    metrics: list[Metric] | None = None
    """Events to report for the page as a whole."""
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
        value = data.get("views")
        if (
            value is not None
            and isinstance(value, list)
            and len(read_views := [View.from_dict(item) for item in value if isinstance(item, dict)])
            == len(value)
        ):
            self.views = read_views
            left -= 1
        else:
            self.views = None
        value = data.get("pageLoad")
        if value is not None and isinstance(value, dict):
            self.page_load = PageLoadResponse.from_dict(value)
            left -= 1
        else:
            self.page_load = None
        value = data.get("mboxes")
        if (
            value is not None
            and isinstance(value, list)
            and len(
                read_mboxes := [
                    PrefetchMboxResponse.from_dict(item) for item in value if isinstance(item, dict)
                ]
            )
            == len(value)
        ):
            self.mboxes = read_mboxes
            left -= 1
        else:
            self.mboxes = None
        value = data.get("metrics")
        if (
            value is not None
            and isinstance(value, list)
            and len(read_metrics := [Metric.from_dict(item) for item in value if isinstance(item, dict)])
            == len(value)
        ):
            self.metrics = read_metrics
            left -= 1
        else:
            self.metrics = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.views is not None:
            result["views"] = [item.to_dict() for item in self.views]
        if self.page_load is not None:
            result["pageLoad"] = self.page_load.to_dict()
        if self.mboxes is not None:
            result["mboxes"] = [item.to_dict() for item in self.mboxes]
        if self.metrics is not None:
            result["metrics"] = [item.to_dict() for item in self.metrics]
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .metric import Metric
from .page_load_response import PageLoadResponse
from .prefetch_mbox_response import PrefetchMboxResponse
from .view import View
