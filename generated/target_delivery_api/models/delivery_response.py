from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class DeliveryResponse(Model):
    """The answer to one request: the decisions, and the processed notifications."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "status": "status",
        "requestId": "request_id",
        "id": "id",
        "client": "client",
        "edgeHost": "edge_host",
        "execute": "execute",
        "prefetch": "prefetch",
        "notifications": "notifications",
        "telemetryServerToken": "telemetry_server_token",
    }

    status: int | None = None
    """Status of the decision, as an HTTP status. 206 means that only a part could be decided on the
    device."""
    request_id: str | None = None
    """Id of the call, from the request."""
    id: VisitorId | None = None
    """Ids of the visitor. A new visitor gets a tntId from the edge."""
    client: str | None = None
    """Client code of the Target account."""
    edge_host: str | None = None
    """Host of the edge cluster that decided, such as mboxedge28.tt.omtrdc.net. Later calls of the visitor
    should go to this host."""
    execute: ExecuteResponse | None = None
    """The decisions for execute. Their impressions have been counted."""
    prefetch: PrefetchResponse | None = None
    """The decisions for prefetch. Their impressions count when notifications report them."""
    notifications: list[NotificationResponse] | None = None
    """The notifications that the edge processed. Send a notification again if it is missing here."""
    telemetry_server_token: str | None = None
    """Token with the edge's timings of this call. Send it back in the telemetry entry of the call."""
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
        value = data.get("status")
        if value is not None and type(value) is int:
            self.status = value
            left -= 1
        else:
            self.status = None
        value = data.get("requestId")
        if value is not None and isinstance(value, str):
            self.request_id = value
            left -= 1
        else:
            self.request_id = None
        value = data.get("id")
        if value is not None and isinstance(value, dict):
            self.id = VisitorId.from_dict(value)
            left -= 1
        else:
            self.id = None
        value = data.get("client")
        if value is not None and isinstance(value, str):
            self.client = value
            left -= 1
        else:
            self.client = None
        value = data.get("edgeHost")
        if value is not None and isinstance(value, str):
            self.edge_host = value
            left -= 1
        else:
            self.edge_host = None
        value = data.get("execute")
        if value is not None and isinstance(value, dict):
            self.execute = ExecuteResponse.from_dict(value)
            left -= 1
        else:
            self.execute = None
        value = data.get("prefetch")
        if value is not None and isinstance(value, dict):
            self.prefetch = PrefetchResponse.from_dict(value)
            left -= 1
        else:
            self.prefetch = None
        value = data.get("notifications")
        if (
            value is not None
            and isinstance(value, list)
            and len(
                read_notifications := [
                    NotificationResponse.from_dict(item) for item in value if isinstance(item, dict)
                ]
            )
            == len(value)
        ):
            self.notifications = read_notifications
            left -= 1
        else:
            self.notifications = None
        value = data.get("telemetryServerToken")
        if value is not None and isinstance(value, str):
            self.telemetry_server_token = value
            left -= 1
        else:
            self.telemetry_server_token = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.status is not None:
            result["status"] = self.status
        if self.request_id is not None:
            result["requestId"] = self.request_id
        if self.id is not None:
            result["id"] = self.id.to_dict()
        if self.client is not None:
            result["client"] = self.client
        if self.edge_host is not None:
            result["edgeHost"] = self.edge_host
        if self.execute is not None:
            result["execute"] = self.execute.to_dict()
        if self.prefetch is not None:
            result["prefetch"] = self.prefetch.to_dict()
        if self.notifications is not None:
            result["notifications"] = [item.to_dict() for item in self.notifications]
        if self.telemetry_server_token is not None:
            result["telemetryServerToken"] = self.telemetry_server_token
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .execute_response import ExecuteResponse
from .notification_response import NotificationResponse
from .prefetch_response import PrefetchResponse
from .visitor_id import VisitorId
