"""One contestant in a process of its own: `python -m benchmarks.worker MODULE.FUNCTION`. Standard library only.

The function is called once with the setup, the first line of the input as JSON, and returns what runs a number of
operations. Every further line is such a number; the answer is the seconds it took.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from time import perf_counter
from typing import Any

Setup = dict[str, Any]
Run = Callable[[int], object]


def main(name: str) -> None:
    module, _, function = name.rpartition(".")
    prepare: Callable[[Setup], Run] = getattr(import_module(f"benchmarks.contestants.{module}"), function)
    run = prepare(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        count = int(line)
        start = perf_counter()
        run(count)
        print(perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
