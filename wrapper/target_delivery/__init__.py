"""SDK for Adobe Target's Delivery API.

``TargetClient`` (threads) and ``AsyncTargetClient`` (asyncio) ask for offers and send notifications. Requests are made
of the models of the generated package ``target_delivery_api``, which import from here as well. A name is loaded when it
is first used, so that a program pays for no model it does not touch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from target_delivery._version import __version__

if TYPE_CHECKING:
    from target_delivery.async_client import (
        AsyncTargetClient,
    )
    from target_delivery.async_result import (
        AsyncResult,
    )
    from target_delivery.client import (
        TargetClient,
    )
    from target_delivery.cookies import (
        Cookie,
    )
    from target_delivery.errors import (
        AttributeNotFoundError,
        ClientClosedError,
        DeliveryConnectionError,
        DeliveryError,
        DeliveryStatusError,
        DeliveryTimeoutError,
        InvalidAnswerError,
        OptionError,
        OutboxClosedError,
        OutboxError,
        OutboxFullError,
        StoreError,
        TargetError,
    )
    from target_delivery.events import (
        Event,
    )
    from target_delivery.options import (
        AsyncClientOptions,
        AttributesCallbackOptions,
        AttributesOptions,
        ClientOptions,
        DecisioningMethodName,
        EventName,
        NotificationsCallbackOptions,
        NotificationsOptions,
        OffersCallbackOptions,
        OffersOptions,
        TargetLogger,
    )
    from target_delivery.response import (
        AttributesProvider,
        DecisioningMeta,
        TargetDeliveryResponse,
    )
    from target_delivery_api.models import (
        Action,
        Address,
        AnalyticsPayload,
        AnalyticsRequest,
        AnalyticsResponse,
        Application,
        AudienceManager,
        AuthenticatedState,
        Browser,
        ChannelType,
        ClientHints,
        Context,
        CustomerId,
        DecisioningMethod,
        DeliveryRequest,
        DeliveryResponse,
        DeviceType,
        ExecuteRequest,
        ExecuteResponse,
        ExecutionMode,
        ExperienceCloud,
        Geo,
        LoggingType,
        MboxRequest,
        MboxResponse,
        Metric,
        MetricType,
        MobilePlatform,
        MobilePlatformType,
        Notification,
        NotificationMbox,
        NotificationPageLoad,
        NotificationResponse,
        NotificationView,
        Option,
        OptionType,
        Order,
        PageLoadResponse,
        PrefetchMboxResponse,
        PrefetchRequest,
        PrefetchResponse,
        Preview,
        Product,
        Property,
        QAMode,
        QAModePreviewIndex,
        RequestDetails,
        Screen,
        ScreenOrientationType,
        Telemetry,
        TelemetryEntry,
        TelemetryFeatures,
        TelemetryRequest,
        Trace,
        UnexpectedError,
        View,
        ViewRequest,
        VisitorId,
        Window,
    )
    from target_delivery_api.types import JsonValue

__all__ = [
    "Action",
    "Address",
    "AnalyticsPayload",
    "AnalyticsRequest",
    "AnalyticsResponse",
    "Application",
    "AsyncClientOptions",
    "AsyncResult",
    "AsyncTargetClient",
    "AttributeNotFoundError",
    "AttributesCallbackOptions",
    "AttributesOptions",
    "AttributesProvider",
    "AudienceManager",
    "AuthenticatedState",
    "Browser",
    "ChannelType",
    "ClientClosedError",
    "ClientHints",
    "ClientOptions",
    "Context",
    "Cookie",
    "CustomerId",
    "DecisioningMeta",
    "DecisioningMethod",
    "DecisioningMethodName",
    "DeliveryConnectionError",
    "DeliveryError",
    "DeliveryRequest",
    "DeliveryResponse",
    "DeliveryStatusError",
    "DeliveryTimeoutError",
    "DeviceType",
    "Event",
    "EventName",
    "ExecuteRequest",
    "ExecuteResponse",
    "ExecutionMode",
    "ExperienceCloud",
    "Geo",
    "InvalidAnswerError",
    "JsonValue",
    "LoggingType",
    "MboxRequest",
    "MboxResponse",
    "Metric",
    "MetricType",
    "MobilePlatform",
    "MobilePlatformType",
    "Notification",
    "NotificationMbox",
    "NotificationPageLoad",
    "NotificationResponse",
    "NotificationView",
    "NotificationsCallbackOptions",
    "NotificationsOptions",
    "OffersCallbackOptions",
    "OffersOptions",
    "Option",
    "OptionError",
    "OptionType",
    "Order",
    "OutboxClosedError",
    "OutboxError",
    "OutboxFullError",
    "PageLoadResponse",
    "PrefetchMboxResponse",
    "PrefetchRequest",
    "PrefetchResponse",
    "Preview",
    "Product",
    "Property",
    "QAMode",
    "QAModePreviewIndex",
    "RequestDetails",
    "Screen",
    "ScreenOrientationType",
    "StoreError",
    "TargetClient",
    "TargetDeliveryResponse",
    "TargetError",
    "TargetLogger",
    "Telemetry",
    "TelemetryEntry",
    "TelemetryFeatures",
    "TelemetryRequest",
    "Trace",
    "UnexpectedError",
    "View",
    "ViewRequest",
    "VisitorId",
    "Window",
    "__version__",
]

_OWN = {
    "AsyncTargetClient": "target_delivery.async_client",
    "AsyncResult": "target_delivery.async_result",
    "TargetClient": "target_delivery.client",
    "Cookie": "target_delivery.cookies",
    "AttributeNotFoundError": "target_delivery.errors",
    "ClientClosedError": "target_delivery.errors",
    "DeliveryConnectionError": "target_delivery.errors",
    "DeliveryError": "target_delivery.errors",
    "DeliveryStatusError": "target_delivery.errors",
    "DeliveryTimeoutError": "target_delivery.errors",
    "InvalidAnswerError": "target_delivery.errors",
    "OptionError": "target_delivery.errors",
    "OutboxClosedError": "target_delivery.errors",
    "OutboxError": "target_delivery.errors",
    "OutboxFullError": "target_delivery.errors",
    "StoreError": "target_delivery.errors",
    "TargetError": "target_delivery.errors",
    "Event": "target_delivery.events",
    "AsyncClientOptions": "target_delivery.options",
    "AttributesCallbackOptions": "target_delivery.options",
    "AttributesOptions": "target_delivery.options",
    "ClientOptions": "target_delivery.options",
    "DecisioningMethodName": "target_delivery.options",
    "EventName": "target_delivery.options",
    "NotificationsCallbackOptions": "target_delivery.options",
    "NotificationsOptions": "target_delivery.options",
    "OffersCallbackOptions": "target_delivery.options",
    "OffersOptions": "target_delivery.options",
    "TargetLogger": "target_delivery.options",
    "AttributesProvider": "target_delivery.response",
    "DecisioningMeta": "target_delivery.response",
    "TargetDeliveryResponse": "target_delivery.response",
    "JsonValue": "target_delivery_api.types",
}
"""Where the names are that are not models."""


# Hidden from type checkers, to which a module with __getattr__ has every name, the misspelt ones too.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_OWN.get(name, "target_delivery_api.models")), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
