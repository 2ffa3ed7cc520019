"""The workflows of the forge run commands that there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def commands(workflow: Path) -> list[str]:
    """Return what the steps of a workflow run, with each value of a matrix filled in."""
    found: list[str] = []
    for job in load(workflow)["jobs"].values():
        pythons = job.get("strategy", {}).get("matrix", {}).get("python", [""])
        for step in job["steps"]:
            found += [step["run"].replace("${{ matrix.python }}", python) for python in pythons if "run" in step]
    return found


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, *sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))], ids=lambda path: path.name
)
def test_it_is_yaml_with_a_name(path: Path) -> None:
    assert load(path)["name"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_sessions_that_there_are(workflow: Path) -> None:
    noxfile = (ROOT / "noxfile.py").read_text("utf-8")
    sessions = re.findall(r"^@nox\.session\(.*\)\n@timed\ndef (\w+)", noxfile, re.MULTILINE)
    called = re.findall(r"nox -s ([\w-]+)", "\n".join(commands(workflow)))
    assert {session.partition("-")[0] for session in called} <= set(sessions)
    assert called


def test_every_python_of_the_classifiers_is_tested() -> None:
    classifiers = PROJECT["project"]["classifiers"]
    supported = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    text = "\n".join(commands(ROOT / ".github/workflows/checks.yml"))
    assert [version for version in supported if f"nox -s tests-{version}" not in text] == supported[:1]


def test_the_checks_are_the_command_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    _, command = re.findall(r"^```sh\n(.*?)\n```$", readme, re.MULTILINE | re.DOTALL)[:2]
    assert command in commands(ROOT / ".github/workflows/checks.yml")


def test_pre_commit_has_the_versions_of_the_lint_session() -> None:
    hooks = load(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    pinned = {requirement for hook in hooks for requirement in hook["additional_dependencies"]}
    groups = PROJECT["dependency-groups"]
    assert pinned == {*groups["style"], *groups["imports"]}
