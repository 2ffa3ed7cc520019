"""The options of a client and of its calls: the types that users import, and the documentation that editors show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, Required, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from target_delivery._core.prepared import Prepared
    from target_delivery.events import EventHandlers
    from target_delivery.response import AttributesProvider, TargetDeliveryResponse
    from target_delivery_api.models import CustomerId, DecisioningMethod, DeliveryRequest

__all__ = [
    "AsyncClientOptions",
    "AsyncOutbox",
    "AttributesCallbackOptions",
    "AttributesOptions",
    "ClientOptions",
    "DecisioningMethodName",
    "NotificationsCallbackOptions",
    "NotificationsOptions",
    "OffersCallbackOptions",
    "OffersOptions",
    "Outbox",
    "TargetLogger",
]

DecisioningMethodName = Literal["server-side", "on-device", "hybrid"]


class TargetLogger(Protocol):
    """What the option ``logger`` has to offer; a ``logging.Logger`` does."""

    def debug(self, msg: str, /, *args: object) -> object:
        """Log a request or an answer; the only level that shows tokens and visitor ids."""

    def error(self, msg: str, /, *args: object) -> object:
        """Log what went wrong without failing a call."""


class Outbox(Protocol):
    """What the option ``outbox`` of a TargetClient has to offer; a NotificationOutbox does."""

    def send_prepared(self, prepared: Prepared, /) -> None:
        """Store a prepared request, to be sent in the background."""
        ...


class AsyncOutbox(Protocol):
    """What the option ``outbox`` of an AsyncTargetClient has to offer; an AsyncNotificationOutbox does."""

    async def send_prepared(self, prepared: Prepared, /) -> None:
        """Store a prepared request, to be sent in the background."""
        ...


class _CommonClientOptions(TypedDict, total=False):
    client: Required[str]
    """Client code: 1 to 128 letters, digits, ``-`` and ``_``."""
    organization_id: Required[str]
    """Experience Cloud organization id, such as ``1234567890@AdobeOrg``."""
    timeout: int | None
    """Milliseconds for a whole call, every retry included. Default 3000."""
    retries: int | None
    """How often a call that failed on the way is sent again. Default 2."""
    server_domain: str | None
    """Host with an optional ``:port`` that is called instead of ``{client}.tt.omtrdc.net`` and of any edge cluster."""
    secure: bool | None
    """False: http instead of https. Default True."""
    logger: TargetLogger | None
    """Gets ``debug()`` with every request and answer, and ``error()``. Default: the logger ``adobe.target``."""
    target_location_hint: str | None
    """Edge cluster to start with: 1 to 5 digits."""
    property_token: str | None
    """Property of every call whose request names none."""
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where decisions are made: ``server-side`` (the default), ``on-device``, or ``hybrid``: on the device what can be
    decided there, the rest by the edge. The latter two need the extra ``on-device``."""
    polling_interval: int | None
    """Milliseconds between artifact downloads: 0 (never) or at least 300000, the default. On-device decisioning."""
    maximum_wait_ready: int | None
    """Milliseconds to wait for the first artifact. Default: for ever. On-device decisioning."""
    artifact_location: str | None
    """URL of the artifact, ``rules.json`` or ``rules.bin``. On-device decisioning."""
    artifact_payload: Mapping[str, Any] | None
    """An artifact in hand, used instead of a first download. On-device decisioning."""
    environment_id: int | None
    """``environmentId`` of every request that has none."""
    environment: str | None
    """Environment of the artifact. Default ``production``. On-device decisioning."""
    cdn_environment: str | None
    """Environment of the CDN the artifact comes from. Default ``production``. On-device decisioning."""
    cdn_base_path: str | None
    """Host, or URL with a scheme, that stands in for the CDN of artifacts and geo look-ups. On-device decisioning."""
    telemetry_enabled: bool | None
    """Whether the SDK reports its own timings to the edge. Default True."""
    version: str | None
    """``version`` parameter of every call."""
    events: EventHandlers | None
    """Handlers by the name of the event; each is called with the event."""


class ClientOptions(_CommonClientOptions, total=False):
    """Options of ``TargetClient.create``. ``None`` stands for the default."""

    http_client: httpx.Client | None
    """Your own client: proxies, mTLS, instrumentation, test transports. It is never closed by the SDK."""
    outbox: Outbox | None
    """A NotificationOutbox, made with another client: what decisions on the device report goes through it."""


class AsyncClientOptions(_CommonClientOptions, total=False):
    """Options of ``AsyncTargetClient.create``. ``None`` stands for the default."""

    http_client: httpx.AsyncClient | None
    """Your own client: proxies, mTLS, instrumentation, test transports. It is never closed by the SDK."""
    outbox: AsyncOutbox | None
    """An AsyncNotificationOutbox, made with another client: what decisions on the device report goes through it."""


class _VisitorOptions(TypedDict, total=False):
    target_cookie: str | None
    """Value of the visitor's ``mbox`` cookie."""
    target_location_hint: str | None
    """Value of the visitor's ``mboxEdgeCluster`` cookie."""
    visitor_cookie: str | None
    """Value of the visitor's ``AMCV_{organization_id}`` cookie."""
    consumer_id: str | None
    """Tells calls apart that are stitched into one Analytics hit. Default ``target-global-mbox``."""
    customer_ids: Sequence[CustomerId] | None
    """Customer ids that are added to those of the request."""
    session_id: str | None
    """Links several requests: 1 to 128 printable characters without space, ``?`` and ``/``. The cookie's wins."""


class _RequestOptions(_VisitorOptions, total=False):
    request: Required[DeliveryRequest]
    """What is sent; the SDK completes a copy of it."""


class _OffersOptions(_RequestOptions, total=False):
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where this call's decisions are made."""


class _AttributesOptions(_VisitorOptions, total=False):
    request: DeliveryRequest | None
    """What else is sent; the SDK completes a copy of it."""
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where this call's decisions are made."""


class _WithoutCallback(TypedDict, total=False):
    # Named here so that options with a callback are no special case of options without one: what the call returns
    # would be unknown.
    callback: None
    err_callback: None


class _WithErrCallback(TypedDict, total=False):
    err_callback: Callable[[BaseException], object] | None
    """Called instead of ``callback`` when the call fails."""


class NotificationsOptions(_RequestOptions, _WithoutCallback, total=False):
    """Options of ``send_notifications``."""


class NotificationsCallbackOptions(_RequestOptions, _WithErrCallback, total=False):
    """Options of ``send_notifications`` that make it return an AsyncResult at once."""

    callback: Required[Callable[[TargetDeliveryResponse], object]]
    """Called with the answer, in a thread of the client."""


class OffersOptions(_OffersOptions, _WithoutCallback, total=False):
    """Options of ``get_offers``."""


class OffersCallbackOptions(_OffersOptions, _WithErrCallback, total=False):
    """Options of ``get_offers`` that make it return an AsyncResult at once."""

    callback: Required[Callable[[TargetDeliveryResponse], object]]
    """Called with the answer, in a thread of the client."""


class AttributesOptions(_AttributesOptions, _WithoutCallback, total=False):
    """Options of ``get_attributes``."""


class AttributesCallbackOptions(_AttributesOptions, _WithErrCallback, total=False):
    """Options of ``get_attributes`` that make it return an AsyncResult at once."""

    callback: Required[Callable[[AttributesProvider], object]]
    """Called with the attributes, in a thread of the client."""
