from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class DeliveryRequest(Model):
    """One request: the visitor, the context, the content to decide, and the notifications to report."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "requestId": "request_id",
        "impressionId": "impression_id",
        "id": "id",
        "environmentId": "environment_id",
        "property": "property",
        "trace": "trace",
        "context": "context",
        "experienceCloud": "experience_cloud",
        "execute": "execute",
        "prefetch": "prefetch",
        "telemetry": "telemetry",
        "notifications": "notifications",
        "qaMode": "qa_mode",
        "preview": "preview",
    }

    request_id: str | None = None
    """Id of the call in logs and in the answer. At most 128 characters."""
    impression_id: str | None = None
    """Id of the impression. A second request with the same id does not count again. At most 128
    characters."""
    id: VisitorId | None = None
    """Ids of the visitor. Without an id the edge creates a new visitor."""
    environment_id: int | None = None
    """Number of the environment (host group) whose activities are considered. If absent, production."""
    property: Property | None = None
    """The property of the call. Only activities of this property are considered."""
    trace: Trace | None = None
    """Requests a trace of each decision."""
    context: Context | None = None
    """Facts about the device, the page and the place of the visitor, for matching audiences."""
    experience_cloud: ExperienceCloud | None = None
    """Data for other Experience Cloud products."""
    execute: ExecuteRequest | None = None
    """Content to decide. Its impressions count at once."""
    prefetch: PrefetchRequest | None = None
    """Content to decide for later use. An impression counts when a notification reports it."""
    telemetry: Telemetry | None = None
    """Measurements of earlier calls, for the edge's statistics."""
    notifications: list[Notification] | None = None
    """Reports of content that was shown or clicked."""
    qa_mode: QAMode | None = None
    """Shows the activities of a QA link, without counting impressions."""
    preview: Preview | None = None
    """Shows the activities of a preview link for mobile devices."""
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
        value = data.get("requestId")
        if value is not None and isinstance(value, str):
            self.request_id = value
            left -= 1
        else:
            self.request_id = None
        value = data.get("impressionId")
        if value is not None and isinstance(value, str):
            self.impression_id = value
            left -= 1
        else:
            self.impression_id = None
        value = data.get("id")
        if value is not None and isinstance(value, dict):
            self.id = VisitorId.from_dict(value)
            left -= 1
        else:
            self.id = None
        value = data.get("environmentId")
        if value is not None and type(value) is int:
            self.environment_id = value
            left -= 1
        else:
            self.environment_id = None
        value = data.get("property")
        if value is not None and isinstance(value, dict):
            self.property = Property.from_dict(value)
            left -= 1
        else:
            self.property = None
        value = data.get("trace")
        if value is not None and isinstance(value, dict):
            self.trace = Trace.from_dict(value)
            left -= 1
        else:
            self.trace = None
        value = data.get("context")
        if value is not None and isinstance(value, dict):
            self.context = Context.from_dict(value)
            left -= 1
        else:
            self.context = None
        value = data.get("experienceCloud")
        if value is not None and isinstance(value, dict):
            self.experience_cloud = ExperienceCloud.from_dict(value)
            left -= 1
        else:
            self.experience_cloud = None
        value = data.get("execute")
        if value is not None and isinstance(value, dict):
            self.execute = ExecuteRequest.from_dict(value)
            left -= 1
        else:
            self.execute = None
        value = data.get("prefetch")
        if value is not None and isinstance(value, dict):
            self.prefetch = PrefetchRequest.from_dict(value)
            left -= 1
        else:
            self.prefetch = None
        value = data.get("telemetry")
        if value is not None and isinstance(value, dict):
            self.telemetry = Telemetry.from_dict(value)
            left -= 1
        else:
            self.telemetry = None
        value = data.get("notifications")
        if (
            value is not None
            and isinstance(value, list)
            and len(
                read_notifications := [
                    Notification.from_dict(item) for item in value if isinstance(item, dict)
                ]
            )
            == len(value)
        ):
            self.notifications = read_notifications
            left -= 1
        else:
            self.notifications = None
        value = data.get("qaMode")
        if value is not None and isinstance(value, dict):
            self.qa_mode = QAMode.from_dict(value)
            left -= 1
        else:
            self.qa_mode = None
        value = data.get("preview")
        if value is not None and isinstance(value, dict):
            self.preview = Preview.from_dict(value)
            left -= 1
        else:
            self.preview = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.request_id is not None:
            result["requestId"] = self.request_id
        if self.impression_id is not None:
            result["impressionId"] = self.impression_id
        if self.id is not None:
            result["id"] = self.id.to_dict()
        if self.environment_id is not None:
            result["environmentId"] = self.environment_id
        if self.property is not None:
            result["property"] = self.property.to_dict()
        if self.trace is not None:
            result["trace"] = self.trace.to_dict()
        if self.context is not None:
            result["context"] = self.context.to_dict()
        if self.experience_cloud is not None:
            result["experienceCloud"] = self.experience_cloud.to_dict()
        if self.execute is not None:
            result["execute"] = self.execute.to_dict()
        if self.prefetch is not None:
            result["prefetch"] = self.prefetch.to_dict()
        if self.telemetry is not None:
            result["telemetry"] = self.telemetry.to_dict()
        if self.notifications is not None:
            result["notifications"] = [item.to_dict() for item in self.notifications]
        if self.qa_mode is not None:
            result["qaMode"] = self.qa_mode.to_dict()
        if self.preview is not None:
            result["preview"] = self.preview.to_dict()
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .context import Context
from .execute_request import ExecuteRequest
from .experience_cloud import ExperienceCloud
from .notification import Notification
from .prefetch_request import PrefetchRequest
from .preview import Preview
from .property_ import Property
from .qa_mode import QAMode
from .telemetry import Telemetry
from .trace import Trace
from .visitor_id import VisitorId
