"""The programs that import every public name run, and name no less than the packages do."""

from __future__ import annotations

import runpy
from importlib import import_module
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[1] / "typing/passes"


@pytest.mark.parametrize(
    ("program", "package"),
    [
        ("names_of_package.py", "target_delivery"),
        ("names_of_decisioning.py", "target_delivery.decisioning"),
        ("names_of_outbox.py", "target_delivery.outbox"),
        ("names_of_sandbox.py", "target_delivery.sandbox"),
    ],
)
def test_every_public_name_is_imported(program: str, package: str) -> None:
    names = {name for name in runpy.run_path(str(PROGRAMS / program)) if name == "__version__" or name[:2] != "__"}
    assert names == set(import_module(package).__all__)
