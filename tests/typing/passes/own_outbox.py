"""An outbox of the user's own: what the option of a client takes, and what it is given to store."""

import asyncio
import json
from typing import Any, assert_type

from target_delivery import (
    AsyncClientOptions,
    AsyncTargetClient,
    ClientOptions,
    DeliveryRequest,
    MetricType,
    Notification,
    TargetClient,
)
from target_delivery.outbox import (
    AsyncNotificationOutbox,
    AsyncOutbox,
    MemoryStore,
    NotificationOutbox,
    Outbox,
    Prepared,
)


class Queued:
    """An outbox by its method alone."""

    def __init__(self) -> None:
        self.queue: list[str] = []

    def send_prepared(self, prepared: Prepared) -> None:
        assert_type(prepared.body, dict[str, Any])
        assert_type(prepared.session_id, str)
        assert_type(prepared.cluster, str | None)
        self.queue.append(json.dumps(prepared.body))


class Passed(Outbox):
    """One that says that it is an outbox, and passes on to another."""

    def __init__(self, to: Outbox) -> None:
        self._to = to

    def send_prepared(self, prepared: Prepared, /) -> None:
        self._to.send_prepared(prepared)


class AsyncQueued:
    """An outbox of an AsyncTargetClient."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Prepared] = asyncio.Queue()

    async def send_prepared(self, prepared: Prepared) -> None:
        await self.queue.put(prepared)


class AsyncPassed(AsyncOutbox):
    """One that says that it is an outbox, and passes on to another."""

    def __init__(self, to: AsyncOutbox) -> None:
        self._to = to

    async def send_prepared(self, prepared: Prepared, /) -> None:
        await self._to.send_prepared(prepared)


sender = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
async_sender = AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})

outboxes: list[Outbox] = [Queued(), Passed(Queued()), NotificationOutbox(sender, store=MemoryStore())]
options: ClientOptions = {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "outbox": outboxes[0]}
client = TargetClient.create({**options, "outbox": Queued()})

async_outboxes: list[AsyncOutbox] = [
    AsyncQueued(),
    AsyncPassed(AsyncQueued()),
    AsyncNotificationOutbox(async_sender, store=MemoryStore()),
]
async_options: AsyncClientOptions = {
    "client": "acmeclient",
    "organization_id": "1234567890@AdobeOrg",
    "outbox": async_outboxes[0],
}
async_client = AsyncTargetClient.create({**async_options, "outbox": AsyncQueued()})

# Prepared by a client, stored and sent by whoever has it.
notification = Notification(id="1", type=MetricType.CLICK, timestamp=1621530726000)
prepared = sender.prepare_notifications({"request": DeliveryRequest(notifications=[notification])})
assert_type(prepared, Prepared)
for outbox in outboxes:
    outbox.send_prepared(prepared)
