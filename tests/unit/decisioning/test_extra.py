"""Without the extra on-device the package can be imported, and its first use says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

import target_delivery.decisioning as decisioning

BLOCK = """
import sys
sys.modules[{package!r}] = None
import target_delivery.decisioning as decisioning
from target_delivery._core.telemetry import TelemetryStore
from target_delivery.decisioning import MissingExtraError
TelemetryStore().add({{}})
try:
    decisioning.load_artifact
except MissingExtraError as error:
    print(error)
try:
    from target_delivery.decisioning import decide
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("package", ["mmh3", "publicsuffixlist"])
def test_without_the_extra(package: str) -> None:
    done = subprocess.run([sys.executable, "-c", BLOCK.format(package=package)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == second
    assert repr(package) in first
    assert "pip install 'target-delivery[on-device]'" in first


def test_importing_the_package_loads_no_dependency() -> None:
    program = (
        "import sys, target_delivery.decisioning\n"
        "print([name for name in sys.modules if name in ('mmh3', 'publicsuffixlist') or '.decisioning.' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['target_delivery.decisioning.errors']"


def test_every_public_name_can_be_loaded() -> None:
    assert decisioning.__all__ == sorted(decisioning.__all__)
    for name in decisioning.__all__:
        assert getattr(decisioning, name) is not None
    assert set(decisioning.__all__) < set(dir(decisioning))
    with pytest.raises(AttributeError, match="nothing"):
        decisioning.nothing  # noqa: B018
