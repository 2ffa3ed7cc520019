"""The JSON Schema of the requests that the edge accepts."""

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from generator import bundle
from generator.errors import SpecificationError
from generator.wire import wire_schema

COMMITTED = Path(__file__).resolve().parents[3] / "generated" / "target_delivery_api" / "wire_schema.json"
REQUEST = {
    "context": {"channel": "web", "address": {"url": "https://x.test/"}},
    "execute": {"mboxes": [{"index": 0, "name": "home", "parameters": {"a": "b"}, "new": 1}]},
    "notifications": [{"id": "1", "type": "click", "timestamp": 1700000000000}],
}


@pytest.fixture(scope="module")
def edge():
    schema = json.loads(COMMITTED.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_a_complete_request_is_accepted(edge):
    assert not list(edge.iter_errors(REQUEST))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("context",), None),
        (("context", "channel"), None),
        (("context", "channel"), "tv"),
        (("context", "address", "url"), "x" * 4097),
        (("execute", "mboxes", 0, "index"), None),
        (("execute", "mboxes", 0, "index"), 2**31),
        (("execute", "mboxes", 0, "name"), None),
        (("execute", "mboxes", 0, "parameters"), {str(number): "x" for number in range(51)}),
        (("execute", "mboxes", 0, "parameters", "a"), 1),
        (("notifications", 0, "id"), "x" * 201),
        (("notifications", 0, "timestamp"), 1.5),
        (("notifications", 0, "type"), None),
    ],
)
def test_what_the_edge_refuses(edge, path, value):
    request = copy.deepcopy(REQUEST)
    holder = request
    for key in path[:-1]:
        holder = holder[key]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value

    assert list(edge.iter_errors(request))


def specification(body, **schemas):
    content = {"application/json": {"schema": body}}
    return {
        "paths": {"/a": {"post": {"requestBody": {"content": content}}}},
        "components": {"schemas": schemas},
    }


def test_how_openapi_becomes_json_schema():
    document = specification(
        {"$ref": "#/components/schemas/Root"},
        Root={
            "description": "d",
            "type": "object",
            "discriminator": {"propertyName": "kind"},
            "x-more": 1,
            "properties": {
                "title": {"type": "string", "nullable": True, "default": "a"},
                "small": {"type": "integer", "format": "int32", "minimum": 1},
                "when": {"type": "string", "format": "date-time"},
                "one": {
                    "oneOf": [
                        {"$ref": "#/components/schemas/Part"},
                        {"type": "array", "items": {"type": "string"}},
                    ]
                },
                "part": {"description": "d", "allOf": [{"$ref": "#/components/schemas/Part"}]},
                "again": {"$ref": "#/components/schemas/Root"},
            },
        },
        Part={"type": "object", "additionalProperties": {"type": "number", "format": "double"}},
        Unused={"type": "string"},
    )

    assert wire_schema(document) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Root",
        "type": "object",
        "properties": {
            "title": {"type": ["string", "null"]},
            "small": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
            "when": {"type": "string", "format": "date-time"},
            "one": {"oneOf": [{"$ref": "#/$defs/Part"}, {"type": "array", "items": {"type": "string"}}]},
            "part": {"$ref": "#/$defs/Part"},
            "again": {"$ref": "#"},
        },
        "$defs": {"Part": {"type": "object", "additionalProperties": {"type": "number", "format": "double"}}},
    }


def test_a_specification_without_a_named_body():
    with pytest.raises(SpecificationError, match="No operation under paths has a JSON body"):
        wire_schema(specification({"type": "object"}))


@pytest.mark.parametrize(
    ("openapi", "expected"),
    [
        ({"type": "string", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            {"nullable": True, "allOf": [{"$ref": "#/components/schemas/Root"}]},
            {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        ),
        (
            {"nullable": True, "oneOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "null"}]},
        ),
        ({"nullable": True, "enum": [None]}, {"enum": [None]}),
        ({"minimum": 5, "exclusiveMinimum": True}, {"exclusiveMinimum": 5}),
        ({"minimum": 5, "exclusiveMinimum": False}, {"minimum": 5}),
        ({"maximum": 5, "exclusiveMaximum": True, "minimum": 1}, {"exclusiveMaximum": 5, "minimum": 1}),
        (
            {"format": "int32", "minimum": -(2**40), "maximum": 7, "exclusiveMaximum": True},
            {"minimum": -(2**31), "exclusiveMaximum": 7},
        ),
        ({"not": {"nullable": True, "type": "string"}}, {"not": {"type": ["string", "null"]}}),
        ({"patternProperties": {"^a": {"deprecated": True}}}, {"patternProperties": {"^a": {}}}),
        (
            {"properties": {"default": {"default": 1}}, "enum": [{"nullable": 1}]},
            {"properties": {"default": {}}, "enum": [{"nullable": 1}]},
        ),
    ],
)
def test_one_schema(openapi, expected):
    document = specification(
        {"$ref": "#/components/schemas/Root"}, Root={"type": "object", "properties": {"x": openapi}}
    )

    schema = wire_schema(document)

    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["x"] == expected


def test_a_reference_to_nothing():
    with pytest.raises(SpecificationError, match=r"components\.schemas has no Gone"):
        wire_schema(specification({"allOf": [{"$ref": "#/components/schemas/Gone"}], "description": "d"}))


def test_a_new_operation_does_not_change_the_request(published):
    schema = {"$ref": "#/components/schemas/Geo"}
    body = {"content": {"application/json": {"schema": schema}}}
    published["paths"] = {"/first": {"post": {"requestBody": body, "responses": {}}}, **published["paths"]}

    assert wire_schema(bundle.flatten(published))["title"] == "DeliveryRequest"
