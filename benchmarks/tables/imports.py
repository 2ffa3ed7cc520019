"""What importing costs a program that starts, alone and with the first things it does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.harness import ROOT, Goal, Round, Table, race
from benchmarks.payloads import CLIENT, MBOXES, ORGANIZATION

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.arena import Arena

OURS = "import target_delivery"
HTTPX = "import httpx"
PUBLISHED = "import target_python_sdk"
USED = "from target_delivery import TargetClient, DeliveryRequest, PrefetchRequest, MboxRequest, VisitorId"
CREATED = "the same, and TargetClient.create(...)"
HTTPX_CREATED = "import httpx; httpx.Client()"
CALLED = "the same, and the first get_offers"
HTTPX_CALLED = "the same, and the first post(url, content=bytes).json()"


def table(arena: Arena) -> Table:
    setup = arena.setup
    options = {"client": CLIENT, "organization_id": ORGANIZATION, "server_domain": setup["server"], "secure": False}
    create = f"{USED}; client = TargetClient.create({options})"
    mboxes = ", ".join(f"MboxRequest(index={index}, name={name!r})" for index, name in enumerate(MBOXES))
    request = f"DeliveryRequest(id=VisitorId(tnt_id='a.35_0'), prefetch=PrefetchRequest(mboxes=[{mboxes}]))"
    post = f"{setup['url'] + '?sessionId=a'!r}, content={setup['request'].encode()}, headers={setup['headers']}"
    programs = {
        OURS: OURS,
        HTTPX: HTTPX,
        USED: USED,
        CREATED: create,
        CALLED: f"{create}; client.get_offers({{'request': {request}}})",
        HTTPX_CREATED: f"{HTTPX}; client = httpx.Client()",
        HTTPX_CALLED: f"{HTTPX}; client = httpx.Client(); client.post({post}).json()",
    }
    rounds = {name: _fresh(sys.executable, program) for name, program in programs.items()}
    rounds[PUBLISHED] = _fresh(arena.published_python, PUBLISHED)
    samples = race(rounds, rounds=arena.rounds, count=1)
    return Table(
        title="Importing",
        about=(
            "In a fresh interpreter, bytecode compiled before, the interpreter's own start not counted. The package "
            "loads a name when it is first used, so its import alone costs little; the third row and those below it "
            "are what programs do."
        ),
        operation="program",
        samples=samples,
        goals=[
            Goal(OURS, OURS, HTTPX, 1.3),
            Goal("import of TargetClient and four models, and a client", CREATED, HTTPX_CREATED, 1.15),
        ],
    )


def _fresh(python: str | Path, program: str) -> Round:
    timed = f"from time import perf_counter; start = perf_counter(); {program}; print(perf_counter() - start)"

    # What an installed package has, and a work tree under this variable has not: compiled bytecode.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(count: int) -> float:
        seconds = 0.0
        for _ in range(count):
            done = subprocess.run([python, "-c", timed], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
            seconds += float(done.stdout)
        return seconds

    return run
