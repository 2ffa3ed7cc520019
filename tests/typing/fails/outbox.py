"""An outbox made or used wrong."""

from datetime import timedelta

from target_delivery import (
    AsyncTargetClient,
    DeliveryRequest,
    NotificationSetAside,
    SendNotificationError,
    TargetClient,
    TargetDeliveryResponse,
)
from target_delivery.outbox import MemoryStore, NotificationOutbox, OutboxStats, SetAside

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
async_client = AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
store = MemoryStore()
outbox = NotificationOutbox(client, store=store)
request = DeliveryRequest()


def show(response: TargetDeliveryResponse) -> None: ...


def failed(error: BaseException) -> None: ...


# The other kind of client, and what is no client.
# error: mypy[arg-type] pyright[reportArgumentType]: expected "TargetClient"
NotificationOutbox(async_client, store=store)
# error: mypy[arg-type] pyright[reportArgumentType]: expected "TargetClient"
NotificationOutbox({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}, store=store)
NotificationOutbox(store=store)  # error: mypy[call-arg] pyright[reportCallIssue]: "client"

# Missing, misspelt, and not by name.
NotificationOutbox(client)  # error: mypy[call-arg] pyright[reportCallIssue]: "store"
NotificationOutbox(client, store)  # error: mypy[call-arg] pyright[reportCallIssue]: Expected 1 positional argument
NotificationOutbox(client, store=store, maxbatch=10)  # error: mypy[call-arg] pyright[reportCallIssue]: "maxbatch"

# Values of a wrong type.
NotificationOutbox(client, store="outbox.db")  # error: mypy[arg-type] pyright[reportArgumentType]: expected "Store"
NotificationOutbox(client, store=None)  # error: mypy[arg-type] pyright[reportArgumentType]: expected "Store"
NotificationOutbox(client, store=MemoryStore)  # error: mypy[arg-type] pyright[reportArgumentType]: expected "Store"
NotificationOutbox(client, store=store, parallel=None)  # error: mypy[arg-type] pyright[reportArgumentType]: "parallel"
# error: mypy[arg-type] pyright[reportArgumentType]: "max_batch"
NotificationOutbox(client, store=store, max_batch="10")
# error: mypy[arg-type] pyright[reportArgumentType]: "max_batch"
NotificationOutbox(client, store=store, max_batch=12.5)
NotificationOutbox(client, store=store, linger="0.1")  # error: mypy[arg-type] pyright[reportArgumentType]: "linger"
# error: mypy[arg-type] pyright[reportArgumentType]: "linger"
NotificationOutbox(client, store=store, linger=timedelta(milliseconds=100))
NotificationOutbox(client, store=store, max_age=None)  # error: mypy[arg-type] pyright[reportArgumentType]: "max_age"
# error: mypy[arg-type] pyright[reportArgumentType]: "room_timeout"
NotificationOutbox(client, store=store, room_timeout="5")

# Options of a call.
# error: mypy[typeddict-unknown-key] pyright[reportArgumentType]: "target_cokie"
outbox.send_notifications({"request": request, "target_cokie": "abc"})
# error: mypy[typeddict-item] pyright[reportArgumentType]: "request" is required
outbox.send_notifications({"target_cookie": "abc"})
# error: mypy[typeddict-item] pyright[reportArgumentType]: not assignable to item "request"
outbox.send_notifications({"request": {"notifications": []}})
# error: mypy[typeddict-unknown-key] pyright[reportArgumentType]: "decisioning_method"
outbox.send_notifications({"request": request, "decisioning_method": "server-side"})
outbox.send_notifications(request)  # error: mypy[arg-type] pyright[reportArgumentType]: expected "NotificationsOptions"
outbox.send_notifications(request=request)  # error: mypy[call-arg] pyright[reportCallIssue]: "request"
outbox.send_prepared(request)  # error: mypy[arg-type] pyright[reportArgumentType]: expected "Prepared"

# It has no answer to give: not to a callback, and not to who waits.
# error: mypy[typeddict-item] pyright[reportArgumentType]: item "callback" has type "None"
outbox.send_notifications({"request": request, "callback": show})
# error: mypy[typeddict-item] pyright[reportArgumentType]: item "err_callback" has type "None"
outbox.send_notifications({"request": request, "err_callback": failed})
answer = outbox.send_notifications({"request": request})  # error: mypy[func-returns-value]
print(answer.response)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
# error: mypy[assignment] mypy[func-returns-value] pyright[reportAssignmentType]
other: TargetDeliveryResponse = outbox.send_notifications({"request": request})
outbox.get_offers({"request": request})  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]

# The rest of it.
outbox.flush(timeout="10")  # error: mypy[arg-type] pyright[reportArgumentType]
outbox.close(timeout=timedelta(seconds=10))  # error: mypy[arg-type] pyright[reportArgumentType]
outbox.replay(318)  # error: mypy[arg-type] pyright[reportArgumentType]
outbox.replay([318])  # error: mypy[list-item] pyright[reportArgumentType]
outbox.replay(outbox.list_set_aside())  # error: mypy[arg-type] pyright[reportArgumentType]
outbox.list_set_aside("refused")  # error: mypy[arg-type] pyright[reportArgumentType]
outbox.purge()  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
print(outbox.stats.confirmed)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def read(stats: OutboxStats, one: SetAside) -> None:
    print(stats.sent)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(stats["confirmed"])  # error: mypy[index] pyright[reportIndexIssue]
    stats.confirmed = 0  # error: mypy[misc] pyright[reportAttributeAccessIssue]
    stats.stored = 0  # error: mypy[misc] pyright[reportAttributeAccessIssue]
    print(one.id)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(one.data["request"])  # error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]
    print(one.reason == "rejected")  # error: mypy[comparison-overlap]
    one.reason = "expired"  # error: mypy[misc] pyright[reportAttributeAccessIssue]


# The event.
def set_aside(event: NotificationSetAside) -> None:
    print(event.notification.id)  # error: mypy[union-attr] pyright[reportOptionalMemberAccess]
    print(event.error)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(event.reason == "timeout")  # error: mypy[comparison-overlap]


def not_sent(event: SendNotificationError) -> None: ...


TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "events"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "events": {"notification_set_aside": not_sent}}
)
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "events"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "events": {"notification_setaside": set_aside}}
)
