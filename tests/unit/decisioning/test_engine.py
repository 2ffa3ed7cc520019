"""Deciding: cases that the suites of tests/conformance do not have."""

from __future__ import annotations

import copy
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from target_delivery.decisioning import (
    ArtifactSource,
    RemoteNeeds,
    decide,
    load_artifact,
    notification_request,
    remote_needs,
)
from target_delivery.decisioning.context import STEPS
from tests.unit.decisioning.artifacts import artifact, request, rule
from tests.unit.decisioning.test_jsonlogic import json_values

LIST = list(range(100))


def options_of(response: Any, mode: str = "prefetch") -> Any:
    return response[mode]["mboxes"][0].get("options")


def test_neither_request_nor_artifact_is_changed_by_a_decision_or_by_its_answer() -> None:
    metrics = [{"type": "click", "eventToken": "c", "selector": "#a"}]
    made = rule()
    made["consequence"] |= {"metrics": metrics, "analytics": {"payload": {"pe": "tnt"}}}
    loaded = load_artifact(artifact({"hero": [made]}, {"home": [made | {"consequence": made["consequence"]}]}))
    asked = request(
        execute={"mboxes": [{"name": "hero", "index": 0}]},
        prefetch={"mboxes": [{"name": "hero", "index": 0}], "views": [{}]},
        id={"tntId": "v", "customerIds": [{"id": "1", "authenticatedState": "authenticated"}]},
        trace={},
    )
    before, first = copy.deepcopy(asked), decide(loaded, asked, now=0).response
    text = json.dumps(first)
    spoil(first)
    assert asked == before
    again = decide(loaded, asked, now=0).response
    assert without_ids(json.loads(text)) == without_ids(again)


def spoil(value: Any) -> None:
    """Change every object and array in an answer."""
    if isinstance(value, dict):
        for item in list(value.values()):
            spoil(item)
        value["spoilt"] = True
    elif isinstance(value, list):
        for item in value:
            spoil(item)
        value.append("spoilt")


def without_ids(response: Any) -> str:
    """Return the answer as text, without the random ids of notifications in traces."""
    return json.dumps(response, sort_keys=True).replace(
        json.dumps(response["execute"]["mboxes"][0]["trace"]["campaigns"], sort_keys=True), ""
    )


def test_the_client_code_is_part_of_the_allocation() -> None:
    share = {"<": [{"var": "allocation"}, 50]}
    loaded = load_artifact(artifact({"hero": [rule(condition=share)]}))
    seen = {client: options_of(decide(loaded, request(), client=client).response) for client in map(str, range(20))}
    assert len([options for options in seen.values() if options]) not in (0, 20)
    assert options_of(decide(loaded, request()).response) == options_of(
        decide(loaded, request(), client="acme").response
    )
    assert decide(loaded, request(), client="x").response["client"] == "x"


def test_new_visitors() -> None:
    loaded = load_artifact(artifact())
    ids = iter(["uuid-1", "uuid-2"])
    response = decide(loaded, request(id=None), location_hint="28", new_id=lambda: next(ids)).response
    assert response["id"] == {"tntId": "uuid-1.28_0"}
    assert decide(loaded, request(id={}), new_id=lambda: "u").response["id"] == {"tntId": "u"}
    customer = {"customerIds": [{"id": "1", "integrationCode": "c", "authenticatedState": "logged_out"}]}
    assert decide(loaded, request(id=customer), new_id=lambda: "u").response["id"] == {**customer, "tntId": "u"}
    customer["customerIds"][0]["authenticatedState"] = "authenticated"
    assert decide(loaded, request(id=customer), new_id=lambda: "u").response["id"] == customer
    made = [decide(loaded, request(id=None)).response["id"]["tntId"] for _ in range(50)]
    assert len(set(map(str, made))) == 50
    import uuid

    assert all(uuid.UUID(str(tnt_id)).version == 4 for tnt_id in made)


def test_one_new_visitor_for_the_whole_request() -> None:
    share = [rule(condition={"<": [{"var": "allocation"}, 50]}), rule(ruleKey="8")]
    share[1]["consequence"]["options"][0]["content"] = "other"
    loaded = load_artifact(artifact({"a": share, "b": share}))
    asked = request(prefetch={"mboxes": [{"name": "a", "index": 0}, {"name": "b", "index": 1}]}, id=None)
    for _ in range(30):
        first, second = decide(loaded, asked).response["prefetch"]["mboxes"]
        assert first["options"] == second["options"]


def test_a_request_without_an_id_of_its_own_gets_one() -> None:
    asked = request()
    assert decide(load_artifact(artifact()), asked).response["requestId"] == "r-1"
    del asked["requestId"]
    assert decide(load_artifact(artifact()), asked, new_id=lambda: "new").response["requestId"] == "new"


def test_a_rule_whose_condition_takes_too_long_does_not_apply_and_is_warned_of() -> None:
    endless = {"all": [LIST, {"all": [LIST, {"all": [LIST, {"all": [LIST, True]}]}]}]}
    loaded = load_artifact(artifact({"hero": [rule(condition=endless), rule(ruleKey="8")]}))
    for asked in (request(), request(trace={})):
        decision = decide(loaded, asked)
        assert options_of(decision.response)
        assert len(decision.warnings) == 1
        assert "rule '7' of activity 7" in decision.warnings[0]
        assert "100000 steps" in decision.warnings[0]


def test_rules_in_a_row_that_share_a_part_that_fails() -> None:
    endless = {"all": [LIST, {"all": [LIST, {"all": [LIST, {"all": [LIST, True]}]}]}]}
    rules = [
        rule(condition={"and": [endless, {"==": [{"var": "page.path"}, "/a"]}]}, ruleKey=str(at)) for at in range(3)
    ]
    loaded = load_artifact(artifact({"hero": [*rules, rule(ruleKey="9")]}))
    assert options_of(decide(loaded, request()).response)


def test_conditions_in_a_row_are_decided_like_each_by_itself() -> None:
    """Grouping, sorting and sharing of conditions change only the speed."""
    leaves = [
        {"==": [{"var": "page.path"}, "/a"]},
        {"==": ["/b", {"var": "page.path"}]},
        {"==": [{"var": "mbox.user"}, "ada"]},
        {"<=": [0, {"var": "allocation"}]},
        {">": [{"var": "allocation"}, 50]},
        {"in": ["b=c", {"var": "page.url"}]},
        {"!": [{"var": "mbox.user"}]},
        True,
    ]
    joined = [{"and": [a, b]} for a in leaves for b in leaves] + [
        {"or": [a, {"and": [b, a]}]} for a in leaves for b in leaves
    ]
    name = "target-global-mbox"
    rules = [rule(name, condition, ruleKey=str(at), activityId=at % 3) for at, condition in enumerate(joined)]
    for made in rules:
        made["meta"]["activity.id"] = made["activityId"]
        made["consequence"]["options"][0]["content"] = made["ruleKey"]
    loaded = load_artifact(artifact({name: rules}))
    for parameters in ({}, {"user": "ada"}):
        asked = request(prefetch={"pageLoad": {"parameters": parameters}})
        together = [option["content"] for option in decide(loaded, asked).response["prefetch"]["pageLoad"]["options"]]
        traced = [
            option["content"]
            for option in decide(loaded, {**asked, "trace": {}}).response["prefetch"]["pageLoad"]["options"]
        ]
        alone = []
        for made in rules:
            single = decide(load_artifact(artifact({name: [made]})), asked).response["prefetch"]["pageLoad"]
            alone += [option["content"] for option in single["options"]]
        assert together == alone == traced
        assert 0 < len(alone) < len(rules)


def test_rules_that_begin_with_the_same_test_evaluate_it_once_even_if_others_stand_between() -> None:
    """The test takes more than a third of the budget, so it cannot be evaluated three times."""
    costly, other = {"!=": [{"var": "mbox.long"}, "x"]}, {"!=": [{"var": "page.path"}, "/b"]}
    name = "target-global-mbox"
    rules = [
        rule(name, {"and": [part, {"!=": [{"var": "page.query"}, at]}]}, ruleKey=str(at), activityId=at)
        for at, part in enumerate([costly, other, costly, other, costly])
    ]
    asked = request(prefetch={"pageLoad": {"parameters": {"long": ["y"] * (STEPS // 5)}}})
    decision = decide(load_artifact(artifact({name: rules})), asked)
    assert decision.warnings == []
    assert len(decision.response["prefetch"]["pageLoad"]["options"]) == len(rules)


def test_the_budget_is_one_for_all_conditions_of_a_request() -> None:
    rules = [
        rule("target-global-mbox", condition={"all": [LIST, {"all": [LIST, at + 1]}]}, ruleKey=str(at))
        for at in range(30)
    ]
    decision = decide(load_artifact(artifact({"target-global-mbox": rules})), {"prefetch": {"pageLoad": {}}})
    applied = len(decision.response["prefetch"]["pageLoad"]["options"])
    assert 0 < applied < 30
    assert len(decision.warnings) == 30 - applied


def test_the_request_that_reports_impressions() -> None:
    loaded = load_artifact(artifact())
    asked = request(mode="execute", experienceCloud={"analytics": {"logging": "server_side"}}, property={"token": "p"})
    decision = decide(loaded, asked, now=5)
    sent = notification_request(asked, decision)
    assert sent is not None
    assert set(sent) == {"id", "context", "experienceCloud", "notifications"}
    assert sent["context"] == asked["context"]
    (notification,) = decision.notifications
    assert notification["timestamp"] == 5
    assert notification["id"] != notification["impressionId"]
    prefetched = decide(loaded, request())
    assert prefetched.notifications == []
    assert notification_request(request(), prefetched) is None
    with_telemetry = notification_request(request(), prefetched, [{"requestId": "r"}])
    assert with_telemetry is not None
    assert with_telemetry["telemetry"] == {"entries": [{"requestId": "r"}]}
    assert "notifications" not in with_telemetry


def test_without_a_time_the_clock_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([12.345])
    monkeypatch.setattr(time, "time", lambda: next(moments))
    seen_at = {"==": [{"var": "current_timestamp"}, 12_345]}
    loaded = load_artifact(artifact({"hero": [rule(condition=seen_at)]}))
    decision = decide(loaded, request(mode="execute"))
    assert [notification["timestamp"] for notification in decision.notifications] == [12_345]


def test_parts_that_need_the_edge_are_known_without_deciding() -> None:
    loaded = load_artifact(artifact())
    asked = request("elsewhere")
    assert remote_needs(loaded, asked) == RemoteNeeds(["elsewhere"], [])
    mboxes, views = remote_needs(loaded, asked)
    assert (mboxes, views) == (["elsewhere"], [])
    assert decide(loaded, asked).response["status"] == 206


def test_the_source_of_an_artifact_is_traced() -> None:
    source = ArtifactSource("https://assets/rules.json", 300_000, False, 3, 1_613_070_000_123)
    trace = decide(load_artifact(artifact()), request(trace={}), source=source).response["prefetch"]["mboxes"][0][
        "trace"
    ]
    assert trace["artifact"] == {
        "artifactLocation": "https://assets/rules.json",
        "pollingInterval": 300_000,
        "pollingHalted": False,
        "artifactVersion": "1.0.0",
        "artifactRetrievalCount": 3,
        "artifactLastRetrieved": "2021-02-11T19:00:00.123Z",
        "clientCode": "acme",
        "environment": "production",
    }


def test_a_view_s_trace_is_that_of_its_first_rule() -> None:
    views = {"home": [rule("home", ruleKey="1"), rule("home", ruleKey="2")], "cart": [rule("cart", ruleKey="3")]}
    loaded = load_artifact(artifact(views=views))
    home, cart = decide(loaded, {"prefetch": {"views": [{}]}, "trace": {}}).response["prefetch"]["views"]
    assert len(home["trace"]["evaluatedCampaignTargets"][0]["matchedRuleConditions"]) == 1
    assert len(home["options"]) == 2
    assert len(cart["trace"]["evaluatedCampaignTargets"][0]["matchedRuleConditions"]) == 3


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["id", "context", "execute", "prefetch", "trace", "property", "requestId"]),
        json_values
        | st.dictionaries(
            st.sampled_from(
                ["mboxes", "views", "pageLoad", "tntId", "address", "geo", "userAgent", "clientHints", "token"]
            ),
            json_values
            | st.lists(
                st.dictionaries(st.sampled_from(["name", "index", "parameters", "address", "url"]), json_values)
            ),
        ),
    )
)
def test_any_request_is_decided(asked: Any) -> None:
    every = {"!!": [{"var": ""}]}
    places = {name: [rule(name, every)] for name in ("hero", "", "target-global-mbox")}
    loaded = load_artifact(artifact(places, {"home": [rule("home", {"==": [{"var": "page.domain"}, ""]})]}))
    before = repr(asked)
    json.dumps(decide(loaded, asked).response)
    assert repr(asked) == before


def test_threads_share_an_artifact() -> None:
    rules = [rule(condition={"==": [{"var": "mbox.user"}, str(at)]}, ruleKey=str(at)) for at in range(20)]
    for made in rules:
        made["consequence"]["options"][0]["content"] = made["ruleKey"]
    loaded = load_artifact(artifact({"hero": rules}))
    barrier = threading.Barrier(8)

    def ask(worker: int) -> None:
        barrier.wait()
        for at in range(200):
            user = str((worker + at) % 20)
            item = {"name": "hero", "index": 0, "parameters": {"user": user}}
            context = {"address": {"url": f"https://{worker}.example.com/{at}"}, "userAgent": f"Firefox/{at}"}
            response = decide(loaded, {"prefetch": {"mboxes": [item]}, "context": context}).response
            assert options_of(response)[0]["content"] == user

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(ask, worker) for worker in range(8)]:
            done.result()


@pytest.mark.parametrize("mode", ["execute", "prefetch"])
def test_mboxes_are_answered_in_order_with_their_index(mode: str) -> None:
    asked = {mode: {"mboxes": [{"name": "hero", "index": 4}, {"name": "none"}, {"name": "hero", "index": 2}]}}
    answers: Any = decide(load_artifact(artifact()), asked).response[mode]
    assert [(answer["name"], answer.get("index")) for answer in answers["mboxes"]] == [
        ("hero", 4),
        ("none", None),
        ("hero", 2),
    ]


def test_a_part_that_several_rules_share_and_that_cannot_be_evaluated() -> None:
    """Comparing a large array with a string is too costly. None of the rules applies, and one warning is enough."""
    shared = {"==": [{"var": "mbox.long"}, "x"]}
    rules = [
        rule(condition={"and": [shared, {"==": [{"var": "page.path"}, "/a"]}]}, ruleKey=str(at)) for at in range(3)
    ]
    loaded = load_artifact(artifact({"hero": [*rules, rule(ruleKey="9")]}))
    asked = request(prefetch={"mboxes": [{"name": "hero", "index": 0, "parameters": {"long": ["x"] * 200_000}}]})
    decision = decide(loaded, asked)
    assert options_of(decision.response)
    assert len(decision.warnings) == 1


def test_a_token_at_two_mboxes_is_two_impressions_and_one_mbox_twice_is_one() -> None:
    loaded = load_artifact(artifact({"hero": [rule()], "there": [rule("there")]}))
    mboxes = [{"name": name, "index": index} for index, name in enumerate(("hero", "there", "hero"))]
    reported = decide(loaded, request(execute={"mboxes": mboxes})).notifications
    assert [(one["mbox"]["name"], one["tokens"]) for one in reported] == [("hero", ["t-7"]), ("there", ["t-7"])]
    assert len({one["impressionId"] for one in reported}) == 2
