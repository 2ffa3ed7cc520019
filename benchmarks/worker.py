"""One contestant in a process of its own: `python -m benchmarks.worker MODULE.FUNCTION`. Standard library only.

The function is called once with the setup, the first line of the input as JSON, and returns what runs a number of
operations. Every further line is such a number; the answer is the seconds it took, followed by the latencies of the
single calls where the contestant notes them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from time import perf_counter
from typing import Any

from benchmarks.contestants.callers import Latencies

Setup = dict[str, Any]
Run = Callable[[int], object]
"""Runs a number of operations. Its result is ignored, unless it is Latencies."""


def main(name: str) -> None:
    module, _, function = name.rpartition(".")
    prepare: Callable[[Setup], Run] = getattr(import_module(f"benchmarks.contestants.{module}"), function)
    run = prepare(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        count = int(line)
        start = perf_counter()
        result = run(count)
        seconds = perf_counter() - start
        print(seconds, *(result if isinstance(result, Latencies) else ()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
