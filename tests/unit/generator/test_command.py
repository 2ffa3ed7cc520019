"""`python -m generator`, from specification to code."""

import copy
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from generator import __main__ as command, bundle
from generator.tree import schemas
from generator.verify import NOTHING, Found

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = Path("generated", "target_delivery_api")


@pytest.fixture
def run(house, monkeypatch):
    """Return a function that runs the command in the project's copy and gives its exit status.

    New packages are not checked, which takes long. tests/regeneration does it.
    """
    monkeypatch.setattr(command, "verify", lambda *_: NOTHING)
    return lambda *arguments: command.main([str(argument) for argument in arguments], root=house)


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

    out = capsys.readouterr().out
    assert [line.partition(" -- ")[0] for line in out.splitlines()] == [
        "Breaks callers:",
        "  Browser.webGLRenderer: removed",
        "  Geo.city: maxLength 20, was 50: tighter",
        "  Product.id: now required",
        "Safe:",
        "  Badge: schema added",
        "  Option.badge: added",
        "  Option.priority: added",
        "  OptionType: enum widened by carousel",
        "Suggested step of the version: major.",
        "Fields without a description of ours, for openapi/descriptions.yaml:",
        "  Badge",
        "  Badge.color",
        "  Option.priority",
        "  Option.badge",
        "Descriptions in openapi/descriptions.yaml of fields that are gone:",
        "  Browser.webGLRenderer",
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


def test_a_specification_without_a_name(run, capsys, tmp_path):
    for arguments in (["--spec="], ["--spec=", "--bundle", tmp_path / "a.yaml"]):
        assert run(*arguments) == 2
        assert "The specification is an empty text." in capsys.readouterr().err


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


def test_an_overlay_may_refer_to_schemas_of_the_new_specification(run, house, write, published, capsys):
    overlay = house / "openapi" / "overlay.yaml"
    overlay.write_text(
        overlay.read_text(encoding="utf-8") + "  - target: $.components.schemas.Order\n"
        "    description: An order has a base.\n"
        "    x-purpose: convenience\n"
        "    x-expects-absent: [allOf]\n"
        "    update: {allOf: [{$ref: '#/components/schemas/Base'}]}\n",
        encoding="utf-8",
    )
    schemas(published)["Base"] = {"type": "object", "properties": {"base": {"type": "string"}}}

    assert run("--spec", write("new.yaml", published)) == 0
    assert "Order.base: added" in capsys.readouterr().out


def test_a_bundle_that_cannot_be_written_leaves_the_file(run, tmp_path, monkeypatch):
    def full(path, text, **_):
        with path.open("w") as file:
            file.write(text[:9])
        raise OSError(28, "No space left on device")

    file = tmp_path / "one.yaml"
    file.write_text("old")
    monkeypatch.setattr(Path, "write_text", full)

    assert run("--bundle", file) == 2
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["one.yaml"]


@pytest.mark.parametrize("arguments", [["--check"], ["--spec", "openapi/delivery.yaml"]])
def test_an_overlay_that_is_none(run, house, capsys, arguments):
    (house / "openapi" / "overlay.yaml").write_text("overlay: 1.0.0\n")

    assert run(*arguments) == 2
    assert "openapi/overlay.yaml is not an OpenAPI Overlay 1.0 document" in capsys.readouterr().err


def test_bundle_only_writes_the_document(run, house, tree, tmp_path, split, published):
    before = tree(house)

    assert run("--bundle", tmp_path / "one.yaml") == 0
    assert run("--spec", split(new_version(copy.deepcopy(published))), "--bundle", tmp_path / "two.yaml") == 0

    assert bundle.read(tmp_path / "one.yaml") == published
    assert bundle.read(tmp_path / "two.yaml") == new_version(published)
    assert tree(house) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--check", "--spec", "a.yaml"],
        ["--check", "--bundle", "b.yaml"],
        ["--check", "--against", "HEAD"],
        ["--check", "--dry-run"],
        ["--bundle", "b.yaml", "--against", "HEAD"],
        ["--format", "json"],
        ["--wording"],
        ["--fail-on", "any"],
        ["--spec", "a.yaml", "--fail-on", "safe"],
        ["--spec", "a.yaml", "--bundle", "b.yaml", "--fail-on", "any"],
        ["--check", "--accept-broken-wrapper"],
        ["--against", "HEAD", "--accept-broken-wrapper"],
        ["--specification"],
    ],
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


def test_a_dry_run_changes_nothing(run, house, tree, write, published, capsys):
    before = tree(house)

    assert run("--spec", write("new.yaml", new_version(published)), "--dry-run") == 0

    assert "Browser.webGLRenderer" in capsys.readouterr().out
    assert tree(house) == before


@pytest.mark.parametrize(
    ("change", "fail_on", "status"),
    [
        (new_version, "breaking", 1),
        (new_version, "any", 1),
        (lambda document: schemas(document)["Geo"].update(description="Other words."), "breaking", 0),
        (lambda document: schemas(document)["Geo"].update(description="Other words."), "any", 1),
        (lambda document: None, "any", 0),
    ],
)
def test_a_pipeline_can_fail(run, house, tree, write, published, capsys, change, fail_on, status):
    change(published)
    before = tree(house)

    assert run("--spec", write("new.yaml", published), "--fail-on", fail_on) == status

    assert capsys.readouterr().out
    assert not status or tree(house) == before


def test_what_changed_since_a_release(run, house, tree, git, write, published, capsys):
    overlay_file = house / "openapi" / "overlay.yaml"
    text = overlay_file.read_text(encoding="utf-8")
    assert "x-expects: [channel]" in text
    overlay_file.write_text(
        text.replace(
            "target: $.components.schemas.Context.required", "target: $.components.schemas.Screen.required"
        ).replace("x-expects: [channel]", "x-expects: [gone]"),
        encoding="utf-8",
    )

    assert run("--against", "v1") == 2
    assert "Screen.required" in capsys.readouterr().err

    overlay_file.write_text(text, encoding="utf-8")
    before = tree(house)
    assert run("--against", "v1") == 0
    assert "Nothing changed" in capsys.readouterr().out

    spec = house / "openapi" / "delivery.yaml"
    spec.write_text(bundle.dump(new_version(published)), encoding="utf-8")
    changed = tree(house)
    assert run("--against", "v1", "--format", "json", "--fail-on", "breaking") == 1
    report = json.loads(capsys.readouterr().out)
    assert {"Browser.webGLRenderer", "Option.priority"} <= {change["place"] for change in report["changes"]}
    assert tree(house) == changed != before


def test_the_overlay_is_part_of_what_changed(run, house, git, capsys):
    """Without the action, callers must give the context, which the specification has always demanded."""
    overlay_file = house / "openapi" / "overlay.yaml"
    document = bundle.read(overlay_file)
    document["actions"] = [
        action for action in document["actions"] if action["target"] != "$.components.schemas.DeliveryRequest.required"
    ]
    overlay_file.write_text(bundle.dump(document), encoding="utf-8")

    assert run("--against", "v1", "--fail-on", "breaking") == 1
    assert "DeliveryRequest.context: now required" in capsys.readouterr().out


@pytest.mark.parametrize("commit", ["v2", "--help", "", "v1:openapi"])
def test_a_commit_that_is_not_there(run, git, commit, capsys):
    assert run(f"--against={commit}") == 2
    assert f"--against: {commit!r} is not a commit" in capsys.readouterr().err


def test_a_commit_without_a_specification(run, house, git, capsys):
    git("rm", "-r", "-q", "--cached", "openapi")
    git("commit", "--quiet", "--allow-empty", "-m", "second")

    assert run("--against", "HEAD") == 2
    assert "HEAD has no openapi/delivery.yaml" in capsys.readouterr().err


def test_a_commit_whose_overlay_is_none(run, house, git, capsys):
    (house / "openapi" / "overlay.yaml").write_text("a: [b\n")
    git("commit", "--quiet", "-a", "-m", "second")
    git("checkout", "--quiet", "v1", "openapi")

    assert run("--against", "HEAD") == 2
    assert "--against: HEAD cannot be read: openapi/overlay.yaml is neither YAML" in capsys.readouterr().err


def test_a_project_that_is_no_repository(run, monkeypatch, capsys, house):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(house.parent))

    assert run("--against", "HEAD") == 2
    assert "--against: 'HEAD' is not a commit" in capsys.readouterr().err


def test_git_is_not_installed(run, git, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")

    assert run("--against", "HEAD") == 2
    assert "--against needs git" in capsys.readouterr().err


def test_a_bundle_in_a_folder_that_is_not_there(run, tmp_path, capsys):
    assert run("--bundle", tmp_path / "no" / "such.yaml") == 2
    said = capsys.readouterr().err
    assert said.startswith("generator: a file cannot be read or written: ")
    assert str(tmp_path / "no" / "such.yaml") in said


def test_the_wrapper_does_not_fit(run, house, tree, monkeypatch, write, published, capsys):
    found = Found((), ("wrapper/target_delivery/client.py:3: gone",))
    monkeypatch.setattr(command, "verify", lambda *_: found)
    before = tree(house)
    specification = write("new.yaml", new_version(published))

    assert run("--spec", specification) == 3
    out, err = capsys.readouterr()
    assert "wrapper/target_delivery/client.py:3: gone" in out
    assert "--accept-broken-wrapper" in err
    assert tree(house) == before

    assert run("--spec", specification, "--accept-broken-wrapper") == 0
    assert tree(house) != before


def test_the_package_does_not_work(run, house, tree, monkeypatch, write, published, capsys):
    monkeypatch.setattr(command, "verify", lambda *_: Found(("generated/a.py:1: odd", "b"), ()))
    before = tree(house)

    assert run("--spec", write("new.yaml", new_version(published)), "--accept-broken-wrapper") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == [
        "generator: the generated package does not work: generated/a.py:1: odd",
        "generator: the generated package does not work: b",
    ]
    assert tree(house) == before


def test_a_mistake_in_the_generator_is_one_line(run, monkeypatch, capsys):
    monkeypatch.setattr(command.build, "generate", lambda *_: {}["key"])

    assert run() == 2
    err = capsys.readouterr().err
    assert err.startswith("generator: unexpected KeyError at test_command.py:")
    assert len(err.splitlines()) == 1
