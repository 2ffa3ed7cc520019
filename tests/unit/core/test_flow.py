"""The two loops that run a flow: one for threads, one for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from target_delivery._core.flow import Flow, Outcome, Step, Wait, run, run_async

T = TypeVar("T")
Perform = Callable[[Step], Outcome | None]
Run = Callable[[Flow[list[float]], Perform], list[float]]


def run_in_asyncio(flow: Flow[T], perform: Perform) -> T:
    async def performing(step: Step) -> Outcome | None:
        return perform(step)

    return asyncio.run(run_async(flow, performing))


both = pytest.mark.parametrize("loop", [run, run_in_asyncio])


def waiting(*seconds: float) -> Flow[list[float]]:
    """Wait several times, and return the seconds; those of a wait that failed are negative."""
    done: list[float] = []
    for one in seconds:
        try:
            yield Wait(one)
        except ValueError:
            done.append(-one)
        else:
            done.append(one)
    return done


@both
def test_steps_are_performed_in_order_and_the_result_is_returned(loop: Run) -> None:
    performed: list[Step] = []
    assert loop(waiting(1, 2), performed.append) == [1, 2]
    assert performed == [Wait(1), Wait(2)]


@both
def test_a_flow_without_steps(loop: Run) -> None:
    assert loop(waiting(), lambda _: None) == []


@both
def test_an_error_of_a_step_is_raised_in_the_flow(loop: Run) -> None:
    def fail_once(step: Step) -> None:
        if step == Wait(1):
            raise ValueError

    assert loop(waiting(1, 2), fail_once) == [-1, 2]


@both
def test_an_error_that_the_flow_does_not_handle_ends_it(loop: Run) -> None:
    def fail(_: Step) -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        loop(waiting(1), fail)


@both
def test_an_interruption_is_not_for_the_flow_to_handle(loop: Run) -> None:
    def interrupt(_: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop(waiting(1), interrupt)
