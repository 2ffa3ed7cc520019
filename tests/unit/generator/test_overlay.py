"""Applying an overlay to a specification."""

import copy
import re

import pytest
from openapi_spec_validator import validate

from generator import bundle, overlay
from generator.errors import SpecificationError

DOCUMENT = {
    "a": {"list": ["x", "y", "x"], "deep": {"one": {"n": 1}, "two": {"n": 2}}},
    "$odd name": {"'quoted'": 1},
    "things": [{"kind": "old", "n": 1}, {"kind": "new", "n": 2}, "text"],
}


def laid(*actions, document=DOCUMENT, **options):
    return overlay.apply({"actions": list(actions)}, document, **options)


def values(target):
    return [node.value for node in overlay.select(DOCUMENT, target)]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("$", [DOCUMENT]),
        ("$.a.deep.one.n", [1]),
        ("$.a['deep']['two'].n", [2]),
        ('$["$odd name"]["\'quoted\'"]', [1]),
        ("$.a.list[1]", ["y"]),
        ("$.a.list[3]", []),
        ("$.a.deep[0]", []),
        ("$.a.list.deep", []),
        ("$.a.deep.*.n", [1, 2]),
        ("$.a.list[*]", ["x", "y", "x"]),
        ("$.a.deep.one.n.*", []),
        ("$.a.list[?@ == 'x']", ["x", "x"]),
        ("$.things[?@.kind=='new'].n", [2]),
        ('$.things[?@.kind == "none"]', []),
        ("$.a.deep[?@.n == 'x']", []),
        ("$.nothing.at.all", []),
    ],
)
def test_places(target, expected):
    assert values(target) == expected


@pytest.mark.parametrize("target", ["$..n", "$.a[", "$.a[?@.n > 1]", "$.a.list[-1]", "$ .a"])
def test_places_it_cannot_read(target):
    with pytest.raises(SpecificationError, match=r"the target cannot be read at .* \(use only"):
        values(target)


def test_a_place_that_does_not_start_at_the_root():
    with pytest.raises(SpecificationError, match="a target must start with"):
        values("a.b")


def test_removing():
    result = laid(
        {"target": "$.a.list[?@ == 'x']", "remove": True},
        {"target": "$.a.deep.one", "remove": True},
        {"target": "$.things[0].kind", "remove": True},
    )

    assert result["a"] == {"list": ["y"], "deep": {"two": {"n": 2}}}
    assert result["things"][0] == {"n": 1}


def test_updating():
    result = laid(
        {
            "target": "$.a",
            "update": {"deep": {"one": {"m": 3}, "two": "gone"}, "list": ["z"], "new": {"b": [1]}},
        },
        {"target": "$.a.list", "update": "w"},
        {"target": "$.things[?@.kind == 'old']", "update": {"kind": "older"}},
    )

    assert result["a"] == {
        "list": ["x", "y", "x", "z", "w"],
        "deep": {"one": {"n": 1, "m": 3}, "two": "gone"},
        "new": {"b": [1]},
    }
    assert result["things"][0] == {"kind": "older", "n": 1}


def test_nothing_is_shared_with_what_it_is_laid_over():
    before = copy.deepcopy(DOCUMENT)
    update = {"target": "$.a.deep.*", "update": {"shared": {"list": []}}}

    result = laid(update, {"target": "$.a.deep.one.shared.list", "update": 1})

    assert before == DOCUMENT
    assert update["update"] == {"shared": {"list": []}}
    assert result["a"]["deep"]["two"]["shared"] == {"list": []}


def test_an_action_may_do_nothing():
    assert laid({"target": "$.a"}) == DOCUMENT


def test_a_purpose_chooses_actions():
    actions = [
        {"target": "$.a.list", "x-purpose": "correction", "update": "c"},
        {"target": "$.a.list", "x-purpose": "convenience", "update": "d"},
    ]

    assert laid(*actions, purpose="correction")["a"]["list"] == ["x", "y", "x", "c"]
    assert laid(*actions)["a"]["list"] == ["x", "y", "x", "c", "d"]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"target": "$.a.gone", "remove": True}, "has nothing at the target"),
        ({"target": "$.a.list[?@ == 'gone']", "remove": True}, "has nothing at the target"),
        (
            {"target": "$.a.list", "x-expects": ["x"], "remove": True},
            r'for \["x"\], .* has \["x", "y", "x", "z"\]',
        ),
        ({"target": "$.a.list[0]", "update": {"a": 1}}, "an update needs a list at the target"),
        ({"target": "$.a", "update": "text"}, "an update needs a list at the target"),
    ],
)
def test_an_action_that_does_not_fit(action, message):
    action = {"description": "because\n  of that.", **action}
    fits = {"target": "$.a.list", "update": "z"}

    with pytest.raises(SpecificationError, match=message) as caught:
        laid(fits, action)

    assert f"overlay action 2 (target {action['target']}) no longer fits" in str(caught.value)
    assert laid(fits, action, strict=False) == laid(fits)


def test_the_reason_of_an_action_that_does_not_fit_is_given():
    with pytest.raises(
        SpecificationError,
        match=r"; change or remove the action in openapi/overlay\.yaml; its reason was: because of that\.",
    ):
        laid({"target": "$.b", "description": "because\n  of that.", "remove": True})


def test_what_is_expected_is_compared_without_prose():
    schema = {
        "description": "d",
        "x-more": 1,
        "properties": {"description": {"type": "string", "example": "e"}, "x-name": {"title": "t"}},
        "items": [{"summary": "s", "a": 1}],
    }

    assert overlay.without_prose(schema) == {
        "properties": {"description": {"type": "string"}, "x-name": {}},
        "items": [{"a": 1}],
    }
    action = {"target": "$.s", "x-expects": overlay.without_prose(schema), "remove": True}
    assert laid(action, document={"s": schema}) == {}


PUBLISHED = {"View": {"id": {"type": "string"}, "name": {"type": "string"}}, "required": ["index", "name"], "n": None}


def problems(*actions, document=PUBLISHED):
    with pytest.raises(SpecificationError) as caught:
        laid(*actions, document=document)
    return caught.value.problems


def test_every_action_that_does_not_fit_is_listed():
    found = problems(
        {"target": "$.View.gone", "remove": True},
        {"target": "$.View.name", "remove": True},
        {"target": "$.View[", "remove": True},
        {"target": "$.View.key", "remove": True},
        {"target": "$.View.key", "update": {"a": 1}, "x-expects-absent": ["a"]},
        {"target": "$.required", "remove": True, "x-expects": ["index"]},
    )

    assert [line.split(" (")[0] for line in found] == [f"overlay action {number}" for number in (1, 3, 4, 5, 6)]
    assert not any("\n" in line for line in found)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # The second action is inside what the first one adds.
        (
            {"target": "$.Gone", "update": {"id": {"type": "integer"}}, "x-expects-absent": ["id"]},
            {"target": "$['Gone'].id", "update": {"minimum": 1}, "x-expects": {"type": "integer"}},
        ),
        (
            {"target": "$.View", "update": {"id": {"type": "integer"}}, "x-expects-absent": ["id"]},
            {"target": "$.View.id", "update": {"minimum": 1}, "x-expects": {"type": "integer"}},
        ),
        # The second action replaces what the first one removes.
        (
            {"target": "$.View.id", "remove": True, "x-expects": {"type": "number"}},
            {"target": "$.View", "update": {"id": {"type": "integer"}}, "x-expects-absent": ["id"]},
        ),
        # The second action expects what the first one leaves.
        (
            {"target": "$.View.id", "update": {"minimum": 1}, "x-expects": {"type": "integer"}},
            {"target": "$.View.id", "remove": True, "x-expects": {"type": "integer", "minimum": 1}},
        ),
    ],
)
def test_an_action_that_depends_on_one_that_does_not_fit_is_not_listed(first, second):
    assert [line.split(" (")[0] for line in problems(first, second)] == ["overlay action 1"]


def test_an_independent_action_at_the_same_place_is_listed():
    found = problems(
        {"target": "$.View", "update": {"id": {"type": "integer"}}, "x-expects-absent": ["id"]},
        {"target": "$.View", "update": {"name": {"type": "integer"}}, "x-expects-absent": ["name"]},
    )

    assert len(found) == 2


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            {"target": "$.View", "update": {"id": {"type": "integer"}}, "x-expects-absent": ["id"]},
            r'for a target without "id" and adds {"id": {"type": "integer"}}, '
            r'but the specification has {"id": {"type": "string"}}; change or remove',
        ),
        (
            {"target": "$.required", "update": "name", "x-expects-absent": ["name"]},
            r'without "name", but the specification has \["index", "name"\]',
        ),
        ({"target": "$.n", "update": {"a": 1}, "x-expects-absent": ["a"]}, "but the specification has null"),
        ({"target": "$.View", "update": [1], "x-expects-absent": [[1]]}, "and an object as the update"),
        ({"target": "$.n.deep", "remove": True}, "has nothing at the target"),
        ({"target": "$.View", "update": {"a": {}}, "x-expects-absent": [{"b": 1}, "id"]}, 'without "id"'),
        ({"target": "$.n", "remove": True, "x-expects": {"type": "x"}}, "but the specification has null"),
    ],
)
def test_what_an_action_expects_to_be_absent(action, message):
    (found,) = problems(action)
    assert re.search(message, found)


@pytest.mark.parametrize(
    "document", [{"View": None}, {"View": []}, {"View": "text"}, {"View": {"id": None}}, {"View": 1.5}]
)
def test_a_document_of_any_form_gives_misfits_only(document):
    for target in ("$.View.id", "$.View[0].id", "$.View.*", "$.View[?@.id == 'x']", "$.View[?@ == 'x']"):
        for more in ({"remove": True}, {"update": {"a": 1}}, {"update": "x"}, {"update": None}):
            for expects in ({}, {"x-expects": {"a": 1}}, {"x-expects-absent": ["a", 1, None, {"a": 1}]}):
                laid({"target": target, **more, **expects}, document=document, strict=False)


def test_an_allof_around_a_reference_means_the_reference():
    document = {"a": {"items": {"description": "d", "allOf": [{"$ref": "#/b"}]}}}

    assert laid({"target": "$.a", "x-expects": {"items": {"$ref": "#/b"}}, "remove": True}, document=document) == {}


def test_true_is_not_one():
    assert problems({"target": "$.a", "x-expects": {"n": 1}, "remove": True}, document={"a": {"n": True}})


def test_an_update_must_say_what_it_expects():
    actions = [
        {"target": "$.a", "update": {"b": 1, "c": 1}},
        {"target": "$.a", "update": {"b": 1, "c": 1}, "x-expects-absent": ["b"]},
        {"target": "$.a", "update": {"b": 1}, "x-expects-absent": ["b"]},
        {"target": "$.a", "update": {"b": 1}, "x-expects": {}},
        {"target": "$.a", "update": "b"},
        {"target": "$.a", "update": "b", "x-expects-absent": ["b"]},
        {"target": "$.a", "update": {"name": 1}, "x-expects-absent": [{"name": 1}]},
        {"target": "$.a", "remove": True},
    ]
    with pytest.raises(SpecificationError) as caught:
        overlay.check_form({"overlay": "1.0.0", "info": {"title": "t", "version": "1"}, "actions": actions}, "my.yaml")

    assert [line.split(" (")[0] for line in caught.value.problems] == [
        f"my.yaml: overlay action {number}" for number in (1, 2, 5)
    ]
    assert 'list what it adds ("c") in x-expects-absent' in caught.value.problems[1]


def test_every_problem_of_the_form_is_listed():
    actions = [{"target": "$", "add": 1}, {"target": 1}, {"target": "$", "x-purpose": "corection"}]
    with pytest.raises(SpecificationError) as caught:
        overlay.check_form({"overlay": "1.0.0", "actions": actions}, "my.yaml")

    assert len(caught.value.problems) == 4


def test_a_type_that_is_none_can_be_corrected(published):
    """The document is not valid before the correction."""
    time = published["components"]["schemas"]["Order"]["properties"]["time"]
    time.clear()
    time["type"] = "date-time"
    action = {
        "target": "$.components.schemas.Order.properties.time",
        "x-purpose": "correction",
        "x-expects": {"type": "date-time"},
        "update": {"type": "string", "format": "date-time"},
    }

    corrected = laid(action, document=published, purpose="correction")

    validate(corrected)
    assert corrected["components"]["schemas"]["Order"]["properties"]["time"] == {
        "type": "string",
        "format": "date-time",
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], r"at its top, \[\] is not of type 'object'"),
        ({"overlay": "1.0.0", "actions": [{"target": "$"}]}, "'info' is a required property"),
        (
            {"overlay": "2.0.0", "info": {"title": "t", "version": "1"}, "actions": [{"target": "$"}]},
            "at overlay",
        ),
        ({"overlay": "1.0.0", "info": {"title": "t", "version": "1"}, "actions": []}, "at actions"),
        (
            {
                "overlay": "1.0.0",
                "info": {"title": "t", "version": "1"},
                "actions": [{"target": "$", "add": 1}],
            },
            "at actions/0, .*'add'",
        ),
    ],
)
def test_what_is_no_overlay(document, message):
    with pytest.raises(SpecificationError, match=f"my.yaml is not an OpenAPI Overlay 1.0 document: .*{message}"):
        overlay.check_form(document, "my.yaml")


@pytest.mark.parametrize(
    ("found", "fits"),
    [
        ({"required": ["a", "b"], "oneOf": [{"type": "x"}, {"type": "y"}]}, True),
        ({"required": ["b", "a"], "oneOf": [{"type": "x"}, {"type": "y"}]}, True),
        ({"required": ["b"], "oneOf": [{"type": "x"}, {"type": "y"}]}, False),
        ({"required": ["a", "b"], "oneOf": [{"type": "y"}, {"type": "x"}]}, False),
    ],
)
def test_lists_of_names_are_expected_in_any_order(found, fits):
    expected = {"required": ["a", "b"], "oneOf": [{"type": "x"}, {"type": "y"}]}
    action = {"target": "$.s", "x-expects": expected, "remove": True}

    assert (laid(action, document={"s": found}, strict=False) == {}) is fits


class TestCommittedOverlay:
    """The effects of this project's overlay on the published specification."""

    @pytest.fixture
    def schemas(self, published, overlay_document):
        return bundle.flatten(overlay.apply(overlay_document, published))["components"]["schemas"]

    def test_it_has_the_form_and_every_action_has_its_reason(self, overlay_document):
        overlay.check_form(overlay_document, "overlay.yaml")
        for action in overlay_document["actions"]:
            assert len(action["description"]) > 20
            assert action["x-purpose"] in ("correction", "convenience")

    def test_it_extends_the_specification_beside_it(self, overlay_document):
        assert overlay_document["extends"] == "./delivery.yaml"

    def test_the_result_is_valid(self, published, overlay_document):
        validate(overlay.apply(overlay_document, published))

    def test_what_callers_may_leave_out(self, schemas):
        for name in ("DeliveryRequest", "Context", "MboxRequest", "UnexpectedError"):
            assert "required" not in schemas[name]
        assert schemas["Notification"]["required"] == ["id", "type", "timestamp"]

    def test_what_the_edge_really_sends(self, schemas):
        assert schemas["ResponseTokens"]["additionalProperties"] is True
        assert schemas["TraceResponse"]["additionalProperties"] is True
        assert "type" not in schemas["Option"]["properties"]["content"]
        assert "oneOf" not in schemas["Option"]["properties"]["content"]
        assert schemas["View"]["properties"]["id"]["type"] == "integer"
        assert not [name for name, schema in schemas.items() if "$_type" in schema.get("properties", {})]

    def test_corrections_leave_what_the_edge_requires(self, published, overlay_document):
        corrected = overlay.apply(overlay_document, published, purpose="correction")["components"]["schemas"]

        assert corrected["MboxRequest"]["required"] == ["index", "name"]
        assert corrected["DeliveryRequest"]["required"] == ["context"]
        assert corrected["Context"]["required"] == ["channel"]
