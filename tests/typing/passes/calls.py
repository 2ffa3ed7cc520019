"""Calls that wait for their answer, and what is read from it."""

from typing import assert_type

from target_delivery import (
    AnalyticsResponse,
    AttributesProvider,
    AuthenticatedState,
    ChannelType,
    Context,
    Cookie,
    CustomerId,
    DecisioningMeta,
    DeliveryRequest,
    DeliveryResponse,
    ExecuteRequest,
    JsonValue,
    MboxRequest,
    MboxResponse,
    MetricType,
    Notification,
    Option,
    PrefetchMboxResponse,
    PrefetchRequest,
    PrefetchResponse,
    RequestDetails,
    TargetClient,
    TargetDeliveryResponse,
    ViewRequest,
    VisitorId,
)

request = DeliveryRequest(
    id=VisitorId(tnt_id="08210e2d751a44779b8313e2d2692b96.21_27"),
    context=Context(channel=ChannelType.WEB, user_agent="Mozilla/5.0"),
    execute=ExecuteRequest(page_load=RequestDetails(parameters={"section": "home"}), mboxes=[MboxRequest(name="home")]),
    prefetch=PrefetchRequest(views=[ViewRequest(name="cart")]),
)

with TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}) as client:
    assert_type(client, TargetClient)
    answer = client.get_offers(
        {
            "request": request,
            "target_cookie": "session#abc#1621530726",
            "target_location_hint": "35",
            "visitor_cookie": None,
            "consumer_id": "header",
            "customer_ids": [
                CustomerId(id="7", integration_code="crm", authenticated_state=AuthenticatedState.AUTHENTICATED)
            ],
            "session_id": "abc",
            "decisioning_method": "server-side",
            "callback": None,
            "err_callback": None,
        }
    )

assert_type(answer, TargetDeliveryResponse)
assert_type(answer.response, DeliveryResponse)
assert_type(answer.target_cookie, Cookie)
assert_type(answer.target_location_hint_cookie, Cookie | None)
assert_type(answer.analytics_details, list[AnalyticsResponse] | None)
assert_type(answer.trace, list[dict[str, JsonValue]] | None)
assert_type(answer.response_tokens, list[dict[str, JsonValue]] | None)
assert_type(answer.meta, DecisioningMeta)
assert_type(answer.request, DeliveryRequest)

assert_type(answer["response"].prefetch, PrefetchResponse | None)
prefetch = answer["response"].prefetch
if prefetch is not None:
    assert_type(prefetch.mboxes, list[PrefetchMboxResponse] | None)

displayed: list[Notification] = []
for mbox in prefetch.mboxes or [] if prefetch else []:
    assert_type(mbox, PrefetchMboxResponse)
    for option in mbox.options or []:
        assert_type(option, Option)
        if option.event_token is not None:
            displayed.append(
                Notification(id="1", type=MetricType.DISPLAY, timestamp=1621530726000, tokens=[option.event_token])
            )

execute = answer.response.execute
if execute is not None and execute.mboxes:
    assert_type(execute.mboxes[0], MboxResponse)

processed = client.send_notifications({"request": DeliveryRequest(notifications=displayed), "session_id": "abc"})
assert_type(processed, TargetDeliveryResponse)
again = {notification.id for notification in processed.response.notifications or []}
assert_type(again, set[str | None])

assert_type(client.get_attributes(["flags"]), AttributesProvider)
assert_type(client.get_attributes(("flags", "texts"), {"target_cookie": None}), AttributesProvider)
assert_type(client.get_attributes(["flags"], {"request": request, "decisioning_method": None}), AttributesProvider)
client.close()
