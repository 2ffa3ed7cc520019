"""Contestants, rounds and medians: what every table is made with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from attrs import frozen

ROOT = Path(__file__).parent.parent


@frozen
class Turn:
    """What one contestant did in one round."""

    seconds: float
    latencies: Sequence[float] = ()
    """The seconds of every single call, if the contestant notes them."""


Round = Callable[[int], float | Turn]
"""Does a number of operations and returns the seconds they took."""


class Samples(dict[str, list[float]]):
    """Seconds per operation of every contestant, one for each round."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__((name, []) for name in names)
        self.latencies: Mapping[str, list[float]] = {name: [] for name in names}
        """Seconds of the single calls of every contestant, of all rounds."""

    def add(self, name: str, turn: Turn, count: int) -> None:
        self[name].append(turn.seconds / count)
        self.latencies[name].extend(turn.latencies)


@frozen
class Goal:
    """The speed that one contestant must reach in comparison with another."""

    measure: str
    ours: str
    other: str
    bound: float
    faster: bool = False
    """Whether `bound` is the least ratio of speeds, and not the greatest ratio of times."""

    def ratio(self, samples: Samples) -> float:
        """Return the median of the ratios of all rounds. In a round both run under the same load."""
        pairs = zip(samples[self.ours], samples[self.other], strict=True)
        return median(other / ours if self.faster else ours / other for ours, other in pairs)

    def row(self, samples: Samples) -> list[str]:
        ratio = self.ratio(samples)
        reached = ratio >= self.bound if self.faster else ratio <= self.bound
        bound = (
            f"at least {self.bound:g} times as fast as" if self.faster else f"at most {self.bound:g} times the time of"
        )
        return [self.measure, f"{bound} {self.other}", f"{ratio:.2f}", "yes" if reached else "**no**"]


@frozen
class Limit:
    """The time that one contestant may take."""

    measure: str
    ours: str
    microseconds: float

    def row(self, samples: Samples) -> list[str]:
        measured = median(samples[self.ours]) * 1e6
        reached = "yes" if measured <= self.microseconds else "**no**"
        return [self.measure, f"at most {self.microseconds:g} µs", f"{measured:.1f} µs", reached]


@frozen
class Table:
    """The outcome of one comparison."""

    title: str
    about: str
    operation: str
    """The operation that a sample times."""
    samples: Samples
    goals: Sequence[Goal | Limit] = ()

    def markdown(self) -> str:
        """Return a section with the time of every contestant, absolute and in proportion to the first one's."""
        first = next(iter(self.samples))
        heads = ["", f"µs per {self.operation}, median", "quartiles", "per second", "time, in proportion"]
        timed = any(self.samples.latencies.values())
        if timed:
            heads += [f"µs of a single {self.operation}, p50", "p99"]
        rows = []
        for name, seconds in self.samples.items():
            low, middle, high = (value * 1e6 for value in quantiles(seconds, n=4))
            ratio = "1" if name == first else f"{Goal('', name, first, 0).ratio(self.samples):.2f}"
            row = [name, f"{middle:,.1f}", f"{low:,.1f} to {high:,.1f}", f"{1e6 / middle:,.0f}", ratio]
            if timed:
                row += _percentiles(self.samples.latencies[name])
            rows.append(row)
        rounds = len(self.samples[first])
        return f"## {self.title}\n\n{self.about} {rounds} rounds.\n\n{grid(heads, rows)}"


def _percentiles(latencies: Sequence[float]) -> list[str]:
    """Return the 50th and the 99th percentile in microseconds; nothing for a contestant that notes no latencies."""
    if not latencies:
        return ["", ""]
    cuts = quantiles(latencies, n=100)
    return [f"{cuts[percent - 1] * 1e6:,.1f}" for percent in (50, 99)]


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that is easy to read as text as well."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def race(contestants: Mapping[str, Round], *, rounds: int, count: int | Mapping[str, int]) -> Samples:
    """Let all contestants do `count` operations in every round, or each its own number; return their times.

    They take turns within each round, and a different one begins each time, so that whatever else the machine
    does hits all alike. One round before the first is not counted.
    """
    names = list(contestants)
    counts = dict.fromkeys(names, count) if isinstance(count, int) else count
    samples = Samples(names)
    for number in range(-1, rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            result = contestants[name](counts[name])
            if number >= 0:
                samples.add(name, result if isinstance(result, Turn) else Turn(result), counts[name])
    return samples


class Process:
    """A process of ours that is spoken to line by line."""

    def __init__(self, *arguments: str, interpreter: str | Path = sys.executable) -> None:
        self._command = " ".join((str(interpreter), *arguments))
        self._process = subprocess.Popen(
            [interpreter, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"`{self._command}` ended with {self._process.wait()}; its error is above.")
        return line.strip()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


@frozen
class Contestant:
    """A function of a module of `benchmarks.contestants`, its interpreter, and the program that runs it."""

    function: str
    interpreter: str | Path = sys.executable
    worker: tuple[str, ...] = ("-m", "benchmarks.worker")
    callers: int = 1
    """The tasks or threads that make calls at the same time."""


@contextmanager
def workers(contestants: Mapping[str, Contestant], setup: Mapping[str, Any]) -> Iterator[Mapping[str, Round]]:
    """Start a process for every contestant, and send each the setup and the number of its callers."""
    with ExitStack() as stack:
        rounds: dict[str, Round] = {}
        for name, one in contestants.items():
            process = stack.enter_context(Process(*one.worker, one.function, interpreter=one.interpreter))
            process.tell(json.dumps({**setup, "callers": one.callers}))
            rounds[name] = _round_of(process)
        yield rounds


def _round_of(process: Process) -> Round:
    def run(count: int) -> Turn:
        process.tell(str(count))
        seconds, *latencies = map(float, process.hear().split())
        return Turn(seconds, latencies)

    return run
