"""Every evolution that the report is tested with leads to a package that works."""

import json
import os
import subprocess
import sys

import pytest

from generator import build
from tests.unit.generator.conftest import ROOT
from tests.unit.generator.evolutions import EVOLUTIONS

from .conftest import prepared

PACKAGE = build.PACKAGE


@pytest.fixture
def packages(tmp_path, published):
    """Generate the package of each evolution. Return the directory and the document of each."""
    found = []
    for number, evolution in enumerate(EVOLUTIONS):
        described, wire = prepared(evolution.apply(published))
        directory = tmp_path / f"e{number:02}" / PACKAGE
        directory.parent.mkdir()
        build.generate(described, wire, directory)
        found.append((directory, described))
    return found


TRIAL = """
import json, sys
from pathlib import Path
from generator import trial
for line in sys.stdin:
    directory, specification = line.split()
    sys.path.insert(0, str(Path(directory).parent))
    print(json.dumps(trial.tried(Path(directory), json.loads(Path(specification).read_bytes()), examples=4)))
    del sys.path[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == "target_delivery_api"]:
        del sys.modules[name]
"""


def try_all(packages):
    """Return the problems that a trial finds, by evolution."""
    lines = []
    for directory, document in packages:
        specification = directory.with_name("specification.json")
        specification.write_text(json.dumps(document), encoding="utf-8")
        lines.append(f"{directory} {specification}\n")
    ran = subprocess.run(
        [sys.executable, "-c", TRIAL],
        input="".join(lines),
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return {
        evolution.name: found
        for evolution, line in zip(EVOLUTIONS, ran.stdout.splitlines(), strict=True)
        if (found := json.loads(line))
    }


def type_check_all(packages, tmp_path):
    """Check all files with mypy, and with pyright those that differ from the committed package, in one run each."""
    folder = tmp_path / "all"
    folder.mkdir()
    changed = []
    for number, (directory, _) in enumerate(packages):
        package = folder / f"e{number:02}"
        directory.rename(package)  # modules import each other relatively, so the name of the package is free
        for path in package.rglob("*.py"):
            committed = ROOT / "generated" / PACKAGE / path.relative_to(package)
            if not committed.exists() or committed.read_bytes() != path.read_bytes():
                changed.append(path)
    assert len(changed) > 50
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "pythonVersion": "3.11"}')
    commands = [
        [
            "mypy",
            "--strict",
            "--config-file=",
            "--cache-dir",
            str(tmp_path / "cache"),
            *(f"e{n:02}" for n in range(len(packages))),
        ],
        ["pyright", *map(str, changed)],
    ]
    running = [
        subprocess.Popen([sys.executable, "-m", *command], cwd=folder, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    for process in running:
        output, _ = process.communicate()
        assert process.returncode == 0, output[-3000:]


def test_each_is_imported_reads_and_writes_samples_and_type_checks(packages, tmp_path):
    assert try_all(packages) == {}
    type_check_all(packages, tmp_path)
