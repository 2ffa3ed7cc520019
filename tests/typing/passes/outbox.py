"""An outbox: notifications that are kept until the edge has confirmed them."""

from typing import Literal, assert_type

from target_delivery import (
    ClientOptions,
    DeliveryRequest,
    EventHandlers,
    MetricType,
    Notification,
    NotificationSetAside,
    NotificationsOptions,
    OutboxClosedError,
    OutboxError,
    OutboxFullError,
    StoreError,
    TargetClient,
    TargetError,
)
from target_delivery.outbox import MemoryStore, NotificationOutbox, OutboxStats, Reason, SetAside, SQLiteStore

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
request = DeliveryRequest(notifications=[Notification(id="1", type=MetricType.CLICK, timestamp=1621530726000)])
options: NotificationsOptions = {"request": request, "session_id": "abc"}


def read(stats: OutboxStats) -> None:
    assert_type(stats.pending, int)
    assert_type(stats.in_flight, int)
    assert_type(stats.stored, int)
    assert_type(stats.confirmed, int)
    assert_type(stats.set_aside, int)
    assert_type(stats.oldest_age, float)
    assert_type(stats.bytes, int)


def inspect(one: SetAside) -> None:
    assert_type(one.ref, str)
    assert_type(one.reason, Reason)
    assert_type(one.message, str)
    assert_type(one.added, float)
    assert_type(one.set_aside, float)
    assert_type(one.data, bytes)
    if one.reason == "refused":
        assert_type(one.reason, Literal["refused"])


with NotificationOutbox(client, store=SQLiteStore("outbox.db")) as outbox:
    assert_type(outbox, NotificationOutbox)
    outbox.send_notifications({"request": request, "target_cookie": None, "customer_ids": []})
    outbox.send_notifications(options)
    outbox.send_prepared(client.prepare_notifications(options))
    assert_type(outbox.flush(), int)
    assert_type(outbox.flush(timeout=0.5), int)
    assert_type(outbox.stats(), OutboxStats)
    assert_type(outbox.list_set_aside(), list[SetAside])
    assert_type(outbox.list_set_aside(limit=10), list[SetAside])
    assert_type(outbox.replay(), int)
    assert_type(outbox.replay([one.ref for one in outbox.list_set_aside(10)]), int)
    assert_type(outbox.replay({"318", "319"}), int)
    assert_type(outbox.close(timeout=None), int)

NotificationOutbox(
    client, store=MemoryStore(), parallel=4, max_batch=10, linger=0.2, max_age=3600, room_timeout=None
).close()


def send(outbox: NotificationOutbox) -> bool:
    try:
        outbox.send_notifications(options)
    except (OutboxFullError, OutboxClosedError) as error:
        base: OutboxError = error
        print(base)
    except StoreError as error:
        assert_type(error, StoreError)
    except TargetError:
        raise
    else:
        return True
    return False


# What decisions on the device report goes through an outbox.
client_options: ClientOptions = {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "outbox": None}
client_options["outbox"] = NotificationOutbox(client, store=MemoryStore())
TargetClient.create({**client_options, "decisioning_method": "on-device"})


class Counts:
    """Counts what decisions report, and keeps nothing."""

    def __init__(self) -> None:
        self.requests = 0

    def send_prepared(self, prepared: object) -> None:
        self.requests += 1


client_options["outbox"] = Counts()


# What cannot be delivered is told of.
def set_aside(event: NotificationSetAside) -> None:
    assert_type(event.type, Literal["notification_set_aside"])
    assert_type(event.reason, Reason)
    assert_type(event.message, str)
    assert_type(event.notification, Notification | None)
    if event.notification is not None:
        print(event.notification.id)


handlers: EventHandlers = {"notification_set_aside": set_aside}
TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "events": handlers})
TargetClient.create(
    {
        "client": "acmeclient",
        "organization_id": "1234567890@AdobeOrg",
        "events": {"notification_set_aside": lambda event: print(event.reason, event.message)},
    }
)
