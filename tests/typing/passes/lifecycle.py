"""A program that handles events without a parameter, limits single calls, flushes and closes."""

from __future__ import annotations

from typing import assert_type

from target_delivery import AsyncTargetClient, DeliveryRequest, MboxRequest, PrefetchRequest, TargetClient
from target_delivery_api.types import JsonValue


def client_ready_callback() -> None:
    print("ready")


request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
client = TargetClient.create(
    {
        "client": "acmeclient",
        "organization_id": "1234567890@AdobeOrg",
        "events": {"client_ready": client_ready_callback, "send_notification_error": lambda: None},
    }
)
client.get_offers({"request": request, "timeout": 200, "retries": 0})
client.get_offers({"request": request, "timeout": None, "callback": lambda result: print(result.response.status)})
client.get_attributes(["home"], {"timeout": 200})
client.send_notifications({"request": request, "retries": 5})
assert_type(client.flush(), int)
assert_type(client.flush(0.5), int)
assert_type(client.get_offers({"request": request}).to_dict(), dict[str, JsonValue])
client.close(timeout=None)


async def main() -> None:
    async with AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}) as client:
        await client.get_offers({"request": request, "timeout": 200})
        assert_type(await client.flush(0.5), int)
        await client.close(2)
