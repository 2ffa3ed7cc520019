"""Generated packages for the forms that a specification may have: they import, type-check, and lose nothing."""

import importlib
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from generator import build, bundle
from generator.errors import SpecificationError

TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def listed(items, **more):
    return {"type": "array", "items": items, **more}


def mapped(values, **more):
    return {"type": "object", "additionalProperties": values, **more}


def obj(properties=None, *required, **more):
    return {"type": "object", "properties": properties or {}, "required": list(required), **more}


def answer(schema=None, media="application/json"):
    return {"description": "d", **({"content": {media: {"schema": schema}}} if schema is not None else {})}


def operation(responses=None, **more):
    return {"responses": responses or {"200": answer(TEXT)}, **more}


def parameter(name, schema, place="query", **more):
    return {"name": name, "in": place, "schema": schema, **more}


def document(schemas=None, paths=None):
    return {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "paths": paths or {},
        "components": {"schemas": schemas or {}},
    }


ANIMALS = {
    "Cat": obj({"kind": TEXT, "lives": {"type": "integer"}}, "kind"),
    "Dog": obj({"kind": TEXT, "friend": ref("Pet")}, "kind"),
    "Pet": {
        "oneOf": [ref("Cat"), ref("Dog")],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"cat": "#/components/schemas/Cat", "tiger": "Cat", "dog": "#/components/schemas/Dog"},
        },
    },
    "Implicit": {"anyOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind"}},
    "Circle": obj({"form": {"type": "string", "enum": ["circle"]}, "radius": {"type": "number"}}, "form"),
    "Square": obj({"form": {"type": "string", "enum": ["square", "box"]}}, "form"),
    "Shape": {"oneOf": [ref("Circle"), ref("Square")]},
    "Marked": {"oneOf": [ref("Circle"), ref("Square")], "discriminator": {"propertyName": "form"}},
    "Unmarked": {"oneOf": [ref("Cat"), ref("Dog")]},
}

FORMS = {
    **ANIMALS,
    "Color": {"type": "string", "enum": ["red", "green"]},
    "MaybeColor": {"type": "string", "enum": ["red", None], "nullable": True},
    "Alias": ref("Color"),
    "Scalar": {"type": "string", "maxLength": 3},
    "Cats": listed(ref("Cat")),
    "Tree": {"oneOf": [TEXT, listed(ref("Tree"))]},
    "Empty": {"type": "object"},
    "Base": obj({"id": TEXT}, "id"),
    "Extra": obj({"note": TEXT}),
    "Loop": obj({"self": {"allOf": [ref("Loop"), ref("Extra")]}, "id": TEXT}),
    "Zoo": obj(
        {
            "pet": ref("Pet"),
            "pets": listed(ref("Pet")),
            "petsByName": mapped(ref("Pet")),
            "implicit": ref("Implicit"),
            "shape": ref("Shape"),
            "marked": ref("Marked"),
            "unmarked": ref("Unmarked"),
            "either": {"oneOf": [TEXT, ref("Cat"), listed(ref("Cat"))]},
            "scalar": {"oneOf": [TEXT, {"type": "integer"}, {"type": "boolean"}]},
            "petOrText": {"oneOf": [ref("Pet"), TEXT], "nullable": True},
            "numbers": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
            "counts": mapped({"type": "integer"}),
            "weights": mapped({"type": "number"}),
            "flags": mapped({"type": "boolean"}),
            "colors": mapped(ref("Color")),
            "cats": mapped(ref("Cat")),
            "lists": mapped(listed(TEXT)),
            "maps": mapped(mapped({"type": "integer"})),
            "listOfMaps": listed(mapped(TEXT)),
            "listOfLists": listed(listed({"type": "number"})),
            "times": listed(TIME),
            "timesByName": mapped(TIME),
            "open": listed({}),
            "maybeColor": ref("MaybeColor"),
            "maybeCat": {"nullable": True, "allOf": [ref("Cat")]},
            "maybes": listed({"type": "string", "nullable": True}),
            "maybeMap": mapped({"type": "integer", "nullable": True}),
            "inline": obj({"x": {"type": "integer"}}, "x"),
            "inlines": listed(obj({"y": listed({"type": "string", "enum": ["a"]})})),
            "merged": {"allOf": [ref("Base"), ref("Extra")], "description": "Both."},
            "alias": ref("Alias"),
            "short": ref("Scalar"),
            "catList": ref("Cats"),
            "tree": ref("Tree"),
            "anything": True,
            "empty": ref("Empty"),
            "level": {"type": "integer", "enum": [1, 2]},
            "self": ref("Zoo"),
            "given": {"type": "string", "readOnly": True},
            "secret": {"type": "string", "writeOnly": True},
        },
        "given",
        "secret",
    ),
    "Strict": obj(
        {
            "name": {"type": "string", "nullable": True},
            "color": {"allOf": [ref("Color")], "nullable": True},
            "cat": {"allOf": [ref("Cat")], "nullable": True},
            "when": {"type": "string", "format": "date-time", "nullable": True},
            "any": {"nullable": True},
            "pet": ref("Pet"),
            "either": {"oneOf": [TEXT, listed(ref("Cat"))]},
            "lists": listed(listed(TEXT)),
            "list": listed(TEXT),
        },
        *("name", "color", "cat", "when", "any", "pet", "either", "lists", "list"),
    ),
    # The forms that a property of the published specification may have.
    "Plain": obj(
        {
            "number": {"type": "number", "minimum": 0.5},
            "flag": {"type": "boolean"},
            "texts": mapped(TEXT),
            "many": listed(ref("Plain")),
            "color": {"allOf": [ref("Color")]},
            "when": TIME,
            "kind": {"type": "string", "description": 'Says "x" \\ and """y"""'},
            "class": {"type": "string", "format": "date"},
            "from_dict": {"type": "string", "format": "uuid"},
            "1st": listed({"type": "integer"}, minItems=1, maxItems=1),
            "flags": listed({"type": "boolean"}),
            "colors": listed(ref("Color")),
            "free": {"type": "object", "minProperties": 2},
        },
        *("number", "flag", "texts", "many", "color", "when", "kind"),
    ),
}

ZOO = {
    "pet": {"kind": "tiger", "lives": 9},
    "pets": [{"kind": "dog", "friend": {"kind": "cat", "new": 1}}, {"kind": "unicorn", "horn": True}, {}],
    "petsByName": {"a": {"kind": "cat"}, "b": {"kind": None}},
    "implicit": {"kind": "Cat"},
    "shape": {"form": "box"},
    "marked": {"form": "circle", "radius": 1.5},
    "unmarked": {"kind": "x"},
    "either": [{"kind": "c"}],
    "scalar": True,
    "petOrText": {"kind": "dog"},
    "numbers": 2,
    "counts": {"a": 1},
    "weights": {"a": 1.5, "b": 2},
    "flags": {"a": True},
    "colors": {"a": "red", "b": "new"},
    "cats": {"a": {"kind": "c"}},
    "lists": {"a": ["b"], "c": []},
    "maps": {"a": {"b": 1}},
    "listOfMaps": [{"a": "b"}],
    "listOfLists": [[1, 2.5], []],
    "times": ["2024-02-29T00:00:00+00:00"],
    "timesByName": {"a": "2024-02-29T00:00:00+00:00"},
    "open": [1, None, "a"],
    "maybeColor": "red",
    "maybeCat": {"kind": "c"},
    "maybes": ["a", None],
    "maybeMap": {"a": None, "b": 2},
    "inline": {"x": 1},
    "inlines": [{"y": ["a", "b"]}],
    "merged": {"id": "i", "note": "n"},
    "alias": "green",
    "short": "abc",
    "catList": [{"kind": "c"}],
    "tree": ["a", ["b"]],
    "anything": [1],
    "empty": {"a": 1},
    "level": 2,
    "self": {"level": 1},
    "given": "g",
    "secret": "s",
}

STRICT = {
    "name": None,
    "color": None,
    "cat": None,
    "when": None,
    "any": None,
    "pet": {"kind": "cat"},
    "either": [{"kind": "c"}],
    "lists": [["a"]],
    "list": ["a"],
}

PLAIN = {
    "number": 1,
    "flag": False,
    "texts": {"a": "b"},
    "many": [],
    "color": "new",
    "when": "2024-02-29T00:00:00+00:00",
    "kind": "k",
}

# Names that the generated code or its runtime uses itself, or that are no Python names.
ODD_NAMES = [
    *("Model", "Mapping", "Self", "Any", "TYPE_CHECKING", "JsonValue", "datetime", "ModelError", "Answer", "List"),
    *("dict", "str", "list", "object", "class", "None", "ClassVar", "Members", "OpenStrEnum", "NewDict", "Unfit"),
    *("ABTest", "AbTest", "ab_test", "my.thing", "My Thing", "1st", "Größe", "日本", "!!!", "🎉", "ImportModule"),
    *("Sequence", "ValueError", "Enum", "GEO", "Geo", 'quo"te\\', "{% raw %}", "line\nbreak", "typing", "execute"),
]
ODD_VALUES = [
    *("", "1st", "+1", "-1", "a", "A", "mro", "name", "value", "Größe", "日本", 'quo"te\\', '"""', "{% if %}"),
    *("line\nbreak", "None", "class", "🎉", "html", "HTML", "_x_", "__init__", "{x}", "a b", "a-b", "a_b"),
]
ODD_PROPERTIES = sorted(
    {
        *("_JSON_NAMES", "_unread", "_withAdditional", "_unreadable", "JSON_NAMES2", "_NULLABLE"),
        *("cls", "data", "kind", "left", "result", "self", "value", "define", "field", "model", "require_object"),
        *("additionalProperties", "fromDict", "to_dict", "Mapping", "Any", "str", "list", "dict", "datetime", "None"),
        *("__class__", "__eq__", "__slots__", "property", "classmethod", "NEW_DICT", "read_value", "import"),
        *("__init__", "_x", "map", "suppress", "as_list", "found", "tag", "item", "key", "日本"),
        *('quo"te\\', "{% raw %}", "line\nbreak", "ﬁeld_of", "Größe", "2nd", "int", "float", "bool"),
    }
)
ODD_KINDS = [TEXT, TIME, listed({}), mapped({"type": "integer"}), {"type": "string", "nullable": True}, ref("日本")]
ODD_DATA = ["x", "2024-02-29T00:00:00+00:00", [1], {"a": 1}, "y", {"a": "b"}]

NAMES = {
    **{name: obj({"a": TEXT, "b": ref(name)}) for name in ODD_NAMES},
    "State": {"type": "string", "enum": ODD_VALUES, "description": 'Ends with a quote "'},
    "STATE": {"type": "string", "enum": ["a"]},
    "GEO": {"type": "string", "enum": ["a"]},
    "Uses": obj({"state": ref("State"), "STATE2": ref("STATE"), "GEO": ref("GEO"), "place": ref("Geo")}),
    "Props": obj({name: ODD_KINDS[index % len(ODD_KINDS)] for index, name in enumerate(ODD_PROPERTIES)}),
}

OLD = {
    "Old": obj({"a": TEXT, "next": ref("Old")}, deprecated=True, description="An old thing."),
    "OldKind": {"type": "string", "enum": ["a"], "deprecated": True},
    "User": obj(
        {
            "old": ref("Old"),
            "olds": listed(ref("Old")),
            "byName": mapped(ref("Old")),
            "kind": ref("OldKind"),
            "a": {"type": "string", "deprecated": True, "description": "The a."},
            "b": {"type": "string", "deprecated": True},
        }
    ),
}

PATHS = {
    "/things/{thingId}/parts/{part}": {
        "parameters": [parameter("thingId", TEXT, "path", required=True), parameter("limit", TEXT)],
        "get": operation(
            operationId="getThing",
            tags=["class"],
            parameters=[
                parameter("part", {"type": "integer"}, "path", required=True),
                parameter("limit", {"type": "integer"}),
                parameter("flag", {"type": "boolean"}, required=True),
                parameter("ratio", {"type": "number"}),
                parameter("color", ref("Color")),
                parameter("since", TIME),
                parameter("ids", listed(TEXT)),
                parameter("codes", listed({"type": "integer"}), explode=False, required=True),
                parameter("piped", listed(TEXT), style="pipeDelimited", explode=False),
                parameter("body", TEXT),
                parameter("headers", TEXT),
                parameter("base_url", TEXT),
                parameter("query", TEXT),
                parameter("class", TEXT),
                parameter("quote", TEXT),
                parameter("filter[name]", TEXT, deprecated=True, description="A filter."),
                parameter("X-Trace", TEXT, "header"),
                parameter("X-Flag", {"type": "boolean"}, "header", required=True),
                parameter("X-Codes", listed({"type": "integer"}), "header"),
                parameter("limit", TEXT, "header"),
                parameter("Content-Type", TEXT, "header"),
            ],
            responses={
                "200": answer(ref("Cat")),
                "201": answer(listed(ref("Pet"))),
                "202": answer(mapped({"type": "integer"})),
                "203": answer(TEXT),
                "204": answer(),
                "205": answer({"type": "integer"}),
                "206": answer({"type": "string", "format": "binary"}, "application/octet-stream"),
                "207": answer({"oneOf": [TEXT, listed(TIME)]}, "application/problem+json; charset=utf-8"),
                "208": answer(ref("Pet")),
                "209": answer(True),
                "2XX": answer(obj({"a": TEXT})),
                "304": {"description": "d", "headers": {"ETag": {"schema": TEXT}}},
                "4xx": answer({"type": "string", "nullable": True}),
            },
        ),
        "put": operation(
            parameters=[parameter("part", TEXT, "path", required=True)],
            requestBody={"content": {"application/json": {"schema": obj({"a": TEXT})}}},
            deprecated=True,
            summary='Says "hi"',
            description='A """quote""" \\ {% raw %} {x}',
        ),
    },
    "/": {
        "post": operation(
            operationId="import",
            tags=["Odd tag!", "second"],
            requestBody={"required": True, "content": {"application/json": {"schema": listed(ref("Cat"))}}},
            responses={"default": answer(ref("Cats"))},
        ),
        "delete": operation(operationId="asyncio", tags=["transport"], responses={"204": answer()}),
        "get": operation(operationId="a b", tags=["日本"], parameters=[parameter("only", TEXT)]),
        "patch": operation(
            operationId="a_b",
            tags=["日本"],
            requestBody={"content": {"application/json": {"schema": ref("Pet")}}},
            responses={},
        ),
    },
}

DOCUMENTS = {
    "forms": document(FORMS),
    "names": document(NAMES),
    "deprecations": document(
        OLD,
        {
            "/old": {
                "post": operation(
                    {"200": answer(ref("Old"))},
                    operationId="old",
                    deprecated=True,
                    requestBody={"required": True, "content": {"application/json": {"schema": ref("Old")}}},
                )
            }
        },
    ),
    "operations": document({**ANIMALS, "Color": FORMS["Color"], "Cats": FORMS["Cats"]}, PATHS),
    "large": document({f"Schema{n}": obj({"next": ref(f"Schema{(n + 1) % 262}")}) for n in range(262)}),
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Generate each document into a package of its own, and return their directory."""
    directory = tmp_path_factory.mktemp("packages")
    for name, content in DOCUMENTS.items():
        build.generate(bundle.flatten(content), {}, directory / name)
    sys.path.insert(0, str(directory))
    yield directory
    sys.path.remove(str(directory))
    for name in [name for name in sys.modules if name.partition(".")[0] in DOCUMENTS]:
        del sys.modules[name]


@pytest.fixture
def load(packages):
    """Return a function that imports a module of the packages."""
    return importlib.import_module


def samples(load):
    """Return each class with JSON that it must read and write unchanged."""
    forms, names, old = load("forms.models"), load("names.models"), load("deprecations.models")
    state = names.State
    return [
        (forms.Zoo, ZOO),
        (forms.Zoo, {**ZOO, "either": "text", "petOrText": "text", "scalar": 2, "tree": "t", "anything": {"a": 1}}),
        (forms.Zoo, {**ZOO, "either": {"kind": "c", "new": 1}, "scalar": "s"}),
        (forms.Strict, STRICT),
        (
            forms.Strict,
            {**STRICT, "name": "n", "color": "new", "cat": {"kind": "c"}, "when": ZOO["times"][0], "any": [1]},
        ),
        (forms.Loop, {"self": {"self": {"id": "i"}, "note": "n"}}),
        (forms.Plain, PLAIN),
        (
            forms.Plain,
            {**PLAIN, "1st": [1], "class": "2024-02-29", "from_dict": "u", "free": {"a": None}, "colors": ["red"]},
        ),
        (names.Props, {name: ODD_DATA[index % len(ODD_DATA)] for index, name in enumerate(ODD_PROPERTIES)}),
        *((names.Uses, {"state": value, "STATE2": "a", "GEO": "new", "place": {"a": "b"}}) for value in state),
        (old.User, {"old": {"next": {"a": "b"}}, "olds": [{}], "byName": {"a": {}}, "kind": "a", "a": "a", "b": "b"}),
    ]


def test_a_round_trip_loses_nothing(load):
    for model, data in samples(load):
        read = model.from_dict(data)
        assert read.to_dict() == data
        assert read.additional_properties == {}
        assert model.from_dict(read.to_dict()) == read
        assert model.from_dict({**data, "new": None}).to_dict() == {**data, "new": None}


def test_type_checkers_accept_the_packages(packages):
    """Also code that uses them, so that the types are those that the specification states."""
    (packages / "use.py").write_text(USE, encoding="utf-8")
    (packages / "misuse.py").write_text(MISUSE, encoding="utf-8")
    (packages / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "pythonVersion": "3.11"}')
    paths = [*DOCUMENTS, "use.py"]
    with ThreadPoolExecutor(2) as pool:
        mypy, misused, pyright = pool.map(
            lambda arguments: subprocess.run(
                [sys.executable, "-m", *arguments], cwd=packages, capture_output=True, text=True, check=False
            ),
            [
                ["mypy", "--strict", "--cache-dir=.cache", *paths],
                ["mypy", "--strict", "--cache-dir=.other", "--enable-error-code=deprecated", "misuse.py"],
                ["pyright", "--pythonpath", sys.executable, "."],
            ],
        )
    assert mypy.returncode == 0, mypy.stdout
    wrong = {number for number, line in enumerate(MISUSE.splitlines(), start=1) if line.endswith("# wrong")}
    assert {int(line.split(":")[1]) for line in misused.stdout.splitlines() if ": error:" in line} == wrong, (
        misused.stdout
    )
    reported = [line.strip() for line in pyright.stdout.splitlines() if " - error:" in line]
    assert {int(line.split(":")[1]) for line in reported} == wrong, pyright.stdout
    assert all("misuse.py" in line for line in reported), pyright.stdout


USE = """
from __future__ import annotations

from datetime import datetime
from typing import assert_type

from deprecations.models import User
from forms.models import Cat, Color, Dog, MaybeColor, Strict, Zoo
from forms.types import JsonValue
from operations.api.class_ import get_thing
from operations.api.odd_tag import import_
from operations.types import Answer


def read(zoo: Zoo, strict: Strict, user: User) -> None:
    assert_type(zoo.pet, Cat | Dog | dict[str, JsonValue] | None)
    assert_type(zoo.pets, list[Cat | Dog | dict[str, JsonValue]] | None)
    assert_type(zoo.either, str | Cat | list[Cat] | None)
    assert_type(zoo.scalar, str | bool | int | None)
    assert_type(zoo.counts, dict[str, int] | None)
    assert_type(zoo.weights, dict[str, float] | None)
    assert_type(zoo.colors, dict[str, Color] | None)
    assert_type(zoo.lists, dict[str, list[str]] | None)
    assert_type(zoo.list_of_maps, list[dict[str, str]] | None)
    assert_type(zoo.times, list[datetime] | None)
    assert_type(zoo.maybe_color, MaybeColor | None)
    assert_type(zoo.maybes, list[str | None] | None)
    assert_type(zoo.unmarked, JsonValue)
    assert_type(strict.name, str | None)
    assert_type(strict.lists, list[list[str]])
    if isinstance(zoo.pet, Cat):
        assert_type(zoo.pet.lives, int | None)
    assert_type(user.a, str | None)


def call(answer: Answer) -> None:
    get_thing.build_request(
        base_url="", thing_id="a", part=1, flag=True, codes=[1], x_flag=False, since=datetime(2024, 2, 29), ids=("a",)
    )
    request = import_.build_request(base_url="", body=[])
    assert_type(request.url, str)
    assert_type([cat.kind for cat in import_.parse(answer)], list[str])


Zoo(pet=Cat(kind="cat"), either=[Cat(kind="c")], maps={"a": {"b": 1}}, maybe_cat=None)
"""

MISUSE = """
from deprecations.api.default import old
from deprecations.models import Old  # wrong
from forms.models import Strict, Zoo
from operations.api.class_ import get_thing

Strict(name=None, color=None, cat=None, when=None, any=None, pet={}, either="", lists=[])  # wrong
Zoo(counts={"a": "b"})  # wrong
Zoo(times=["2024-02-29"])  # wrong
get_thing.build_request(base_url="", thing_id="a", part="1", flag=True, codes=[1], x_flag=False)  # wrong
old.build_request(base_url="", body={})  # wrong
"""


class TestUnions:
    def test_the_tag_determines_the_class(self, load):
        models = load("forms.models")
        zoo = models.Zoo.from_dict(ZOO)

        assert zoo.pet == models.Cat(kind="tiger", lives=9)
        assert isinstance(zoo.pets[0].friend, models.Cat)
        assert zoo.pets[1:] == [{"kind": "unicorn", "horn": True}, {}]
        assert zoo.pets_by_name == {"a": models.Cat(kind="cat"), "b": {"kind": None}}
        assert isinstance(zoo.implicit, models.Cat)
        assert isinstance(zoo.pet_or_text, models.Dog)

    def test_a_property_that_is_an_enum_in_each_model_is_a_tag(self, load):
        models = load("forms.models")
        zoo = models.Zoo.from_dict(ZOO)

        assert isinstance(zoo.shape, models.Square)
        assert isinstance(zoo.marked, models.Circle)
        assert zoo.unmarked == {"kind": "x"}

    def test_the_kind_of_json_determines_the_type(self, load):
        models = load("forms.models")

        assert models.Zoo.from_dict({"either": "a"}).either == "a"
        assert models.Zoo.from_dict({"either": {"kind": "c"}}).either == models.Cat(kind="c")
        assert models.Zoo.from_dict({"either": [{"kind": "c"}]}).either == [models.Cat(kind="c")]
        assert models.Zoo.from_dict({"tree": ["a", ["b"]]}).tree == ["a", ["b"]]

    def test_what_is_no_object_is_kept(self, load):
        zoo = load("forms.models").Zoo.from_dict({"pet": "cat", "pets": [1], "either": 1, "scalar": 1.5})

        assert zoo.additional_properties == {"pet": "cat", "pets": [1], "either": 1, "scalar": 1.5}


WRONG = {
    "counts": {"a": 1.5},
    "weights": {"a": "1"},
    "flags": {"a": 1},
    "colors": {"a": 1},
    "cats": {"a": 1},
    "lists": {"a": "b"},
    "maps": {"a": {"b": True}},
    "listOfMaps": [{"a": 1}],
    "listOfLists": [[1], ["a"]],
    "times": ["yesterday"],
    "maybes": ["a", 1],
    "maybeMap": [],
    "level": "2",
    "inline": 1,
}


def test_values_of_another_type_are_kept(load):
    zoo = load("forms.models").Zoo.from_dict({**ZOO, **WRONG})

    assert zoo.additional_properties == WRONG
    assert zoo.to_dict() == {**ZOO, **WRONG}


class TestNull:
    def test_of_a_required_field_is_written(self, load):
        models = load("forms.models")
        strict = models.Strict.from_dict(STRICT)

        assert (strict.name, strict.color, strict.any) == (None, None, None)
        given = models.Strict(
            name=None, color=None, cat=None, when=None, any=None, pet={}, either="", lists=[], list_=[]
        )
        assert given.to_dict() == {**STRICT, "pet": {}, "either": "", "lists": [], "list": []}

    @pytest.mark.parametrize("name", STRICT)
    def test_a_required_field_must_not_be_absent(self, load, name):
        models, errors = load("forms.models"), load("forms.errors")
        with pytest.raises(errors.ModelError, match=f"Strict.{name} must be .*, but it is absent"):
            models.Strict.from_dict({key: value for key, value in STRICT.items() if key != name})

    @pytest.mark.parametrize(
        ("name", "expected"), [("name", "a string, or null"), ("lists", "a list"), ("pet", "an object")]
    )
    def test_a_required_field_must_have_its_type(self, load, name, expected):
        models, errors = load("forms.models"), load("forms.errors")
        with pytest.raises(errors.ModelError, match=f"Strict.{name} must be {expected}, but it is a number"):
            models.Strict.from_dict({**STRICT, name: 1})

    @pytest.mark.parametrize("name", PLAIN)
    @pytest.mark.parametrize("value", [None, object()])
    def test_a_required_field_that_cannot_be_null(self, load, name, value):
        models, errors = load("forms.models"), load("forms.errors")
        with pytest.raises(errors.ModelError, match=f"Plain.{name} must be"):
            models.Plain.from_dict({**PLAIN, name: value})

    def test_of_an_optional_field_survives_if_the_specification_admits_it(self, load):
        zoo = load("forms.models").Zoo
        data = {"maybeCat": None, "maybeColor": None, "petOrText": None}

        assert zoo.from_dict(data).to_dict() == data
        assert zoo.from_dict({"counts": None}).to_dict() == {}
        assert zoo(additional_properties={"maybeCat": None}).to_dict() == {"maybeCat": None}
        assert zoo.from_dict({"maybeColor": None}).maybe_color is None


class TestNames:
    def test_every_name_has_a_class(self, load):
        models = load("names.models")

        assert len(models.__all__) == len(set(models.__all__)) == len(set(models._MODULES.values())) == len(NAMES)
        assert {"Model_", "Mapping_", "Self_", "Any_", "JsonValue_", "ABTest", "AbTest", "GEO", "Geo"} <= {
            *models.__all__
        }
        for name in models.__all__:
            getattr(models, name)

    def test_every_value_has_a_member(self, load):
        state = load("names.models").State

        assert [str(member) for member in state] == ODD_VALUES
        assert all(state(value) is member for value, member in zip(ODD_VALUES, state, strict=True))
        assert {"MRO", "NAME", "VALUE", "A", "A_", "HTML", "VALUE_1ST"} <= {*state.__members__}

    def test_absent_fields(self, load):
        props = load("names.models").Props

        assert props().to_dict() == {}
        assert props.from_dict({"new": 1}).additional_properties == {"new": 1}

    def test_pydantic_describes_all(self, load):
        pydantic = pytest.importorskip("pydantic")
        for name, model in [("names", "Props"), ("names", "Uses"), ("forms", "Zoo"), ("deprecations", "Old")]:
            adapter = pydantic.TypeAdapter(getattr(load(f"{name}.models"), model))
            assert adapter.json_schema()


class TestDeprecated:
    def test_reading_does_not_warn_and_a_call_does(self, load):
        models, call = load("deprecations.models"), load("deprecations.api.default.old")

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            old = models.Old.from_dict({"next": {}})
            assert models.User(kind=models.OldKind("b"), old=old).to_dict()
        with pytest.warns(DeprecationWarning, match="Old is deprecated") as caught:
            models.Old(a="b")
        assert caught[0].filename == __file__
        with pytest.warns(DeprecationWarning, match="old is deprecated"):
            call.build_request(base_url="http://a", body=old)
        assert models.Old.__deprecated__ == "Old is deprecated."
        assert models.OldKind.__deprecated__ == "OldKind is deprecated."

    def test_the_docstrings_say_so(self, load, packages):
        models, call = load("deprecations.models"), load("deprecations.api.default.old")

        assert models.Old.__doc__ == "Deprecated. An old thing."
        assert call.build_request.__doc__.startswith("Deprecated. ")
        user = (packages / "deprecations" / "models" / "user.py").read_text()
        assert '"""Deprecated. The a."""' in user
        assert '"""Deprecated."""' in user
        get_thing = load("operations.api.class_.get_thing")
        assert "filter_name: Deprecated. A filter." in get_thing.build_request.__doc__


def test_docstrings_give_limits(packages):
    text = (packages / "forms" / "models" / "plain.py").read_text(encoding="utf-8")
    for doc in ("Exactly 1 items.", "At least 0.5.", "At least 2 entries.", r'Says "x" \\ and \"\"\"y\"\"\".'):
        assert f'    """{doc}"""\n' in text, doc
    zoo = (packages / "forms" / "models" / "zoo.py").read_text(encoding="utf-8")
    for doc in ("One of 1, 2.", "Only answers contain it.", "Only requests contain it.", "Both."):
        assert doc in zoo, doc


class TestOperations:
    @pytest.fixture
    def get(self, load):
        """Return a function that builds a request with all required parameters and more."""
        module = load("operations.api.class_.get_thing")
        needed = {"thing_id": "a", "part": 1, "flag": True, "codes": [1, 2], "x_flag": False}
        return lambda **more: module.build_request(base_url="http://127.0.0.1/", **{**needed, **more})

    def test_required_parameters(self, get):
        request = get(thing_id="a/ü?")

        assert request.method == "GET"
        assert request.url == "http://127.0.0.1/things/a%2F%C3%BC%3F/parts/1?flag=true&codes=1,2"
        assert request.headers == [("X-Flag", "false")]

    def test_optional_parameters(self, get, load):
        request = get(
            limit=3,
            ratio=0.5,
            color=load("operations.models").Color.RED,
            since=datetime(2024, 2, 29, tzinfo=UTC),
            ids=["a&b", "c"],
            piped=["x", "y"],
            body_="1",
            headers_="2",
            base_url_="3",
            query_="4",
            class_="5",
            quote_="6",
            filter_name="7",
            x_trace="t",
            x_codes=[1, 2],
            limit_="high",
            headers={"X-Trace": "mine", "Other": "o"},
        )

        assert request.url.partition("?")[2] == (
            "flag=true&limit=3&ratio=0.5&color=red&since=2024-02-29T00%3A00%3A00%2B00%3A00&ids=a%26b&ids=c&codes=1,2"
            "&piped=x%7Cy&body=1&headers=2&base_url=3&query=4&class=5&quote=6&filter%5Bname%5D=7"
        )
        assert len(request.headers) == 5
        assert dict(request.headers) == {
            "X-Trace": "t",
            "X-Flag": "false",
            "X-Codes": "1,2",
            "limit": "high",
            "Other": "o",
        }

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"x_trace": "a\r\nHost: b"}, "The header X-Trace must not contain control characters"),
            ({"thing_id": ".."}, "The parameter thingId is a part of the path"),
            ({"thing_id": ""}, "The parameter thingId is a part of the path"),
            ({"ratio": float("nan")}, "A parameter must be a finite number"),
        ],
    )
    def test_a_value_that_cannot_be_sent(self, get, load, wrong, message):
        with pytest.raises(load("operations.errors").ModelError, match=message):
            get(**wrong)

    def test_bodies(self, load):
        models = load("operations.models")
        odd, put = load("operations.api.odd_tag.import_"), load("operations.api.default")
        patch = load("operations.api.日本.a_b_2")
        assert put

        request = odd.build_request(base_url="http://a", body=[models.Cat(kind="c")])
        assert (request.method, request.content) == ("POST", b'[{"kind":"c"}]')
        assert patch.build_request(base_url="http://a", body=models.Dog(kind="d")).content == b'{"kind":"d"}'
        assert patch.build_request(base_url="http://a").content == b""
        assert load("operations.api.日本.a_b").build_request(base_url="http://a", only="b").url == "http://a/?only=b"
        delete = load("operations.api.transport.asyncio")
        assert delete.build_request(base_url="http://a").method == "DELETE"

    @pytest.mark.parametrize(
        ("status", "content", "expected"),
        [
            (202, b'{"a":1}', {"a": 1}),
            (203, b'"a"', "a"),
            (204, b"", None),
            (205, b"", None),
            (206, b"\xff", b"\xff"),
            (207, b'"a"', "a"),
            (208, b'{"kind":"unicorn"}', {"kind": "unicorn"}),
            (209, b"[1]", [1]),
            (304, b"", None),
            (404, b"null", None),
        ],
    )
    def test_answers(self, load, status, content, expected):
        parse, reply = load("operations.api.class_.get_thing").parse, load("operations.types").Answer
        assert parse(reply(status, {}, content)) == expected

    def test_answers_of_models(self, load):
        parse, reply = load("operations.api.class_.get_thing").parse, load("operations.types").Answer
        models = load("operations.models")

        assert parse(reply(200, {}, b'{"kind":"c"}')) == models.Cat(kind="c")
        assert parse(reply(201, {}, b'[{"kind":"dog"}]')) == [models.Dog(kind="dog")]
        assert parse(reply(299, {}, b'{"a":"b"}')) == models.GetThingResponse2XX(a="b")

    @pytest.mark.parametrize(
        ("status", "content", "message"),
        [
            (201, b"1", "The answer with status 201 must be a list"),
            (202, b'{"a":"b"}', "The answer with status 202 must be an object"),
            (207, b"1", "The answer with status 207 must be a string or a list"),
            (404, b"1", "The answer with status 404 must be a string, or null"),
            (500, b"{}", "The specification has no answer with status 500"),
        ],
    )
    def test_an_answer_that_the_specification_does_not_have(self, load, status, content, message):
        parse, reply = load("operations.api.class_.get_thing").parse, load("operations.types").Answer
        with pytest.raises(load("operations.errors").ModelError, match=message):
            parse(reply(status, {}, content))


def operated(**more):
    return document({"A": obj({"a": TEXT})}, {"/x": {"get": operation(operationId="x", **more)}})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            operated(parameters=[parameter("p", obj({"a": TEXT}), style="deepObject")]),
            "GET /x: the query parameter p has the style deepObject, which the templates do not support",
        ),
        (
            operated(parameters=[{"name": "p", "in": "query", "content": {"application/json": {"schema": TEXT}}}]),
            "GET /x: the query parameter p has content of a media type",
        ),
        (operated(parameters=[parameter("p", TEXT, "cookie")]), "GET /x: the cookie parameter p is a cookie"),
        (operated(parameters=[parameter("p", ref("A"))]), "GET /x: the query parameter p is no string, number or"),
        (operated(parameters=[parameter("p", listed(listed(TEXT)))]), "GET /x: the query parameter p is no string"),
        (
            operated(parameters=[parameter("p", TEXT, "path", style="label")]),
            "the path parameter p has the style label",
        ),
        (document({}, {"/x/{y}": {"get": operation()}}), r"GET /x/\{y\}: \{y\} is not declared as a parameter"),
        (operated(requestBody={"content": {"multipart/form-data": {}}}), "GET /x: the body is multipart/form-data"),
        (operated(responses={"20X": answer()}), "GET /x: the response 20X is no status"),
        (
            document({"A": obj({"aB": TEXT, "a_b": TEXT})}),
            "A has properties aB and a_b, which would both be called a_b",
        ),
        (document({"A": {"type": "object", "properties": 5}}), "components.schemas.A has a form that the generator"),
        (document({"A": obj({"a": {"enum": 5}})}), "components.schemas.A.properties.a has a form that"),
        (operated(parameters=[{"in": "query"}]), "GET /x has a form that the generator cannot read: KeyError"),
        (document({"A": obj({"a": {**TEXT, "minimum": "x"}})}), "components.schemas.A.properties.a has a form"),
        (document({"A": obj({"a": {"description": "\ud800"}})}), "The specification has a form"),
        (
            document({"A": obj({"a": {"x-list-when": {"items": "#/components/schemas/B"}}})}),
            "components.schemas.A.properties.a.x-list-when.items must refer to a schema with properties",
        ),
    ],
)
def test_what_cannot_be_generated_is_refused_with_a_sentence(tmp_path, content, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        build.generate(content, {}, tmp_path / "new")
    assert len(str(caught.value).splitlines()) == 1


def test_a_template_that_is_wrong_is_found_out(tmp_path):
    (tmp_path / "bad.py").write_text("def:")

    with pytest.raises(SpecificationError, match=r"ruff check rejects the generated code, .*bad\.py"):
        build._format(tmp_path)


def test_the_package_may_be_written_where_git_ignores_files(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*\n")
    build.generate(document({"A": obj({"b": listed(TEXT), "a": TEXT})}), {}, tmp_path / "new")
    text = (tmp_path / "new" / "models" / "a.py").read_text(encoding="utf-8")

    assert "suppress" not in text
    assert "as_str" not in text
