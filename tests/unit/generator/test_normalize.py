"""One form for all that is published: OpenAPI 3.1 becomes 3.0, and broken parts are left out."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from generator import bundle, overlay
from generator.errors import SpecificationError
from generator.wire import wire_schema

A = {"$ref": "#/components/schemas/A"}
NULL = {"type": "null"}
STRING = {"type": "string"}


def flat(schema, version="3.1.0"):
    document = {"openapi": version, "components": {"schemas": {"A": {}, "X": {"properties": {"x": schema}}}}}
    return bundle.flatten(document)["components"]["schemas"]["X"]["properties"]["x"]


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ({"type": ["string", "null"]}, {**STRING, "nullable": True}),
        ({"type": ["string"]}, STRING),
        (NULL, {"nullable": True, "enum": [None]}),
        ({"const": None}, {"nullable": True, "enum": [None]}),
        ({"const": "a"}, {"enum": ["a"]}),
        ({"type": ["string", "null"], "enum": ["a", None]}, {**STRING, "nullable": True, "enum": ["a"]}),
        ({"type": ["string", "null"], "enum": ["a"]}, {**STRING, "enum": ["a"]}),
        ({"enum": ["a", None]}, {"nullable": True, "enum": ["a"]}),
        ({"anyOf": [A, NULL]}, {"nullable": True, "allOf": [A]}),
        ({"oneOf": [NULL, STRING], "description": "d"}, {**STRING, "nullable": True, "description": "d"}),
        ({"oneOf": [A, STRING, NULL]}, {"oneOf": [A, STRING], "nullable": True}),
        ({**A, "description": "d", "deprecated": True}, {"description": "d", "deprecated": True, "allOf": [A]}),
        ({"exclusiveMinimum": 5}, {"minimum": 5, "exclusiveMinimum": True}),
        ({"exclusiveMinimum": 5, "minimum": 7}, {"minimum": 7}),
        ({"exclusiveMaximum": 5, "maximum": 5}, {"maximum": 5, "exclusiveMaximum": True}),
        (True, {}),
        (False, {"not": {}}),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        (
            {"type": ["string", "array", "null"], "maxLength": 3, "items": True, "title": "t"},
            {
                "title": "t",
                "nullable": True,
                "anyOf": [{"type": "string", "maxLength": 3}, {"type": "array", "items": {}}],
            },
        ),
    ],
)
def test_openapi_31(published, expected):
    assert flat(published) == expected


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (A, A),
        ({**A, "description": "d", "nullable": True, "maxLength": 1}, {"description": "d", "allOf": [A]}),
        ({**A, "nullable": True}, A),
        ({**STRING, "nullable": True}, {**STRING, "nullable": True}),
        ({"minimum": 1, "exclusiveMinimum": False}, {"minimum": 1}),
        ({"properties": None, "required": [1, "a"], "maxLength": "9", "allOf": [None, 5]}, {"required": ["a"]}),
        ({"x-own": {"$ref": 5}, "example": {"$ref": "x"}}, {"x-own": {"$ref": 5}, "example": {"$ref": "x"}}),
    ],
)
def test_openapi_30(published, expected):
    result = flat(published, "3.0.3")
    result.pop("allOf") if result.get("allOf") == [{}, {}] else None

    assert result == expected


@pytest.mark.parametrize("document", [{}, {"paths": None, "components": None}, {"paths": {"/a": {"get": []}}}])
def test_the_main_parts_are_always_there(document):
    result = bundle.flatten(document)

    assert result["components"]["schemas"] == {}
    assert all(value == {} for value in result["paths"].values())


JUNK = st.sampled_from(
    [
        *(None, True, False, 0, -1.5, "", "text", [], [None], {}, {"$ref": 5}, {"$ref": "#/components/schemas/Order"}),
        *({"allOf": None}, {"properties": None}, {"enum": []}, {"type": "array"}, {"type": ["string", "null"]}),
        *({"oneOf": [A, NULL]}, {"discriminator": {"mapping": {"x": 3}}}, {"exclusiveMinimum": 3, "minimum": 4}),
    ]
)


def places(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@given(st.data(), st.sampled_from(["3.0.3", "3.1.0"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_junk_is_refused_with_a_sentence(published, overlay_document, write, data, version):
    document = {**copy.deepcopy(published), "openapi": version}
    *path, last = data.draw(st.sampled_from(list(places(document))))
    holder = document
    for key in path:
        holder = holder[key]
    holder[last] = data.draw(JUNK)
    try:
        bundled = bundle.bundle(str(write("junk.yaml", document)))
        bundle.flatten(bundled)
        overlaid = overlay.apply(overlay_document, bundled, strict=False)
        bundle.validate(overlaid, "junk.yaml")
        wire_schema(bundle.flatten(overlaid))
    except SpecificationError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message
    assert "any of the given schemas" not in message
