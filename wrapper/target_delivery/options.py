"""The options of a client and of its calls: the types that users import, and the documentation that editors show."""

from __future__ import annotations

# ruff: noqa: TC001, TC003 - typing.get_type_hints() needs these names.
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, Required, TypedDict

from target_delivery._core.prepared import Prepared
from target_delivery.events import EventHandlers
from target_delivery.response import AttributesProvider, TargetDeliveryResponse
from target_delivery_api.clients import AsyncHttpClient, HttpClient
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
    """The type of the option ``logger``. Every ``logging.Logger`` has it."""

    def debug(self, msg: str, /, *args: object) -> object:
        """Log a request or an answer. Only these lines show tokens and visitor ids."""

    def error(self, msg: str, /, *args: object) -> object:
        """Log a failure that no call raises."""


class Outbox(Protocol):
    """The type of the option ``outbox`` of a TargetClient, such as a NotificationOutbox."""

    def send_prepared(self, prepared: Prepared, /) -> None:
        """Store a prepared request, and send it in the background later."""
        ...


class AsyncOutbox(Protocol):
    """The type of the option ``outbox`` of an AsyncTargetClient, such as an AsyncNotificationOutbox."""

    async def send_prepared(self, prepared: Prepared, /) -> None:
        """Store a prepared request, and send it in the background later."""
        ...


class _CommonClientOptions(TypedDict, total=False):
    client: Required[str]
    """Client code: 1 to 128 letters, digits, ``-`` and ``_``."""
    organization_id: Required[str]
    """Experience Cloud organization id, such as ``1234567890@AdobeOrg``."""
    timeout: int | None
    """Milliseconds for a whole call, with all its retries. Default 3000."""
    retries: int | None
    """How many times a call is sent again when it fails in a way that may pass. Default 2."""
    max_answer_bytes: int | None
    """Bytes that the body of an answer may have, both as it is received and as it is decompressed. A larger answer is
    an ``InvalidAnswerError``. At least 1024. Default 16777216."""
    server_domain: str | None
    """Host with an optional ``:port``, called instead of ``{client}.tt.omtrdc.net`` and instead of any edge cluster."""
    secure: bool | None
    """Whether to use https; False: http. Default True."""
    trust_env: bool | None
    """Whether proxies and TLS certificates are taken from the environment; not for an ``http_client`` of your own.
    Default True."""
    logger: TargetLogger | None
    """Logs every request and answer with ``debug()``, and failures with ``error()``. Default: the logger
    ``adobe.target``."""
    target_location_hint: str | None
    """Edge cluster of the first call: 1 to 5 digits."""
    property_token: str | None
    """Property of every call whose request has none."""
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where decisions are made: ``server-side`` by the edge; ``on-device`` on the device; ``hybrid`` on the device, but
    by the edge when a request asks for mboxes or views that need it. The last two need the extra ``on-device``.
    Default ``server-side``."""
    polling_interval: int | None
    """On-device: milliseconds between artifact downloads, 0 (never) or at least 300000. Default 300000."""
    maximum_wait_ready: int | None
    """On-device: milliseconds to wait for the first artifact. None: without limit."""
    artifact_location: str | None
    """On-device: URL of the artifact, ``rules.json`` or ``rules.bin``."""
    artifact_payload: Mapping[str, Any] | None
    """On-device: an artifact to start with, instead of a first download."""
    environment_id: int | None
    """``environmentId`` for every request that has none."""
    environment: str | None
    """On-device: environment of the artifact. Default ``production``."""
    cdn_environment: str | None
    """On-device: environment of the CDN that serves the artifact. Default ``production``."""
    cdn_base_path: str | None
    """On-device: host, or URL with a scheme, to use instead of the CDN for artifacts and geo look-ups."""
    telemetry_enabled: bool | None
    """Whether the SDK reports its own timings to the edge. Default True."""
    version: str | None
    """Query parameter ``version`` of every call."""
    validate_requests: bool | None
    """Whether a request beyond the published limits of the Delivery API raises ``OptionError`` before anything is sent.
    Needs the extra ``validation``. Default False."""
    events: EventHandlers | None
    """Handlers by the name of the event. Each is called with the event."""


class ClientOptions(_CommonClientOptions, total=False):
    """Options of ``TargetClient.create``. None means the default."""

    http_client: HttpClient | None
    """Your own HTTP client, for proxies, mTLS, instrumentation or test transports. The SDK never closes it."""
    outbox: Outbox | None
    """On-device: a NotificationOutbox for the reports of decisions. It must be made with another client."""


class AsyncClientOptions(_CommonClientOptions, total=False):
    """Options of ``AsyncTargetClient.create``. None means the default."""

    http_client: AsyncHttpClient | None
    """Your own HTTP client, for proxies, mTLS, instrumentation or test transports. The SDK never closes it."""
    outbox: AsyncOutbox | None
    """On-device: an AsyncNotificationOutbox for the reports of decisions. It must be made with another client."""


class _VisitorOptions(TypedDict, total=False):
    cookies: Mapping[str, str] | None
    """The cookies of the visitor's request, by name. ``mbox``, ``mboxEdgeCluster`` and ``AMCV_{organization_id}`` are
    read; the three options below win over them."""
    target_cookie: str | None
    """Value of the visitor's ``mbox`` cookie."""
    target_location_hint: str | None
    """Value of the visitor's ``mboxEdgeCluster`` cookie."""
    visitor_cookie: str | None
    """Value of the visitor's ``AMCV_{organization_id}`` cookie."""
    consumer_id: str | None
    """Name of the part of the page that calls. Calls with different names are stitched into one Analytics hit.
    Default ``target-global-mbox``."""
    customer_ids: Sequence[CustomerId] | None
    """Customer ids to add to the request's own."""
    session_id: str | None
    """Links several requests: 1 to 128 printable characters without space, ``?`` and ``/``. Ignored when
    ``target_cookie`` has a session."""
    timeout: int | None
    """Milliseconds for this call, with all its retries. Default: the client option."""
    retries: int | None
    """How many times this call may be sent again. Default: the client option."""


class _RequestOptions(_VisitorOptions, total=False):
    request: Required[DeliveryRequest]
    """The request. The SDK completes and sends a copy of it."""


class _OffersOptions(_RequestOptions, total=False):
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where the decisions of this call are made. Default: the client option."""


class _AttributesOptions(_VisitorOptions, total=False):
    request: DeliveryRequest | None
    """A request to add the mboxes to. The SDK completes and sends a copy of it."""
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where the decisions of this call are made. Default: the client option."""


class _WithoutCallback(TypedDict, total=False):
    # The overloads of a call return different types with and without a callback. Type checkers can only choose between
    # them if options without a callback cannot have one.
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
    """Called with the result, in a thread of the client."""


class OffersOptions(_OffersOptions, _WithoutCallback, total=False):
    """Options of ``get_offers``."""


class OffersCallbackOptions(_OffersOptions, _WithErrCallback, total=False):
    """Options of ``get_offers`` that make it return an AsyncResult at once."""

    callback: Required[Callable[[TargetDeliveryResponse], object]]
    """Called with the result, in a thread of the client."""


class AttributesOptions(_AttributesOptions, _WithoutCallback, total=False):
    """Options of ``get_attributes``."""


class AttributesCallbackOptions(_AttributesOptions, _WithErrCallback, total=False):
    """Options of ``get_attributes`` that make it return an AsyncResult at once."""

    callback: Required[Callable[[AttributesProvider], object]]
    """Called with the attributes, in a thread of the client."""
