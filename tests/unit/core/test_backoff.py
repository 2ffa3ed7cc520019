"""The backoff formula: full jitter below a limit that doubles."""

from __future__ import annotations

import pytest

from target_delivery._core.backoff import Backoff
from target_delivery._core.chance import Chance


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (6, 10.0), (7, 10.0), (10_000, 10.0)]
)
def test_the_limit_of_a_backoff_doubles(failures: int, longest: float) -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high / 2

    wait = Backoff(first=0.5, longest=10.0).wait(failures, Chance(uniform=uniform))
    assert drawn == [(0.0, longest)]
    assert wait == longest / 2
