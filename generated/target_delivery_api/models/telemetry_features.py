from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class TelemetryFeatures(Model):
    """Features of the API that a call used."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "decisioningMethod": "decisioning_method",
        "executeMboxCount": "execute_mbox_count",
        "executePageLoad": "execute_page_load",
        "prefetchMboxCount": "prefetch_mbox_count",
        "prefetchPageLoad": "prefetch_page_load",
        "prefetchViewCount": "prefetch_view_count",
    }

    decisioning_method: DecisioningMethod | None = None
    """The decisioning method of the call."""
    execute_mbox_count: int | None = None
    """Number of mboxes under execute."""
    execute_page_load: bool | None = None
    """Whether execute had a pageLoad."""
    prefetch_mbox_count: int | None = None
    """Number of mboxes under prefetch."""
    prefetch_page_load: bool | None = None
    """Whether prefetch had a pageLoad."""
    prefetch_view_count: int | None = None
    """Number of views under prefetch."""
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
        value = data.get("decisioningMethod")
        if value is not None and isinstance(value, str):
            self.decisioning_method = DECISIONING_METHOD[value]
            left -= 1
        else:
            self.decisioning_method = None
        value = data.get("executeMboxCount")
        if value is not None and type(value) is int:
            self.execute_mbox_count = value
            left -= 1
        else:
            self.execute_mbox_count = None
        value = data.get("executePageLoad")
        if value is not None and isinstance(value, bool):
            self.execute_page_load = value
            left -= 1
        else:
            self.execute_page_load = None
        value = data.get("prefetchMboxCount")
        if value is not None and type(value) is int:
            self.prefetch_mbox_count = value
            left -= 1
        else:
            self.prefetch_mbox_count = None
        value = data.get("prefetchPageLoad")
        if value is not None and isinstance(value, bool):
            self.prefetch_page_load = value
            left -= 1
        else:
            self.prefetch_page_load = None
        value = data.get("prefetchViewCount")
        if value is not None and type(value) is int:
            self.prefetch_view_count = value
            left -= 1
        else:
            self.prefetch_view_count = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.decisioning_method is not None:
            result["decisioningMethod"] = str(self.decisioning_method)
        if self.execute_mbox_count is not None:
            result["executeMboxCount"] = self.execute_mbox_count
        if self.execute_page_load is not None:
            result["executePageLoad"] = self.execute_page_load
        if self.prefetch_mbox_count is not None:
            result["prefetchMboxCount"] = self.prefetch_mbox_count
        if self.prefetch_page_load is not None:
            result["prefetchPageLoad"] = self.prefetch_page_load
        if self.prefetch_view_count is not None:
            result["prefetchViewCount"] = self.prefetch_view_count
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .decisioning_method import MEMBERS as DECISIONING_METHOD
from .decisioning_method import DecisioningMethod
