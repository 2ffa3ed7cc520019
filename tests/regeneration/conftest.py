"""Copies of the project that the command is run in."""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest

from generator import bundle, descriptions, documents, overlay
from generator.normalize import flatten
from generator.validation import validate
from generator.wire import wire_schema
from tests.unit.generator.conftest import (
    OPENAPI,
    ROOT,
    _house,
    _published,
    git,
    overlay_document,
    published,
    served,
    tree,
    write,
)

__all__ = ["_house", "_published", "git", "overlay_document", "published", "served", "tree", "write"]

PACKAGE = "generated/target_delivery_api"


def copied(place, *names):
    """Copy folders of the project to `place`."""
    for name in names:
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", ".new-*"))
    return place


@pytest.fixture
def committed():
    """Return the present specification of the project, which a test may change."""
    return bundle.bundle(str(ROOT / "openapi" / "delivery.yaml"))


@pytest.fixture
def house(_house, tmp_path):
    """Return a project without a wrapper, which makes a run shorter."""
    return copied(shutil.copytree(_house, tmp_path / "house"), "generator")


@pytest.fixture
def whole_house(tmp_path):
    """Return a copy of the project, with the wrapper."""
    return copied(tmp_path / "house", "generator", "openapi", "generated", "wrapper")


@pytest.fixture
def environment():
    """Return an environment in which the copy's packages are found, and not those that are installed."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MYPYPATH")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def regenerate(environment):
    """Return a function that runs `python -m generator` in a copy."""

    def run(house, *arguments, **more):
        return subprocess.run(
            [sys.executable, "-m", "generator", *map(str, arguments)],
            cwd=house,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            **more,
        )

    return run


def hash_of(house):
    """Return a hash of the names and contents of all files in generated/ and openapi/, temporary ones included."""
    digest = hashlib.sha256()
    for folder in ("generated", "openapi"):
        for path in sorted((house / folder).rglob("*")):
            digest.update(str(path.relative_to(house)).encode())
            if path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()


def prepared(document):
    """Return the document that the code of an evolution is made from, and the schema of its requests."""
    overlaid = overlay.apply(documents.read(OPENAPI / "overlay.yaml"), document)
    validate(overlaid, "evolution")
    words = descriptions.read(OPENAPI / "descriptions.yaml")
    return flatten(descriptions.apply(words, overlaid)), wire_schema(flatten(overlaid))
