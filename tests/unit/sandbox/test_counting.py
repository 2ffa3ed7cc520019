"""The ledger, the tokens, and the Delivery API without HTTP."""

import json
import string
from typing import Any

import pytest
from hypothesis import event, example, given, strategies as st

from target_delivery.sandbox import (
    Artifact,
    Counts,
    EngineDecider,
    Ledger,
    demo_artifact,
    ledger as ledger_module,
)
from target_delivery.sandbox.delivery import DeliveryApi
from target_delivery.sandbox.geo import GeoTable
from target_delivery.sandbox.ledger import Occurrence
from target_delivery.sandbox.tokens import Event, Location, Tokens
from tests.virtual import VirtualTime

QUERY = {"imsOrgId": "S@AdobeOrg", "sessionId": "s"}
EVENT = Event("1", "0", Location("mbox", "home"), "display")


def test_counts_are_zero_where_nothing_was_counted_and_know_ids_as_numbers() -> None:
    counts = Counts({("1", "0"): 3})
    assert counts["1", "0"] == 3
    assert counts["1", "1"] == 0
    numbers: Any = (1, 0)
    assert counts[numbers] == 3


def test_a_value_of_the_ledger_is_a_copy() -> None:
    ledger = Ledger()
    ledger.impressions["1", "0"] += 1
    ledger.notifications.append("1")
    assert ledger.to_dict() == Ledger().to_dict()


def test_the_memory_for_duplicates_is_bounded_and_forgets_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_REMEMBERED", 3)
    ledger = Ledger()
    for key in "abcadbc":  # "a" is used again in between, so "b" is the one that "d" drives out
        ledger.record("v", [[Occurrence(EVENT, (key,))]])
    assert ledger.impressions.total() == 6
    assert ledger.duplicates == 1


text = st.text(max_size=20)


@given(text, text, text, st.binary(max_size=40), st.text(alphabet=string.printable, max_size=40))
def test_only_tokens_signed_with_the_same_secret_are_read(
    activity: str, name: str, owner: str, secret: bytes, junk: str
) -> None:
    tokens = Tokens(b"mine")
    event = Event(activity, "0", Location("view", name), "click")
    token, state = tokens.event_token(event, owner), tokens.state(event.location)
    assert tokens.read_event_token(token) == (event, owner)
    assert tokens.read_state(state) == event.location
    # A token is not a state, a state is not a token, and another secret reads neither.
    assert tokens.read_state(token) is None
    assert tokens.read_event_token(state) is None
    assert Tokens(b"not mine" + secret).read_event_token(token) is None
    assert tokens.read_event_token(junk) is None


def api() -> DeliveryApi:
    time = VirtualTime()
    return DeliveryApi(
        Artifact.load(demo_artifact()),
        EngineDecider("c", clock=time.clock),
        Tokens(b"secret"),
        Ledger(),
        GeoTable({}),
        client="c",
        cluster=35,
        clock=time.clock,
        chance=time.chance,
    )


API = api()
TOKENS = ["demo-1001-0-display", "demo-1002-0-click", Tokens(b"secret").event_token(EVENT, "v"), "unknown"]
STATES = [Tokens(b"secret").state(EVENT.location), "unknown"]
names = st.sampled_from(["home", "product1", "basket", "target-global-mbox", "none", "", "\ud800"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)


Strategies = dict[str, st.SearchStrategy[Any]]


def requests(noise: int) -> st.SearchStrategy[Any]:
    """Return a strategy for delivery requests. About one of ``noise`` values is of any kind; with 0, no value is."""

    def objects(required: Strategies | None = None, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        def noisy(fields: Strategies) -> Strategies:
            return {name: st.one_of(*[value] * noise, anything) for name, value in fields.items()} if noise else fields

        return st.fixed_dictionaries(noisy(required or {}), optional=noisy(optional))

    mboxes = st.lists(objects({"index": st.integers(0, 9)}, name=names), max_size=3)
    views = st.lists(objects(name=names), max_size=3)
    shown = objects(name=names, state=st.sampled_from(STATES))
    notifications = objects(
        {
            "id": st.sampled_from("abc"),
            "type": st.sampled_from(["display", "click"]),
            "timestamp": st.integers(0, 9),
        },
        tokens=st.lists(st.sampled_from(TOKENS), max_size=2),
        impressionId=st.sampled_from("abc"),
        mbox=shown,
        view=shown,
        pageLoad=shown,
    )
    return objects(
        {"context": objects({"channel": st.just("web")}, beacon=st.booleans())},
        id=objects(tntId=names, thirdPartyId=names, marketingCloudVisitorId=names),
        requestId=names,
        impressionId=st.sampled_from("abc"),
        experienceCloud=objects(analytics=objects(logging=st.just("client_side"))),
        execute=objects(pageLoad=objects(), mboxes=mboxes),
        prefetch=objects(pageLoad=objects(), mboxes=mboxes, views=views),
        notifications=st.lists(notifications, max_size=2),
    )


@given(requests(noise=0) | requests(noise=20) | anything)
@example({"context": {"channel": "web"}, "execute": {"views": 1}})
def test_every_request_has_an_answer(request: Any) -> None:
    answer = API.answer(QUERY, json.dumps(request).encode())
    event(f"status {answer.status}")
    match answer.status:
        case 200:
            assert answer.body is not None
            assert answer.body["status"] == 200
            assert [named["id"] for named in answer.body.get("notifications", [])] == [
                notification["id"] for notification in request.get("notifications", [])
            ]
        case 204:
            assert answer.body is None
        case 400:
            assert answer.body is not None
            assert answer.body["message"].startswith("Invalid request: ")
        case status:
            pytest.fail(f"status {status}")


def test_the_demo_artifact_is_whole() -> None:
    artifact = demo_artifact()
    rules = artifact["rules"]
    assert sorted(rules["mboxes"]) == artifact["localMboxes"]
    assert sorted(rules["views"]) == artifact["localViews"]
    assert {"home", "product1", artifact["globalMbox"]} < rules["mboxes"].keys()
    for kind, by_name in rules.items():
        for name, named_rules in by_name.items():
            for rule in named_rules:
                assert rule["consequence"]["name"] == rule["meta"]["location.name"] == name
                assert rule["meta"]["location.type"] == {"mboxes": "mbox", "views": "view"}[kind]
                assert rule["meta"]["activity.id"] == rule["activityId"]
    rules.clear()
    assert demo_artifact()["rules"]
