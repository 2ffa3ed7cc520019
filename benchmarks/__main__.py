"""Run the comparisons: `python -m benchmarks [OPTION ...] [TABLE ...]`. All of them write benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import environments
from benchmarks.arena import arena
from benchmarks.harness import Table, grid
from benchmarks.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("aiohttp", "httpx", "httpcore", "h11", "anyio", "attrs", "openapi-python-client")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"one of {', '.join(TABLES)}; all of them if none")
    parser.add_argument("--rounds", type=int, default=100, help="rounds of every table (default %(default)s)")
    parser.add_argument(
        "--artifact",
        type=Path,
        metavar="FILE",
        help="a rules.json with rules for mbox-feature-flags, to decide with on the device; a made one if none",
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.tables) - set(TABLES):
        parser.error(f"there is no table {unknown.pop()!r}; there are {', '.join(TABLES)}")
    tables = []
    with arena(arguments.rounds, arguments.artifact) as shared:
        for name in arguments.tables or TABLES:
            tables.append(TABLES[name](shared))
            print(tables[-1].markdown(), end="\n\n", flush=True)
    print(goals(tables))
    if not arguments.tables:
        RESULTS.write_text(report(tables), encoding="utf-8")


def report(tables: Sequence[Table]) -> str:
    """Return the whole report as Markdown."""
    published = ", ".join(item.replace("==", " ") for item in (environments.PUBLISHED, *environments.UNDECLARED))
    machine = [
        ["CPU", f"{cpu()}, {os.cpu_count()} cores"],
        ["Python", f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"],
        ["packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES)],
        ["target-python-sdk's environment", published],
    ]
    sections = [
        "# Benchmarks",
        "Written by `python -m benchmarks` (`nox -s benchmarks`). All contestants run side by side on loopback against "
        "one server process that gives a fixed answer: each in a process of its own, taking turns in every round. "
        "A proportion is the median of the proportions within the rounds. Where calls go over a wire, the latency of "
        "every single call is measured too, as its caller sees it: p50 and p99 are those of the calls of all rounds.",
        goals(tables),
        *(table.markdown() for table in tables),
        "## Machine and versions",
        grid(["", ""], machine),
    ]
    return "\n\n".join(sections) + "\n"


def goals(tables: Sequence[Table]) -> str:
    rows = [goal.row(table.samples) for table in tables for goal in table.goals]
    return grid(["measure", "to reach", "measured", "reached"], rows)


def cpu() -> str:
    """Return the model of the CPU."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
