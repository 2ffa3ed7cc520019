"""The trial of a fresh package accepts every package that does what its specification says."""

import subprocess
import sys

import pytest
from hypothesis import settings

from generator import build, bundle, trial

from .test_forms import TEXT, answer, document, listed, obj, operation, parameter, ref

PATHS = {
    "/ping": {
        "post": operation(
            {
                "200": answer({"type": "string", "format": "date-time"}),
                "201": answer({"type": "integer"}),
                "2XX": answer(listed(TEXT)),
                "204": answer(TEXT),
                "400": answer(ref("Never")),
                "4XX": answer(listed(TEXT)),
                "409": answer(TEXT, "application/x-ndjson"),
                "410": {
                    "description": "d",
                    "content": {
                        "application/json": {"schema": TEXT},
                        "application/problem+json": {"schema": obj({"b": TEXT}, "b")},
                    },
                },
                "500": answer(obj({"boom": {"type": "integer"}}, "boom")),
                "default": answer(listed({"type": "boolean"})),
            },
            operationId="ping",
            parameters=[parameter(name, TEXT) for name in ("new_request", "with_headers")]
            + [parameter("header_text", TEXT, "header")],
            requestBody={"content": {"application/json": {"schema": obj({"list": listed(TEXT)}, "list")}}},
        ),
        "put": operation(requestBody={"content": {"application/json": {"schema": {**TEXT, "nullable": True}}}}),
    }
}
SCHEMAS = {
    "Never": obj({"a": TEXT}, "a"),
    # Its body has the name of the operation's body.
    "Ping": obj({"body": obj({"count": {"type": "integer"}}, "count")}),
    "Endless": obj({"next": ref("Endless")}, "next"),
    "Either": obj({"a": TEXT, "b": TEXT}, anyOf=[{"required": ["a"]}, {"required": ["b"]}]),
    "MaybeNull": obj({"a": obj({"b": TEXT}, nullable=True)}, "a", nullable=True),
    "Parts": obj({"either": {"allOf": [ref("Either"), {"description": "d"}]}, "list": {"items": TEXT}}),
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the directory of the package for SCHEMAS and PATHS, and the document."""
    content = bundle.flatten(document(SCHEMAS, PATHS))
    build.generate(content, {}, tmp_path / build.PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == build.PACKAGE]:
        monkeypatch.delitem(sys.modules, name)
    yield tmp_path / build.PACKAGE, content
    settings.load_profile("default")
    for name in [name for name in sys.modules if name.partition(".")[0] == build.PACKAGE]:
        del sys.modules[name]


def test_it_finds_nothing_in_unusual_forms(package):
    assert trial.tried(*package) == []


def test_mypy_finds_nothing_in_them_either(package):
    directory, _ = package
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir=.cache", directory.name]
    run = subprocess.run(command, cwd=directory.parent, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout
