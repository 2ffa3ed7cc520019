"""What an import costs a program that starts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.harness import ROOT, Goal, Round, Table, race

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.arena import Arena

OURS = "import target_delivery"
USED = "from target_delivery import TargetClient, DeliveryRequest, PrefetchRequest, MboxRequest"
HTTPX = "import httpx"
PUBLISHED = "import target_python_sdk"


def table(arena: Arena) -> Table:
    rounds = {statement: _fresh(sys.executable, statement) for statement in (OURS, HTTPX, USED)}
    rounds[PUBLISHED] = _fresh(arena.published_python, PUBLISHED)
    samples = race(rounds, rounds=arena.rounds, count=1)
    return Table(
        title="Importing",
        about=(
            "In a fresh interpreter, bytecode compiled before, the interpreter's own start not counted. The package "
            "loads a name when it is first used, so its import alone costs little; the third row is what programs do."
        ),
        operation="import",
        samples=samples,
        goals=[Goal(OURS, OURS, HTTPX, 1.3)],
    )


def _fresh(python: str | Path, statement: str) -> Round:
    program = f"from time import perf_counter; start = perf_counter(); {statement}; print(perf_counter() - start)"

    # What an installed package has, and a work tree under this variable has not: compiled bytecode.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(count: int) -> float:
        seconds = 0.0
        for _ in range(count):
            done = subprocess.run(
                [python, "-c", program], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE
            )
            seconds += float(done.stdout)
        return seconds

    return run
