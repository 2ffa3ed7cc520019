"""The request that is sent is a completed copy of the caller's request."""

from __future__ import annotations

import copy
import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from target_delivery import (
    AnalyticsRequest,
    AudienceManager,
    AuthenticatedState,
    ChannelType,
    Context,
    CustomerId,
    DeliveryRequest,
    ExecuteRequest,
    ExperienceCloud,
    LoggingType,
    MboxRequest,
    MetricType,
    Notification,
    OptionError,
    PrefetchRequest,
    Property,
    RequestDetails,
    ViewRequest,
    VisitorId,
    __version__,
)
from tests.integration.drivers import Driver, Wire

LATER = int(time.time()) + 1000
PREFETCH = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
EXECUTE = DeliveryRequest(execute=ExecuteRequest(page_load=RequestDetails()))
NOTIFY = DeliveryRequest(notifications=[Notification(id="n", type=MetricType.DISPLAY, timestamp=1, tokens=["t"])])
AMCV = "-408604571%7CMCMID%7C073270243244%7CMCAAMLH-1526984330%7C9%7CMCAAMB-1526984330%7C6G1ynYcL"


def mboxes(*names_and_indexes: tuple[str | None, int | None]) -> list[MboxRequest]:
    return [MboxRequest(name=name, index=index) for name, index in names_and_indexes]


def test_the_wire_format(client: Driver, wire: Wire) -> None:
    client.get_offers({"request": PREFETCH, "session_id": "s 1"[0] + "&x=1#%"})
    sent = wire.sent[-1]
    assert (sent.method, sent.url.scheme, sent.url.host, sent.url.path) == (
        "POST", "https", "demo.tt.omtrdc.net", "/rest/v1/delivery",
    )  # fmt: skip
    assert parse_qsl(sent.url.query.decode()) == [("imsOrgId", "demo@AdobeOrg"), ("sessionId", "s&x=1#%")]
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["x-exc-sdk"] == "target-delivery-python"
    assert sent.headers["x-exc-sdk-version"] == __version__
    assert uuid.UUID(sent.headers["x-request-id"]).version == 4
    assert wire.body["prefetch"] == {"mboxes": [{"name": "home", "index": 0}]}


def test_each_call_has_an_id_of_its_own(client: Driver, wire: Wire) -> None:
    client.get_offers({"request": PREFETCH})
    client.get_offers({"request": PREFETCH})
    assert len({sent.headers["x-request-id"] for sent in wire.sent}) == 2


def test_version_environment_and_property_of_the_client(make: Callable[..., Driver], wire: Wire) -> None:
    client = make(http_client=wire.http_client, version="2.1", environment_id=7, property_token="client's")
    client.get_offers({"request": PREFETCH})
    assert ("version", "2.1") in parse_qsl(wire.sent[-1].url.query.decode())
    assert wire.body["environmentId"] == 7
    assert wire.body["property"] == {"token": "client's"}
    client.get_offers({"request": DeliveryRequest(prefetch=PREFETCH.prefetch, property=Property(token="mine"))})
    assert wire.body["property"] == {"token": "mine"}


def test_the_callers_request_is_not_changed(client: Driver, wire: Wire) -> None:
    request = DeliveryRequest(
        id=VisitorId(),
        context=Context(),
        experience_cloud=ExperienceCloud(),
        execute=ExecuteRequest(mboxes=mboxes(("a", None), (None, None))),
        prefetch=PrefetchRequest(mboxes=mboxes(("b", None))),
        notifications=NOTIFY.notifications,
    )
    before = copy.deepcopy(request)
    result = client.get_offers({"request": request, "target_cookie": f"PC#device#{LATER}", "visitor_cookie": AMCV})
    assert request == before
    assert result.request.to_dict() == wire.body


def test_ids_of_the_request(client: Driver, wire: Wire) -> None:
    client.get_offers({"request": PREFETCH})
    assert uuid.UUID(wire.body["requestId"]).version == 4
    assert "impressionId" not in wire.body
    client.get_offers({"request": EXECUTE})
    assert uuid.UUID(wire.body["impressionId"]).version == 4
    client.get_offers({"request": DeliveryRequest(request_id="r", impression_id="i", execute=EXECUTE.execute)})
    assert (wire.body["requestId"], wire.body["impressionId"]) == ("r", "i")


def test_a_visitor_that_is_not_known_has_no_id(client: Driver, wire: Wire) -> None:
    client.get_offers({"request": DeliveryRequest(id=VisitorId(customer_ids=[]), prefetch=PREFETCH.prefetch)})
    assert "id" not in wire.body
    assert "audienceManager" not in wire.body["experienceCloud"]


def test_a_visitor_is_known_by_cookies(client: Driver, wire: Wire) -> None:
    client.get_offers({
        "request": PREFETCH,
        "target_cookie": f"session#s-1#{LATER}|PC#device.28_0#{LATER}",
        "visitor_cookie": AMCV,
        "session_id": "another",
    })  # fmt: skip
    assert wire.body["id"] == {"tntId": "device.28_0", "marketingCloudVisitorId": "073270243244"}
    assert wire.body["experienceCloud"]["audienceManager"] == {"locationHint": 9, "blob": "6G1ynYcL"}
    assert wire.sent[-1].url.params["sessionId"] == "s-1"
    assert wire.sent[-1].url.host == "mboxedge28.tt.omtrdc.net"


def test_the_callers_own_ids_win_over_cookies(client: Driver, wire: Wire) -> None:
    request = DeliveryRequest(
        id=VisitorId(tnt_id="mine", marketing_cloud_visitor_id="ecid"),
        experience_cloud=ExperienceCloud(audience_manager=AudienceManager(location_hint=3, blob="b")),
        prefetch=PREFETCH.prefetch,
    )
    client.get_offers({"request": request, "target_cookie": f"PC#device#{LATER}", "visitor_cookie": AMCV})
    assert wire.body["id"] == {"tntId": "mine", "marketingCloudVisitorId": "ecid"}
    assert wire.body["experienceCloud"]["audienceManager"] == {"locationHint": 3, "blob": "b"}


def test_customer_ids_are_merged_without_duplicates(client: Driver, wire: Wire) -> None:
    def customer(number: str, code: str = "crm") -> CustomerId:
        return CustomerId(id=number, integration_code=code, authenticated_state=AuthenticatedState.AUTHENTICATED)

    request = DeliveryRequest(id=VisitorId(customer_ids=[customer("2"), customer("3")]), prefetch=PREFETCH.prefetch)
    client.get_offers({"request": request, "customer_ids": [customer("1"), customer("2"), customer("2", "erp")]})
    found = [(one["id"], one["integrationCode"]) for one in wire.body["id"]["customerIds"]]
    assert found == [("1", "crm"), ("2", "crm"), ("2", "erp"), ("3", "crm")]


@pytest.mark.parametrize(
    ("given", "sent"),
    [(None, "web"), (ChannelType.MOBILE, "mobile"), (ChannelType.WEB, "web"), (ChannelType("watch"), "web")],
)
def test_the_channel(client: Driver, wire: Wire, given: ChannelType | None, sent: str) -> None:
    client.get_offers({"request": DeliveryRequest(context=Context(channel=given), prefetch=PREFETCH.prefetch)})
    assert wire.body["context"]["channel"] == sent


def test_the_time_offset(client: Driver, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "IST-05:30")
    time.tzset()
    try:
        client.get_offers({"request": PREFETCH})
        assert wire.body["context"]["timeOffsetInMinutes"] == 330
        client.get_offers(
            {"request": DeliveryRequest(context=Context(time_offset_in_minutes=0), prefetch=PREFETCH.prefetch)}
        )
        assert wire.body["context"]["timeOffsetInMinutes"] == 0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_analytics(client: Driver, wire: Wire) -> None:
    client.get_offers({"request": PREFETCH})
    analytics = wire.body["experienceCloud"]["analytics"]
    assert analytics["logging"] == "server_side"
    assert re.fullmatch("[0-9A-F]{16}-[0-9A-F]{16}", analytics["supplementalDataId"])
    own = AnalyticsRequest(logging=LoggingType.CLIENT_SIDE, supplemental_data_id="0" * 16 + "-" + "1" * 16)
    client.get_offers(
        {"request": DeliveryRequest(experience_cloud=ExperienceCloud(analytics=own), prefetch=PREFETCH.prefetch)}
    )
    assert wire.body["experienceCloud"]["analytics"] == own.to_dict()


def test_calls_of_one_page_are_stitched(client: Driver, wire: Wire) -> None:
    def sdid(**options: Any) -> str:
        client.get_offers({"request": PREFETCH, "session_id": "s", **options})
        return str(wire.body["experienceCloud"]["analytics"]["supplementalDataId"])

    first = sdid()
    assert sdid(consumer_id="header") == first
    assert sdid(consumer_id="footer") == first
    assert sdid(session_id="another") != first
    second = sdid(consumer_id="header")
    assert second != first
    assert sdid() == second


def test_mboxes_get_indexes(client: Driver, wire: Wire) -> None:
    given = mboxes(("a", None), ("b", 2), ("c", None), ("d", 0), ("e", None), ("f", None))
    client.get_offers({"request": DeliveryRequest(prefetch=PrefetchRequest(mboxes=given))})
    sent = [(mbox["name"], mbox["index"]) for mbox in wire.body["prefetch"]["mboxes"]]
    assert sent == [("a", 1), ("b", 2), ("c", 3), ("d", 0), ("e", 4), ("f", 5)]


def test_an_mbox_without_a_name_is_dropped_with_an_error_in_the_log(
    client: Driver, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    given = mboxes(("a", None), (None, None), (" ", None), ("b", None))
    client.get_offers({"request": DeliveryRequest(execute=ExecuteRequest(mboxes=given))})
    assert wire.body["execute"]["mboxes"] == [{"name": "a", "index": 0}, {"name": "b", "index": 1}]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "request.execute.mboxes[1] has no name and is not sent.",
        "request.execute.mboxes[2] has no name and is not sent.",
    ]


@pytest.mark.parametrize(
    "request_",
    [
        DeliveryRequest(execute=ExecuteRequest()),
        DeliveryRequest(execute=ExecuteRequest(mboxes=[])),
        DeliveryRequest(execute=ExecuteRequest(mboxes=mboxes((None, None)))),
        DeliveryRequest(prefetch=PrefetchRequest()),
        DeliveryRequest(prefetch=PrefetchRequest(mboxes=[], views=[])),
        DeliveryRequest(execute=EXECUTE.execute, prefetch=PrefetchRequest()),
    ],
)
def test_a_request_that_asks_for_nothing_is_refused(client: Driver, wire: Wire, request_: DeliveryRequest) -> None:
    with pytest.raises(OptionError, match=r"request\.(execute|prefetch) asks for nothing"):
        client.get_offers({"request": request_})
    assert not wire.sent


def test_views_and_page_loads_are_enough(client: Driver, wire: Wire) -> None:
    client.get_offers({"request": DeliveryRequest(prefetch=PrefetchRequest(views=[ViewRequest()]))})
    client.get_offers({"request": DeliveryRequest(prefetch=PrefetchRequest(page_load=RequestDetails()))})
    assert wire.body["prefetch"] == {"pageLoad": {}}


def test_notifications_get_an_impression_id_that_is_the_events_own(client: Driver, wire: Wire) -> None:
    def impression(*, visitor: str = "device.28_0", **changes: Any) -> str:
        event: dict[str, Any] = {"id": "n", "type": MetricType.DISPLAY, "timestamp": 1, "tokens": ["t"], **changes}
        client.send_notifications({
            "request": DeliveryRequest(id=VisitorId(tnt_id=visitor), notifications=[Notification(**event)])
        })  # fmt: skip
        return str(wire.body["notifications"][0]["impressionId"])

    first = impression()
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert impression() == first
    assert impression(visitor="device.35_0") == first, "the same visitor at another edge"
    others = [
        impression(visitor="other"),
        impression(id="m"),
        impression(timestamp=2),
        impression(type=MetricType.CLICK),
        impression(tokens=["u"]),
    ]
    assert len({first, *others}) == 6
    assert impression(impression_id="mine") == "mine"


def test_the_notification_of_a_visitor_without_any_id_is_the_sessions(client: Driver, wire: Wire) -> None:
    ids = []
    for session in ("a", "a", "b"):
        client.send_notifications({"request": NOTIFY, "session_id": session})
        ids.append(wire.body["notifications"][0]["impressionId"])
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, r"request\.notifications\[1\]\.id must be a str that is not blank, not ''"),
        ({"id": "  "}, r"notifications\[1\]\.id"),
        ({"id": None}, r"notifications\[1\]\.id"),
        ({"timestamp": 1.5}, r"notifications\[1\]\.timestamp must be an int, epoch milliseconds, not 1\.5"),
        ({"timestamp": "1"}, r"notifications\[1\]\.timestamp"),
        ({"timestamp": True}, r"notifications\[1\]\.timestamp"),
        ({"type": MetricType("dispaly")}, r"notifications\[1\]\.type must be MetricType\.CLICK or .* not .*dispaly"),
        ({"type": None}, r"notifications\[1\]\.type"),
    ],
)
def test_a_notification_that_is_wrong_is_refused_by_its_position(
    client: Driver, wire: Wire, changes: dict[str, Any], message: str
) -> None:
    event = {"id": "n", "type": MetricType.DISPLAY, "timestamp": 1, **changes}
    notifications = [*(NOTIFY.notifications or ()), Notification(**event)]
    with pytest.raises(OptionError, match=message):
        client.send_notifications({"request": DeliveryRequest(notifications=notifications)})
    assert not wire.sent


def test_the_text_of_a_metric_type_is_good_enough_at_run_time(client: Driver, wire: Wire) -> None:
    event: Any = {"id": "n", "type": "click", "timestamp": 1}
    client.send_notifications({"request": DeliveryRequest(notifications=[Notification(**event)])})
    assert wire.body["notifications"][0]["type"] == "click"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prefetch": {"mboxes": []}}, r"request\.prefetch must be of type PrefetchRequest, not dict"),
        ({"execute": ExecuteRequest(mboxes=[{"name": "a"}])}, r"request\.execute\.mboxes\[0\] must be .* MboxRequest"),  # type: ignore[list-item]  # the mistake under test
        ({"prefetch": PrefetchRequest(mboxes=[MboxRequest(name=5)])}, r"mboxes\[0\]\.name must be a str, not int"),  # type: ignore[arg-type]  # the mistake under test
        ({"notifications": ["n"]}, r"request\.notifications\[0\] must be of type Notification, not str"),
        ({"execute": ExecuteRequest(page_load={"a": 1})}, "cannot be written as JSON"),  # type: ignore[arg-type]  # the mistake under test
        ({"execute": ExecuteRequest(page_load=RequestDetails(parameters={"a": object()}))}, "as JSON"),  # type: ignore[dict-item]  # the mistake under test
        ({"context": Context(time_offset_in_minutes=float("nan"))}, "cannot be written as JSON"),
    ],
)
def test_what_is_no_model_or_no_json_is_refused(
    client: Driver, wire: Wire, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        client.get_offers({"request": DeliveryRequest(**changes)})
    assert not wire.sent


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"execute": {"pageLoad": "x"}}, r"request\.execute\.pageLoad must be an object, not str"),
        ({"prefetch": {"views": 5}}, r"request\.prefetch\.views must be a list, not int"),
        ({"prefetch": {"views": ["x"]}}, r"request\.prefetch\.views\[0\] must be an object, not str"),
        ({"property": "x", "execute": {"pageLoad": {}}}, r"request\.property must be an object, not str"),
        (
            {"id": {"customerIds": ["x"]}, "execute": {"pageLoad": {}}},
            r"request\.id\.customerIds\[0\] must be an object",
        ),
    ],
)
def test_json_of_another_shape_is_refused(client: Driver, wire: Wire, part: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        client.get_offers({"request": DeliveryRequest.from_dict(part)})
    assert not wire.sent


def test_get_attributes_asks_only_for_what_the_request_does_not(client: Driver, wire: Wire) -> None:
    request = DeliveryRequest(
        execute=ExecuteRequest(mboxes=mboxes(("a", 1))), prefetch=PrefetchRequest(mboxes=mboxes(("b", None)))
    )
    client.get_attributes(["a", "b", "c", "d", "c"], {"request": request})
    assert [mbox["name"] for mbox in wire.body["prefetch"]["mboxes"]] == ["b"]
    execute = wire.body["execute"]["mboxes"]
    assert [mbox["name"] for mbox in execute] == ["a", "c", "d"]
    assert len({mbox["index"] for mbox in execute}) == 3


def test_get_attributes_needs_no_request(client: Driver, wire: Wire) -> None:
    client.get_attributes(("a", "b"))
    assert wire.body["execute"]["mboxes"] == [{"name": "a", "index": 0}, {"name": "b", "index": 1}]
    assert wire.body["impressionId"]


@pytest.mark.parametrize("names", ["a", None, ["a", ""], [1], {"a": 1}])
def test_mbox_names_are_a_list_of_names(client: Driver, wire: Wire, names: Any) -> None:
    with pytest.raises(OptionError, match="mbox_names"):
        client.get_attributes(names)
    assert not wire.sent


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"context": "x"}, "request.context must be an object, not str"),
        ({"id": "x"}, "request.id must be an object"),
        ({"id": {"tntId": 5}}, "request.id.tntId must be a str, not int"),
        ({"id": {"customerIds": "x"}}, "request.id.customerIds must be a list"),
        ({"id": {"customerIds": [1]}}, r"request.id.customerIds\[0\] must be an object"),
        ({"property": "t"}, "request.property must be an object"),
        ({"experienceCloud": "x"}, "request.experienceCloud must be an object"),
        ({"experienceCloud": {"analytics": "x"}}, "request.experienceCloud.analytics must be an object"),
        ({"execute": []}, "request.execute must be an object"),
        ({"prefetch": "x"}, "request.prefetch must be an object"),
        ({"execute": {"mboxes": "ab"}}, "request.execute.mboxes must be a list"),
        ({"execute": {"mboxes": [1]}}, r"request.execute.mboxes\[0\] must be an object"),
        ({"execute": {"mboxes": [{"name": "a", "index": [1]}, {"name": "b"}]}}, r"mboxes\[0\].index must be an int"),
        ({"notifications": {"a": 1}}, "request.notifications must be a list"),
        ({"notifications": [1]}, r"request.notifications\[0\] must be an object"),
    ],
)
def test_json_of_another_shape_is_refused_by_its_place(
    make: Callable[..., Driver], wire: Wire, request_: dict[str, Any], message: str
) -> None:
    client = make(http_client=wire.http_client, property_token="p")
    with pytest.raises(OptionError, match=message):
        client.get_offers({"request": DeliveryRequest.from_dict(request_)})
    assert not wire.sent


@pytest.mark.parametrize(
    "changes",
    [
        {"notifications": Notification(id="n", type=MetricType.CLICK, timestamp=1)},
        {"execute": ExecuteRequest(mboxes=MboxRequest(name="a"))},  # type: ignore[arg-type]  # the mistake under test
    ],
)
def test_a_list_that_was_forgotten_is_named(client: Driver, changes: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="must be a list of"):
        client.get_offers({"request": DeliveryRequest(**changes)})


def test_a_part_whose_mboxes_all_lack_a_name_is_dropped(client: Driver, wire: Wire) -> None:
    request = DeliveryRequest(execute=ExecuteRequest(mboxes=mboxes((None, None))), prefetch=PREFETCH.prefetch)
    client.get_offers({"request": request})
    assert "execute" not in wire.body
    assert "impressionId" not in wire.body
    assert wire.body["prefetch"]


def test_the_headers_of_the_callers_http_client_are_those_of_the_moment(client: Driver, wire: Wire) -> None:
    for token in ("old", "new"):
        wire.http_client.headers["authorization"] = token
        client.get_offers({"request": PREFETCH})
        assert wire.sent[-1].headers["authorization"] == token
