"""Explanations of decisions."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from target_delivery.decisioning import allocate, explain, load_artifact
from tests.unit.decisioning.artifacts import artifact, request, rule
from tests.unit.decisioning.test_jsonlogic import conditions


def verdicts(explanation: Any) -> list[tuple[str, str]]:
    return [
        (rule_.key, rule_.verdict)
        for item in explanation.items
        for activity in item.activities
        for rule_ in activity.rules
    ]


def test_every_verdict() -> None:
    rules = [
        rule(condition={"unheard_of": 1}, ruleKey="1"),
        rule(ruleKey="2", propertyTokens=["p-1"]),
        rule(
            condition={"and": [{"==": [{"var": "page.path"}, "/b"]}, {"!": {"in": ["x", {"var": "mbox.user"}]}}]},
            ruleKey="3",
        ),
        rule(ruleKey="4"),
        rule(ruleKey="5"),
    ]
    explained = explain(load_artifact(artifact({"hero": rules})), request())
    assert verdicts(explained) == [
        ("1", "can never apply"),
        ("2", "another property"),
        ("3", "condition does not hold"),
        ("4", "applies"),
        ("5", "an earlier rule applies"),
    ]
    text = str(explained)
    for line in (
        "prefetch mbox 'hero'",
        "activity 7 'Seven' applies",
        "the operator 'unheard_of' is unknown",
        "it applies only in p-1",
        "no  all of these",
        'no  page.path == "/b" (page.path is "/a")',
        "yes not this",
        'no  "x" in mbox.user (mbox.user is null)',
    ):
        assert line in text, text
    json.dumps(explained.as_object())


def test_global_mbox_views_and_the_edge() -> None:
    rules = [rule("target-global-mbox", ruleKey="1"), rule("target-global-mbox", ruleKey="1")]
    loaded = load_artifact(artifact({"target-global-mbox": rules}, {"home": [rule("home")]}, remoteViews=["cart"]))
    asked = {
        "execute": {"pageLoad": {}, "mboxes": [{"name": "elsewhere"}], "views": [{}]},
        "prefetch": {"views": [{}, {"name": "home"}]},
    }
    explained = explain(loaded, asked)
    assert [(item.mode, item.kind, item.name, item.needs_edge) for item in explained.items] == [
        ("execute", "pageLoad", "target-global-mbox", False),
        ("execute", "mbox", "elsewhere", True),
        ("prefetch", "view", "", True),
        ("prefetch", "view", "home", False),
    ]
    assert [verdict for _, verdict in verdicts(explained)] == [
        "applies",
        "an earlier rule applies",
        "applies",
        "applies",
    ]
    text = str(explained)
    assert "execute mbox 'elsewhere' (needs the edge)" in text
    assert "the artifact has no rules for it" in text


def test_the_values_that_a_rule_read() -> None:
    share = {"and": [{"<=": [0, {"var": "allocation"}]}, {">=": [0, {"var": "allocation"}]}]}
    explained = explain(load_artifact(artifact({"hero": [rule(condition=share)]})), request(), client="other")
    percent = allocate("other", "7", "visitor")
    assert f"0 >= allocation (allocation is {percent})" in str(explained)
    reason: Any = explained.items[0].activities[0].rules[0].reason
    assert [part.holds for part in reason.parts] == [True, False]
    assert reason.parts[1].values == {"allocation": percent}


def test_a_condition_that_cannot_be_evaluated() -> None:
    many = list(range(100))
    endless = {"all": [many, {"all": [many, {"all": [many, {"all": [many, True]}]}]}]}
    explained = explain(load_artifact(artifact({"hero": [rule(condition=endless)]})), request())
    assert "it could not be evaluated: BudgetExceededError" in str(explained)


@settings(max_examples=150, deadline=None)
@given(conditions)
def test_any_condition_is_explained(condition: Any) -> None:
    explained = explain(load_artifact(artifact({"hero": [rule(condition=condition)]})), request())
    assert str(explained)
    json.dumps(explained.as_object())
