"""The part of an answer that a rule makes: macros, response tokens, event tokens, metrics."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from target_delivery.decisioning import decide, load_artifact
from target_delivery.decisioning.macros import compile_macros
from tests.unit.decisioning.artifacts import artifact, request, rule

META: Any = {
    "activity.id": 7,
    "activity.name": "Seven",
    "experience.id": 0,
    "experience.name": "A & B",
    "offer.id": 1.5,
    "option.id": None,
    "audience.ids": [1, 2],
    "deep.object": {"a": 1},
}
ITEM: Any = {
    "name": "hero",
    "index": 3,
    "address": {"url": "https://example.com/"},
    "parameters": {
        "user": "ada",
        "favorite.color": "red",
        "zero": 0,
        "no": None,
        "name": "not the mbox",
        "a-b": "dash",
    },
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${activity.name}", "Seven"),
        ("a ${campaign.id} b ${campaign.recipe.name} c", "a 7 b A & B c"),
        ("${recipe.id}", "0"),
        ("${campaign.recipe.id}${x.y.activity.id}", "07"),
        ("${offer.id}", "1.5"),
        ("${mbox.name}", "hero"),
        ("${mbox.index}", "3"),
        ("${mbox.user}", "ada"),
        ("${user}", "ada"),
        ("${mbox.favorite.color}", "red"),
        ("${any.mbox.user}", "ada"),
        ("${mbox.zero}", "0"),
        ("${mbox.a-b}", "dash"),
        ("${mbox.no} ${option.id} ${mbox.address} ${audience.ids} ${deep.object} ${mbox}", None),
        ("${nobody} ${} ${ user } ${us er} $user {user} ${user", None),
        ("${${user}}", "${ada}"),
        ("\\${user}", "\\ada"),
    ],
)
def test_macros(text: str, expected: str | None) -> None:
    filled_in = compile_macros(text, META)
    made = filled_in if isinstance(filled_in, str) else filled_in(ITEM)
    assert made == (text if expected is None else expected)


def test_a_value_with_a_macro_in_it_is_not_filled_in_again() -> None:
    filled_in = compile_macros("${activity.name} ${mbox.user}", {"activity.name": "${mbox.user}"})
    assert callable(filled_in)
    assert filled_in({"parameters": {"user": "${activity.name}"}}) == "${mbox.user} ${activity.name}"


@given(st.text("${}.ab\n", max_size=40))
def test_any_text(text: str) -> None:
    filled_in = compile_macros(text, {"a.b": "1"})
    assert isinstance(filled_in if isinstance(filled_in, str) else filled_in({"a": "2"}), str)


def decided(options: Any, metrics: Any = None, mode: str = "prefetch", **changes: Any) -> Any:
    made = rule("hero", meta={**META, "activity.type": "ab"})
    made["consequence"] |= {"options": options, "metrics": metrics, **changes.pop("consequence", {})}
    loaded = load_artifact(
        artifact({"hero": [made]}, responseTokens=["activity.id", "option.id", "audience.ids", "geo.city"])
    )
    answer: Any = decide(loaded, request(mode=mode, **changes)).response[mode]
    return answer["mboxes"][0]


def test_macros_in_html_and_in_texts_of_actions() -> None:
    asked: Any = {"prefetch": {"mboxes": [{**ITEM, "name": "hero"}]}}
    actions = [
        {"type": "a", "content": "${activity.name}"},
        {"type": "b", "content": "${mbox.user}"},
        "odd",
        {"content": {}},
    ]
    options = [
        {"type": "html", "content": "${mbox.user}"},
        {"type": "html", "content": "${activity.id}"},
        {"type": "html", "content": {"a": "${mbox.user}"}},
        {"type": "actions", "content": actions},
        {"type": "actions", "content": "${mbox.user}"},
        {"type": "json", "content": "${mbox.user}"},
        {"type": "redirect", "content": "${activity.id}"},
    ]
    contents = [option["content"] for option in decided(options, **asked)["options"]]
    assert contents == [
        "ada",
        "7",
        {"a": "${mbox.user}"},
        [{"type": "a", "content": "Seven"}, {"type": "b", "content": "ada"}, "odd", {"content": {}}],
        "${mbox.user}",
        "${mbox.user}",
        "${activity.id}",
    ]


def test_macros_do_not_leak_from_one_visitor_to_the_next() -> None:
    made = rule()
    made["consequence"]["options"] = [{"type": "actions", "content": [{"type": "a", "content": "${mbox.user}"}]}]
    loaded = load_artifact(artifact({"hero": [made]}))
    for user in ("ada", "bob", None):
        parameters = {"user": user} if user else {}
        asked = request(prefetch={"mboxes": [{"name": "hero", "index": 0, "parameters": parameters}]})
        content = decide(loaded, asked).response["prefetch"]["mboxes"][0]["options"][0]["content"]
        assert content == [{"type": "a", "content": user or "${mbox.user}"}]


def test_response_tokens() -> None:
    context = {"geo": {"city": "ULM", "countryCode": "DE"}}
    option = {"type": "html", "content": "x", "responseTokens": {"own": 1, "activity.id": "replaced"}}
    tokens = decided([option], context=context)["options"][0]["responseTokens"]
    assert tokens == {"own": 1, "activity.id": 7, "activity.decisioningMethod": "on-device", "geo.city": "ULM"}
    assert "geo.city" not in decided([option])["options"][0]["responseTokens"]


DISPLAY, CLICK = {"type": "display", "eventToken": "d"}, {"type": "click", "eventToken": "c"}


def test_event_tokens_and_metrics() -> None:
    options = [{"type": "html", "content": "x"}, {"type": "html", "content": "y"}, {"eventToken": "own"}]
    prefetched = decided(options, [CLICK, DISPLAY, {"type": "display"}, "odd"])
    assert [option.get("eventToken") for option in prefetched["options"]] == ["d", None, "own"]
    assert "metrics" not in prefetched
    executed = decided(options, [CLICK, DISPLAY, "odd"], mode="execute")
    assert [option["content"] for option in executed["options"]] == ["x", "y"]
    assert all("eventToken" not in option for option in executed["options"])
    assert executed["metrics"] == [CLICK]


def test_other_keys_of_a_consequence_stay() -> None:
    answer = decided([], consequence={"analytics": {"payload": {"pe": "tnt"}}, "id": 5, "name": None})
    assert answer == {"name": "hero", "index": 1, "options": [], "id": 5, "analytics": {"payload": {"pe": "tnt"}}}
