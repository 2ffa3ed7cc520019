"""Samples that a schema allows, for the trial of a fresh package."""

import pytest
from hypothesis import HealthCheck, find, given, settings, strategies as st
from jsonschema import Draft202012Validator

from generator.samples import Samples

REF = "#/components/schemas/"

SCHEMAS = {
    "text": {"type": "string"},
    "long text": {"type": "string", "minLength": 20, "maxLength": 22},
    "short text": {"type": "string", "maxLength": 1},
    "pattern": {"type": "string", "pattern": "^[a-c]{2,3}$"},
    "integer": {"type": "integer", "minimum": 3, "maximum": 5},
    "low integer": {"type": "integer", "maximum": -10},
    "high integer": {"type": "integer", "minimum": 2**40},
    "number": {"type": "number", "minimum": 0.5, "maximum": 2},
    "flag": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 3},
    "map": {"type": "object", "additionalProperties": {"type": "boolean"}, "minProperties": 1, "maxProperties": 2},
    "object": {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "string"}, "b": {"$ref": f"{REF}Node"}},
    },
    "enum": {"type": "string", "enum": ["x", "y"]},
    "branches": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    "one part": {"allOf": [{"$ref": f"{REF}Node"}]},
    "recursive": {"$ref": f"{REF}Node"},
    "anything": {},
    "a reference with words": {"allOf": [{"$ref": f"{REF}Node"}, {"description": "A node."}]},
    "a reference with a requirement": {"allOf": [{"$ref": f"{REF}Node"}, {"required": ["all"]}]},
    "a limit in a part of its own": {"allOf": [{"type": "string"}, {"maxLength": 2}]},
    "a list in two parts": {"allOf": [{"type": "array"}, {"items": {"type": "integer"}}]},
    "fractions": {"type": "number", "minimum": 0.5, "maximum": 0.75},
    "a large number": {"type": "number", "minimum": 123456789},
    "every number": {"type": "number", "minimum": -1.7976931348623157e308, "maximum": 1.7976931348623157e308},
    "values of two types": {"type": "string", "enum": ["a", 1]},
}

NODE = {
    "type": "object",
    "properties": {"next": {"$ref": f"{REF}Node"}, "all": {"type": "array", "items": {"$ref": f"{REF}Node"}}},
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_a_schema_allows_its_samples(schema, data):
    document = {"components": {"schemas": {"Node": NODE}}}
    value = data.draw(Samples(document).of(schema))

    assert Draft202012Validator({**schema, **document}).is_valid(value)


@pytest.mark.parametrize("key", ["oneOf", "anyOf"])
def test_alternatives_beside_properties_are_objects(key):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, key: [{"required": ["a"]}, {"required": []}]}

    assert find(Samples({}).of(schema), lambda _: True) == {}


def test_limits_may_be_exclusive():
    schema = {"minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True}

    assert 0 < find(Samples({}).of({"type": "number", **schema}), lambda _: True) < 1
    assert find(Samples({}).of({"type": "integer", **schema, "maximum": 2}), lambda _: True) == 1


def test_null_alone():
    assert find(Samples({}).of({"nullable": True, "enum": [None]}), lambda _: True) is None


def test_a_nullable_schema_is_null_at_times():
    strategy = Samples({}).of({"type": "boolean", "nullable": True})

    assert find(strategy, lambda value: value is None) is None
    assert find(strategy, lambda value: value is not None) is False


def test_a_pattern_that_python_cannot_read_is_left_out():
    assert isinstance(find(Samples({}).of({"type": "string", "pattern": "(?<name>a)\\p{L}"}), bool), str)


@settings(max_examples=10)
@given(data=st.data())
def test_a_branch_has_the_tag_that_its_discriminator_demands(data):
    node = {"type": "object", "properties": {"kind": {"type": "string"}}}
    document = {"components": {"schemas": {"A": node, "B": node}}}
    schema = {
        "oneOf": [{"$ref": f"{REF}A"}, {"$ref": f"{REF}B"}],
        "discriminator": {"propertyName": "kind", "mapping": {"a": f"{REF}A"}},
    }

    assert data.draw(Samples(document).of(schema))["kind"] in ("a", "B")
