"""What is different in asyncio: an outbox goes with an AsyncTargetClient, and is awaited."""

from target_delivery import AsyncTargetClient, DeliveryRequest, TargetClient, TargetDeliveryResponse
from target_delivery.outbox import AsyncNotificationOutbox, MemoryStore, NotificationOutbox

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
async_client = AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
store = MemoryStore()
outbox = AsyncNotificationOutbox(async_client, store=store)
sync_outbox = NotificationOutbox(client, store=store)
request = DeliveryRequest()


def show(response: TargetDeliveryResponse) -> None: ...


# error: mypy[arg-type] pyright[reportArgumentType]: expected "AsyncTargetClient"
AsyncNotificationOutbox(client, store=store)
AsyncNotificationOutbox(async_client)  # error: mypy[call-arg] pyright[reportCallIssue]: "store"
# error: mypy[call-arg] pyright[reportCallIssue]: "paralel"
AsyncNotificationOutbox(async_client, store=store, paralel=4)
# error: mypy[arg-type] pyright[reportArgumentType]: expected "Store"
AsyncNotificationOutbox(async_client, store="outbox.db")
# error: mypy[arg-type] pyright[reportArgumentType]: "linger"
AsyncNotificationOutbox(async_client, store=store, linger="0.1")


async def awaited() -> None:
    outbox.send_notifications({"request": request})  # error: mypy[unused-coroutine] pyright[reportUnusedCoroutine]
    # error: mypy[typeddict-unknown-key] pyright[reportArgumentType]: "target_cokie"
    await outbox.send_notifications({"request": request, "target_cokie": "abc"})
    # error: mypy[typeddict-item] pyright[reportArgumentType]: item "callback" has type "None"
    await outbox.send_notifications({"request": request, "callback": show})
    outbox.flush()  # error: mypy[unused-coroutine] pyright[reportUnusedCoroutine]
    outbox.close()  # error: mypy[unused-coroutine] pyright[reportUnusedCoroutine]
    stored: int = outbox.flush()  # error: mypy[assignment] pyright[reportAssignmentType]
    print(outbox.stats().confirmed, stored)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(len(outbox.list_set_aside()))  # error: mypy[arg-type] pyright[reportArgumentType]
    for one in outbox.list_set_aside():  # error: mypy[attr-defined] pyright[reportGeneralTypeIssues]
        print(one)
    # error: mypy[func-returns-value] mypy[misc] pyright[reportGeneralTypeIssues]
    await sync_outbox.send_notifications({"request": request})
    await sync_outbox.flush()  # error: mypy[misc] pyright[reportGeneralTypeIssues]
    print(await sync_outbox.stats())  # error: mypy[misc] pyright[reportGeneralTypeIssues]
    await sync_outbox.close()  # error: mypy[misc] pyright[reportGeneralTypeIssues]


async def context_managers() -> None:
    with outbox:  # error: mypy[attr-defined] pyright[reportGeneralTypeIssues]
        pass
    async with sync_outbox:  # error: mypy[attr-defined] pyright[reportGeneralTypeIssues]
        pass
