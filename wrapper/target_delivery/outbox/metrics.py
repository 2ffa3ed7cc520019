"""The stats of an outbox as OpenTelemetry metrics, where the package opentelemetry-api is installed."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Observation

    from target_delivery.outbox.engine import OutboxStats

__all__ = ["Observed", "observe"]

_PREFIX = "target_delivery.outbox."


class Observed(Protocol):
    """An outbox whose stats can be read at any time, from any thread."""

    def counts(self) -> OutboxStats | None:
        """Return the stats; None when they cannot be read, or the outbox is closed."""


def observe(outbox: Observed) -> None:
    """Offer the stats of an outbox to OpenTelemetry, for as long as the outbox is there."""
    try:
        from opentelemetry.metrics import Observation, get_meter
    except ImportError:
        return
    reference = weakref.ref(outbox)

    def reads(value: Callable[[OutboxStats], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observations(options: CallbackOptions) -> Iterable[Observation]:
            observed = reference()
            stats = observed.counts() if observed is not None else None
            return [] if stats is None else [Observation(value(stats))]

        return observations

    meter = get_meter("target_delivery.outbox")
    meter.create_observable_gauge(
        f"{_PREFIX}pending", [reads(lambda stats: stats.pending)], "{notification}", "Notifications that wait."
    )
    meter.create_observable_gauge(
        f"{_PREFIX}in_flight", [reads(lambda stats: stats.in_flight)], "{notification}", "Notifications being sent."
    )
    meter.create_observable_counter(
        f"{_PREFIX}confirmed", [reads(lambda stats: stats.confirmed)], "{notification}", "Notifications confirmed."
    )
    meter.create_observable_gauge(
        f"{_PREFIX}set_aside", [reads(lambda stats: stats.set_aside)], "{notification}", "Notifications set aside."
    )
    meter.create_observable_gauge(
        f"{_PREFIX}oldest_age", [reads(lambda stats: stats.oldest_age)], "s", "Age of the oldest that is stored."
    )
