"""The documented job, its code unchanged."""

from typing import assert_type

from target_delivery import (
    DeliveryRequest,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    PrefetchRequest,
    TargetClient,
    TargetDeliveryResponse,
)

target_client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})

# fmt: off
mboxes = [MboxRequest(name="home"),
          MboxRequest(name="product1")]
prefetch = PrefetchRequest(mboxes=mboxes)
delivery_request = DeliveryRequest(prefetch=prefetch)

# Next, we fetch the offers via Target Python SDK getOffers() API
response = target_client.get_offers({ "request": delivery_request })
# fmt: on

assert_type(response, TargetDeliveryResponse)

# fmt: off
notification_mbox = NotificationMbox(name="product1",
                                     state="J+W1Fq18hxliDDJonTPfV0S+mzxapAO3d14M43EsM9f12A6QaqL+E3XKkRFlmq9U")
notification = Notification(
    id="1",
    type=MetricType.DISPLAY,
    timestamp=1621530726000,  # Epoch time in milliseconds
    mbox=notification_mbox,
    tokens=["t0FRvoWosOqHmYL5G18QCZNWHtnQtQrJfmRrQugEa2qCnQ9Y9OaLL2gsdrWQTvE54PwSz67rmXWmSnkXpSSS2Q=="]
)
notification_request = DeliveryRequest(notifications=[notification])
# fmt: on

# fmt: off
response = target_client.send_notifications({ "request": notification_request })
# fmt: on

assert_type(response, TargetDeliveryResponse)
