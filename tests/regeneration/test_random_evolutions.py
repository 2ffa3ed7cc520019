"""Whatever the API becomes: the generator refuses it with a sentence, or makes a package that works."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from generator import build
from generator.errors import SpecificationError
from tests.unit.generator.conftest import ROOT

from .conftest import prepared
from .mutations import evolutions

EXAMPLES = int(os.environ.get("EVOLUTIONS", "6"))
"""How many random evolutions are tried. The nightly run tries more."""


@pytest.fixture
def tried(tmp_path):
    """Return a function that tries a package in a process of its own, and returns the problems."""

    def run(directory, document):
        specification = directory.parent / "specification.json"
        specification.write_text(json.dumps(document), encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, "-m", "generator.trial", str(directory), str(specification)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(directory.parent)},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)["package"]

    return run


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(data=st.data())
def test_a_package_works_or_is_refused(data, tmp_path_factory, tried, published):
    document = data.draw(evolutions(published))
    target = tmp_path_factory.mktemp("evolution") / build.PACKAGE
    problems = []
    try:
        described, wire = prepared(document)
        build.generate(described, wire, target)
    except SpecificationError as error:
        problems = [*error.problems]
        assert all(problem.strip() and "\n" not in problem for problem in problems)
    if not problems:
        assert tried(target, described) == []
