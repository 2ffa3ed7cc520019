"""An outbox in asyncio."""

from typing import assert_type

from target_delivery import (
    AsyncClientOptions,
    AsyncTargetClient,
    DeliveryRequest,
    MetricType,
    Notification,
    NotificationsOptions,
)
from target_delivery.outbox import AsyncNotificationOutbox, MemoryStore, OutboxStats, RedisStore, SetAside

client = AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
request = DeliveryRequest(notifications=[Notification(id="1", type=MetricType.CLICK, timestamp=1621530726000)])
options: NotificationsOptions = {"request": request, "session_id": "abc"}


async def main() -> None:
    async with AsyncNotificationOutbox(client, store=RedisStore("redis://localhost:6379/0")) as outbox:
        assert_type(outbox, AsyncNotificationOutbox)
        await outbox.send_notifications({"request": request, "target_cookie": None, "customer_ids": []})
        await outbox.send_notifications(options)
        await outbox.send_prepared(client.prepare_notifications(options))
        assert_type(await outbox.flush(), int)
        assert_type(await outbox.flush(timeout=0.5), int)
        assert_type(await outbox.stats(), OutboxStats)
        assert_type(await outbox.list_set_aside(), list[SetAside])
        assert_type(await outbox.list_set_aside(limit=10), list[SetAside])
        assert_type(await outbox.replay(), int)
        assert_type(await outbox.replay([one.ref for one in await outbox.list_set_aside(10)]), int)
        assert_type(await outbox.close(timeout=None), int)

    outbox = AsyncNotificationOutbox(
        client, store=MemoryStore(), parallel=4, max_batch=10, linger=0.2, max_age=3600, room_timeout=None
    )
    await outbox.close()


class Counts:
    """Counts what decisions report, and keeps nothing."""

    def __init__(self) -> None:
        self.requests = 0

    async def send_prepared(self, prepared: object) -> None:
        self.requests += 1


# What decisions on the device report goes through an outbox.
client_options: AsyncClientOptions = {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "outbox": None}
client_options["outbox"] = AsyncNotificationOutbox(client, store=MemoryStore())
AsyncTargetClient.create({**client_options, "decisioning_method": "on-device"})
client_options["outbox"] = Counts()
