"""Evolutions of the Delivery API: how it may look in its next version, and what the report has to say.

They are data over the project's own specification, so that other tests can generate, import and use each of them.
"""

import copy
from typing import Any

from attrs import frozen

REF = "#/components/schemas/"
GONE: Any = object()
"""The value of an edit that removes its path."""


@frozen
class Evolution:
    """A change of the specification and the report of it."""

    name: str
    edits: tuple[tuple[str, Any], ...]
    """Paths with their new values. A path has `/` between its keys, and `~1` stands for a slash in a key."""
    lines: tuple[str, ...]
    """The place and the text of each change."""
    verdict: str | None
    step: str

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of the published document with the edits."""
        result = copy.deepcopy(document)
        for path, value in self.edits:
            *way, last = (part.replace("~1", "/") for part in path.split("/"))
            holder: Any = result
            for key in way:
                holder = holder[int(key) if isinstance(holder, list) else key]
            key = int(last) if isinstance(holder, list) and last != "-" else last
            if value is GONE:
                del holder[key]
            elif key == "-":
                holder.append(copy.deepcopy(value))
            else:
                holder[key] = copy.deepcopy(value)
        return result


def _s(path: str) -> str:
    """Return the path of a schema or of its property: Schema, Schema.property or Schema.property/keyword."""
    name, _, inner = path.partition("/")
    schema, _, member = name.partition(".")
    way = f"components/schemas/{schema}" + (f"/properties/{member}" if member else "")
    return f"{way}/{inner}" if inner else way


POST = "paths/~1rest~1v1~1delivery/post"
NAME = "POST /rest/v1/delivery"
STRING = {"type": "string"}
EVOLUTIONS: list[Evolution] = []


def _add(name: str, *edits: tuple[str, Any], lines: tuple[str, ...], verdict: str | None, step: str) -> None:
    EVOLUTIONS.append(Evolution(name, edits, lines, verdict, step))


def _breaks(name: str, *edits: tuple[str, Any], lines: tuple[str, ...]) -> None:
    _add(name, *edits, lines=lines, verdict="breaks", step="major")


def _check(name: str, *edits: tuple[str, Any], lines: tuple[str, ...]) -> None:
    _add(name, *edits, lines=lines, verdict="check", step="minor")


def _added(name: str, *edits: tuple[str, Any], lines: tuple[str, ...]) -> None:
    _add(name, *edits, lines=lines, verdict="safe", step="minor")


def _safe(name: str, *edits: tuple[str, Any], lines: tuple[str, ...]) -> None:
    _add(name, *edits, lines=lines, verdict="safe", step="patch")


def _parameter(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": STRING, **more}


# What Adobe did in earlier versions.
_breaks(
    "a tag is renamed",
    (f"{POST}/tags", ["Delivery API"]),
    ("tags", [{"name": "Delivery API"}]),
    lines=(
        "API: tag Delivery API added",
        "API: tag Delivery removed",
        f"{NAME}: tag Delivery became Delivery API",
    ),
)
_breaks(
    "a field of answers becomes required",
    (_s("DeliveryResponse/required"), ["requestId", "client"]),
    lines=("DeliveryResponse.client: now required", "DeliveryResponse.requestId: now required"),
)
_safe(
    "a sent integer becomes a number",
    (_s("TelemetryFeatures.executeMboxCount/type"), "number"),
    lines=("TelemetryFeatures.executeMboxCount: type integer became number",),
)
_breaks(
    "a received integer becomes a number",
    (_s("DeliveryResponse.status/type"), "number"),
    lines=("DeliveryResponse.status: type integer became number",),
)
_breaks(
    "a string becomes a date-time",
    (_s("TelemetryEntry.requestId/format"), "date-time"),
    lines=("TelemetryEntry.requestId: type string became string (date-time)",),
)
_breaks(
    "a date-time becomes a string",
    (_s("Order.time/format"), GONE),
    lines=("Order.time: type string (date-time) became string",),
)
_breaks(
    "a single value becomes a list",
    (_s("Preview.token"), {"type": "array", "items": STRING}),
    lines=("Preview.token: type string became list of string",),
)
_breaks(
    "a field is renamed",
    (_s("Metric.cssSelector"), STRING),
    (_s("Metric.selector"), GONE),
    lines=("Metric.cssSelector: added", "Metric.selector: removed; perhaps renamed to cssSelector"),
)
_add(
    "only words change",
    (_s("Option/description"), "Other words."),
    (_s("Geo.city/description"), "More words."),
    (_s("Window/title"), "Viewport"),
    lines=(),
    verdict=None,
    step="none",
)
# Types.
_breaks(
    "a sent number becomes an integer",
    (_s("Screen.width"), {"type": "integer"}),
    lines=("Screen.width: type number (double) became integer",),
)
_safe(
    "a received string gets a format",
    (_s("AnalyticsPayload.pe/format"), "uuid"),
    lines=("AnalyticsPayload.pe: type string became string (uuid)",),
)
_breaks(
    "a sent string gets a format",
    (_s("Property.token/format"), "uuid"),
    lines=("Property.token: type string became string (uuid)",),
)
_breaks(
    "a sent string becomes an enum",
    (_s("MobilePlatform.deviceName"), {"allOf": [{"$ref": f"{REF}DeviceType"}]}),
    lines=("MobilePlatform.deviceName: type string became DeviceType",),
)
_safe(
    "a sent enum becomes a string",
    (_s("TelemetryEntry.mode"), STRING),
    lines=("TelemetryEntry.mode: type ExecutionMode became string",),
)
_safe(
    "a received string becomes an enum",
    (_s("DeliveryResponse.client"), {"allOf": [{"$ref": f"{REF}ChannelType"}]}),
    lines=("DeliveryResponse.client: type string became ChannelType",),
)
_breaks(
    "a received enum becomes a string",
    (_s("Option.type"), STRING),
    lines=("Option.type: type OptionType became string",),
)
_breaks(
    "a sent integer becomes narrower",
    (_s("DeliveryRequest.environmentId/format"), "int32"),
    lines=("DeliveryRequest.environmentId: type integer (int64) became integer (int32)",),
)
_safe(
    "a sent integer becomes wider",
    (_s("TelemetryRequest.responseSize/format"), GONE),
    lines=("TelemetryRequest.responseSize: type integer (int64) became integer",),
)
_check(
    "a received integer becomes wider",
    (_s("UnexpectedError.status/format"), "int64"),
    lines=("UnexpectedError.status: type integer (int32) became integer (int64)",),
)
_safe(
    "a number without a format is a double",
    (_s("Window.width/format"), GONE),
    lines=("Window.width: type number (double) became number",),
)
_breaks(
    "the items of a list change",
    (_s("Order.purchasedProductIds/items"), {"type": "integer"}),
    lines=("Order.purchasedProductIds[]: type string became integer",),
)
_safe(
    "a sent string may be anything",
    (_s("NotificationPageLoad.state"), {}),
    lines=("NotificationPageLoad.state: type string became anything",),
)
_breaks(
    "a received string may be anything",
    (_s("NotificationResponse.id"), {}),
    lines=("NotificationResponse.id: type string became anything",),
)
_added(
    "a sent value gains an alternative",
    (_s("Preview.token"), {"oneOf": [STRING, {"type": "integer"}]}),
    lines=("Preview.token: alternative integer added",),
)
_breaks(
    "a received value gains an alternative",
    (_s("DeliveryResponse.edgeHost"), {"oneOf": [STRING, {"type": "integer"}]}),
    lines=("DeliveryResponse.edgeHost: alternative integer added",),
)
_breaks(
    "a model is replaced by another",
    (_s("PrefetchResponse.pageLoad"), {"allOf": [{"$ref": f"{REF}MboxResponse"}]}),
    lines=("PrefetchResponse.pageLoad: type PageLoadResponse became MboxResponse",),
)
# Null.
_safe(
    "a sent value may be null",
    (_s("QAMode.token/nullable"), True),
    lines=("QAMode.token: may be null",),
)
_safe(
    "an optional received value may be null",
    (_s("DeliveryResponse.client/nullable"), True),
    lines=("DeliveryResponse.client: may be null",),
)
_breaks(
    "a received item may be null",
    (_s("DeliveryResponse.notifications/items"), {"allOf": [{"$ref": f"{REF}NotificationResponse"}], "nullable": True}),
    lines=("DeliveryResponse.notifications[]: may be null",),
)
# Properties and schemas.
_added("a field is added", (_s("Option.priority"), {"type": "integer"}), lines=("Option.priority: added",))
_breaks(
    "a required field is added to requests",
    (_s("Property.owner"), STRING),
    (_s("Property/required"), ["token", "owner"]),
    lines=("Property.owner: added, required",),
)
_breaks("a received field is removed", (_s("Metric.eventToken"), GONE), lines=("Metric.eventToken: removed",))
_breaks("a sent field is removed", (_s("Browser.webGLRenderer"), GONE), lines=("Browser.webGLRenderer: removed",))
_breaks("a sent field becomes required", (_s("Product/required"), ["id"]), lines=("Product.id: now required",))
_safe(
    "a sent field is no longer required",
    (_s("Trace/required"), GONE),
    lines=("Trace.authorizationToken: no longer required",),
)
_added(
    "a schema is added",
    (_s("Badge"), {"type": "object", "properties": {"color": STRING}}),
    (_s("Option.badge"), {"allOf": [{"$ref": f"{REF}Badge"}]}),
    lines=("Badge: schema added", "Option.badge: added"),
)
_breaks(
    "a schema is removed",
    (_s("TelemetryEntry.request"), GONE),
    (_s("TelemetryRequest"), GONE),
    lines=("TelemetryEntry.request: removed", "TelemetryRequest: schema removed"),
)
_breaks(
    "a request may contain no other members",
    (_s("Product/additionalProperties"), False),
    lines=("Product: no other members allowed",),
)
# Enums, limits, defaults, deprecation.
_added(
    "an enum of answers is widened",
    (_s("OptionType/enum/-"), "carousel"),
    lines=("OptionType: enum widened by carousel",),
)
_added(
    "an enum of requests is widened",
    (_s("DeviceType/enum/-"), "television"),
    lines=("DeviceType: enum widened by television",),
)
_breaks(
    "an enum of requests is narrowed",
    (_s("DeviceType/enum"), ["phone"]),
    lines=("DeviceType: enum narrowed, without tablet",),
)
_breaks(
    "a member of an enum is renamed",
    (_s("OptionType/enum"), ["html", "json", "redirects", "dynamic", "actions"]),
    lines=(
        "OptionType: enum narrowed, without redirect; redirect perhaps renamed to redirects",
        "OptionType: enum widened by redirects",
    ),
)
_breaks(
    "a sent limit becomes tighter",
    (_s("Geo.city/maxLength"), 20),
    lines=("Geo.city: maxLength 20, was 50: tighter",),
)
_safe(
    "a sent limit becomes looser",
    (_s("Geo.city/maxLength"), 80),
    lines=("Geo.city: maxLength 80, was 50: looser",),
)
_safe("a sent limit is removed", (_s("Geo.city/maxLength"), GONE), lines=("Geo.city: maxLength 50 removed",))
_check(
    "a received limit becomes looser",
    (_s("View.key/maxLength"), 1024),
    lines=("View.key: maxLength 1024, was 512: looser",),
)
_safe(
    "a received limit is added",
    (_s("DeliveryResponse.edgeHost/maxLength"), 253),
    lines=("DeliveryResponse.edgeHost: maxLength 253, was none: tighter",),
)
_breaks(
    "a sent minimum is raised",
    (_s("Order.total/minimum"), 1),
    lines=("Order.total: minimum 1, was 0: tighter",),
)
_breaks(
    "a sent value gets a pattern",
    (_s("Geo.zip/pattern"), "^[0-9]+$"),
    lines=("Geo.zip: pattern ^[0-9]+$ added",),
)
_breaks(
    "a default changes",
    (_s("Context.beacon/default"), True),
    lines=("Context.beacon: absent means true instead of false",),
)
_check(
    "a default is added",
    (_s("Order.outlier/default"), False),
    lines=("Order.outlier: absent means false",),
)
_check(
    "a field is deprecated",
    (_s("Browser.language/deprecated"), True),
    lines=("Browser.language: deprecated",),
)
_check("a schema is deprecated", (_s("Preview/deprecated"), True), lines=("Preview: deprecated",))
# Operations, parameters, bodies, responses.
_check("an operation is deprecated", (f"{POST}/deprecated", True), lines=(f"{NAME}: deprecated",))
_breaks(
    "an operation is renamed",
    (f"{POST}/operationId", "deliver"),
    lines=(f"{NAME}: operationId execute became deliver",),
)
_added(
    "a parameter is added",
    (f"{POST}/parameters/-", _parameter("locale")),
    lines=(f"{NAME} query parameter locale: added",),
)
_breaks(
    "a required parameter is added",
    (f"{POST}/parameters/-", _parameter("locale", required=True)),
    lines=(f"{NAME} query parameter locale: added, required",),
)
_breaks(
    "a parameter is removed",
    (f"{POST}/parameters/2", GONE),
    lines=(f"{NAME} query parameter version: removed",),
)
_breaks(
    "a parameter becomes required",
    (f"{POST}/parameters/2/required", True),
    lines=(f"{NAME} query parameter version: now required",),
)
_safe(
    "a parameter is no longer required",
    (f"{POST}/parameters/0/required", False),
    lines=(f"{NAME} query parameter imsOrgId: no longer required",),
)
_check(
    "a parameter is deprecated",
    (f"{POST}/parameters/2/deprecated", True),
    lines=(f"{NAME} query parameter version: deprecated",),
)
_breaks(
    "a parameter gets a limit",
    (f"{POST}/parameters/1/schema/maxLength", 128),
    lines=(f"{NAME} query parameter sessionId: maxLength 128, was none: tighter",),
)
_safe(
    "a body is no longer required", (f"{POST}/requestBody/required", False), lines=(f"{NAME} body: no longer required",)
)
_safe(
    "an error has a response of its own",
    (
        f"{POST}/responses/429",
        {"description": "Slow down.", "content": {"application/json": {"schema": {"$ref": f"{REF}UnexpectedError"}}}},
    ),
    lines=(f"{NAME} 429: response added",),
)
_check(
    "another success has the same result",
    (f"{POST}/responses/202", {"description": "Later."}),
    lines=(f"{NAME} 202: response added",),
)
_breaks("the response 204 is removed", (f"{POST}/responses/204", GONE), lines=(f"{NAME} 204: response removed",))
_breaks("the response 200 is removed", (f"{POST}/responses/200", GONE), lines=(f"{NAME} 200: response removed",))
_safe(
    "a response gets a header",
    (f"{POST}/responses/200/headers", {"X-Request-Id": {"schema": STRING}}),
    lines=(f"{NAME} 200 header X-Request-Id: added",),
)
# The document.
_check(
    "the API has another major version",
    ("info/version", "2.0.0"),
    lines=("info: version 1.0.0 became 2.0.0",),
)
_safe("the API has another version", ("info/version", "1.1.0"), lines=("info: version 1.0.0 became 1.1.0",))
_safe(
    "a second server is added",
    ("servers/-", {"url": "https://eu.tt.omtrdc.net"}),
    lines=("server https://eu.tt.omtrdc.net: added",),
)
_breaks(
    "the server moves",
    ("servers", [{"url": "https://{clientCode}.tt.example.net/", "variables": {"clientCode": {"default": "c"}}}]),
    lines=(
        "server https://{clientCode}.tt.example.net/: added",
        "server https://{clientCode}.tt.omtrdc.net/: removed; perhaps renamed to https://{clientCode}.tt.example.net/",
    ),
)
_breaks(
    "credentials are required",
    ("components/securitySchemes", {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}}),
    ("security", [{"key": []}]),
    lines=('API: security {"key": []} required', "security scheme key: added"),
)
_safe("an extension is added", (f"{POST}/x-rate", 5), lines=(f"{NAME}: x-rate 5 added",))
_safe(
    "the documentation has another address",
    ("externalDocs", {"url": "https://docs.test"}),
    lines=('API: externalDocs {"url": "https://docs.test"} added',),
)
_check(
    "a keyword without a rule is added",
    (_s("Product.id/xml"), {"name": "ID"}),
    lines=('Product.id: xml {"name": "ID"} added',),
)


# What two versions of a specification may do to the types in Python.
def _tagged(*schemas: str, **mapping: str) -> dict[str, Any]:
    return {
        "oneOf": [{"$ref": f"{REF}{name}"} for name in schemas],
        "discriminator": {"propertyName": "type", **({"mapping": mapping} if mapping else {})},
    }


_breaks(
    "the items of a sent list may be null",
    (_s("Order.purchasedProductIds/items/nullable"), True),
    lines=("Order.purchasedProductIds[]: may be null",),
)
_breaks(
    "an enum with a class becomes a string",
    (_s("DeviceType"), STRING),
    lines=("DeviceType: type string enum became string", "DeviceType: class removed"),
)
_breaks(
    "a received class gets an alternative that a tag tells apart",
    (_s("PrefetchResponse.pageLoad"), _tagged("PageLoadResponse", "MboxResponse")),
    lines=(
        "PrefetchResponse.pageLoad: alternative MboxResponse added",
        "PrefetchResponse.pageLoad: discriminator type added",
    ),
)
_check(
    "a sent class gets an alternative that a tag tells apart",
    (_s("Context.window"), _tagged("Window", "Screen")),
    lines=("Context.window: alternative Screen added", "Context.window: discriminator type added"),
)
_breaks(
    "a sent class gets an alternative that nothing tells apart",
    (_s("Context.window"), {"oneOf": [{"$ref": f"{REF}Window"}, {"$ref": f"{REF}Screen"}]}),
    lines=(
        "Context.window: Python type Window became JsonValue",
        "Context.window: alternative Screen added",
    ),
)
_safe(
    "an alternative of its own",
    (_s("Context.window"), {"oneOf": [{"$ref": f"{REF}Window"}]}),
    lines=("Context.window: written differently, with the same meaning",),
)
_breaks(
    "a sent map has values of any type",
    (_s("Parameters/additionalProperties"), {}),
    lines=("Parameters{}: type string became anything",),
)
_added(
    "a class gets a tag without alternatives",
    (_s("Window/discriminator"), {"propertyName": "kind"}),
    (_s("Window.kind"), STRING),
    lines=("Window.kind: added", "Window: discriminator kind added"),
)
_breaks(
    "a required field becomes one that only answers contain",
    (_s("Property.token/readOnly"), True),
    lines=("Property.token: now optional in Python", "Property.token: readOnly true added"),
)
_breaks(
    "a field that only requests contain becomes required",
    (_s("Product.owner"), {"type": "string", "writeOnly": True}),
    (_s("Product/required"), ["owner"]),
    lines=("Product.owner: added, required",),
)
_breaks(
    "a required field that may be null is added to answers",
    (_s("PageLoadResponse.rank"), {"type": "integer", "nullable": True}),
    (_s("PageLoadResponse/required"), ["rank"]),
    lines=("PageLoadResponse.rank: added, required",),
)
_added(
    "a map with typed values is added",
    (_s("DeliveryResponse.counts"), {"type": "object", "additionalProperties": {"type": "integer"}}),
    lines=("DeliveryResponse.counts: added",),
)
_safe(
    "a definition that nothing uses",
    ("components/parameters", {"page": {"name": "page", "in": "query", "schema": STRING}}),
    lines=("components.parameters.page: added",),
)
_safe(
    "credentials are accepted and not required",
    ("components/securitySchemes", {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}}),
    ("security", [{"key": []}, {}]),
    lines=('API: security {"key": []} accepted', "security scheme key: added"),
)
_breaks(
    "an operation has an address of its own",
    (f"{POST}/servers", [{"url": "https://edge.example.net"}]),
    lines=(
        f"{NAME} server https://edge.example.net: added",
        f"{NAME} server https://{{clientCode}}.tt.omtrdc.net/: removed",
    ),
)
_breaks(
    "no answer describes errors",
    (f"{POST}/responses/default", GONE),
    lines=(f"{NAME} default: response removed",),
)
_check(
    "a part of the address",
    ("servers/0/variables/clientCode/default", "x"),
    lines=("server https://{clientCode}.tt.omtrdc.net/: variable clientCode changed",),
)
