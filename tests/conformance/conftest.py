"""Language-neutral suites for on-device decisioning: ``pytest tests/conformance [--suites PATH]``.

PATH is a folder with ``suites/TEST_SUITE_*.json`` and ``artifacts/*.json``, like the one of this file, or its folder
``suites``. Without it the suites beside this file run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

HERE = Path(__file__).parent


@frozen
class Case:
    """One test of a suite, with the settings of the suite merged in."""

    id: str
    artifact: Path
    conf: dict[str, Any]
    test: dict[str, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--suites",
        action="append",
        type=Path,
        default=[],
        metavar="PATH",
        help="folder of conformance suites",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    given: list[Path] = metafunc.config.getoption("--suites")
    cases = [case for path in given or [HERE] for case in cases_of(path)]
    metafunc.parametrize("case", cases, ids=[case.id for case in cases])


def cases_of(path: Path) -> list[Case]:
    folder = path.resolve().parent if path.resolve().name == "suites" else path.resolve()
    files = sorted((folder / "suites").glob("TEST_SUITE_*.json"))
    if not files:
        raise pytest.UsageError(f"there are no suites/TEST_SUITE_*.json in {folder}")
    cases: list[Case] = []
    for file in files:
        suite = json.loads(file.read_text("utf-8"))
        for name, test in suite["test"].items():
            artifact = folder / "artifacts" / f"{test.get('artifact', suite.get('artifact'))}.json"
            conf = {**suite.get("conf", {}), **test.get("conf", {})}
            cases.append(Case(f"{file.stem.removeprefix('TEST_SUITE_')}:{name}", artifact, conf, test))
    return cases
