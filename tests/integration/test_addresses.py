"""The IP address of a visitor. Both clients."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from target_delivery import (
    Context,
    DeliveryRequest,
    Geo,
    MboxRequest,
    PrefetchRequest,
)
from tests.integration.drivers import Driver, Wire
from tests.integration.rules import rule

PREFETCH = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
ADDRESSES = [
    ("203.0.113.7", "203.0.113.7"),
    (" 203.0.113.7\n", "203.0.113.7"),
    ("::ffff:1.1.1.1", "1.1.1.1"),
    ("::FFFF:101:101", "1.1.1.1"),
    ("0:0:0:0:0:ffff:1.1.1.1", "1.1.1.1"),
    ("2001:DB8::0001", "2001:db8::1"),
    ("::1", "::1"),
    ("fe80::1", "fe80::1"),
    ("fe80::1%eth0", None),
    ("fe80::1%é", None),
    ("fe80::1%x, 10.0.0.1", None),
    ("fe80::1%x\r\nx-evil: 1", None),
    ("::ffff:1.1.1.1%x", None),
    ("1.1.1.1, 2.2.2.2", None),
    ("1.1.1.1:8080", None),
    ("[::1]", None),
    ("[::1]:80", None),
    ("1.1.1", None),
    ("01.1.1.1", None),
    ("１.1.1.1", None),
    ("nowhere", None),
    ("", None),
    ("1" * 100_000, None),
    (5, None),
]


def located(address: str) -> DeliveryRequest:
    return DeliveryRequest(context=Context(geo=Geo(ip_address=address)), prefetch=PREFETCH.prefetch)


@pytest.mark.parametrize(("address", "normal"), ADDRESSES)
def test_the_address_of_a_visitor_is_one_address_or_is_ignored(
    device_of: Callable[..., Driver], client: Driver, wire: Wire, address: str, normal: str | None
) -> None:
    client.get_offers({"request": located(address)})
    assert wire.body["context"]["geo"].get("ipAddress") == normal
    wire.sent.clear()
    on_device = device_of(rule("home"))
    on_device.get_offers({"request": located(address)})
    assert [sent.headers["x-forwarded-for"] for sent in wire.sent] == ([normal] if normal else [])
