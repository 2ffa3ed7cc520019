"""Reading, checking and compiling artifacts."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from target_delivery.decisioning import ArtifactError, DecisioningError, decide, decode_bin, load_artifact
from tests.unit.decisioning.artifacts import artifact, request, rule
from tests.unit.decisioning.test_jsonlogic import conditions, json_values

ORGANIZATION = "1234567890@AdobeOrg"
KEY = bytes(range(65, 97))


def masked(content: bytes, head: bytes = b"ATOD:001", organization: str = ORGANIZATION) -> bytes:
    key = organization.encode() + KEY
    return head + KEY + bytes(byte ^ key[at % len(key)] for at, byte in enumerate(content))


def test_what_a_loaded_artifact_says() -> None:
    loaded = load_artifact(json.dumps(artifact(version="1.7.3")))
    assert (loaded.version, loaded.client, loaded.environment) == ("1.7.3", "acme", "production")
    assert (loaded.global_mbox, loaded.geo_targeting_enabled, loaded.warning) == ("target-global-mbox", True, "")
    assert [found.key for found in loaded.mbox("hero").rules] == ["7"]
    assert loaded.mbox("other").rules == ()
    assert dict(loaded.meta) == {"clientCode": "acme", "environment": "production"}


@pytest.mark.parametrize("encode", [str.encode, lambda text: b"\xef\xbb\xbf" + text.encode(), lambda text: text])
def test_bytes_and_text(encode: Any) -> None:
    assert load_artifact(encode(json.dumps(artifact()))).client == "acme"


def test_a_mapping_is_copied() -> None:
    source = artifact()
    loaded = load_artifact(source)
    source["rules"]["mboxes"]["hero"][0]["consequence"]["options"][0]["content"]["a"].append("changed")
    source["meta"]["clientCode"] = "changed"
    options = decide(loaded, request()).response["prefetch"]["mboxes"][0]["options"]
    assert options[0]["content"] == {"a": [1, {"b": 2}]}
    assert loaded.meta["clientCode"] == "acme"


@pytest.mark.parametrize("head", [b"ATOD:001", b"prefix:1", b"a:1\0\0\0\0\0", b"rules:1 "])
def test_rules_bin(head: bytes) -> None:
    content = json.dumps(artifact(meta={"clientCode": "ümläut"}), ensure_ascii=False).encode()
    assert decode_bin(masked(content, head), ORGANIZATION) == content
    assert load_artifact(masked(content, head), organization_id=ORGANIZATION).client == "ümläut"
    assert decode_bin(masked(b"", head), ORGANIZATION) == b""


@pytest.mark.parametrize(
    ("content", "organization", "words"),
    [
        (masked(b"{}", b"ATOD:002"), ORGANIZATION, ["'002'", "version 1"]),
        (masked(b"{}", b"ATOD:one"), ORGANIZATION, ["'one'"]),
        (masked(b"{}", b"ATOD:\xb2\xb2\xb2"), ORGANIZATION, ["version"]),
        (b"ATOD:001" + KEY[:20], ORGANIZATION, ["40 bytes"]),
        (masked(b"{}"), "", ["organization_id"]),
        (masked(json.dumps(artifact()).encode()), "other@AdobeOrg", ["not JSON"]),
    ],
)
def test_a_rules_bin_that_cannot_be_read(content: bytes, organization: str, words: list[str]) -> None:
    with pytest.raises(ArtifactError) as caught:
        load_artifact(content, organization_id=organization)
    assert all(word in str(caught.value) for word in words)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b"\x80", "not JSON"),
        ("[]", "not an object"),
        ("5", "not an object"),
        ("{}", "no version"),
        ('{"version": 1}', "no version"),
        ('{"version": "2.0.0"}', "'2.0.0', but this SDK reads 1.x.y"),
        ('{"version": "10.0.0"}', "'10.0.0'"),
        ('{"version": "1.0.0"}', "no object 'rules'"),
        ('{"version": "1.0.0", "rules": []}', "no object 'rules'"),
        ('{"version": "1.0.0", "rules": {"mboxes": []}}', "rules.mboxes"),
        ('{"version": "1.0.0", "rules": {"views": {"v": {}}}}', "rules.views['v']"),
        (artifact({"hero": ["no rule"]}), "rules.mboxes['hero'][0]"),
        (artifact({"hero": [rule(consequence=None)]}), "rules.mboxes['hero'][0]"),
        (artifact({"hero": [rule(), rule(meta=[])]}), "rules.mboxes['hero'][1]"),
        ('{"version": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "not JSON|too deep"),
        (artifact(meta={"deep": nested(500)}), "deeper"),
        ({"version": object()}, "holds a value that is not JSON"),
        ({"version": float("nan")}, "holds a value that is not JSON"),
        ('{"version": 1' + "0" * 5000 + "}", "not JSON|no version"),
    ],
)
def test_a_source_that_is_not_an_artifact(source: Any, words: str) -> None:
    with pytest.raises(ArtifactError, match=words.replace("[", r"\[").replace("]", r"\]")) as caught:
        load_artifact(source)
    assert isinstance(caught.value, (DecisioningError, ValueError))


def test_rules_that_can_never_apply_are_named_in_one_warning() -> None:
    rules = [
        rule(condition={"foo": 1}, ruleKey="1"),
        rule(condition={"and": [True, {"!": nested(100)}]}, ruleKey="2"),
        rule(condition={"==": [1, {"a": nested(200), "b": 1}]}, ruleKey="3"),
        rule(consequence={"options": [{"type": "json", "content": nested(200)}]}, ruleKey="4"),
        *(rule(condition={"bar": 1}, ruleKey=f"x{at}") for at in range(3)),
        rule(ruleKey="good"),
    ]
    loaded = load_artifact(artifact({"hero": rules}))
    assert loaded.warning.startswith("7 rules of the artifact never apply: rules.mboxes['hero'][0]: the operator 'foo'")
    assert "deeper than" in loaded.warning
    assert loaded.warning.endswith("; and 2 more")
    decision = decide(loaded, request())
    assert len(decision.response["prefetch"]["mboxes"]) == 1
    assert decision.warnings == []
    assert decision.response["prefetch"]["mboxes"][0]["options"][0]["eventToken"] == "t-7"


def test_rules_of_a_property() -> None:
    rules = [rule(ruleKey=str(at), propertyTokens=[f"p-{at}"]) for at in range(200)] + [rule(ruleKey="any")]
    found = load_artifact(artifact({"hero": rules})).mbox("hero")
    for at in (*range(200), 5, 199):
        assert [member.key for member in found.for_property(f"p-{at}").rules] == [str(at), "any"]
    for token in (None, "", "unknown"):
        assert [member.key for member in found.for_property(token).rules] == ["any"]
    assert len(found._by_property) <= 64


def test_rules_without_a_key_do_not_exclude_each_other() -> None:
    rules = [rule("target-global-mbox", ruleKey=None), rule("target-global-mbox", ruleKey=None)]
    loaded = load_artifact(artifact({"target-global-mbox": rules}))
    answer = decide(loaded, {"prefetch": {"pageLoad": {}}}).response["prefetch"]
    assert len(answer["pageLoad"]["options"]) == 2


REQUEST = {
    "execute": {"pageLoad": {"parameters": {"a": "b"}}, "mboxes": [{"name": "hero", "index": 0}]},
    "prefetch": {"views": [{}], "mboxes": [{"name": "hero", "index": 0}], "pageLoad": {}},
    "trace": {},
}


@settings(max_examples=150, deadline=None)
@given(conditions)
def test_any_condition_is_decided(condition: Any) -> None:
    places = {name: [rule(name, condition), rule(name)] for name in ("hero", "target-global-mbox")}
    loaded = load_artifact(artifact(places, {"home": [rule("home", condition)]}))
    for asked in (REQUEST, {**REQUEST, "trace": None}):
        response = decide(loaded, copy.deepcopy(asked)).response
        json.dumps(response)


fragments = json_values | conditions
odd_rules = st.fixed_dictionaries(
    {},
    optional={
        "ruleKey": fragments,
        "activityId": fragments,
        "propertyTokens": fragments,
        "meta": st.dictionaries(
            st.sampled_from(["activity.id", "activity.name", "audience.ids", "offer.id", "experience.id"]), fragments
        ),
        "condition": fragments,
        "consequence": st.fixed_dictionaries(
            {},
            optional={
                "name": fragments,
                "options": fragments
                | st.lists(
                    st.fixed_dictionaries(
                        {}, optional={"type": st.sampled_from(["html", "actions", "json"]), "content": fragments}
                    )
                ),
                "metrics": fragments,
            },
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["meta", "globalMbox", "geoTargetingEnabled", "responseTokens", "localMboxes", "remoteViews"]),
        fragments,
    ),
    st.lists(odd_rules | fragments, max_size=3),
)
def test_any_artifact_is_decided_or_refused(changes: Any, rules: Any) -> None:
    source = artifact({"hero": rules, "target-global-mbox": rules}, {"home": rules}, **changes)
    try:
        loaded = load_artifact(source)
    except ArtifactError:
        return
    json.dumps(decide(loaded, copy.deepcopy(REQUEST)).response)
    decide(loaded, {**REQUEST, "trace": None})


@given(st.binary() | st.text() | json_values.filter(lambda value: isinstance(value, dict)))
def test_anything_else_is_refused(source: Any) -> None:
    with pytest.raises(ArtifactError):
        load_artifact(source, organization_id=ORGANIZATION)


def test_keys_and_ids_are_texts_or_numbers() -> None:
    name = "target-global-mbox"
    rules = [rule(name, ruleKey=5), rule(name, ruleKey=5), rule(name, ruleKey="5"), rule(name, ruleKey=[])]
    rules[3]["meta"]["activity.id"] = 1e21
    loaded = load_artifact(artifact({name: rules}))
    assert [found.key for found in loaded.mbox(name).rules] == ["5", "5", "5", f"rules.mboxes[{name!r}][3]"]
    assert [found.activity_id for found in loaded.mbox(name).rules] == ["7", "7", "7", "1e+21"]
    assert len(decide(loaded, {"prefetch": {"pageLoad": {}}}).response["prefetch"]["pageLoad"]["options"]) == 2
