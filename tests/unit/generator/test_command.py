"""`python -m generator`, from specification to code."""

import copy
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from generator import __main__ as command, build, bundle, descriptions, overlay
from generator.errors import SpecificationError
from generator.tree import schemas

ROOT = Path(__file__).resolve().parents[3]
DESCRIPTIONS = descriptions.read(ROOT / "openapi" / "descriptions.yaml")
PACKAGE = Path("generated", "target_delivery_api")


@pytest.fixture
def run(house):
    """Return a function that runs the command in the project's copy and gives its exit status."""
    return lambda *arguments: command.main([str(argument) for argument in arguments], root=house)


@pytest.fixture
def generated(tmp_path, published, overlay_document):
    """Return a function that generates from a changed specification and gives the directory."""

    def from_specification(change):
        document = descriptions.apply(DESCRIPTIONS, overlay.apply(overlay_document, published))
        change(document)
        target = tmp_path / "target_delivery_api"
        # The temporary directory may be inside a directory that git ignores, and ruff follows git.
        (tmp_path / ".git").mkdir(exist_ok=True)
        (tmp_path / ".gitignore").write_text("*\n")
        build.generate(bundle.flatten(document), {}, target)
        return target

    return from_specification


def test_the_committed_code_is_what_the_generator_makes(capsys):
    assert command.main(["--check"]) == 0, capsys.readouterr().out


def test_it_makes_the_same_again_and_leaves_nothing_else(run, house, tree):
    before = tree(house)

    assert run() == 0
    assert tree(house) == before


def test_it_makes_what_is_not_there_yet(run, house, tree):
    before = tree(house)
    for path in sorted((house / "generated").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (house / "generated").rmdir()

    assert run() == 0
    assert tree(house) == before


def test_check_names_the_files_and_changes_none(run, house, tree, capsys):
    (house / PACKAGE / "models" / "option.py").write_text("edited by hand\n")
    (house / PACKAGE / "models" / "view.py").unlink()
    (house / PACKAGE / "helper.py").touch()
    (house / PACKAGE / "__pycache__").mkdir()
    (house / PACKAGE / "__pycache__" / "helper.pyc").touch()
    before = tree(house)

    assert run("--check") == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "generated/target_delivery_api/helper.py: would not be generated",
        "generated/target_delivery_api/models/option.py: differs",
        "generated/target_delivery_api/models/view.py: missing",
    ]
    assert "Run: python -m generator" in err
    assert tree(house) == before


def test_the_specification_in_force_changes_nothing(run, house, tree, split, published, capsys):
    before = tree(house)

    assert run("--spec", split(published)) == 0
    assert capsys.readouterr().out == "Nothing changed.\n"
    assert tree(house) == before


def new_version(document):
    """Return a specification as it may look next year."""
    known = schemas(document)
    known["OptionType"]["enum"].append("carousel")
    known["Option"]["properties"]["priority"] = {"type": "integer", "description": "Shown first when low."}
    known["Option"]["properties"]["badge"] = {
        "description": "b",
        "allOf": [{"$ref": "#/components/schemas/Badge"}],
    }
    known["Badge"] = {"type": "object", "properties": {"color": {"type": "string"}}}
    known["Geo"]["properties"]["city"]["maxLength"] = 20
    known["Product"]["required"] = ["id"]
    del known["Browser"]["properties"]["webGLRenderer"]
    return document


@pytest.mark.parametrize("over_http", [False, True])
def test_a_new_specification(run, house, split, served, published, capsys, over_http):
    root = split(new_version(published))

    assert run("--spec", f"{served(root.parent)}/openapi.yaml" if over_http else root) == 0

    assert capsys.readouterr().out.splitlines() == [
        "Breaks callers:",
        "  Browser.webGLRenderer: removed",
        "  Geo.city: maxLength 20, was 50: tighter",
        "  Product.id: now required",
        "Does not break callers:",
        "  Badge: schema added",
        "  Option.badge: added",
        "  Option.priority: added",
        "  OptionType: enum widened by carousel",
    ]
    assert bundle.read(house / "openapi" / "delivery.yaml") == published
    assert run("--check") == 0
    code = """
from target_delivery_api.models import Badge, Option, OptionType, Product
data = {"type": "carousel", "priority": 1, "badge": {"color": "red"}}
option = Option.from_dict(data)
assert option.type is OptionType.CAROUSEL
assert option.badge == Badge(color="red")
assert option.to_dict() == data
try:
    Product()
except TypeError:
    print("required")
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=house / "generated", capture_output=True, text=True, check=True
    )
    assert ran.stdout == "required\n"


def no_openapi(document):
    document["openapi"] = "2.0"


def dangling(document):
    schemas(document)["View"]["properties"]["key"] = {"$ref": "#/components/schemas/Gone"}


def overlay_place_gone(document):
    del schemas(document)["Option"]["properties"]["content"]["oneOf"]


def overlay_expects_other(document):
    schemas(document)["Context"]["required"].append("address")


def unknown_operation(document):
    document["paths"]["/rest/v2/delivery"] = {"get": {"responses": {"200": {"description": "d"}}}}


def body_of_no_class(document):
    post = document["paths"]["/rest/v1/delivery"]["post"]
    post["requestBody"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Parameters"}


def unusable_enum(document):
    schemas(document)["OptionType"]["enum"].append("HTML")


def unreadable_for_the_client_generator(document):
    schemas(document)["ChannelType"]["enum"] = [["a", 1]]


def attributes_of_one_name(document):
    schemas(document)["Order"]["properties"]["purchased_product_ids"] = {"type": "string"}


def part_of_itself(document):
    schemas(document)["RequestDetails"]["allOf"] = [{"$ref": "#/components/schemas/RequestDetails"}]


def media_type_of_its_own(document):
    post = document["paths"]["/rest/v1/delivery"]["post"]
    post["responses"]["200"]["content"] = {"no media type": {"schema": {"type": "string"}}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_openapi, "is not an OpenAPI 3 document: openapi is '2.0'"),
        (dangling, "at components.schemas.View.properties.key: $ref leads nowhere: "),
        (
            overlay_place_gone,
            "overlay action 11 (target $.components.schemas.Option.properties.content.oneOf)",
        ),
        (
            overlay_expects_other,
            'it was written for ["channel"], but the specification has ["channel", "address"]',
        ),
        (
            unknown_operation,
            "GET /rest/v2/delivery: the templates support only operations that post one JSON object",
        ),
        (body_of_no_class, "POST /rest/v1/delivery: the templates support only operations that post"),
        (unusable_enum, "openapi-python-client cannot read the specification: Duplicate key HTML"),
        (unreadable_for_the_client_generator, "openapi-python-client cannot "),
        (attributes_of_one_name, "Order has properties purchasedProductIds and purchased_product_ids"),
        (part_of_itself, "components.schemas.RequestDetails contains itself through allOf"),
        (media_type_of_its_own, "openapi-python-client cannot generate from the specification: "),
    ],
)
def test_a_specification_that_cannot_be_used(run, house, tree, write, published, capsys, change, message):
    change(published)
    before = tree(house)

    assert run("--spec", write("new.yaml", published)) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("generator: ")
    assert len(err.splitlines()) == 1
    assert message in err
    assert tree(house) == before


def test_a_specification_that_is_not_there(run, house, tree, capsys):
    before = tree(house)

    assert run("--spec", house / "no" / "such.yaml") == 2
    assert "such.yaml cannot be read: " in capsys.readouterr().err
    assert tree(house) == before


def test_an_overlay_may_be_changed_for_the_new_specification_first(run, house, write, published, capsys):
    """An overlay that no longer fits the old specification must not prevent the change to the new one."""
    schemas(published)["Context"]["required"].append("address")
    overlay = house / "openapi" / "overlay.yaml"
    text = overlay.read_text(encoding="utf-8")
    overlay.write_text(text.replace("x-expects: [channel]", "x-expects: [channel, address]"), encoding="utf-8")

    assert run("--check") == 2
    assert "overlay action 5" in capsys.readouterr().err
    assert run("--spec", write("new.yaml", published)) == 0
    assert "Context.address: now required (hidden by the overlay)" in capsys.readouterr().out
    assert run("--check") == 0


def test_an_overlay_that_is_none(run, house, capsys):
    (house / "openapi" / "overlay.yaml").write_text("overlay: 1.0.0\n")

    assert run("--check") == 2
    assert "openapi/overlay.yaml is not an OpenAPI Overlay 1.0 document" in capsys.readouterr().err


def test_the_old_code_stays_when_the_new_cannot_take_its_place(run, house, tree, monkeypatch):
    before = tree(house)
    rename = Path.rename

    def failing(self, target):
        if Path(target) == house / PACKAGE and ".new-" in str(self) and not self.name.endswith("-old"):
            raise OSError("disk full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="disk full"):
        run()
    assert tree(house) == before


def test_the_old_code_stays_when_the_specification_cannot_be_replaced(run, house, tree, split, published, monkeypatch):
    root = split(new_version(published))
    before = tree(house)

    def failing(*_):
        raise OSError("disk full")

    monkeypatch.setattr(command.os, "replace", failing)
    with pytest.raises(OSError, match="disk full"):
        run("--spec", root)
    assert tree(house) == before


def test_there_is_no_old_code_to_put_back(tmp_path):
    with pytest.raises(FileNotFoundError, match="fresh"):
        build.replace(tmp_path / "fresh", tmp_path / "target")


def test_bundle_only_writes_the_document(run, house, tree, tmp_path, split, published):
    before = tree(house)

    assert run("--bundle", tmp_path / "one.yaml") == 0
    assert run("--spec", split(new_version(copy.deepcopy(published))), "--bundle", tmp_path / "two.yaml") == 0

    assert bundle.read(tmp_path / "one.yaml") == published
    assert bundle.read(tmp_path / "two.yaml") == new_version(published)
    assert tree(house) == before


@pytest.mark.parametrize(
    "arguments", [["--check", "--spec", "a.yaml"], ["--check", "--bundle", "b.yaml"], ["--specification"]]
)
def test_a_wrong_command_line(run, arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)

    assert stopped.value.code == 2
    assert "usage: python -m generator" in capsys.readouterr().err


def test_as_a_module(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["generator", "--check"])
    monkeypatch.delitem(sys.modules, "generator.__main__")

    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("generator", run_name="__main__")

    assert stopped.value.code == 0


def test_a_template_that_is_wrong_is_found_out(generated, monkeypatch):
    monkeypatch.setattr(build, "_format", lambda target: target.joinpath("bad.py").write_text("def:"))
    broken = generated(lambda _: None)
    monkeypatch.undo()

    with pytest.raises(SpecificationError, match=r"ruff check rejects the generated code, .*bad\.py"):
        build._format(broken)


def test_a_document_that_openapi_python_client_cannot_read(tmp_path):
    with pytest.raises(SpecificationError, match=r"openapi-python-client cannot read the specification: .*info"):
        build.generate({"openapi": "3.0.3", "paths": {}}, {}, tmp_path / "new")


def test_every_form_a_property_may_have(generated):
    def change(document):
        def text(**more):
            return {"type": "string", **more}

        schemas(document)["Zoo"] = {
            "type": "object",
            "required": [
                "list",
                "number",
                "anything",
                "flag",
                "map",
                "texts",
                "many",
                "enum",
                "when",
                "kind",
            ],
            "properties": {
                "list": {"type": "array", "items": text()},
                "number": {"type": "number", "minimum": 0.5},
                "anything": {"oneOf": [text(), {"type": "integer"}]},
                "flag": {"type": "boolean"},
                "map": {"type": "object", "additionalProperties": {"type": "integer"}},
                "texts": {"type": "object", "additionalProperties": text()},
                "many": {"type": "array", "items": {"$ref": "#/components/schemas/Zoo"}},
                "enum": {"allOf": [{"$ref": "#/components/schemas/ChannelType"}]},
                "when": text(format="date-time"),
                "kind": text(nullable=True, description='Says "x" \\ and """y"""'),
                "self": {"$ref": "#/components/schemas/Zoo"},
                "class": text(format="date"),
                "from_dict": text(format="uuid"),
                "1st": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 1},
                "numbers": {"type": "array", "items": {"type": "number"}},
                "flags": {"type": "array", "items": {"type": "boolean"}},
                "enums": {"type": "array", "items": {"$ref": "#/components/schemas/ChannelType"}},
                "maps": {"type": "array", "items": {"type": "object"}},
                "level": {"type": "integer", "enum": [1, 2]},
                "either": {"nullable": True, "allOf": [{"$ref": "#/components/schemas/Zoo"}]},
                "open": {"type": "object", "minProperties": 2},
            },
        }
        post = document["paths"]["/rest/v1/delivery"]["post"]
        post["responses"]["2XX"] = {
            "description": "d",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Parameters"}}},
        }

    directory = generated(change)
    code = """
import datetime
from target_delivery_api.api.delivery import execute
from target_delivery_api.errors import ModelError
from target_delivery_api.models import ChannelType, Zoo
from target_delivery_api.types import Answer
needed = {
    "list": ["a"], "number": 1, "anything": [1], "flag": False, "map": {"a": 1}, "texts": {"a": "b"},
    "many": [], "enum": "tv", "when": "2024-02-29T00:00:00+00:00", "kind": "k",
}
more = {
    "self": needed, "class": "2024-02-29", "from_dict": "u", "1st": [1], "numbers": [1, 2.5], "flags": [True],
    "enums": ["web", "new"], "maps": [{}], "level": 1, "either": needed, "open": {"a": None},
}
wrong = {
    "1st": [True], "numbers": ["1"], "flags": [1], "enums": [1], "level": "1", "either": 1, "open": [],
}
zoo = Zoo.from_dict(needed | more)
assert zoo.to_dict() == needed | more
assert zoo.additional_properties == {}
assert isinstance(zoo.enum, ChannelType) and zoo.when.year == 2024 and zoo.self_.kind == "k" and zoo.class_
assert Zoo.from_dict(needed | wrong).additional_properties == wrong
assert Zoo.from_dict(needed | wrong).to_dict() == needed | wrong
for name in needed:
    for value in (None, object()):
        try:
            Zoo.from_dict(needed | {name: value})
        except ModelError as error:
            assert f"Zoo.{name} must be" in str(error), error
        else:
            assert name == "anything" and value is not None, name
assert execute.parse(Answer(299, {}, b"[1]")) == [1]
print("ok")
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=directory.parent, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("ok\n", "")
    text = (directory / "models" / "zoo.py").read_text(encoding="utf-8")
    for doc in ("Exactly 1 items.", "At least 0.5.", "At least 2 entries.", r'Says "x" \\ and \"\"\"y\"\"\".'):
        assert f'    """{doc}"""\n' in text, doc


def test_a_property_may_have_any_name(generated):
    """No name may collide with a helper of the models, or with a name that their code uses."""
    names = {
        *("_JSON_NAMES", "_unread", "_withAdditional", "_unreadable"),
        *("cls", "data", "kind", "left", "result", "self", "value", "define", "field", "model", "require_object"),
        *("additionalProperties", "fromDict", "to_dict", "Mapping", "Any", "str", "list", "dict", "datetime", "None"),
        *("__class__", "__eq__", "__slots__", "property", "classmethod", "NEW_DICT", "read_value", "import"),
    }

    kinds = [{"type": "string"}, {"type": "string", "format": "date-time"}, {"type": "array", "items": {}}]

    def change(document):
        schemas(document)["Zoo"] = {
            "type": "object",
            "properties": {name: kinds[index % 3] for index, name in enumerate(sorted(names))},
        }

    directory = generated(change)
    code = """
import sys
from target_delivery_api.models import Zoo
time = "2024-02-29T00:00:00+00:00"
data = dict.fromkeys(sys.argv[1:])
for index, name in enumerate(sys.argv[1:]):
    data[name] = ["x", time, [1]][index % 3]
zoo = Zoo.from_dict(data)
assert zoo.additional_properties == {}, zoo.additional_properties
assert zoo.to_dict() == data
assert Zoo.from_dict({**data, "new": 1}).additional_properties == {"new": 1}
assert Zoo().to_dict() == {}
assert Zoo() != zoo == Zoo.from_dict(data)
print("ok")
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, *sorted(names)], cwd=directory.parent, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("ok\n", "")
