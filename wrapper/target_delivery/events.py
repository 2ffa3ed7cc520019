"""Events a client tells its owner about, through the option ``events``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from attrs import field, fields_dict, frozen

if TYPE_CHECKING:
    from target_delivery_api.models import DeliveryRequest, Notification

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
    """What happened, readable as attributes and as a mapping.

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
    """The client can be used: at once, or with on-device decisioning when the first artifact has come.

    It comes without an artifact when the option ``maximum_wait_ready`` did not let it wait longer.
    """

    type: Literal["client_ready"] = field(default="client_ready", init=False)


@frozen(kw_only=True, eq=False)
class ArtifactDownloadSucceeded(Event):
    """A new artifact is in use.

    Attributes:
        artifact_location: where it came from.
        artifact_payload: the artifact.
    """

    type: Literal["artifact_download_succeeded"] = field(default="artifact_download_succeeded", init=False)
    artifact_location: str
    artifact_payload: Mapping[str, Any] = field(repr=False)


@frozen(kw_only=True, eq=False)
class ArtifactDownloadFailed(Event):
    """A download brought no artifact that can be used. The one in use, if any, stays; downloading goes on.

    Attributes:
        artifact_location: where it should have come from.
        error: what was wrong.
    """

    type: Literal["artifact_download_failed"] = field(default="artifact_download_failed", init=False)
    artifact_location: str
    error: Exception


@frozen(kw_only=True, eq=False)
class GeoLocationUpdated(Event):
    """A visitor, or whoever downloads the artifact, was located.

    Attributes:
        geo_context: ``context.geo`` as the Delivery API has it: countryCode, stateCode, city, latitude, longitude.
    """

    type: Literal["geo_location_updated"] = field(default="geo_location_updated", init=False)
    geo_context: Mapping[str, Any]


@frozen(kw_only=True, eq=False)
class SendNotificationError(Event):
    """What a decision on the device has to report did not reach the edge, or was not processed there.

    Attributes:
        notification: the request that reports it; ``send_notifications`` can send it again, and counts it once.
        error: why it failed.
    """

    type: Literal["send_notification_error"] = field(default="send_notification_error", init=False)
    notification: DeliveryRequest = field(repr=False)
    error: Exception


@frozen(kw_only=True, eq=False)
class NotificationSetAside(Event):
    """An outbox tries a notification no more. It keeps it, and can put it back.

    Attributes:
        notification: what cannot be delivered; None when what was stored is unreadable.
        reason: ``refused``, ``expired`` or ``malformed``.
        message: why, in words; of a refused one what the edge said.
        ref: its name in the store, for ``replay([ref])``.
    """

    type: Literal["notification_set_aside"] = field(default="notification_set_aside", init=False)
    notification: Notification | None = field(repr=False)
    reason: Literal["refused", "expired", "malformed"]
    message: str
    ref: str


class EventHandlers(TypedDict, total=False):
    """The option ``events``: what is called with an event, by the name of the event."""

    client_ready: Callable[[ClientReady], object]
    artifact_download_succeeded: Callable[[ArtifactDownloadSucceeded], object]
    artifact_download_failed: Callable[[ArtifactDownloadFailed], object]
    geo_location_updated: Callable[[GeoLocationUpdated], object]
    send_notification_error: Callable[[SendNotificationError], object]
    notification_set_aside: Callable[[NotificationSetAside], object]
