"""Options that are put together step by step, kept, and passed on."""

import os
from typing import assert_type

from target_delivery import (
    AsyncClientOptions,
    AsyncResult,
    AsyncTargetClient,
    AttributesCallbackOptions,
    AttributesOptions,
    AttributesProvider,
    ClientOptions,
    DecisioningMethod,
    DecisioningMethodName,
    DeliveryRequest,
    NotificationsCallbackOptions,
    NotificationsOptions,
    OffersCallbackOptions,
    OffersOptions,
    TargetClient,
    TargetDeliveryResponse,
)

request = DeliveryRequest()

client_options: ClientOptions = {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}
client_options["timeout"] = 800
client_options["server_domain"] = os.environ.get("TARGET_DOMAIN")
if "TARGET_PROPERTY" in os.environ:
    client_options["property_token"] = os.environ["TARGET_PROPERTY"]
client = TargetClient.create(client_options)
client_options["decisioning_method"] = DecisioningMethod.SERVER_SIDE
client = TargetClient.create({**client_options, "retries": 0, "secure": False})

every_option: ClientOptions = {
    "client": "acmeclient",
    "organization_id": "1234567890@AdobeOrg",
    "timeout": 3000,
    "retries": 2,
    "max_answer_bytes": 2**20,
    "server_domain": "127.0.0.1:8080",
    "trust_env": False,
    "secure": True,
    "logger": None,
    "target_location_hint": "35",
    "property_token": "c4a3d8d4",
    "decisioning_method": "server-side",
    "polling_interval": 0,
    "maximum_wait_ready": 1000,
    "artifact_location": "https://assets.example/rules.json",
    "artifact_payload": {"version": "1.0.0", "rules": {"mboxes": {}}},
    "environment_id": 7,
    "environment": "staging",
    "cdn_environment": "staging",
    "cdn_base_path": "assets.example",
    "telemetry_enabled": False,
    "version": "2",
    "validate_requests": True,
    "events": {},
    "http_client": None,
    "outbox": None,
}

async_options: AsyncClientOptions = {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}
async_client = AsyncTargetClient.create(async_options)


def offers_options(cookie: str | None, method: DecisioningMethodName = "on-device") -> OffersOptions:
    options: OffersOptions = {"request": request}
    options["target_cookie"] = cookie
    options["decisioning_method"] = method
    return options


assert_type(client.get_offers(offers_options(None)), TargetDeliveryResponse)


def show(response: TargetDeliveryResponse) -> None: ...


def use(provider: AttributesProvider) -> None: ...


offers_callback: OffersCallbackOptions = {"request": request, "callback": show}
offers_callback["err_callback"] = print
assert_type(client.get_offers(offers_callback), AsyncResult[TargetDeliveryResponse])

notifications: NotificationsOptions = {"request": request, "session_id": "abc"}
assert_type(client.send_notifications(notifications), TargetDeliveryResponse)
notifications_callback: NotificationsCallbackOptions = {"request": request, "callback": show}
assert_type(client.send_notifications(notifications_callback), AsyncResult[TargetDeliveryResponse])

attributes: AttributesOptions = {}
attributes["request"] = request
assert_type(client.get_attributes(["flags"], attributes), AttributesProvider)
attributes_callback: AttributesCallbackOptions = {"callback": use}
assert_type(client.get_attributes(["flags"], attributes_callback), AsyncResult[AttributesProvider])


async def same_options() -> None:
    """The options without a callback are those of the async client too."""
    assert_type(await async_client.get_offers(offers_options("")), TargetDeliveryResponse)
    assert_type(await async_client.send_notifications(notifications), TargetDeliveryResponse)
    assert_type(await async_client.get_attributes(["flags"], attributes), AttributesProvider)
