"""The report of the changes between two specifications, and of which ones break callers."""

import copy

import pytest

from generator.report import Change, changes, report

REF = "#/components/schemas/"


def media(schema):
    return {"application/json": {"schema": schema}}


@pytest.fixture
def old():
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


CASES = {
    "schema added": ((("components", "schemas", "New"), {}), ("New", "schema added", False)),
    "schema removed": ((("components", "schemas", "Free"), GONE), ("Free", "schema removed", True)),
    "optional property added": (((*SENT, "properties", "x"), {}), ("Sent.x", "added", False)),
    "property removed": (((*GOT, "properties", "text"), GONE), ("Got.text", "removed", True)),
    "sent now required": (((*SENT, "required"), ["must", "text"]), ("Sent.text", "now required", True)),
    "received now required": (((*GOT, "required"), ["must", "text"]), ("Got.text", "now required", False)),
    "sent no longer required": (((*SENT, "required"), GONE), ("Sent.must", "no longer required", False)),
    "received no longer required": (((*GOT, "required"), []), ("Got.must", "no longer required", True)),
    "type": (
        ((*SENT, "properties", "text"), {"type": "integer"}),
        ("Sent.text", "type string became integer", True),
    ),
    "type of list": (
        ((*GOT, "properties", "list", "items"), {"type": "string"}),
        ("Got.list", "type list of Both became list of string", True),
    ),
    "type of map": (
        ((*GOT, "properties", "map", "additionalProperties"), {}),
        ("Got.map", "type map of string became map of anything", True),
    ),
    "type from anything": (
        ((*GOT, "properties", "any"), {"oneOf": [{"type": "string"}, {"$ref": f"{REF}Free"}]}),
        ("Got.any", "type anything became string or Free", True),
    ),
    "type by nullable list": (
        ((*GOT, "properties", "text"), {"type": ["string", "null"], "maxLength": 10}),
        ("Got.text", "type string became string or null", True),
    ),
    "time": (
        ((*SENT, "properties", "must"), {"type": "string", "format": "date-time"}),
        ("Sent.must", "type string became string (date-time)", True),
    ),
    "enum from text": (
        ((*SENT, "properties", "must"), {"type": "string", "enum": ["x"]}),
        ("Sent.must", "type string became string enum", True),
    ),
    "enum widened": (
        (("components", "schemas", "Both", "enum"), ["b", "c", "a", "d"]),
        ("Both", "enum widened by c, d", False),
    ),
    "enum narrowed": (
        (("components", "schemas", "Both", "enum"), ["b"]),
        ("Both", "enum narrowed, without a", True),
    ),
    "sent limit looser": (
        ((*SENT, "properties", "text", "maxLength"), 20),
        ("Sent.text", "maxLength 20, was 10: looser", False),
    ),
    "sent limit tighter": (
        ((*SENT, "properties", "text", "maxLength"), 5),
        ("Sent.text", "maxLength 5, was 10: tighter", True),
    ),
    "sent lower limit tighter": (
        ((*SENT, "properties", "text", "minLength"), 3),
        ("Sent.text", "minLength 3, was 2: tighter", True),
    ),
    "sent lower limit looser": (
        ((*SENT, "properties", "text", "minLength"), 1),
        ("Sent.text", "minLength 1, was 2: looser", False),
    ),
    "sent limit new": (
        ((*SENT, "properties", "must", "maxLength"), 5),
        ("Sent.must", "maxLength 5, was none: tighter", True),
    ),
    "sent limit removed": (
        ((*SENT, "properties", "text", "maxLength"), GONE),
        ("Sent.text", "maxLength 10 removed", False),
    ),
    "sent pattern": (
        ((*SENT, "properties", "must", "pattern"), "a+"),
        ("Sent.must", "pattern a+, was none: tighter", True),
    ),
    "received limit": (
        ((*GOT, "properties", "text", "maxLength"), 5),
        ("Got.text", "maxLength 5, was 10: tighter", False),
    ),
    "limit in a map": (
        ((*GOT, "properties", "map", "additionalProperties", "maxLength"), 5),
        ("Got.map{}", "maxLength 5, was 3: looser", False),
    ),
    "limit in an object": (
        ((*SENT, "properties", "nested", "properties", "n", "maximum"), 4),
        ("Sent.nested.n", "maximum 4, was 5: tighter", True),
    ),
    "limit of what is never sent": (
        (("components", "schemas", "Free", "properties", "text", "maxLength"), 5),
        ("Free.text", "maxLength 5, was 10: tighter", False),
    ),
    "default": (
        ((*SENT, "properties", "flag", "default"), True),
        ("Sent.flag", "absent means True instead of False", True),
    ),
    "operation added": (
        (("paths", "/b"), {"get": {"responses": {}}}),
        ("GET /b", "operation added", False),
    ),
    "operation removed": (((*POST,), GONE), ("POST /a", "operation removed", True)),
    "operation renamed": (
        ((*POST, "operationId"), "deliver"),
        ("POST /a", "operationId execute became deliver", True),
    ),
    "parameter removed": (
        (("paths", "/a", "parameters"), []),
        ("POST /a query parameter p", "removed", True),
    ),
    "parameter added": (
        ((*POST, "parameters"), [{"in": "query", "name": "q", "schema": {"type": "string"}}]),
        ("POST /a query parameter q", "added", False),
    ),
    "required parameter added": (
        (
            (*POST, "parameters"),
            [{"in": "header", "name": "q", "required": True, "schema": {"type": "string"}}],
        ),
        ("POST /a header parameter q", "added, required", True),
    ),
    "parameter no longer required": (
        (("paths", "/a", "parameters", 0, "required"), False),
        ("POST /a query parameter p", "no longer required", False),
    ),
    "parameter type": (
        (("paths", "/a", "parameters", 0, "schema", "type"), "integer"),
        ("POST /a query parameter p", "type string became integer", True),
    ),
    "response removed": (((*POST, "responses", "204"), GONE), ("POST /a 204", "response removed", False)),
    "response added": (((*POST, "responses", "202"), {}), ("POST /a 202", "response added", True)),
    "response type": (
        ((*POST, "responses", "200", "content"), media({"$ref": f"{REF}Free"})),
        ("POST /a 200", "type Got became Free", True),
    ),
    "body removed": (
        ((*POST, "requestBody"), GONE),
        ("POST /a body", "application/json removed", True),
    ),
    "body added": (
        ((*POST, "requestBody", "content", "text/plain"), {"schema": {"type": "string"}}),
        ("POST /a body", "text/plain added", False),
    ),
}


@pytest.mark.parametrize(("edit", "expected"), CASES.values(), ids=CASES.keys())
def test_a_change(old, edit, expected):
    assert list(changes(old, changed(old, edit))) == [Change(*expected)]


def test_a_parameter_becomes_required(old):
    before = changed(old, (("paths", "/a", "parameters", 0, "required"), False))

    assert list(changes(before, old)) == [Change("POST /a query parameter p", "now required", True)]


@pytest.mark.parametrize(("path", "breaks"), [(SENT, True), (GOT, False)])
def test_a_required_property_is_added(old, path, breaks):
    new = changed(old, ((*path, "properties", "x"), {}), ((*path, "required"), ["must", "x"]))

    assert list(changes(old, new)) == [Change(f"{path[-1]}.x", "added, required", breaks)]


def test_how_wide_a_number_is_makes_no_difference(old):
    path = (*SENT, "properties", "nested", "properties", "n", "format")

    assert not list(changes(changed(old, (path, "int32")), changed(old, (path, "int64"))))


def test_the_report_puts_what_breaks_first(old):
    new = changed(
        old,
        ((*SENT, "properties", "x"), {}),
        ((*GOT, "properties", "text"), GONE),
        ((*SENT, "properties", "must"), GONE),
    )

    assert report((old, new), (old, new)).splitlines() == [
        "Breaks callers:",
        "  Got.text: removed",
        "  Sent.must: removed",
        "Does not break callers:",
        "  Sent.x: added",
    ]


def test_what_the_overlay_hides_breaks_nobody(old):
    new = changed(old, ((*SENT, "required"), ["must", "text"]))
    seen = changed(old, ((*SENT, "required"), []))

    assert report((old, new), (seen, seen)).splitlines() == [
        "Does not break callers:",
        "  Sent.text: now required (hidden by the overlay)",
    ]


def test_what_only_callers_see_is_reported_too(old):
    new = changed(old, ((*GOT, "properties", "text"), GONE))

    assert report((old, old), (old, new)).splitlines() == ["Breaks callers:", "  Got.text: removed"]


def test_no_change(old):
    assert report((old, old), (old, old)) == "Nothing changed."


def test_other_words_only(old):
    new = changed(old, ((*SENT, "description"), "new words"))

    assert report((old, new), (old, new)) == "Nothing changed but descriptions."


def test_a_change_the_report_has_no_words_for(old):
    new = changed(old, (("servers",), [{"url": "https://new.test"}]))

    assert report((old, new), (old, new)) == "Nothing changed that a caller can see."
