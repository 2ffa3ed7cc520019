"""Conversations: what the pure core asks of a shell, one step at a time.

A conversation is a generator. It yields a step, the shell takes it and sends back what came of it, and the
conversation returns its result or raises its error. All that both shells have to know is how to take a step.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from attrs import frozen

from target_delivery._core.retry import Outcome

if TYPE_CHECKING:
    import httpx

    from target_delivery._core.request import Prepared

__all__ = ["Background", "Conversation", "Keep", "Send", "Sleep", "Step"]

T = TypeVar("T")


@frozen
class Send:
    """Send a request and wait for its whole answer; the outcome is sent back."""

    request: httpx.Request
    deadline: float
    """Monotonic seconds."""


@frozen
class Sleep:
    """Wait; None is sent back."""

    seconds: float


@frozen
class Background:
    """Hold another conversation and do not wait for it; None is sent back."""

    conversation: Generator[Send | Sleep | Background | Keep, Outcome | None, None]


@frozen
class Keep:
    """Put a report into the client's outbox; None is sent back."""

    prepared: Prepared


Step: TypeAlias = Send | Sleep | Background | Keep
Conversation: TypeAlias = Generator[Step, Outcome | None, T]
