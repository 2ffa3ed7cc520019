"""The models and enums: one class for each schema. A class is imported when its name is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .action import Action
    from .address import Address
    from .analytics_payload import AnalyticsPayload
    from .analytics_request import AnalyticsRequest
    from .analytics_response import AnalyticsResponse
    from .application import Application
    from .audience_manager import AudienceManager
    from .authenticated_state import AuthenticatedState
    from .browser import Browser
    from .channel_type import ChannelType
    from .client_hints import ClientHints
    from .context import Context
    from .customer_id import CustomerId
    from .decisioning_method import DecisioningMethod
    from .delivery_request import DeliveryRequest
    from .delivery_response import DeliveryResponse
    from .device_type import DeviceType
    from .execute_request import ExecuteRequest
    from .execute_response import ExecuteResponse
    from .execution_mode import ExecutionMode
    from .experience_cloud import ExperienceCloud
    from .geo import Geo
    from .logging_type import LoggingType
    from .mbox_request import MboxRequest
    from .mbox_response import MboxResponse
    from .metric import Metric
    from .metric_type import MetricType
    from .mobile_platform import MobilePlatform
    from .mobile_platform_type import MobilePlatformType
    from .notification import Notification
    from .notification_mbox import NotificationMbox
    from .notification_page_load import NotificationPageLoad
    from .notification_response import NotificationResponse
    from .notification_view import NotificationView
    from .option import Option
    from .option_type import OptionType
    from .order import Order
    from .page_load_response import PageLoadResponse
    from .prefetch_mbox_response import PrefetchMboxResponse
    from .prefetch_request import PrefetchRequest
    from .prefetch_response import PrefetchResponse
    from .preview import Preview
    from .product import Product
    from .property_ import Property
    from .qa_mode import QAMode
    from .qa_mode_preview_index import QAModePreviewIndex
    from .request_details import RequestDetails
    from .screen import Screen
    from .screen_orientation_type import ScreenOrientationType
    from .telemetry import Telemetry
    from .telemetry_entry import TelemetryEntry
    from .telemetry_features import TelemetryFeatures
    from .telemetry_request import TelemetryRequest
    from .trace import Trace
    from .unexpected_error import UnexpectedError
    from .view import View
    from .view_request import ViewRequest
    from .visitor_id import VisitorId
    from .window import Window

__all__ = [
    "Action",
    "Address",
    "AnalyticsPayload",
    "AnalyticsRequest",
    "AnalyticsResponse",
    "Application",
    "AudienceManager",
    "AuthenticatedState",
    "Browser",
    "ChannelType",
    "ClientHints",
    "Context",
    "CustomerId",
    "DecisioningMethod",
    "DeliveryRequest",
    "DeliveryResponse",
    "DeviceType",
    "ExecuteRequest",
    "ExecuteResponse",
    "ExecutionMode",
    "ExperienceCloud",
    "Geo",
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
    "Option",
    "OptionType",
    "Order",
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
]

_MODULES = {
    "Action": ".action",
    "Address": ".address",
    "AnalyticsPayload": ".analytics_payload",
    "AnalyticsRequest": ".analytics_request",
    "AnalyticsResponse": ".analytics_response",
    "Application": ".application",
    "AudienceManager": ".audience_manager",
    "AuthenticatedState": ".authenticated_state",
    "Browser": ".browser",
    "ChannelType": ".channel_type",
    "ClientHints": ".client_hints",
    "Context": ".context",
    "CustomerId": ".customer_id",
    "DecisioningMethod": ".decisioning_method",
    "DeliveryRequest": ".delivery_request",
    "DeliveryResponse": ".delivery_response",
    "DeviceType": ".device_type",
    "ExecuteRequest": ".execute_request",
    "ExecuteResponse": ".execute_response",
    "ExecutionMode": ".execution_mode",
    "ExperienceCloud": ".experience_cloud",
    "Geo": ".geo",
    "LoggingType": ".logging_type",
    "MboxRequest": ".mbox_request",
    "MboxResponse": ".mbox_response",
    "Metric": ".metric",
    "MetricType": ".metric_type",
    "MobilePlatform": ".mobile_platform",
    "MobilePlatformType": ".mobile_platform_type",
    "Notification": ".notification",
    "NotificationMbox": ".notification_mbox",
    "NotificationPageLoad": ".notification_page_load",
    "NotificationResponse": ".notification_response",
    "NotificationView": ".notification_view",
    "Option": ".option",
    "OptionType": ".option_type",
    "Order": ".order",
    "PageLoadResponse": ".page_load_response",
    "PrefetchMboxResponse": ".prefetch_mbox_response",
    "PrefetchRequest": ".prefetch_request",
    "PrefetchResponse": ".prefetch_response",
    "Preview": ".preview",
    "Product": ".product",
    "Property": ".property_",
    "QAMode": ".qa_mode",
    "QAModePreviewIndex": ".qa_mode_preview_index",
    "RequestDetails": ".request_details",
    "Screen": ".screen",
    "ScreenOrientationType": ".screen_orientation_type",
    "Telemetry": ".telemetry",
    "TelemetryEntry": ".telemetry_entry",
    "TelemetryFeatures": ".telemetry_features",
    "TelemetryRequest": ".telemetry_request",
    "Trace": ".trace",
    "UnexpectedError": ".unexpected_error",
    "View": ".view",
    "ViewRequest": ".view_request",
    "VisitorId": ".visitor_id",
    "Window": ".window",
}

# Hidden from type checkers: with __getattr__ they would accept every name, even a misspelt one.
if not TYPE_CHECKING:

    def __getattr__(name):
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(module, __name__), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
