"""A deadline of any clock becomes one of the system's, because sockets wait in real time."""

from __future__ import annotations

import time

import pytest

from target_delivery._core.clock import SYSTEM_CLOCK, system_deadline
from tests.virtual import VirtualTime

ROUNDING = 1e-9


@pytest.mark.parametrize("passed", [0.0, 2.0, 7.0])
def test_the_time_that_is_left_is_the_same(passed: float) -> None:
    virtual = VirtualTime()
    deadline = virtual.clock.monotonic() + 5.0
    virtual.advance(passed)
    before = time.monotonic()
    found = system_deadline(deadline, virtual.clock)
    assert before + 5.0 - passed <= found + ROUNDING
    assert found <= time.monotonic() + 5.0 - passed + ROUNDING


def test_a_deadline_of_the_system_is_never_earlier_than_it_was() -> None:
    deadline = time.monotonic() + 1.0
    assert all(system_deadline(deadline, SYSTEM_CLOCK) >= deadline - ROUNDING for _ in range(1000))
