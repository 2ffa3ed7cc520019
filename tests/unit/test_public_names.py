"""The programs that import every public name run, and name no less than the packages do."""

from __future__ import annotations

import runpy
from importlib import import_module
from pathlib import Path
from typing import get_type_hints, is_typeddict

import pytest

from target_delivery import events, options

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


@pytest.mark.parametrize("record", [getattr(options, name) for name in options.__all__] + [events.EventHandlers])
def test_the_types_of_options_can_be_read_at_run_time(record: type) -> None:
    """As libraries do that make schemas of them."""
    if is_typeddict(record):
        assert get_type_hints(record).keys() == record.__required_keys__ | record.__optional_keys__
