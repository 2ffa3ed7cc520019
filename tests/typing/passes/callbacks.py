"""Calls with a callback, which return an AsyncResult at once."""

import functools
import logging
from collections.abc import Callable
from typing import assert_type

from target_delivery import (
    AsyncResult,
    AttributesProvider,
    DeliveryError,
    DeliveryRequest,
    TargetClient,
    TargetDeliveryResponse,
)

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
request = DeliveryRequest()
answers: list[TargetDeliveryResponse] = []


def show(response: TargetDeliveryResponse) -> None:
    answers.append(response)


def count(response: TargetDeliveryResponse) -> int:
    """What a callback returns is nobody's business."""
    return response.response.status or 0


def anything(value: object) -> None:
    """Takes an answer as well as an error."""


def failed(error: BaseException) -> None:
    if isinstance(error, DeliveryError):
        logging.getLogger(__name__).warning("%s failed after %d attempts", error.request_id, error.attempts)


def named(prefix: str, response: TargetDeliveryResponse) -> None:
    """Has an argument of its own."""


class Page:
    """Has a method as a callback."""

    def show(self, response: TargetDeliveryResponse, *, soon: bool = False) -> None: ...


result = client.get_offers({"request": request, "callback": show, "err_callback": failed})
assert_type(result, AsyncResult[TargetDeliveryResponse])
assert_type(result.ready(), bool)
assert_type(result.successful(), bool)
assert_type(result.get(), TargetDeliveryResponse)
assert_type(result.get(timeout=0.5), TargetDeliveryResponse)
assert_type(result.get().response.status, int | None)
result.wait(1)

assert_type(client.get_offers({"request": request, "callback": count}), AsyncResult[TargetDeliveryResponse])
assert_type(
    client.get_offers({"request": request, "callback": anything, "err_callback": anything}),
    AsyncResult[TargetDeliveryResponse],
)
assert_type(
    client.send_notifications({"request": request, "callback": Page().show, "err_callback": None}),
    AsyncResult[TargetDeliveryResponse],
)
assert_type(
    client.send_notifications({"request": request, "callback": functools.partial(named, "a")}),
    AsyncResult[TargetDeliveryResponse],
)
assert_type(
    client.get_offers({"request": request, "callback": lambda response: print(response.response.status)}),
    AsyncResult[TargetDeliveryResponse],
)
assert_type(
    client.send_notifications({"request": request, "callback": answers.append}), AsyncResult[TargetDeliveryResponse]
)


def keep(provider: AttributesProvider) -> None: ...


assert_type(client.get_attributes(["flags"], {"callback": keep}), AsyncResult[AttributesProvider])
assert_type(
    client.get_attributes(["flags"], {"request": request, "callback": keep, "err_callback": failed}),
    AsyncResult[AttributesProvider],
)


def track(callback: Callable[[TargetDeliveryResponse], object] | None) -> None:
    """Whether there is a callback is decided elsewhere."""
    if callback is None:
        assert_type(client.send_notifications({"request": request}), TargetDeliveryResponse)
    else:
        sent = client.send_notifications({"request": request, "callback": callback})
        assert_type(sent, AsyncResult[TargetDeliveryResponse])


# An AsyncResult is only read from, so one of an answer is one of whatever an answer is.
pending: list[AsyncResult[TargetDeliveryResponse | AttributesProvider]] = [result]
pending.append(client.get_attributes(["flags"], {"callback": keep}))
