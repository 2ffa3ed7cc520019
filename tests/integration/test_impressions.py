"""What counts as one impression, and what as another. Both clients."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from target_delivery import (
    Address,
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    NotificationPageLoad,
    NotificationView,
    OptionError,
    Order,
    Product,
    RequestDetails,
    TargetClient,
    VisitorId,
)
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import Driver, Wire
from tests.integration.rules import artifact, rule


def impression(client: Driver, wire: Wire, notification: Notification, **options: Any) -> str:
    client.send_notifications({"request": DeliveryRequest(notifications=[notification]), "session_id": "s", **options})
    return str(wire.body["notifications"][0]["impressionId"])


def bought(**more: Any) -> Notification:
    base: dict[str, Any] = {
        "id": "n",
        "type": MetricType.DISPLAY,
        "timestamp": 1,
        "mbox": NotificationMbox(name="cart"),
    }
    return Notification(**{**base, **more})


AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DIFFERENT: list[dict[str, Any]] = [
    {},
    {"order": Order(id="A1")},
    {"order": Order(id="B2")},
    {"order": Order(id="A1", total=5)},
    {"order": Order(id="A1", total=5.5)},
    {"order": Order(id="A1", purchased_product_ids=["1"])},
    {"order": Order(id="A1", purchased_product_ids=["1", "2"])},
    {"order": Order(id="A1", time=AT)},
    {"order": Order(id="A1", time=AT + timedelta(microseconds=1))},
    {"order": Order(id="A1", additional_properties={"coupon": "x"})},
    {"parameters": {"a": "1"}},
    {"parameters": {"a": "2"}},
    {"parameters": {"a": "1", "b": "1"}},
    {"profile_parameters": {"a": "1"}},
    {"product": Product(id="1")},
    {"product": Product(id="1", category_id="c")},
    {"address": Address(url="https://a.example/1")},
    {"address": Address(url="https://a.example/2")},
    {"mbox": NotificationMbox(name="cart", state="s")},
    {"mbox": NotificationMbox(name="other")},
    {"mbox": None, "view": NotificationView(name="cart")},
    {"mbox": None, "page_load": NotificationPageLoad()},
    {"tokens": ["t"]},
    {"tokens": ["t", "u"]},
    {"type": MetricType.CLICK},
    {"timestamp": 2},
    {"id": "m"},
    {"additional_properties": {"new": [1, True, "1"]}},
    {"additional_properties": {"new": [1, 1, "1"]}},
    {"additional_properties": {"new": [1, True, 1]}},
]


def test_two_notifications_that_report_anything_different_are_two_impressions(client: Driver, wire: Wire) -> None:
    ids = [impression(client, wire, bought(**more)) for more in DIFFERENT]
    assert len(set(ids)) == len(ids)
    assert [impression(client, wire, bought(**more)) for more in copy.deepcopy(DIFFERENT)] == ids


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"order": Order(total=5)}, {"order": Order(total=5.0)}),
        ({"order": Order(total=0.0)}, {"order": Order(total=-0.0)}),
        ({"order": Order(total=10**20)}, {"order": Order(total=1e20)}),
        ({"order": Order(time=AT)}, {"order": Order(time=AT.astimezone(timezone(timedelta(hours=5, minutes=30))))}),
        ({"parameters": {"a": "1", "b": "2"}}, {"parameters": {"b": "2", "a": "1"}}),
        ({"address": Address(url="u")}, {"address": Address(url="u", referring_url=None)}),
        ({}, {"additional_properties": {"new": None}}),
        ({"impression_id": None}, {"impression_id": " "}),
        ({"tokens": ["t"]}, {"tokens": ["t", ""]}),
        ({"type": MetricType.DISPLAY}, {"type": "display"}),
    ],
)
def test_the_identical_notification_is_one_impression_however_it_is_written(
    client: Driver, wire: Wire, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert impression(client, wire, bought(**one)) == impression(client, wire, bought(**other))


def test_a_notification_read_from_json_is_the_same_impression(client: Driver, wire: Wire) -> None:
    one = bought(order=Order(id="A1", total=5, time=AT), parameters={"a": "1"})
    written = one.to_dict()
    written["order"]["time"] = "2026-01-02T03:04:05.000Z"
    other = Notification.from_dict(json.loads(json.dumps(dict(reversed(written.items())))))
    assert impression(client, wire, one) == impression(client, wire, other)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def preparing() -> Iterator[TargetClient]:
    with TargetClient.create({"client": "demo", "organization_id": "demo@AdobeOrg"}) as client:
        yield client


@given(one=json_values, other=json_values)
def test_impressions_are_equal_exactly_when_the_reported_json_is(preparing: TargetClient, one: Any, other: Any) -> None:
    first, second = (
        preparing.prepare_notifications(
            {
                "request": DeliveryRequest(notifications=[bought(additional_properties={"new": value})]),
                "session_id": "s",
            }
        ).body["notifications"][0]["impressionId"]
        for value in (one, other)
    )
    assert (first == second) == (form(one) == form(other))


def form(value: Any) -> Any:
    """Return JSON as a value that is equal when the same is reported: True is not 1, but 1.0 is, and null is absent."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return ("text", value)
    if isinstance(value, dict):
        return {name: form(item) for name, item in value.items() if item is not None}
    return list(map(form, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("value", [Decimal("1.5"), {1: 2, "a": 3}, 10**5000], ids=["Decimal", "key", "long"])
def test_a_notification_that_is_no_json_is_refused(client: Driver, wire: Wire, value: Any) -> None:
    with pytest.raises(OptionError, match="cannot be written as JSON"):
        impression(client, wire, bought(additional_properties={"new": value}))
    assert not wire.sent


def executed(client: Driver, *names: str, **parts: Any) -> None:
    mboxes = [MboxRequest(name=name) for name in names]
    client.get_offers({
        "request": DeliveryRequest(id=VisitorId(tnt_id="a"), execute=ExecuteRequest(mboxes=mboxes, **parts))
    })  # fmt: skip
    client.close()  # waits for the report


@pytest.mark.parametrize("method", ["on-device", "server-side"])
def test_one_activity_at_two_mboxes_is_two_impressions(make: Callable[..., Driver], method: Any) -> None:
    with Sandbox(artifact(rule("home"), rule("product1")), client="demo") as edge:
        client = make(edge, **edge.client_options(method))
        assert client.wait_until_ready(5)
        executed(client, "home", "product1")
        assert edge.ledger.impressions.total() == 2
        assert edge.ledger.duplicates == 0


def test_one_mbox_twice_in_a_request_is_one_impression_on_the_device(make: Callable[..., Driver]) -> None:
    with Sandbox(artifact(rule("home"), rule("product1"), rule("target-global-mbox")), client="demo") as edge:
        client = make(edge, **edge.client_options("on-device"))
        assert client.wait_until_ready(5)
        executed(client, "home", "product1", "home", "target-global-mbox", page_load=RequestDetails())
        assert edge.ledger.impressions.total() == 3
