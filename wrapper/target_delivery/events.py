"""Events of clients and outboxes. The option ``events`` takes their handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypedDict

from attrs import field, fields_dict, frozen

from target_delivery_api.models import DeliveryRequest, Notification  # noqa: TC001 - for typing.get_type_hints()

__all__ = [
    "ArtifactDownloadFailed",
    "ArtifactDownloadSucceeded",
    "ClientReady",
    "Event",
    "EventHandlers",
    "EventName",
    "GeoLocationUpdated",
    "NotificationSetAside",
    "SendNotificationError",
]

EventName = Literal[
    "client_ready",
    "artifact_download_succeeded",
    "artifact_download_failed",
    "geo_location_updated",
    "send_notification_error",
    "notification_set_aside",
]


@frozen(kw_only=True, eq=False)
class Event(Mapping[str, object]):
    """An event, readable as attributes and as a mapping.

    Attributes:
        type: the name of the event.
    """

    type: EventName

    def __getitem__(self, key: str) -> object:
        if key not in fields_dict(type(self)):
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(fields_dict(type(self)))

    def __len__(self) -> int:
        return len(fields_dict(type(self)))


@frozen(kw_only=True, eq=False)
class ClientReady(Event):
    """The client can be used. With on-device decisioning: it has its first artifact.

    The event also comes, without an artifact, when the time of the option ``maximum_wait_ready`` is over.
    """

    type: Literal["client_ready"] = field(default="client_ready", init=False)


@frozen(kw_only=True, eq=False)
class ArtifactDownloadSucceeded(Event):
    """A new artifact is in use.

    Attributes:
        artifact_location: URL of the artifact.
        artifact_payload: the artifact.
    """

    type: Literal["artifact_download_succeeded"] = field(default="artifact_download_succeeded", init=False)
    artifact_location: str
    artifact_payload: Mapping[str, Any] = field(repr=False)


@frozen(kw_only=True, eq=False)
class ArtifactDownloadFailed(Event):
    """A download brought no usable artifact. The artifact in use, if there is one, stays; downloading goes on.

    Attributes:
        artifact_location: URL of the artifact.
        error: why the download failed, or why the artifact cannot be used.
    """

    type: Literal["artifact_download_failed"] = field(default="artifact_download_failed", init=False)
    artifact_location: str
    error: Exception


@frozen(kw_only=True, eq=False)
class GeoLocationUpdated(Event):
    """The location of a visitor, or of the machine that downloads the artifact, was looked up.

    Attributes:
        geo_context: the location in the form of ``context.geo``: countryCode, stateCode, city, latitude, longitude.
    """

    type: Literal["geo_location_updated"] = field(default="geo_location_updated", init=False)
    geo_context: Mapping[str, Any]


@frozen(kw_only=True, eq=False)
class SendNotificationError(Event):
    """The report of a decision on the device did not reach the edge, or the edge did not process it.

    Attributes:
        notification: the report. ``send_notifications`` can send it again; it counts only once.
        error: why it failed.
    """

    type: Literal["send_notification_error"] = field(default="send_notification_error", init=False)
    notification: DeliveryRequest = field(repr=False)
    error: Exception


@frozen(kw_only=True, eq=False)
class NotificationSetAside(Event):
    """An outbox set a notification aside: it keeps it, but does not try to send it any more.

    Attributes:
        notification: the notification; None when the stored item is unreadable.
        reason: ``refused``, ``expired`` or ``malformed``.
        message: the reason in words. For a refused notification, the message of the edge.
        ref: name of the item in the store. ``replay([ref])`` puts it back.
    """

    type: Literal["notification_set_aside"] = field(default="notification_set_aside", init=False)
    notification: Notification | None = field(repr=False)
    reason: Literal["refused", "expired", "malformed"]
    message: str
    ref: str


class EventHandlers(TypedDict, total=False):
    """The option ``events``: the handlers by the name of their event. A handler may have no parameter."""

    client_ready: Callable[[ClientReady], object] | Callable[[], object]
    artifact_download_succeeded: Callable[[ArtifactDownloadSucceeded], object] | Callable[[], object]
    artifact_download_failed: Callable[[ArtifactDownloadFailed], object] | Callable[[], object]
    geo_location_updated: Callable[[GeoLocationUpdated], object] | Callable[[], object]
    send_notification_error: Callable[[SendNotificationError], object] | Callable[[], object]
    notification_set_aside: Callable[[NotificationSetAside], object] | Callable[[], object]
