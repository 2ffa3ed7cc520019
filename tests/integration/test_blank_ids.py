"""Ids and tokens that are blank count as absent, wherever a caller gives them. Both clients."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from target_delivery import (
    AnalyticsRequest,
    AudienceManager,
    AuthenticatedState,
    CustomerId,
    DeliveryRequest,
    ExecuteRequest,
    ExperienceCloud,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    Order,
    PrefetchRequest,
    Preview,
    Product,
    Property,
    QAMode,
    VisitorId,
)
from tests.integration.drivers import Driver, Wire
from tests.integration.rules import rule

LATER = 4102444800
MBOX = f"session#s1#{LATER}|PC#abc.35_0#{LATER}"
AMCV = "-408604571|MCMID|0732|MCAAMLH-1526984330|9|MCAAMB-1526984330|6G1ynYcL"
COOKIES = {
    "mbox": quote(MBOX, safe=""),
    "mboxEdgeCluster": "%2228%22",
    "AMCV_demo%40AdobeOrg": quote(AMCV, safe=""),
    "other": "x",
}
PREFETCH = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))


BLANKS: tuple[Any, ...] = ("", " ", "\t\n", "\u3000", None)


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_ids_and_tokens_of_a_request_count_as_absent(make: Callable[..., Driver], wire: Wire, blank: Any) -> None:
    client = make(http_client=wire.http_client, property_token="P")
    known = AuthenticatedState.AUTHENTICATED
    request = DeliveryRequest(
        request_id=blank,
        impression_id=blank,
        id=VisitorId(
            tnt_id=blank,
            third_party_id=blank,
            marketing_cloud_visitor_id=blank,
            customer_ids=[
                CustomerId(id=blank, integration_code="crm", authenticated_state=known),
                CustomerId(id="7", integration_code="crm", authenticated_state=known),
            ],
        ),
        property=Property(token=blank),
        preview=Preview(token=blank),
        qa_mode=QAMode(token=blank),
        experience_cloud=ExperienceCloud(
            analytics=AnalyticsRequest(supplemental_data_id=blank), audience_manager=AudienceManager(blob=blank)
        ),
        execute=ExecuteRequest(mboxes=[MboxRequest(name="home", order=Order(id=blank), product=Product(id=blank))]),
    )
    before = copy.deepcopy(request)
    client.get_offers({
        "request": request,
        "cookies": COOKIES,
        "customer_ids": [CustomerId(id=blank, integration_code="x", authenticated_state=known)],
        "consumer_id": blank,
        "session_id": blank,
    })  # fmt: skip
    assert request == before
    body = wire.body
    assert body["requestId"].strip()
    assert body["impressionId"].strip()
    assert body["id"] == {
        "tntId": "abc.35_0",
        "marketingCloudVisitorId": "0732",
        "customerIds": [{"id": "7", "integrationCode": "crm", "authenticatedState": "authenticated"}],
    }
    assert body["property"] == {"token": "P"}
    assert body["preview"] == body["qaMode"] == {}
    assert body["experienceCloud"]["analytics"]["supplementalDataId"].strip()
    assert body["experienceCloud"]["audienceManager"] == {"locationHint": 9, "blob": "6G1ynYcL"}
    assert body["execute"]["mboxes"] == [{"name": "home", "index": 0, "order": {}, "product": {}}]


def test_a_blank_property_is_not_sent_when_the_client_has_none(client: Driver, wire: Wire) -> None:
    client.get_offers({"request": DeliveryRequest(prefetch=PREFETCH.prefetch, property=Property(token=" "))})
    assert "property" not in wire.body


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_ids_and_tokens_of_a_notification_count_as_absent(client: Driver, wire: Wire, blank: Any) -> None:
    shown = Notification(
        id="n",
        impression_id=blank,
        type=MetricType.CLICK,
        timestamp=1,
        tokens=[blank, "t"],
        mbox=NotificationMbox(name="home", state=blank),
    )
    client.send_notifications({"request": DeliveryRequest(notifications=[shown]), "session_id": "s"})
    (sent,) = wire.body["notifications"]
    assert sent.pop("impressionId").strip()
    assert sent == {"id": "n", "type": "click", "timestamp": 1, "tokens": ["t"], "mbox": {"name": "home"}}


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_session_id_is_a_new_session(client: Driver, wire: Wire, blank: Any) -> None:
    for _ in range(2):
        client.get_offers({"request": PREFETCH, "session_id": blank})
    first, second = (sent.url.params["sessionId"] for sent in wire.sent)
    assert first.strip()
    assert second.strip()
    assert first != second


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_ids_and_tokens_count_as_absent_on_the_device(device_of: Callable[..., Driver], blank: Any) -> None:
    client = device_of(rule("home", propertyTokens=["P"]), property_token="P")
    request = DeliveryRequest(
        id=VisitorId(tnt_id=blank, third_party_id=blank), property=Property(token=blank), prefetch=PREFETCH.prefetch
    )
    result = client.get_offers({"request": request, "cookies": COOKIES})
    assert result.response.prefetch is not None
    assert [mbox.options is not None for mbox in result.response.prefetch.mboxes or []] == [True]
    assert result.response.id is not None
    assert result.response.id.tnt_id == "abc.35_0"
    new = client.get_offers({"request": request})
    assert new.response.id is not None
    assert len(new.response.id.tnt_id or "") == 36
