"""Parameters are texts, wherever a caller gives them. Both clients."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from target_delivery import (
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    OptionError,
    PrefetchRequest,
    RequestDetails,
    ViewRequest,
)
from tests.integration.drivers import Driver, Wire
from tests.integration.rules import rule

PREFETCH = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))


def bought(**more: Any) -> Notification:
    base: dict[str, Any] = {
        "id": "n",
        "type": MetricType.DISPLAY,
        "timestamp": 1,
        "mbox": NotificationMbox(name="cart"),
    }
    return Notification(**{**base, **more})


PLACES: dict[str, Callable[[Any], DeliveryRequest]] = {
    "execute.page_load": lambda item: DeliveryRequest(execute=ExecuteRequest(page_load=RequestDetails(**item))),
    "execute.mboxes[1]": lambda item: DeliveryRequest(
        execute=ExecuteRequest(mboxes=[MboxRequest(name="a"), MboxRequest(name="b", **item)])
    ),
    "prefetch.page_load": lambda item: DeliveryRequest(prefetch=PrefetchRequest(page_load=RequestDetails(**item))),
    "prefetch.mboxes[0]": lambda item: DeliveryRequest(
        prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home", **item)])
    ),
    "prefetch.views[1]": lambda item: DeliveryRequest(
        prefetch=PrefetchRequest(views=[ViewRequest(), ViewRequest(**item)])
    ),
    "notifications[0]": lambda item: DeliveryRequest(notifications=[bought(**item)]),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["parameters", "profile_parameters"])
@pytest.mark.parametrize("value", [None, 5, 1.5, float("nan"), True, Decimal(1), b"x", ["x"], {"a": "b"}])
def test_a_parameter_that_is_no_str_is_refused_by_both_methods(
    device_of: Callable[..., Driver], client: Driver, wire: Wire, place: str, name: str, value: Any
) -> None:
    request = PLACES[place]({name: {"ok": "1", "key": value}})
    expected = f"request.{place}.{name}['key'] must be a str, not {type(value).__name__}"
    for one in (client, device_of(rule("home"))):
        with pytest.raises(OptionError) as caught:
            (one.send_notifications if "notif" in place else one.get_offers)({"request": request})
        assert str(caught.value).startswith(expected)
    assert not wire.sent


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({5: "a"}, "parameters must have names of type str, not 5"),
        ("ab", "cannot be written as JSON|must be a mapping"),
    ],
)
def test_parameters_that_are_no_mapping_of_str_are_refused(
    client: Driver, wire: Wire, parameters: Any, message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        client.get_offers({"request": PLACES["prefetch.mboxes[0]"]({"parameters": parameters})})
    from_json = {"prefetch": {"mboxes": [{"name": "home", "index": 0, "parameters": ["a"]}]}}
    with pytest.raises(
        OptionError, match=r"prefetch\.mboxes\[0\]\.parameters must be a mapping of str to str, not list"
    ):
        client.get_offers({"request": DeliveryRequest.from_dict(from_json)})
    assert not wire.sent


def test_parameters_of_any_text_are_sent(client: Driver, wire: Wire) -> None:
    parameters = {"": "", "a.b": " ", "ünicode": "\u2028", "x" * 500: "y" * 5000}
    client.get_offers({"request": PLACES["prefetch.mboxes[0]"]({"parameters": parameters})})
    assert wire.body["prefetch"]["mboxes"][0]["parameters"] == parameters
