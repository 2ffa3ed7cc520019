"""Models: made, read, written, narrowed."""

import json
from datetime import UTC, datetime
from typing import Any, assert_type

from target_delivery import (
    Action,
    ChannelType,
    DeliveryRequest,
    DeliveryResponse,
    JsonValue,
    MboxRequest,
    Metric,
    MetricType,
    Notification,
    NotificationView,
    Option,
    OptionType,
    Order,
    Product,
    Property,
    QAMode,
    Telemetry,
    TelemetryEntry,
    Trace,
    UnexpectedError,
)

mbox = MboxRequest(
    name="order-confirmation",
    parameters={"color": "red"},
    profile_parameters={"age": "30"},
    order=Order(id="1", total=12.5, purchased_product_ids=["7"], time=datetime.now(UTC)),
    product=Product(id="7", category_id="9"),
)
assert_type(mbox.name, str | None)
assert_type(mbox.index, int | None)
assert_type(mbox.parameters, dict[str, str] | None)
assert_type(mbox.order, Order | None)
mbox.index = 3

assert_type(Notification(id="1", type=MetricType.CLICK, timestamp=0, view=NotificationView(name="cart")).id, str)
assert_type(DeliveryRequest(property=Property(token="a"), trace=Trace(authorization_token="b")), DeliveryRequest)
assert_type(Telemetry(entries=[TelemetryEntry(execution=1)]).entries, list[TelemetryEntry] | None)

# Read and written.
assert_type(DeliveryResponse.from_dict(json.loads("{}")), DeliveryResponse)
assert_type(DeliveryRequest.from_dict({"context": {"channel": "web"}}), DeliveryRequest)
assert_type(UnexpectedError.from_dict({"status": 400}).message, str | None)
assert_type(mbox.to_dict(), dict[str, Any])
assert_type(mbox.additional_properties, dict[str, JsonValue])
Option(type=OptionType.JSON, content={"sizes": [1, 2]}, additional_properties={"new": [True, None]})

# Enums: texts with names, open for texts the specification does not have yet.
text: str = MetricType.DISPLAY
assert_type(MetricType("display"), MetricType)
assert_type(Metric(type=MetricType.DISPLAY).type, MetricType | None)
for channel in ChannelType:
    assert_type(channel, ChannelType)


def name_of(metric: Metric) -> str:
    match metric.type:
        case MetricType.CLICK:
            return "click"
        case None:
            return "none"
        case other:
            return other.value


# What an option holds depends on its type.
def text_of(option: Option) -> str:
    content = option.content
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        title: JsonValue = content.get("title")
        return str(title)
    if isinstance(content, list):
        for action in content:
            if isinstance(action, Action):
                assert_type(action.selector, str | None)
        return "actions"
    assert_type(content, int | float | bool | None)
    return json.dumps(content)


def tokens_of(option: Option) -> list[str]:
    tokens = option.response_tokens or {}
    return [value for value in tokens.values() if isinstance(value, str)]


def preview(mode: QAMode) -> str | None:
    return mode.token
