"""With `validate_requests` a client refuses the requests that the sandbox refuses, in the same words. Both clients."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from target_delivery import (
    CustomerId,
    DeliveryRequest,
    DeliveryStatusError,
    OptionError,
    TargetClient,
    TargetError,
)
from target_delivery.outbox import MemoryStore, NotificationOutbox
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import OPTIONS, Driver, Wire
from tests.integration.rules import rule

MBOX = {"index": 0, "name": "home"}
CUSTOMER = {"id": "1", "integrationCode": "crm", "authenticatedState": "unknown"}
NOTIFICATION = {"id": "n", "type": "click", "timestamp": 1}
SECRET = "SECRET-" * 60


def execute(**more: Any) -> dict[str, Any]:
    return {"execute": {"mboxes": [{**MBOX, **more}]}}


BEYOND: dict[str, tuple[dict[str, Any], str]] = {
    "maxLength": (
        {"id": {"tntId": SECRET}, **execute()},
        "(request.id.tnt_id): id.tntId must have at most 128 characters, not 420",
    ),
    "minLength": (
        {"context": {"geo": {"countryCode": "D"}}, **execute()},
        "(request.context.geo.country_code): context.geo.countryCode must have at least 2 characters, not 1",
    ),
    "maximum": (execute(index=2**31), ": execute.mboxes[0].index must be at most 2147483647, not 2147483648"),
    "minimum": (
        execute(order={"total": -0.5}),
        ": execute.mboxes[0].order.total must be at least 0, not -0.5",
    ),
    "int64": (
        {"environmentId": 2**63, **execute()},
        "(request.environment_id): environmentId must be at most 9223372036854775807, not 9223372036854775808",
    ),
    "enum": (
        {"experienceCloud": {"analytics": {"logging": SECRET}}, **execute()},
        "experienceCloud.analytics.logging must be one of ['server_side', 'client_side'], not a string of length 420",
    ),
    "required": (
        {"future": {}, "trace": {}, **execute()},
        "(request.trace.authorization_token): trace.authorizationToken is required",
    ),
    "type": (
        {"id": {"thirdPartyId": 4711}, **execute()},
        "(request.id.third_party_id): id.thirdPartyId must be a string, not an integer",
    ),
    "integer": (
        {"qaMode": {"evaluateAsTrueAudienceIds": [1, 1.5]}, **execute()},
        "qaMode.evaluateAsTrueAudienceIds[1] must be an integer, not a decimal number",
    ),
    "maxProperties": (
        execute(profileParameters={str(number): "" for number in range(51)}),
        "execute.mboxes[0].profileParameters must have at most 50 entries, not 51",
    ),
    "maxItems": (
        {"id": {"customerIds": [{**CUSTOMER, "id": str(number)} for number in range(51)]}, **execute()},
        "id.customerIds must have at most 50 items, not 51",
    ),
    "items": ({"execute": {"mboxes": [MBOX, {**MBOX, "index": "1"}]}}, "execute.mboxes[1].index must be an integer"),
    "additionalProperties": (
        {"trace": {"authorizationToken": "t", "usage": {"a b": 1}}, **execute()},
        ": trace.usage['a b'] must be a string, not an integer",
    ),
    "several": (
        {"requestId": "x" * 129, "context": {"geo": {"stateCode": SECRET}}, **execute(index="1")},
        "(request.request_id, request.context.geo.state_code): requestId must have at most 128 characters, not 129; "
        "context.geo.stateCode must have at most 3 characters, not 420; "
        "execute.mboxes[0].index must be an integer, not a string of length 1",
    ),
}


class Edge(Sandbox):
    """A sandbox that keeps the messages of its answers."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        super().__init__(on_exchange=lambda exchange: self.errors.append(str(exchange.error)))


@pytest.fixture
def edge() -> Iterator[Edge]:
    with Edge() as edge:
        yield edge


@pytest.fixture(scope="module")
def shared() -> Iterator[Edge]:
    with Edge() as edge:
        yield edge


@pytest.mark.parametrize("kind_of_limit", BEYOND)
def test_a_request_beyond_a_limit_is_refused_as_the_sandbox_refuses_it(
    make: Callable[..., Driver], edge: Edge, kind_of_limit: str
) -> None:
    body, expected = BEYOND[kind_of_limit]
    # No model can be without a required field, but a plain object can.
    request = DeliveryRequest.from_dict({name: part for name, part in body.items() if part != {}})
    request.additional_properties |= {name: part for name, part in body.items() if part == {}}
    with pytest.raises(DeliveryStatusError) as caught:
        make(edge, retries=0).get_offers({"request": request})
    assert caught.value.status == 400
    sentence = edge.errors[-1].removeprefix("Invalid request: ")
    seen = len(edge.requests)
    checked = make(edge, validate_requests=True)
    for call in (checked.get_offers, lambda options: checked.get_attributes(["more"], options)):
        with pytest.raises(OptionError) as refused:
            call({"request": request})
        message = str(refused.value)
        assert message.startswith("The Delivery API would refuse this request")
        assert message.endswith(f": {sentence}")
        assert expected in message
        assert "SECRET" not in message
        assert "4711" not in message
    assert len(edge.requests) == seen


def test_a_notification_beyond_a_limit_is_neither_sent_nor_stored(make: Callable[..., Driver], edge: Edge) -> None:
    request = DeliveryRequest.from_dict({"notifications": [{**NOTIFICATION, "mbox": {"name": "x" * 251}}]})
    with pytest.raises(OptionError, match=r"notifications\[0\].mbox.name must have at most 250 characters, not 251"):
        make(edge, validate_requests=True).send_notifications({"request": request})
    with TargetClient.create({**edge.client_options(), "validate_requests": True}) as client:
        outbox = NotificationOutbox(client, store=MemoryStore())
        with pytest.raises(OptionError, match="at most 250"):
            outbox.send_notifications({"request": request})
        assert outbox.stats().stored == 0
        outbox.close()
    assert not edge.requests


def test_a_call_with_a_callback_raises_at_once(edge: Edge) -> None:
    told: list[object] = []
    with TargetClient.create({**edge.client_options(), "validate_requests": True}) as client:
        request = DeliveryRequest.from_dict({"requestId": "x" * 129, **execute()})
        with pytest.raises(OptionError, match="at most 128"):
            client.get_offers({"request": request, "callback": told.append, "err_callback": told.append})
    assert not told
    assert not edge.requests


def test_the_request_is_checked_as_it_is_sent(make: Callable[..., Driver], wire: Wire) -> None:
    """With the parts that the SDK adds, and without those that it leaves out."""
    client = make(http_client=wire.http_client, validate_requests=True, environment_id=2**63)
    fine = DeliveryRequest.from_dict({"environmentId": 1, "context": {"geo": {"ipAddress": "nowhere"}}, **execute()})
    client.get_offers({"request": fine})
    (sent,) = wire.sent
    assert wire.body["experienceCloud"]["analytics"]["supplementalDataId"]
    with pytest.raises(OptionError, match=r"\(request.environment_id\): environmentId must be at most"):
        client.get_offers({"request": DeliveryRequest.from_dict(execute())})
    with pytest.raises(OptionError, match=r"id.customerIds\[0\].id must have at most 128 characters"):
        client.get_offers({"request": fine, "customer_ids": [CustomerId.from_dict({**CUSTOMER, "id": SECRET})]})
    assert wire.sent == [sent]


def test_the_check_remembers_no_supplemental_data_id(make: Callable[..., Driver], wire: Wire) -> None:
    client = make(http_client=wire.http_client, validate_requests=True)
    ids: list[str] = []
    for consumer in ("a", "b"):
        client.get_offers({"request": DeliveryRequest.from_dict(execute()), "session_id": "s", "consumer_id": consumer})
        ids.append(wire.body["experienceCloud"]["analytics"]["supplementalDataId"])
    assert ids[0] == ids[1]


def test_a_decision_on_the_device_is_checked_and_its_report_is_not(
    device_of: Callable[..., Driver], wire: Wire
) -> None:
    client = device_of(rule("home", token="T" * 9000), validate_requests=True)
    with pytest.raises(OptionError, match=r"\(request.id.tnt_id\): id.tntId must have at most 128 characters"):
        client.get_offers({"request": DeliveryRequest.from_dict({"id": {"tntId": SECRET}, **execute()})})
    assert (
        client.get_offers({"request": DeliveryRequest.from_dict(execute())}).meta["decisioning_method"] == "on-device"
    )
    client.close()
    assert "T" * 9000 in wire.sent[-1].content.decode()


def test_without_the_option_nothing_is_checked(client: Driver, wire: Wire) -> None:
    client.get_offers({"request": DeliveryRequest.from_dict({"requestId": "x" * 129, **execute()})})
    assert wire.sent


def test_hostile_requests_are_refused_in_bounded_time(make: Callable[..., Driver], wire: Wire) -> None:
    client = make(http_client=wire.http_client, validate_requests=True)
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    request = DeliveryRequest.from_dict(execute())
    request.additional_properties["future"] = deep
    with pytest.raises(OptionError, match="it nests deeper than 100 levels"):
        client.get_offers({"request": request})
    for _ in range(100_000):
        deep = [deep]
    request.additional_properties["future"] = deep
    with pytest.raises(OptionError, match="cannot be written as JSON"):
        client.get_offers({"request": request})
    assert not wire.sent


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validate_requests": "yes"}, "Option 'validate_requests' must be True or False"),
        (
            {"validate_requests": True, "organization_id": "acme"},
            "Option 'organization_id' must be .*refuse every request: Invalid imsOrg -  acme",
        ),
    ],
)
def test_create_refuses_options_with_which_no_request_could_be_sent(
    make: Callable[..., Driver], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        make(**options)


def test_without_the_extra_create_names_it_and_only_for_the_option() -> None:
    code = (
        "import sys; sys.modules['jsonschema'] = None\n"
        "from target_delivery import OptionError, TargetClient\n"
        f"TargetClient.create({OPTIONS!r}).close()\n"
        f"try: TargetClient.create({ {**OPTIONS, 'validate_requests': True}!r})\n"
        "except OptionError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Option 'validate_requests' needs the package 'jsonschema'" in done.stdout
    assert "pip install 'target-delivery[validation]'" in done.stdout


def test_the_extra_sandbox_has_the_packages_of_validation() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(extras["validation"]) <= set(extras["sandbox"])


def text(limit: int) -> st.SearchStrategy[str]:
    """Texts around a limit."""
    sizes = st.sampled_from((1, limit - 1, limit, limit, limit + 1))
    return st.builds(lambda size, letter: letter * size, sizes, st.sampled_from("aß€😀"))


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


WRONG = st.sampled_from([5, 1.5, True, [], {}, "x"])
DETAILS = {
    "parameters": st.dictionaries(st.integers(0, 60).map(str), text(10), max_size=3)
    | st.integers(49, 51).map(lambda size: {str(number): "" for number in range(size)}),
    "order": maybe(id=text(250), total=st.floats(-1, 100), time=st.just("2026-01-01T00:00:00Z")),
    "product": maybe(id=text(128), categoryId=text(128)) | WRONG,
}
REQUESTS = maybe(
    requestId=text(128),
    id=maybe(
        tntId=text(128),
        thirdPartyId=text(128) | WRONG,
        customerIds=st.lists(
            st.fixed_dictionaries(
                {
                    "id": text(128),
                    "integrationCode": text(50),
                    "authenticatedState": st.sampled_from(["unknown", "logged_out", "other"]),
                }
            ),
            max_size=2,
        ),
    ),
    environmentId=st.sampled_from([0, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 1.0, 1.5]),
    property=maybe(token=text(128)),
    context=maybe(
        channel=st.sampled_from(["web", "mobile", "tv"]),
        geo=maybe(
            ipAddress=st.sampled_from(["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "nowhere"]),
            countryCode=text(2),
            stateCode=text(3),
            city=text(50),
            latitude=st.floats(allow_nan=False, allow_infinity=False) | WRONG,
        ),
        address=maybe(url=text(4096)),
        mobilePlatform=maybe(
            deviceType=st.sampled_from(["phone", "watch"]), platformType=st.just("ios"), version=text(100)
        ),
        screen=WRONG,
        beacon=st.just(False) | WRONG,
    ),
    qaMode=maybe(token=text(128), previewIndexes=st.lists(maybe(activityIndex=st.integers(0, 2)), max_size=2)),
    prefetch=maybe(views=st.lists(maybe(name=text(128), key=text(512), **DETAILS), max_size=2)),
    future=st.none() | WRONG,
)


@given(body=REQUESTS, name=text(250), index=st.sampled_from([None, 0, 2**31 - 1, 2**31, "1"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_client_and_the_sandbox_agree(shared: Edge, body: dict[str, Any], name: str, index: Any) -> None:
    body["execute"] = {"mboxes": [{"name": name} if index is None else {"name": name, "index": index}]}
    try:
        request = DeliveryRequest.from_dict(body)
    except ValueError:
        return  # a required field is absent, which no model can be without
    options = {**shared.client_options(), "retries": 0, "telemetry_enabled": False}
    with (
        TargetClient.create(options) as plain,  # type: ignore[typeddict-item]  # options under test
        TargetClient.create({**options, "validate_requests": True}) as checked,  # type: ignore[typeddict-item]
    ):
        sent = refused_by(plain, request)
        received = len(shared.requests)
        error = refused_by(checked, request)
        if isinstance(sent, DeliveryStatusError):
            assert sent.status == 400
            assert isinstance(error, OptionError)
            assert str(error).endswith(f": {shared.errors[-1].removeprefix('Invalid request: ')}")
            assert len(shared.requests) == received
        else:
            assert str(error) == str(sent)


def refused_by(client: TargetClient, request: DeliveryRequest) -> TargetError | None:
    try:
        client.get_offers({"request": request})
    except TargetError as error:
        return error
    return None
