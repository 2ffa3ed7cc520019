"""The import contracts of pyproject.toml refuse wrong imports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the packages, side by side."""
    copy = tmp_path_factory.mktemp("packages")
    for package in ("wrapper/target_delivery", "generated/target_delivery_api"):
        shutil.copytree(ROOT / package, copy / Path(package).name)
    return copy


def lint(packages: Path) -> tuple[int, str]:
    """Check the contracts; return the exit code, and the output with its wrapped lines joined."""
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
    )
    return run.returncode, " ".join(run.stdout.split())


@pytest.mark.parametrize(
    ("importer", "statement", "complaint"),
    [
        ("errors.py", "import target_delivery.response", "There are no circles BROKEN"),
        ("_core/ids.py", "import target_delivery._http.pool", "_core.ids -> target_delivery._http.pool"),
        ("_core/ids.py", "import asyncio", "target_delivery._core.ids -> asyncio"),
        ("_core/ids.py", "import target_delivery.client", "_core.ids -> target_delivery.client"),
        ("options.py", "import target_delivery._device.keeper", "options -> target_delivery._device.keeper"),
        ("decisioning/geo.py", "import target_delivery.options", "decisioning.geo -> target_delivery.options"),
        ("decisioning/geo.py", "import target_delivery._core.hosts", "decisioning.geo -> target_delivery._core.hosts"),
        ("_http/pool.py", "import target_delivery._device.keeper", "_http.pool -> target_delivery._device.keeper"),
        ("_device/keeper.py", "import target_delivery.client", "_device.keeper -> target_delivery.client"),
        ("client.py", "import target_delivery.async_client", "target_delivery.client -> target_delivery.async_client"),
        (
            "outbox/scheduler.py",
            "import target_delivery._device.keeper",
            "outbox.scheduler -> target_delivery._device.keeper",
        ),
        (
            "outbox/scheduler.py",
            "import target_delivery.sandbox",
            "target_delivery.outbox.scheduler -> target_delivery.sandbox",
        ),
    ],
)
def test_a_wrong_import_breaks_a_contract(packages: Path, importer: str, statement: str, complaint: str) -> None:
    module = packages / "target_delivery" / importer
    right = module.read_text("utf-8")
    module.write_text(f"{right}\nif TYPE_CHECKING:\n    {statement}\n", "utf-8")
    try:
        code, output = lint(packages)
    finally:
        module.write_text(right, "utf-8")
    assert code == 1
    assert complaint in output


def test_a_new_module_needs_a_floor(packages: Path) -> None:
    module = packages / "target_delivery" / "attic.py"
    module.touch()
    try:
        code, output = lint(packages)
    finally:
        module.unlink()
    assert code == 1
    assert "attic" in output
