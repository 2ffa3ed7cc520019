"""The comparison of two specifications, the verdicts, and the report in its forms."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from generator import bundle
from generator.compare import Change, changes, compare, printable, same, without_words
from generator.report import Report
from generator.rules import RULES, TABLE, WORST_FIRST

ROOT = Path(__file__).resolve().parents[3]

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
    "limit of what is never sent": (
        ((*FREE, "properties", "text", "maxLength"), 5),
        ("Free.text", "maxLength 5, was 10: tighter", "safe"),
    ),
    "member of what is never sent": (
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


TEXT = {"type": "string"}
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
        "safe",
    ),
    ({"type": "integer", "enum": [1, 2]}, {"type": "integer", "enum": [1]}, "breaks", "safe"),
    ({"allOf": [{"$ref": f"{REF}Free"}]}, {"oneOf": [{"$ref": f"{REF}Free"}, TEXT]}, "breaks", "breaks"),
    (TEXT, {"type": "string", "minLength": 0}, "safe", "safe"),
]


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


def test_null_in_a_required_field(old):
    kinds = schema_change(old, (*GOT, "properties", "must"), TEXT, {"type": "string", "nullable": True})

    assert kinds == [("null allowed", "breaks")]


DELIVERY = bundle.flatten(bundle.bundle(str(ROOT / "openapi" / "delivery.yaml")))


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


def test_each_kind_that_the_comparison_yields_is_in_the_table():
    """A kind that is composed of parts is covered by the tests that yield it."""
    source = (ROOT / "generator" / "compare.py").read_text(encoding="utf-8")
    unused = [rule.kind for rule in TABLE if f'"{rule.kind}"' not in source]

    # These are composed: "limit {word}", "{what} removed", "readOnly {...}" and so on.
    composed = ("limit", "enum member", "listed value", "readOnly", "writeOnly", "header", "body", "parameter")
    composed += ("property", "unlisted", "null", "number format", "string ", "security scheme", "discriminator value")
    assert [kind for kind in unused if not kind.startswith(composed)] == []


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
        "counts": {"breaks": 0, "check": 1, "safe": 0, "wording": 1, "undescribed": 0, "unused": 0, "broken": 0},
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
