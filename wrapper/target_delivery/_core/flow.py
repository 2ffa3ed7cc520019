"""Flows and their steps: how the pure core asks a shell for input and output.

A flow is a generator that yields I/O steps. A shell runs the flow: it performs each step and sends the outcome back
into the flow, until the flow returns its result or raises its error. The two clients and the poller are the shells;
they share ``run`` and ``run_async``, and differ only in how they perform a step.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from attrs import frozen

from target_delivery_api.body import MAX_BYTES
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from target_delivery._core.prepared import Prepared
    from target_delivery_api.types import Request

__all__ = [
    "AwaitReady",
    "Enqueue",
    "Failure",
    "Flow",
    "Outcome",
    "Send",
    "Spawn",
    "Step",
    "Wait",
    "run",
    "run_async",
    "until_wait",
]

T = TypeVar("T")


@frozen
class Failure:
    """Why a request has no answer that can be used."""

    name: str
    """The name of an error of httpx, such as ``ReadTimeout``, perhaps with its text. Every wire uses these names.

    It is safe to show.
    """
    may_pass: bool
    """Whether another attempt may succeed."""
    answer: Answer | None = None
    """The part that arrived of an answer that cannot be used."""
    why: str | None = None
    """Why that answer cannot be used; None if an event hook of the caller's http_client refused its status."""


Outcome: TypeAlias = Answer | Failure
"""How sending a request ended: with an answer, or with the reason why there is none."""


@frozen
class Send:
    """Send a request and wait for its whole answer. A shell sends the outcome back."""

    request: Request
    deadline: float
    """When the exchange must be over, in monotonic seconds."""
    max_bytes: int = MAX_BYTES
    """Bytes that the body of the answer may have, both as it is received and as it is decoded."""


@frozen
class Wait:
    """Wait. A shell sends None back."""

    seconds: float


@frozen
class AwaitReady:
    """Wait until the client is ready: until the first artifact, or the end of ``maximum_wait_ready``.

    A shell sends None back then, or at the deadline.
    """

    deadline: float
    """When the wait must be over, in monotonic seconds."""


@frozen
class Spawn:
    """Run another flow in the background. A shell sends None back at once."""

    flow: Generator[Send | Wait | AwaitReady | Spawn | Enqueue, Outcome | None, None]
    doubtful: bool
    """Whether the host that the flow calls may not exist, because only a visitor's cookie names it. A shell runs few
    doubtful flows at the same time, so that they cannot delay the others."""
    abandon: Callable[[BaseException | None], None]
    """Called by a shell when the flow ended early. The argument is the exception, which is no Exception; None when the
    shell gave the flow up. A shell may also call it for a flow that has ended normally."""


@frozen
class Enqueue:
    """Put a report into the client's outbox. A shell sends None back."""

    prepared: Prepared


Step: TypeAlias = Send | Wait | AwaitReady | Spawn | Enqueue
Flow: TypeAlias = Generator[Step, Outcome | None, T]


def until_wait(flow: Flow[None]) -> Flow[float | None]:
    """Run a flow up to its next ``Wait``, and leave the wait to the caller.

    Returns:
        The seconds to wait before the next call of this function; None when the flow has ended.
    """
    try:
        step = next(flow)
        while not isinstance(step, Wait):
            try:
                outcome = yield step
            except Exception as error:
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration:
        return None
    return step.seconds


def run(flow: Flow[T], perform: Callable[[Step], Outcome | None]) -> T:
    """Run a flow in this thread and return its result, or raise its error.

    Args:
        flow: the flow.
        perform: performs one step and returns its outcome. An Exception that it raises is raised in the flow.
    """
    try:
        step = next(flow)
        while True:
            try:
                outcome = perform(step)
            except Exception as error:  # from the caller's transport or hooks, or because the client is closed
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration as end:
        result: T = end.value
        return result


async def run_async(flow: Flow[T], perform: Callable[[Step], Awaitable[Outcome | None]]) -> T:
    """Run a flow in this task; the asyncio twin of ``run``."""
    try:
        step = next(flow)
        while True:
            try:
                outcome = await perform(step)
            except Exception as error:  # from the caller's transport or hooks, or because the client is closed
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration as end:
        result: T = end.value
        return result
