"""The same in asyncio."""

import asyncio
from typing import assert_type

from target_delivery import (
    AsyncTargetClient,
    AttributesProvider,
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    MetricType,
    Notification,
    TargetDeliveryResponse,
)


def mbox_request(name: str) -> DeliveryRequest:
    return DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name=name)]))


async def main(cookie: str | None) -> None:
    async with AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}) as client:
        assert_type(client, AsyncTargetClient)
        response = await client.get_offers({"request": mbox_request("home"), "target_cookie": cookie})
        assert_type(response, TargetDeliveryResponse)

        header, footer = await asyncio.gather(
            client.get_offers({"request": mbox_request("header"), "consumer_id": "header"}),
            client.get_offers({"request": mbox_request("footer"), "consumer_id": "footer"}),
        )
        assert_type(header, TargetDeliveryResponse)
        assert_type(footer, TargetDeliveryResponse)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(client.get_attributes(["flags"]))
        assert_type(task, asyncio.Task[AttributesProvider])

        notification = Notification(id="1", type=MetricType.CLICK, timestamp=1621530726000)
        sent = await client.send_notifications({"request": DeliveryRequest(notifications=[notification])})
        assert_type(sent, TargetDeliveryResponse)
        assert_type(await client.get_attributes(["flags"], {"session_id": "abc"}), AttributesProvider)

    await client.close()


asyncio.run(main(None))
