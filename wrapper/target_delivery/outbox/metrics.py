"""Outbox stats as OpenTelemetry metrics, if the package opentelemetry-api is installed.

Each value describes a whole store, which the attribute ``store`` names. All processes with an outbox on the store
report the same value, so aggregate them with the maximum or the last value, not with the sum.
"""

from __future__ import annotations

import contextlib
import itertools
import weakref
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Observation

    from target_delivery.outbox.engine import OutboxStats
    from target_delivery.outbox.stores.base import Store

__all__ = ["Observed", "observe"]

_PREFIX = "target_delivery.outbox."


class Observed(Protocol):
    """An outbox whose stats can be read at any time, from any thread."""

    def counts(self) -> OutboxStats | None:
        """Return the stats; None if the outbox is closed. May raise anything."""


_stores: weakref.WeakKeyDictionary[Observed, str] = weakref.WeakKeyDictionary()
"""The outboxes of this process, and the names of their stores."""
_numbers = itertools.count(1)


def observe(outbox: Observed, store: Store) -> None:
    """Offer the stats of an outbox to OpenTelemetry, as long as the outbox exists.

    The store's attribute ``where`` names the store. A store without it is named by its type and a number.
    """
    number = next(_numbers)
    _stores[outbox] = getattr(store, "where", None) or f"{type(store).__name__}:{number}"
    if number == 1:
        _offer()


def _offer() -> None:
    """Create the instruments, once for all outboxes: OpenTelemetry ignores a second instrument of the same name."""
    try:
        from opentelemetry.metrics import Observation, get_meter
    except ImportError:
        return
    stats: dict[str, OutboxStats] = {}
    answered: set[str] = set()

    def answers(name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        value = attrgetter(name)

        def observations(options: CallbackOptions) -> Iterable[Observation]:
            # A collection calls every instrument once. When one is called again, the next collection has begun.
            nonlocal stats
            if not answered or name in answered:
                answered.clear()
                stats = _read()
            answered.add(name)
            return [Observation(value(counted), {"store": store}) for store, counted in stats.items()]

        return observations

    meter = get_meter("target_delivery.outbox")
    gauge, counter = meter.create_observable_gauge, meter.create_observable_counter
    for create, name, unit, description in (
        (gauge, "pending", "{notification}", "Notifications of the store that wait."),
        (gauge, "in_flight", "{notification}", "Notifications of the store that are being sent."),
        (counter, "confirmed", "{notification}", "Notifications of the store that the edge has confirmed."),
        (gauge, "set_aside", "{notification}", "Notifications of the store that are set aside."),
        (gauge, "oldest_age", "s", "Age of the oldest notification that waits or is being sent."),
    ):
        create(f"{_PREFIX}{name}", [answers(name)], unit, description)


def _read() -> dict[str, OutboxStats]:
    """Return the stats of each store. Outboxes that share a store are read once."""
    stats: dict[str, OutboxStats] = {}
    for reference in _stores.keyrefs():
        outbox = reference()
        if outbox is None or (store := _stores[outbox]) in stats:
            continue
        with contextlib.suppress(Exception):  # a user's own store can raise anything: report the others
            counted = outbox.counts()
            if counted is not None:
                stats[store] = counted
    return stats
