"""The comparison of two specifications, the verdicts, and the report in its forms."""

import contextlib
import copy
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings, strategies as st

from generator import bundle
from generator.compare import Change, changes, compare, printable, same, without_words
from generator.errors import SpecificationError
from generator.fields import models_of
from generator.report import Report
from generator.rules import RULES, TABLE, WORST_FIRST
from generator.types import Types

from .conftest import OPENAPI
from .evolutions import EVOLUTIONS

REF = "#/components/schemas/"


TEXT = {"type": "string"}


def media(schema):
    return {"application/json": {"schema": schema}}


@pytest.fixture
def old():
    return a_document()


def a_document():
    """Return a document with one operation that takes Sent and answers Got. Sent and Got contain Both."""
    return {
        "paths": {
            "/a": {
                "parameters": [{"in": "query", "name": "p", "required": True, "schema": {"type": "string"}}],
                "post": {
                    "operationId": "execute",
                    "requestBody": {"content": media({"$ref": f"{REF}Sent"})},
                    "responses": {"200": {"content": media({"$ref": f"{REF}Got"})}, "204": {}},
                },
            }
        },
        "components": {
            "schemas": {
                "Sent": {
                    "type": "object",
                    "required": ["must"],
                    "properties": {
                        "must": {"type": "string"},
                        "text": {"type": "string", "maxLength": 10, "minLength": 2},
                        "flag": {"type": "boolean", "default": False},
                        "both": {"allOf": [{"$ref": f"{REF}Both"}], "description": "d"},
                        "nested": {"type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}},
                    },
                },
                "Got": {
                    "type": "object",
                    "required": ["must"],
                    "properties": {
                        "must": {"type": "string"},
                        "text": {"type": "string", "maxLength": 10},
                        "list": {"type": "array", "items": {"$ref": f"{REF}Both"}},
                        "map": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}},
                        "any": {},
                    },
                },
                "Both": {"type": "string", "enum": ["a", "b"]},
                "Free": {"type": "object", "properties": {"text": {"type": "string", "maxLength": 10}}},
                **{
                    name: {"type": "object", "properties": {"kind": {"type": "string"}}}
                    for name in ("Cat", "Dog", "Fox")
                },
            }
        },
    }


SENT = ("components", "schemas", "Sent")
GOT = ("components", "schemas", "Got")
POST = ("paths", "/a", "post")
GONE = object()


def changed(document, *edits):
    """Return a copy of the document with the value at each path set or removed."""
    result = copy.deepcopy(document)
    for path, value in edits:
        holder = result
        for key in path[:-1]:
            holder = holder[key]
        if value is GONE:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
    return result


def found(old, new):
    """Return the place, the text and the verdict of each change."""
    return [(change.place, change.text, change.verdict) for change in changes((old, new), (old, new))]


def schema_change(old, path, before, after):
    """Return the kinds and the verdicts of the change of a property from one schema to another."""
    was, now = (changed(old, (path, side)) for side in (before, after))
    return [(change.kind, change.verdict) for change in changes((was, now), (was, now))]


FREE = ("components", "schemas", "Free")
BOTH = ("components", "schemas", "Both")
CASES = {
    "schema added": ((("components", "schemas", "New"), {}), ("New", "schema added", "safe")),
    "schema removed": ((FREE, GONE), ("Free", "schema removed", "breaks")),
    "optional property added": (((*SENT, "properties", "x"), {}), ("Sent.x", "added", "safe")),
    "property removed": (((*GOT, "properties", "text"), GONE), ("Got.text", "removed", "breaks")),
    "sent now required": (((*SENT, "required"), ["must", "text"]), ("Sent.text", "now required", "breaks")),
    "received now required": (((*GOT, "required"), ["must", "text"]), ("Got.text", "now required", "breaks")),
    "sent no longer required": (((*SENT, "required"), GONE), ("Sent.must", "no longer required", "safe")),
    "received no longer required": (((*GOT, "required"), []), ("Got.must", "no longer required", "breaks")),
    "a name without a property": (((*SENT, "required"), ["must", "no"]), ("Sent.no", "now required", "breaks")),
    "type of list": (
        ((*GOT, "properties", "list", "items"), {"type": "string"}),
        ("Got.list[]", "type Both became string", "breaks"),
    ),
    "limit in a map": (
        ((*GOT, "properties", "map", "additionalProperties", "maxLength"), 5),
        ("Got.map{}", "maxLength 5, was 3: looser", "check"),
    ),
    "limit in an object": (
        ((*SENT, "properties", "nested", "properties", "n", "maximum"), 4),
        ("Sent.nested.n", "maximum 4, was 5: tighter", "breaks"),
    ),
    "limit of a schema that is never sent": (
        ((*FREE, "properties", "text", "maxLength"), 5),
        ("Free.text", "maxLength 5, was 10: tighter", "safe"),
    ),
    "member of a schema that is never sent": (
        ((*FREE, "properties", "text"), GONE),
        ("Free", "type object became map of anything", "breaks"),
    ),
    "enum narrowed": (((*BOTH, "enum"), ["b"]), ("Both", "enum narrowed, without a", "breaks")),
    "enum in another order": (((*BOTH, "enum"), ["b", "a"]), ("Both", "the order of enum changed", "safe")),
    "operation added": ((("paths", "/b"), {"get": {"responses": {}}}), ("GET /b", "operation added", "safe")),
    "path without operations": ((("paths", "/b"), {}), ("/b", "path /b added", "check")),
    "operation removed": (((*POST,), GONE), ("POST /a", "operation removed", "breaks")),
    "operation without responses": (((*POST, "responses"), GONE), None),
    "same name in Python": (
        ((*POST, "operationId"), "Execute"),
        ("POST /a", "operationId execute became Execute", "safe"),
    ),
    "parameter moved": (
        (("paths", "/a", "parameters", 0, "in"), "header"),
        ("POST /a query parameter p", "moved from the query to the header", "breaks"),
    ),
    "parameter with content": (
        (("paths", "/a", "parameters", 0), {"in": "query", "name": "p", "required": True, "content": media({})}),
        None,
    ),
    "style by its default": (
        (("paths", "/a", "parameters", 0, "style"), "form"),
        ("POST /a query parameter p", "style is written differently", "safe"),
    ),
    "style": (
        (("paths", "/a", "parameters", 0, "explode"), False),
        ("POST /a query parameter p", "explode true became false", "breaks"),
    ),
    "response removed": (((*POST, "responses", "200"), GONE), ("POST /a 200", "response removed", "breaks")),
    "response of a new type": (
        ((*POST, "responses", "202"), {"content": media({"$ref": f"{REF}Free"})}),
        ("POST /a 202", "response added", "breaks"),
    ),
    "response type": (
        ((*POST, "responses", "200", "content"), media({"$ref": f"{REF}Free"})),
        ("POST /a 200", "type Got became Free", "breaks"),
    ),
    "body removed": (((*POST, "requestBody"), GONE), ("POST /a body", "removed", "breaks")),
    "body required": (((*POST, "requestBody", "required"), True), ("POST /a body", "now required", "breaks")),
    "body in another form": (
        ((*POST, "requestBody", "content", "text/plain"), {"schema": {"type": "string"}}),
        ("POST /a body", "text/plain added", "safe"),
    ),
    "boolean schema": (((*SENT, "properties", "text"), False), None),
    "unknown keyword": (((*SENT, "newKeyword"), 1), ("Sent", "newKeyword 1 added", "check")),
    "unknown part of the document": ((("new",), 1), ("API", "new 1 added", "check")),
    "true is not 1": ((("x-flag",), True), ("API", "x-flag true added", "safe")),
}


@pytest.mark.parametrize(("edit", "expected"), CASES.values(), ids=CASES.keys())
def test_a_change(old, edit, expected):
    new = changed(old, edit)
    lines = found(old, new)

    assert lines
    assert found(new, old)
    assert expected is None or lines == [expected]


INTEGER = {"type": "integer"}


def ref(name):
    return {"$ref": f"{REF}{name}"}


def listed(items, **more):
    return {"type": "array", "items": items, **more}


def mapped(values):
    return {"type": "object", "additionalProperties": values}


def either(*alternatives):
    return {"oneOf": list(alternatives)}


def tagged(*schemas, name="kind", **more):
    return {**either(*map(ref, schemas)), "discriminator": {"propertyName": name, **more}}


# Kind, old and new schema, and the verdicts if the value is sent and if it is received.
DIRECTIONS = [
    ({"type": "integer"}, {"type": "number"}, "safe", "breaks"),
    ({"type": "number"}, {"type": "integer"}, "breaks", "safe"),
    (TEXT, {"allOf": [{"$ref": f"{REF}Both"}]}, "breaks", "safe"),
    ({"allOf": [{"$ref": f"{REF}Both"}]}, TEXT, "safe", "breaks"),
    (TEXT, {"type": "string", "format": "uuid"}, "breaks", "safe"),
    ({"type": "string", "format": "date"}, TEXT, "safe", "check"),
    (TEXT, {"type": "string", "format": "date-time"}, "breaks", "breaks"),
    ({"type": "string", "format": "date-time"}, TEXT, "breaks", "breaks"),
    ({"type": "integer", "format": "int64"}, {"type": "integer", "format": "int32"}, "breaks", "safe"),
    ({"type": "integer", "format": "int32"}, {"type": "integer", "format": "int64"}, "safe", "check"),
    ({"oneOf": [TEXT]}, {"oneOf": [TEXT, {"type": "integer"}]}, "safe", "breaks"),
    ({"oneOf": [TEXT, {"type": "integer"}]}, {"oneOf": [TEXT]}, "breaks", "safe"),
    ({"oneOf": [TEXT, {"type": "integer"}]}, TEXT, "breaks", "safe"),
    (
        {"oneOf": [{"type": "string", "maxLength": 3}]},
        {"oneOf": [{"type": "string", "maxLength": 2}]},
        "breaks",
        "safe",
    ),
    (TEXT, {"type": "string", "nullable": True}, "safe", "safe"),
    ({"type": "string", "nullable": True}, TEXT, "breaks", "safe"),
    (TEXT, {"type": "string", "pattern": "a"}, "breaks", "safe"),
    ({"type": "string", "pattern": "a"}, {"type": "string", "pattern": "b"}, "check", "check"),
    ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 1, "exclusiveMinimum": True}, "breaks", "safe"),
    ({"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 4}, "breaks", "safe"),
    ({"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 3}, "check", "check"),
    (TEXT, {"type": "string", "readOnly": True}, "breaks", "safe"),
    (TEXT, {"type": "string", "writeOnly": True}, "safe", "breaks"),
    ({}, TEXT, "breaks", "safe"),
    (TEXT, {}, "safe", "breaks"),
    (TEXT, {"type": "array", "items": TEXT}, "breaks", "breaks"),
    ({"type": "object"}, {"type": "object", "additionalProperties": False}, "breaks", "safe"),
    (
        {"type": "object", "additionalProperties": {}},
        {"type": "object", "additionalProperties": TEXT},
        "breaks",
        "breaks",
    ),
    ({"type": "integer", "enum": [1, 2]}, {"type": "integer", "enum": [1]}, "breaks", "safe"),
    ({"allOf": [{"$ref": f"{REF}Free"}]}, {"oneOf": [{"$ref": f"{REF}Free"}, TEXT]}, "safe", "breaks"),
    (TEXT, {"type": "string", "minLength": 0}, "safe", "safe"),
    # For a type checker, a list or dict of one type is never a list or dict of another type.
    (listed(INTEGER), listed({"type": "number"}), "breaks", "breaks"),
    (mapped({"type": "number"}), mapped(INTEGER), "breaks", "breaks"),
    (listed(TEXT), listed(ref("Both")), "breaks", "breaks"),
    (mapped(ref("Both")), mapped(TEXT), "breaks", "breaks"),
    (listed(TEXT), listed({"type": "string", "nullable": True}), "breaks", "breaks"),
    (listed({"type": "string", "maxLength": 3}), listed(TEXT), "safe", "check"),
    (listed(TEXT), listed({}), "breaks", "breaks"),
    ({"type": "object"}, mapped(TEXT), "breaks", "breaks"),
    # Any JSON value.
    ({}, {"nullable": True}, "safe", "safe"),
    ({}, {"type": "string", "nullable": True}, "breaks", "safe"),
    ({}, listed({}), "breaks", "safe"),
    ({}, listed(TEXT), "breaks", "breaks"),
    (listed(TEXT), {}, "breaks", "breaks"),
    ({"type": "object"}, {}, "safe", "breaks"),
    ({}, ref("Cat"), "breaks", "breaks"),
    (ref("Cat"), {}, "breaks", "breaks"),
    ({}, either(TEXT, INTEGER), "breaks", "safe"),
    # Alternatives. What Python has for them depends on whether they can be told apart.
    (either(TEXT, INTEGER), either(TEXT, INTEGER, {"type": "boolean"}), "safe", "breaks"),
    (TEXT, either(TEXT, {"type": "string", "enum": ["a"]}), "safe", "check"),
    (either(TEXT, INTEGER), either(TEXT, INTEGER, ref("Cat")), "safe", "breaks"),
    (either(TEXT, ref("Cat")), either(TEXT, ref("Cat"), ref("Dog")), "breaks", "breaks"),
    (either(ref("Cat"), ref("Dog")), either(ref("Cat"), ref("Dog"), ref("Fox")), "safe", "check"),
    (either(TEXT, listed(TEXT)), either(TEXT, listed(TEXT), listed(INTEGER)), "breaks", "breaks"),
    (either(TEXT, INTEGER), {"anyOf": [TEXT, INTEGER]}, "safe", "safe"),
    (either(TEXT, INTEGER), either({"type": "string", "format": "uuid"}, INTEGER), "breaks", "safe"),
    (either(TEXT, INTEGER), either(TEXT, {"type": "number"}), "safe", "breaks"),
    (either(TEXT, INTEGER), either({"type": "string", "format": "date-time"}, INTEGER), "breaks", "breaks"),
    (ref("Cat"), either(ref("Cat")), "safe", "safe"),
    (ref("Cat"), either(ref("Cat"), ref("Dog")), "breaks", "breaks"),
    (ref("Cat"), tagged("Cat", "Dog"), "check", "breaks"),
    (tagged("Cat", "Dog"), ref("Cat"), "breaks", "check"),
    (tagged("Cat", "Dog"), tagged("Cat", "Dog", "Fox"), "safe", "breaks"),
    (tagged("Cat", "Dog", "Fox"), tagged("Cat", "Dog"), "breaks", "safe"),
    (either(ref("Cat"), ref("Dog")), tagged("Cat", "Dog"), "breaks", "breaks"),
    (tagged("Cat", "Dog"), either(ref("Cat"), ref("Dog")), "breaks", "breaks"),
    (tagged("Cat", "Dog"), tagged("Cat", "Dog", name="sort"), "breaks", "breaks"),
    (tagged("Cat", "Dog"), tagged("Cat", "Dog", mapping={"tiger": f"{REF}Cat"}), "safe", "check"),
    (tagged("Cat", "Dog", mapping={"tiger": f"{REF}Cat"}), tagged("Cat", "Dog"), "breaks", "safe"),
    (
        tagged("Cat", "Dog", mapping={"tiger": f"{REF}Cat"}),
        tagged("Cat", "Dog", mapping={"tiger": f"{REF}Dog"}),
        "breaks",
        "breaks",
    ),
    # Classes without a name, and allOf of several parts.
    ({"type": "string", "enum": ["a", "b"]}, ref("Both"), "breaks", "breaks"),
    ({"allOf": [ref("Cat"), ref("Free")]}, {"allOf": [ref("Cat"), ref("Free"), ref("Dog")]}, "safe", "safe"),
    ({"allOf": [ref("Cat"), ref("Free")]}, ref("Cat"), "breaks", "breaks"),
    (
        {"allOf": [ref("Cat"), ref("Free")]},
        {"allOf": [ref("Cat"), {"type": "object", "required": ["x"], "properties": {"x": TEXT}}]},
        "breaks",
        "breaks",
    ),
    (
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": INTEGER},
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": {"type": "number"}},
        "safe",
        "breaks",
    ),
    # Others.
    (TEXT, {"type": "string", "enum": ["a"]}, "breaks", "safe"),
    ({"type": "string", "format": "uuid"}, {"type": "string", "format": "email"}, "breaks", "breaks"),
    (TEXT, {"type": "string", "format": "binary"}, "breaks", "safe"),
    ({"type": "string", "readOnly": True}, TEXT, "safe", "safe"),
    (INTEGER, {"type": "integer", "enum": [1, 2]}, "breaks", "safe"),
    ({"type": "integer", "enum": [1]}, {"type": "integer", "enum": [1, 2]}, "safe", "check"),
    (INTEGER, {"type": "integer", "format": "new"}, "check", "check"),
    (listed(TEXT), listed(TEXT, uniqueItems=True), "breaks", "safe"),
    ({}, {"x-list-when": {"property": "text", "equals": "a", "items": f"{REF}Cat"}}, "breaks", "breaks"),
    (TEXT, {"type": "string", "not": {"enum": ["a"]}}, "check", "check"),
]


def test_what_a_type_checker_refuses_breaks(tmp_path):
    """A type checker judges each change: what is sent goes from the old type to the new one, an answer back."""
    functions = []
    for index, (before, after, sent, received) in enumerate(DIRECTIONS):
        types = [annotation(before), annotation(after)]
        for way, verdict, (value, place) in (("sent", sent, types), ("received", received, types[::-1])):
            functions.append((verdict, f"def {way}{index}(value: {value}) -> {place}:", "    return value"))
    classes = [f"class {name}: ..." for name in ("Cat", "Dog", "Fox", "Free", "SentX")]
    head = [
        "from __future__ import annotations",
        "from datetime import datetime",
        "from enum import Enum",
        "JsonValue = None | bool | int | float | str | list['JsonValue'] | dict[str, 'JsonValue']",
        *("class Both(str, Enum): A = 'a'", "class EnumX(str, Enum): A = 'a'"),
        *classes,
    ]
    file = tmp_path / "changes.py"
    file.write_text("\n".join([*head, *(line for _, *lines in functions for line in lines)]), encoding="utf-8")

    run = subprocess.run(
        [sys.executable, "-m", "mypy", file.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    refused = {int(line.split(":")[1]) for line in run.stdout.splitlines() if "error:" in line}
    judged = {len(head) + 2 * index + 2: function for index, function in enumerate(functions)}
    assert refused <= judged.keys(), run.stdout
    assert [judged[line] for line in sorted(refused) if judged[line][0] != "breaks"] == []


def annotation(schema):
    """Return the Python type of a property with this schema, as the generator states it."""
    types = Types(changed(a_document(), ((*SENT, "properties", "x"), schema)))
    model = next(model for model in models_of(types) if model.class_info.name == "Sent")
    found = next(field for field in model.fields if field.json == "x").annotation
    is_enum = any(enum.class_info.name == "SentX" for enum in types.enums)
    return found.replace("SentX", "EnumX") if is_enum else found


@pytest.mark.parametrize(("before", "after", "sent", "received"), DIRECTIONS)
def test_the_verdict_depends_on_the_direction(old, before, after, sent, received):
    for holder, expected in ((SENT, sent), (GOT, received)):
        kinds = schema_change(old, (*holder, "properties", "x"), before, after)
        assert min((verdict for _, verdict in kinds), key=WORST_FIRST.index) == expected, kinds


@pytest.mark.parametrize(("before", "after", "sent", "_received"), DIRECTIONS)
def test_what_is_safe_to_send_is_not_safe_the_other_way_around(old, before, after, sent, _received):
    kinds = schema_change(old, (*SENT, "properties", "x"), after, before)
    harmless = {"null allowed where optional", "written differently"}

    if sent == "safe" and not {kind for kind, _ in kinds} <= {*harmless, "writeOnly removed"}:
        assert any(verdict != "safe" or kind == "null refused" for kind, verdict in kinds)


KEY, TOKEN, FREE_OF_CHARGE = {"key": []}, {"token": ["read", "write"]}, {}
HEADER = ("responses", "200", "headers")
# The edits of the old operation, those of the new one, and the lines.
OPERATIONS = {
    "header now required": (
        {HEADER: {"X-A": {"schema": TEXT}}},
        {HEADER: {"X-A": {"schema": TEXT, "required": True}}},
        [("POST /a 200 header X-A", "now required", "safe")],
    ),
    "header no longer required": (
        {HEADER: {"X-A": {"schema": TEXT, "required": True}}},
        {HEADER: {"X-A": {"schema": TEXT}}},
        [("POST /a 200 header X-A", "no longer required", "breaks")],
    ),
    "header spelled otherwise": (
        {HEADER: {"X-A": {"schema": TEXT}}},
        {HEADER: {"x-a": {"schema": TEXT}}},
        [("POST /a 200 header X-A", "name X-A became x-a", "safe")],
    ),
    "header of another type, for which Python has no type": (
        {HEADER: {"X-A": {"schema": TEXT}}},
        {HEADER: {"X-A": {"schema": {"type": "string", "format": "date-time"}}}},
        [("POST /a 200 header X-A", "type string became string (date-time)", "safe")],
    ),
    "parameter header spelled otherwise": (
        {("parameters",): [{"in": "header", "name": "X-A", "schema": TEXT}]},
        {("parameters",): [{"in": "header", "name": "x-a", "schema": TEXT}]},
        [("POST /a header parameter x-a", "name X-A became x-a", "safe")],
    ),
    "parameter header that OpenAPI ignores": (
        {},
        {("parameters",): [{"in": "header", "name": "Authorization", "required": True, "schema": TEXT}]},
        [("POST /a header parameter authorization", "changed", "check")],
    ),
    "parameter of a header gets an enum": (
        {("parameters",): [{"in": "header", "name": "X-A", "schema": TEXT}]},
        {("parameters",): [{"in": "header", "name": "X-A", "schema": ref("Both")}]},
        [("POST /a header parameter x-a", "type string became Both", "breaks")],
    ),
    "parameter that is a list of wider items": (
        {("parameters",): [{"in": "query", "name": "n", "schema": listed(INTEGER)}]},
        {("parameters",): [{"in": "query", "name": "n", "schema": listed({"type": "number"})}]},
        [("POST /a query parameter n[]", "type integer became number", "safe")],
    ),
    "parameter may no longer be empty": (
        {("parameters",): [{"in": "query", "name": "n", "schema": TEXT, "allowEmptyValue": True}]},
        {("parameters",): [{"in": "query", "name": "n", "schema": TEXT}]},
        [("POST /a query parameter n", "allowEmptyValue true removed", "breaks")],
    ),
    "parameter may be empty": (
        {("parameters",): [{"in": "query", "name": "n", "schema": TEXT}]},
        {("parameters",): [{"in": "query", "name": "n", "schema": TEXT, "allowEmptyValue": True}]},
        [("POST /a query parameter n", "allowEmptyValue true added", "safe")],
    ),
    "body that may be left out": (
        {("requestBody",): GONE},
        {},
        [("POST /a body", "added", "safe")],
    ),
    "body that may not be left out": (
        {("requestBody",): GONE},
        {("requestBody", "required"): True},
        [("POST /a body", "added, required", "breaks")],
    ),
    "body with a charset": (
        {},
        {("requestBody", "content"): {"Application/JSON; charset=utf-8": {"schema": {"$ref": f"{REF}Sent"}}}},
        [("POST /a body", "a media type is written differently", "safe")],
    ),
    "answer without a body gets one": (
        {},
        {("responses", "204", "content"): media(TEXT)},
        [("POST /a 204", "application/json added", "breaks")],
    ),
    "error without an answer of its own": (
        {("responses", "404"): {}, ("responses", "default"): {}},
        {("responses", "default"): {}},
        [("POST /a 404", "response removed", "check")],
    ),
    "a status that is one of a range": (
        {},
        {("responses", "200"): GONE, ("responses", "2XX"): {"content": media({"$ref": f"{REF}Got"})}},
        [("POST /a 200", "response is part of 2XX", "safe"), ("POST /a 2XX", "response added", "check")],
    ),
    "errors without any answer": (
        {("responses", "default"): {"content": media({"$ref": f"{REF}Free"})}},
        {},
        [("POST /a default", "response removed", "breaks")],
    ),
    "callback": (
        {},
        {("callbacks",): {"later": {}}},
        [("POST /a", "callbacks later added", "check")],
    ),
    "link": (
        {},
        {("responses", "200", "links"): {"next": {"operationId": "execute"}}},
        [("POST /a 200", "links next added", "check")],
    ),
    "first credentials": (
        {},
        {("security",): [KEY]},
        [("POST /a", 'security {"key": []} required', "breaks")],
    ),
    "credentials that are not required": (
        {},
        {("security",): [KEY, FREE_OF_CHARGE]},
        [("POST /a", 'security {"key": []} accepted', "safe")],
    ),
    "credentials required in any case": (
        {("security",): [KEY, FREE_OF_CHARGE]},
        {("security",): [KEY]},
        [("POST /a", "security required in any case", "breaks")],
    ),
    "other credentials": (
        {("security",): [KEY]},
        {("security",): [TOKEN]},
        [
            ("POST /a", 'security {"key": []} removed', "breaks"),
            ("POST /a", 'security {"token": ["read", "write"]} accepted', "safe"),
        ],
    ),
    "fewer scopes": (
        {("security",): [TOKEN]},
        {("security",): [{"token": ["read"]}]},
        [
            ("POST /a", 'security {"token": ["read", "write"]} removed', "safe"),
            ("POST /a", 'security {"token": ["read"]} accepted', "safe"),
        ],
    ),
    "more scopes": (
        {("security",): [{"token": ["read"]}]},
        {("security",): [TOKEN]},
        [
            ("POST /a", 'security {"token": ["read", "write"]} accepted', "safe"),
            ("POST /a", 'security {"token": ["read"]} removed', "breaks"),
        ],
    ),
    "no credentials any more": (
        {("security",): [KEY]},
        {("security",): []},
        [("POST /a", 'security {"key": []} removed', "safe")],
    ),
    "an address of its own": (
        {},
        {("servers",): [{"url": "https://other.test"}]},
        [
            ("POST /a server https://edge.test", "removed; perhaps renamed to https://other.test", "breaks"),
            ("POST /a server https://other.test", "added", "safe"),
        ],
    ),
    "the address of all as its own": (
        {},
        {("servers",): [{"url": "https://edge.test"}]},
        [("POST /a", "servers are written differently", "safe")],
    ),
    "a variable of the address": (
        {("servers",): [{"url": "https://{x}.test", "variables": {"x": {"default": "a"}}}]},
        {("servers",): [{"url": "https://{x}.test", "variables": {"x": {"default": "b"}}}]},
        [("POST /a server https://{x}.test", "variable x changed", "check")],
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), OPERATIONS.values(), ids=OPERATIONS.keys())
def test_a_change_of_an_operation(old, before, after, expected):
    old["servers"] = [{"url": "https://edge.test"}]
    was, now = (changed(old, *(((*POST, *path), value) for path, value in side.items())) for side in (before, after))

    assert found(was, now) == expected


def test_the_form_of_credentials(old):
    scheme = {"type": "apiKey", "in": "header", "name": "a"}
    was, now = (
        changed(old, (("components", "securitySchemes"), {"key": {**scheme, "name": name}})) for name in ("a", "b")
    )
    assert found(was, now) == [("security scheme key", "changed: name", "breaks")]


def test_credentials_of_the_document(old):
    required = changed(old, (("security",), [KEY]))

    assert found(old, required) == [("API", 'security {"key": []} required', "breaks")]
    own = changed(required, ((*POST, "security"), [{}]))
    assert {verdict for *_, verdict in found(old, own)} == {"safe"}
    overridden = (changed(document, ((*POST, "security"), [KEY])) for document in (old, required))
    assert found(*overridden) == [("API", "security changed, and each operation has its own", "safe")]


READ_ONLY, WRITE_ONLY = {"type": "string", "readOnly": True}, {"type": "string", "writeOnly": True}
# Each side is the schema of a property, or None, and whether the property is required; then the verdicts.
ONE_WAY = [
    ((None, False), (READ_ONLY, True), "safe", "safe"),
    ((None, False), (WRITE_ONLY, True), "breaks", "safe"),
    ((READ_ONLY, False), (READ_ONLY, True), "safe", "safe"),
    ((READ_ONLY, True), (READ_ONLY, False), "safe", "safe"),
    ((WRITE_ONLY, False), (WRITE_ONLY, True), "breaks", "safe"),
    ((TEXT, True), (READ_ONLY, True), "breaks", "breaks"),
    ((READ_ONLY, True), (TEXT, True), "breaks", "breaks"),
    ((WRITE_ONLY, True), (TEXT, True), "breaks", "breaks"),
    ((WRITE_ONLY, False), (TEXT, False), "safe", "safe"),
]


def with_property(document, holder, schema, needed):
    edits = [((*holder, "required"), ["must", "x"])] if needed else []
    return changed(document, *edits, *([] if schema is None else [((*holder, "properties", "x"), schema)]))


@pytest.mark.parametrize(("before", "after", "sent", "received"), ONE_WAY)
def test_a_field_that_only_requests_or_answers_contain(old, before, after, sent, received):
    for holder, expected in ((SENT, sent), (GOT, received)):
        lines = found(*(with_property(old, holder, *side) for side in (before, after)))
        assert min((verdict for *_, verdict in lines), key=WORST_FIRST.index) == expected, lines


def test_null_of_a_schema_that_only_optional_fields_have(old):
    new = changed(old, ((*BOTH, "nullable"), True))
    assert found(old, new) == [("Both", "may be null", "breaks")]

    alone = changed(old, ((*GOT, "properties", "list"), GONE))
    assert found(alone, changed(alone, ((*BOTH, "nullable"), True))) == [("Both", "may be null", "safe")]


def test_a_named_schema_that_lists_contain(old):
    was, now = (
        changed(old, ((*FREE,), schema), ((*SENT, "properties", "x"), listed(ref("Free"))))
        for schema in (INTEGER, {"type": "number"})
    )
    assert found(was, now) == [("Free", "type integer became number", "breaks")]


def test_a_class_that_gets_a_name_may_change_as_well(old):
    inline = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 20}}}
    was, now = (changed(old, ((*SENT, "properties", "x"), schema)) for schema in (inline, ref("Free")))

    assert found(was, now) == [
        ("Sent.x", "type object became Free", "breaks"),
        ("Sent.x.text", "maxLength 10, was 20: tighter", "breaks"),
    ]


def test_null_in_a_required_field(old):
    kinds = schema_change(old, (*GOT, "properties", "must"), TEXT, {"type": "string", "nullable": True})

    assert kinds == [("null allowed", "breaks")]


DELIVERY = bundle.flatten(bundle.bundle(str(OPENAPI / "delivery.yaml")))


def places(value, path=()):
    """Yield the path of each value that is not in a description."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if key not in ("description", "summary"):
                yield (*path, key)
                yield from places(item, (*path, key))


PLACES = sorted(places(DELIVERY), key=str)
VALUES = [
    *(None, True, False, 0, 1, -3, 2.5, "x", "string", "integer", [], ["a"], {}, {"a": {}}, [[]], [{}]),
    *({"type": "string"}, {"$ref": f"{REF}Option"}, {"$ref": f"{REF}Gone"}, {"allOf": []}, {"not": {}}),
    {"oneOf": [{"type": "string"}, {"$ref": f"{REF}Geo"}]},
]
KEYS = [
    *("type", "format", "nullable", "required", "enum", "default", "x-a"),
    *("maximum", "exclusiveMinimum", "items", "properties", "additionalProperties", "oneOf", "allOf"),
    *("not", "new", "deprecated", "discriminator", "title", "schema", "content"),
    *("parameters", "get", "security", "servers", "200", "in", "name"),
    *("style", "headers"),
]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(PLACES), st.sampled_from(["set", "remove", "add"]), st.sampled_from(KEYS), st.sampled_from(VALUES)
)
def test_no_change_is_silent(path, what, key, value):
    new = copy.deepcopy(DELIVERY)
    holder = new
    for part in path[:-1]:
        holder = holder[part]
    if what == "remove":
        del holder[path[-1]]
    elif what == "set":
        holder[path[-1]] = copy.deepcopy(value)
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(value))
    else:
        holder[key] = copy.deepcopy(value)

    with contextlib.suppress(SpecificationError):  # a reference that leads nowhere ends the command
        new = bundle.flatten(new)
        different = not same(without_words(DELIVERY), without_words(new))
        for lines in ([*compare(DELIVERY, new)], [*compare(new, DELIVERY)]):
            assert bool(lines) is different
            assert all(change.verdict in WORST_FIRST and change.text.isprintable() for change in lines)


def test_words_are_words_only_where_they_are_keywords(old):
    new = changed(old, ((*SENT, "properties", "description"), {"type": "string", "description": "Words."}))

    assert found(old, changed(old, ((*SENT, "description"), "Words."))) == []
    assert found(old, new) == [("Sent.description", "added", "safe")]
    assert found(new, changed(new, ((*SENT, "properties", "description", "description"), "Other."))) == []


def test_the_table_has_each_kind_once_and_says_why():
    assert len(RULES) == len(TABLE)
    assert all(rule.why.endswith(".") for rule in TABLE)


def test_each_kind_of_the_table_is_tested():
    """Each kind is yielded by a case of this file or by an evolution. A kind that nothing yields has no use."""
    document = bundle.bundle(str(OPENAPI / "delivery.yaml"))
    pairs = [(DELIVERY, bundle.flatten(evolution.apply(document))) for evolution in EVOLUTIONS]
    pairs += [(a_document(), changed(a_document(), edit)) for edit, _ in CASES.values()]
    for *sides, _ in OPERATIONS.values():
        edits = ([((*POST, *path), value) for path, value in side.items()] for side in sides)
        pairs.append(tuple(changed(a_document(), *side) for side in edits))
    for before, after, *_ in DIRECTIONS:
        pairs.append(tuple(changed(a_document(), ((*SENT, "properties", "x"), schema)) for schema in (before, after)))
    pairs += [tuple(with_property(a_document(), SENT, *side) for side in sides) for *sides, _, _ in ONE_WAY]
    kinds = {change.kind for pair in pairs for old, new in (pair, pair[::-1]) for change in compare(old, new)}

    assert set(RULES) - kinds == {"security scheme changed"}


@pytest.mark.parametrize(
    ("goes", "comes", "hint"),
    [
        (("colour", TEXT), ("color", TEXT), "removed; perhaps renamed to color"),
        (
            ("screen_off", TEXT),
            ("screenOff", {"type": "string", "maxLength": 3}),
            "removed; perhaps renamed to screenOff",
        ),
        (("colour", TEXT), ("color", {"type": "integer"}), "removed"),
        (
            ("a", {"type": "string", "maxLength": 3}),
            ("zzz", {"type": "string", "maxLength": 3}),
            "removed; perhaps renamed to zzz",
        ),
    ],
)
def test_a_rename_is_suggested(old, goes, comes, hint):
    was = changed(old, ((*SENT, "properties", goes[0]), goes[1]))
    now = changed(old, ((*SENT, "properties", comes[0]), comes[1]))

    assert (f"Sent.{goes[0]}", hint, "breaks") in found(was, now)


def test_the_report_puts_what_breaks_first(old):
    new = changed(
        old,
        ((*SENT, "properties", "x"), {}),
        ((*GOT, "properties", "text"), GONE),
        ((*SENT, "properties", "nested", "deprecated"), True),
    )

    report = Report(
        changes((old, new), (old, new)),
        wording=["a: b"],
        undescribed=["Sent.x"],
        unused=["Got.text"],
        broken=["f.py:1: x"],
    )
    assert report.render().splitlines() == [
        "Breaks callers:",
        f"  Got.text: removed -- {RULES['property removed'].why}",
        "Check:",
        f"  Sent.nested: deprecated -- {RULES['deprecated added'].why}",
        "Safe:",
        "  Sent.x: added",
        "Suggested step of the version: major.",
        "Adobe changed the wording of 1 text; --wording lists them.",
        "Fields without a description of ours, for openapi/descriptions.yaml:",
        "  Sent.x",
        "Descriptions in openapi/descriptions.yaml of fields that are gone:",
        "  Got.text",
        "Lines of the wrapper to change by hand:",
        "  f.py:1: x",
    ]
    assert "Wording that Adobe changed:\n  a: b" in report.render(wording=True)


def test_what_the_overlay_hides_breaks_nobody(old):
    new = changed(old, ((*SENT, "required"), ["must", "text"]))
    seen = changed(old, ((*SENT, "required"), []))

    report = Report(changes((old, new), (seen, seen)))
    assert "  Sent.text: now required (hidden by the overlay)" in report.render().splitlines()
    assert (report.verdict, report.step, report.render("markdown")) == ("safe", "patch", "")


def test_what_only_callers_see_is_reported_too(old):
    new = changed(old, ((*GOT, "properties", "text"), GONE))

    assert [(change.place, change.verdict) for change in changes((old, old), (old, new))] == [("Got.text", "breaks")]


def test_no_change(old):
    assert Report(changes((old, old), (old, old))).render() == "Nothing changed."
    assert Report([]).step == "none"
    assert Report([]).verdict is None
    assert Report([], wording=["x"]).render().splitlines()[0] == "Nothing changed but wording."
    assert Report([], wording=["x"]).step == "patch"


def test_markdown_is_for_the_changelog(old):
    new = changed(
        old,
        ((*SENT, "properties", "newOne"), {}),
        ((*GOT, "properties", "text"), GONE),
        ((*SENT, "properties", "text", "maxLength"), 5),
        ((*SENT, "properties", "nested", "deprecated"), True),
        ((*BOTH, "enum"), ["a", "server-side"]),
        (("x-a",), 1),
    )

    assert Report(changes((old, new), (old, new))).render("markdown").splitlines() == [
        *("### Added", "", "- `Both.SERVER_SIDE`.", "- `Sent.new_one`.", ""),
        *("### Changed", "", "- `Sent.text`: maxLength 5, was 10: tighter.", ""),
        *("### Deprecated", "", "- `Sent.nested`.", ""),
        *("### Removed", "", "- `Both.B`.", "- `Got.text`."),
    ]


def test_json_has_a_stable_form(old):
    new = changed(old, ((*GOT, "properties", "text", "maxLength"), 20))

    document = json.loads(Report(changes((old, new), (old, new)), wording=["w"]).render("json"))

    assert document == {
        "verdict": "check",
        "step": "minor",
        "counts": {
            "breaks": 0,
            "check": 1,
            "safe": 0,
            "wording": 1,
            "undescribed": 0,
            "unused": 0,
            "broken": 0,
            "mentions": 0,
        },
        "changes": [
            {
                "place": "Got.text",
                "python": "Got.text",
                "kind": "limit looser",
                "direction": "received",
                "verdict": "check",
                "hidden": False,
                "adds": False,
                "text": "maxLength 20, was 10: looser",
                "reason": RULES["limit looser"].why,
                "old": 10,
                "new": 20,
            }
        ],
        "wording": ["w"],
        "undescribed": [],
        "unused": [],
        "broken": [],
        "mentions": [],
    }


def test_lines_are_printable_and_short(old):
    new = changed(
        old, ((*SENT, "properties", "a\n\x1b[31m"), {}), ((*SENT, "properties", "text", "pattern"), "x" * 500)
    )

    lines = Report(changes((old, new), (old, new))).render().splitlines()
    assert all(line.isprintable() for line in lines)
    assert "  Sent.a\\n\\x1b[31m: added" in lines
    assert max(map(len, lines)) < 200
    assert printable("a\ud800") == "a\\ud800"
    assert Change("a", "no rule", "t", "both").reason
