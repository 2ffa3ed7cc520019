"""Our descriptions, apart from the specification."""

import copy
import random

import pytest
from hypothesis import given, strategies as st

from generator import __main__ as command, bundle, descriptions, overlay
from generator.errors import SpecificationError
from generator.tree import schemas

HOUSE = """
operations:
  POST /a:
    summary: Do it
    description: Does it.
    parameters: {id: The id.}
    body: The body.
    responses:
      200: Done.
      default:
        description: Failed.
        fields: {why: The reason.}
schemas:
  Base: {description: A base., fields: {a.b: Dotted., description: A name.}}
  Order:
    description: An order,
      in two lines.
    fields:
      lines:
        description: The lines.
        items: {description: One line., fields: {price: Its price., tags: Its tags.}}
      notes: {description: Notes by name., values: One note.}
      place: Where.
      gone: Not there any more.
  Lost: {description: Not there., fields: {x: Not there either.}}
"""


def document():
    text = {"type": "string"}
    line = {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"price": text, "tags": text}}]}
    return {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1", "description": "<p>Hi</p>"},
        "tags": [{"name": "t", "description": "<b>Tag</b>"}],
        "paths": {
            "/a": {
                "parameters": [{"name": "id", "in": "query", "schema": text, "description": "Theirs."}],
                "post": {
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
                    },
                    "responses": {
                        "200": {"description": "Theirs."},
                        "204": {"description": "Theirs,<br><br>kept "},
                        "default": {
                            "description": "Theirs.",
                            "content": {"application/json": {"schema": {"properties": {"why": text}}, "example": 1}},
                        },
                    },
                },
            }
        },
        "components": {
            "schemas": {
                "Base": {
                    "title": "Other name",
                    "properties": {"a.b": text, "description": text, "title": {**text, "example": "e"}},
                },
                "Order": {
                    "description": "Theirs.",
                    "allOf": [
                        {"$ref": "#/components/schemas/Base"},
                        {
                            "description": "Theirs too.",
                            "properties": {
                                "lines": {"type": "array", "items": line, "description": "Theirs."},
                                "notes": {"additionalProperties": text},
                                "place": {"$ref": "#/components/schemas/Base", "description": "Theirs."},
                                "kind": {"oneOf": [{"properties": {"x": text}}, text], "description": "*Kind*"},
                            },
                        },
                    ],
                },
            }
        },
    }


@pytest.fixture
def ours(write):
    return descriptions.read(write("house/descriptions.yaml", HOUSE))


def test_ours_replace_theirs(ours):
    before = document()
    published = copy.deepcopy(before)

    result = bundle.flatten(descriptions.apply(ours, published))

    assert published == before
    known = schemas(result)
    order = known["Order"]["properties"]
    assert known["Order"]["description"] == "An order, in two lines."
    assert known["Base"]["properties"]["description"] == {"type": "string", "description": "A name."}
    assert known["Base"]["properties"]["a.b"]["description"] == "Dotted."
    assert order["lines"]["description"] == "The lines."
    assert order["lines"]["items"]["description"] == "One line."
    assert order["lines"]["items"]["allOf"][1]["properties"]["price"]["description"] == "Its price."
    assert order["notes"]["additionalProperties"]["description"] == "One note."
    assert order["place"] == {"allOf": [{"$ref": "#/components/schemas/Base"}], "description": "Where."}
    post = result["paths"]["/a"]["post"]
    assert (post["summary"], post["description"]) == ("Do it", "Does it.")
    assert result["paths"]["/a"]["parameters"][0]["description"] == "The id."
    assert post["responses"]["200"] == {"description": "Done."}
    error = post["responses"]["default"]
    assert error["description"] == "Failed."
    assert "description" not in error["content"]["application/json"]
    assert error["content"]["application/json"]["schema"]["properties"]["why"]["description"] == "The reason."


def test_where_ours_is_absent_theirs_stays_as_plain_text(ours):
    result = descriptions.apply(ours, document())

    assert result["info"] == {"title": "T", "version": "1", "description": "Hi"}
    assert result["tags"][0]["description"] == "Tag"
    assert result["paths"]["/a"]["post"]["responses"]["204"] == {"description": "Theirs, kept"}
    assert schemas(result)["Order"]["allOf"][1]["properties"]["kind"]["description"] == "Kind"
    assert "title" not in schemas(result)["Base"]
    assert schemas(result)["Base"]["properties"]["title"] == {"type": "string"}


def test_what_is_not_described_and_what_is_not_used(ours):
    assert descriptions.undescribed(ours, document()) == [
        "POST /a response 204",
        "Base.title",
        "Order.kind",
        "Order.kind.x",
    ]
    assert descriptions.unused(ours, document()) == ["Order.gone", "Lost"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["the file must be an object with operations or schemas, and is empty"]),
        ("- a", ["line 1: the file must be an object with operations or schemas, and is a list"]),
        ("a: b: c", ["is not YAML"]),
        ("schemas: [", ["is not YAML"]),
        ("schemas: {A: {fields: &f {x: {fields: *f}}}}", ["is nested too deeply, or an alias contains itself"]),
        ("a: 1\nschemas: {}", ["line 1: the file has the unknown key 'a'"]),
        (
            "schemas:\n  A:\n    description: 5\n    fields:\n      x:\n      y: [a]\n      y: b\n      z: {text: t}\n"
            "  A: {}\n  B: text\noperations:\n  POST /a:\n    sumary: t\n    summary: {}\n    responses: {200: ' '}\n",
            [
                "line 3: A must be a text, and is 5 (put a text in quotes)",
                "line 6: A.x must be a text, and is empty",
                "line 6: A.y must be an object with description, fields, items or values, and is a list",
                "line 7: A fields has the key 'y' twice: keep one",
                "line 8: A.z has the unknown key 'text': use description, fields, items or values",
                "line 9: schemas has the key 'A' twice: keep one",
                "line 10: B must be an object with description, fields, items or values, and is the text 'text'",
                "line 13: POST /a has the unknown key 'sumary'",
                "line 14: POST /a summary must be a text, and is an object",
                "line 15: POST /a response 200 must be a text, and is blank",
            ],
        ),
    ],
)
def test_a_file_of_another_form(write, text, expected):
    with pytest.raises(SpecificationError) as caught:
        descriptions.read(write("house/descriptions.yaml", text))

    assert len(caught.value.problems) == len(expected)
    for problem, part in zip(caught.value.problems, expected, strict=True):
        assert problem.startswith("house/descriptions.yaml")
        assert part in problem
        assert "\n" not in problem


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpecificationError, match=r"descriptions\.yaml cannot be read: No such file"):
        descriptions.read(tmp_path / "descriptions.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain text.", "Plain text."),
        ("One line<br><br>Another. ", "One line. Another."),
        ("<p>One.</p><p>Two &amp; <b>three</b>&nbsp;four</p>", "One. Two & three four"),
        ("https://<clientCode>.tt.omtrdc.net, a < b > c", "https://<clientCode>.tt.omtrdc.net, a < b > c"),
        ("The \u201ccurly\u201d one\u2019s", 'The "curly" one\'s'),
        (
            "# Title\n\nUse `code`, **bold** and [a link](http://x).\n- one\n- two",
            "Title. Use code, bold and a link. one. two",
        ),
        ("2 * 3 * 4, snake_case_name, `__init__`", "2 * 3 * 4, snake_case_name, __init__"),
        ("&lt;br&gt; is a tag", "<br> is a tag"),
        ("bell\x07, zero\u200bwidth, \ud83d, \u202eright to left", "bell, zerowidth, , right to left"),
        ("```json\n{}\n```", "{}"),
        ("<br>", ""),
    ],
)
def test_plain_text(text, expected):
    assert descriptions.plain(text) == expected


def test_comments_without_an_end_do_not_take_long():
    assert descriptions.plain("a" + "<!--" * 100_000) == "a"


@given(st.text(st.sampled_from("<>/abr *_`[]()!#-&;\n\r\t\"'\\"), max_size=60))
def test_plain_text_is_one_line(text):
    found = descriptions.plain(text)
    assert found == " ".join(found.split())


class TestWording:
    def test_nothing(self):
        new = document()
        new["components"]["schemas"]["Order"]["description"] = "  Theirs.\n"

        assert descriptions.wording(document(), new) == []

    def test_each_kind_of_change(self):
        new = document()
        known = schemas(new)
        known["Base"]["title"] = "Another"
        known["Base"]["properties"]["title"]["example"] = {"a": 1}
        known["Order"]["allOf"][1]["properties"]["place"] = {"$ref": "#/components/schemas/Base"}
        known["Order"]["allOf"][1]["properties"]["new"] = {"description": "Comes with its field."}
        new["paths"]["/a"]["post"]["responses"]["200"]["description"] = "OK"
        new["paths"]["/a"]["post"]["responses"]["default"]["content"]["application/json"]["example"] = 2
        new["paths"]["/a"]["post"]["summary"] = "Now with one"
        new["tags"][0]["description"] = "Changed"

        assert descriptions.wording(document(), new) == [
            '#/tags/t: description "<b>Tag</b>" -> "Changed"',
            'Base: title "Other name" -> "Another"',
            'Base.title: example "e" -> "{"a": 1}"',
            'Order.place: description removed: "Theirs."',
            'POST /a: summary added: "Now with one"',
            'POST /a response 200: description "Theirs." -> "OK"',
            'POST /a response default: example "1" -> "2"',
        ]

    def test_the_difference_of_long_texts_is_shown(self):
        old, new = document(), document()
        schemas(old)["Base"]["description"] = "word " * 100 + "before " + "word " * 100
        schemas(new)["Base"]["description"] = "word " * 100 + "after " + "word " * 100

        (line,) = descriptions.wording(old, new)

        assert "before" in line
        assert "after" in line
        assert len(line) < 200

    @pytest.mark.parametrize(
        "broken",
        [
            {},
            {"paths": {"/a": None}, "components": None, "info": [], "tags": {"a": None}},
            {"paths": [], "components": {"schemas": {"A": None, "B": {"allOf": None, "properties": [1]}}}},
            {"paths": {"/a": {"post": {"parameters": [None, {}], "responses": None, "requestBody": {"content": [1]}}}}},
        ],
    )
    def test_a_document_of_any_form(self, broken):
        assert descriptions.wording(broken, document()) == []
        assert isinstance(descriptions.wording(broken, broken), list)


WORDS = [
    *(
        "It&rsquo;s <br><br> a <b>value</b>",
        "\u201cquoted\u201d ",
        '"""',
        "back\\slash \\",
        "{{ jinja }} {% if %}",
        "#",
    ),
    *("line\n\nline", "a: b - c", "\u00e9\U0001f600", "", "%s {0}"),
]


def reworded(value, chance, names=False, bare=False):
    """Return a specification with other words wherever words are possible."""
    if isinstance(value, list):
        return [reworded(item, chance, bare=bare) for item in value]
    if not isinstance(value, dict):
        return value
    result = {
        key: reworded(item, chance, names=not names and key == "properties", bare=key in ("schema", "allOf"))
        for key, item in value.items()
    }
    if not names and {"type", "oneOf", "allOf"} & result.keys():
        result |= {"description": chance.choice(WORDS), "title": chance.choice(WORDS), "example": chance.choice(WORDS)}
    elif {"in", "content", "responses", "description"} & result.keys() and not names:
        result["description"] = chance.choice(WORDS)
    if not names and set(result) == {"$ref"} and not bare and chance.random() < 0.5:
        result = {"allOf": [result], "description": chance.choice(WORDS)}
    return result


@pytest.mark.parametrize("seed", range(3))
def test_their_words_do_not_change_the_generated_code(house, tree, write, published, seed, capsys):
    before = tree(house / "generated")
    theirs = reworded(published, random.Random(seed))
    theirs["paths"]["/rest/v1/delivery"]["post"]["summary"] = "Theirs"

    assert command.main(["--spec", str(write("new.yaml", theirs))], root=house) == 0, capsys.readouterr().err
    assert tree(house / "generated") == before
    assert len(descriptions.wording(published, theirs)) > 200


def test_an_invalid_specification_can_be_corrected(house, published, write, capsys):
    time = schemas(published)["Order"]["properties"]["time"]
    time.clear()
    time["type"] = "date-time"
    path = write("new.yaml", published)
    assert command.main(["--spec", str(path)], root=house) == 2
    assert "Order" in capsys.readouterr().err

    changes = overlay_with(
        house,
        {
            "target": "$.components.schemas.Order.properties.time",
            "description": "There is no type date-time.",
            "x-purpose": "correction",
            "x-expects": {"type": "date-time"},
            "update": {"type": "string", "format": "date-time"},
        },
    )

    assert command.main(["--spec", str(path)], root=house) == 0
    overlay.check_form(changes, "overlay.yaml")


def overlay_with(house, action):
    path = house / "openapi" / "overlay.yaml"
    changes = bundle.read(path)
    changes["actions"].append(action)
    path.write_text(bundle.dump(changes), encoding="utf-8")
    return changes
