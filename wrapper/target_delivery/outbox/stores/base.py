"""The protocol of a store, and the records that go in and out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Protocol

from attrs import Factory, define, fields, frozen

from target_delivery.errors import OptionError, OutboxFullError, StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from target_delivery.outbox.items import Item

__all__ = [
    "DOUBTFUL",
    "LONGEST_WAIT",
    "Claimed",
    "Reason",
    "SetAside",
    "Settlement",
    "Store",
    "StoreStats",
    "foreign",
    "require_limits",
    "require_refs",
    "require_room",
]

LONGEST_WAIT = 60.0
"""Seconds. An item waits at most this long, or as long as the lease if that is longer. An item that is due later was
stored while the clock was ahead, so it is due now."""
DOUBTFUL = "?"
"""The route of all items whose edge cluster only a visitor has named, and not yet the edge."""

Reason = Literal["refused", "expired", "malformed"]
"""Why a notification is set aside: the edge refused it, it is older than ``max_age``, or it cannot be read."""


@frozen
class Claimed:
    """An item that an outbox has claimed to send it. No other outbox gets it before the lease ends.

    Attributes:
        ref: its name in the store. No other item ever has the same.
        token: names the claim. An outbox whose lease has ended cannot undo what the next owner did.
        group: as in Item.
        route: as in Item.
        data: as in Item.
        added: as in Item.
        attempts: number of calls that did not confirm it.
        damage: what is wrong with the stored item, in words; empty for an item as it was stored. The outbox sets a
            damaged item aside.
    """

    ref: str
    token: str
    group: str
    route: str
    data: bytes
    added: float
    attempts: int
    damage: str = ""


@frozen
class SetAside:
    """A notification that the outbox has given up. It is kept until it is replayed or purged.

    Attributes:
        ref: its name in the store.
        reason: ``refused``, ``expired`` or ``malformed``.
        message: the reason in words. For ``refused`` it is the message of the edge.
        added: when it was stored, epoch seconds.
        set_aside: when it was set aside, epoch seconds.
        data: the stored item: the request with this notification, its session and its edge cluster, as JSON.
    """

    ref: str
    reason: Reason
    message: str
    added: float
    set_aside: float
    data: bytes


@define
class Settlement:
    """What became of claimed items.

    Attributes:
        confirmed: items that the edge confirmed. They leave the store, even if the lease has ended.
        again: items that were sent and not confirmed, with the time at which they are due again, in epoch seconds.
            They have one more attempt.
        released: items that were not sent, with the time at which they are due.
        extended: items that are still being sent. Their lease begins anew.
        aside: items to set aside, with the reason and a message.

    Except for ``confirmed``, an item counts only while its claim holds.
    """

    confirmed: list[Claimed] = Factory(list[Claimed])
    again: list[tuple[Claimed, float]] = Factory(list[tuple[Claimed, float]])
    released: list[tuple[Claimed, float]] = Factory(list[tuple[Claimed, float]])
    extended: list[Claimed] = Factory(list[Claimed])
    aside: list[tuple[Claimed, Reason, str]] = Factory(list[tuple[Claimed, Reason, str]])

    def parts(self) -> Iterator[Settlement]:
        """Return one settlement for each item."""
        for part in fields(Settlement):
            for one in getattr(self, part.name):
                yield Settlement(**{part.name: [one]})

    def __bool__(self) -> bool:
        return bool(self.confirmed or self.again or self.released or self.extended or self.aside)


@frozen
class StoreStats:
    """Counts of a whole store, for all processes together.

    Attributes:
        pending: items that wait.
        in_flight: items that an outbox has claimed.
        confirmed: items that the edge has confirmed, ever.
        set_aside: items that are set aside now.
        bytes: size of the pending and claimed items.
        oldest: when the oldest of them was stored, epoch seconds; None when there is none.
    """

    pending: int
    in_flight: int
    confirmed: int
    set_aside: int
    bytes: int
    oldest: float | None


class Store(Protocol):
    """Where an outbox keeps its items.

    Every method may be called in any thread, and raises StoreError if the store cannot do its work.
    ``target_delivery.outbox.testing`` has tests for a store of your own.
    """

    @property
    def lease(self) -> float:
        """Seconds after which the items of a process that died are taken over."""
        ...

    def dedicate(self, account: str) -> None:
        """Keep the store to the account of the first outbox that is opened on it.

        Raises:
            StoreError: the store belongs to another account.
        """
        ...

    def append(self, items: Sequence[Item]) -> None:
        """Store all items or none. They are durable when this returns.

        Raises:
            OptionError: the items would not fit if the store were empty.
            OutboxFullError: the items do not fit now.
        """
        ...

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        """Claim items that are due, and items whose lease has ended. Return one list for each group.

        An item that is due more than LONGEST_WAIT and more than a lease after ``now`` counts as due: the clock was set
        back since.

        Args:
            now: epoch seconds.
            groups: how many groups to claim at most.
            size: how many items of a group to claim at most.
            linger: seconds. An item that is due within them is claimed together with a due item of its group.
            closed: routes of which nothing is claimed.
        """
        ...

    def settle(self, settlement: Settlement, now: float) -> None:
        """Note what became of claimed items, all of it or nothing."""
        ...

    def span(self) -> tuple[int, int] | None:
        """Return the position of the oldest item, and the position that was given last; None if the store is empty.

        Positions grow with every item that is appended.
        """
        ...

    def next_due(self, closed: Collection[str]) -> float | None:
        """Return when the next item is due or the next lease ends, in epoch seconds; None if there is no item.

        Items of closed routes do not count.
        """
        ...

    def stats(self, now: float) -> StoreStats:
        """Count the items."""
        ...

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return the items that are set aside, oldest first, at most ``limit`` of them."""
        ...

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        """Append items that were set aside again, as if they were new. None means all. Return how many there were."""
        ...

    def purge(self, refs: Collection[str] | None) -> int:
        """Forget items that were set aside. None means all. Return how many there were."""
        ...

    def close(self) -> None:
        """Close files and connections. A second call does nothing."""
        ...


def require_room(items: int, size: int, *, held: int, held_bytes: int, max_items: int, max_bytes: int) -> None:
    """Refuse items that do not fit into a store.

    Args:
        items: how many items there are.
        size: their bytes.
        held: how many items the store holds.
        held_bytes: their bytes.
        max_items: how many items the store may hold.
        max_bytes: how many bytes it may hold.

    Raises:
        OptionError: they would not fit if the store were empty.
        OutboxFullError: they do not fit now.
    """
    if items > max_items:
        raise OptionError(f"The call has {items} notifications; the store takes {max_items} in all (max_items).")
    if size > max_bytes:
        raise OptionError(f"The call has {size} bytes as JSON; the store takes {max_bytes} in all (max_bytes).")
    if held + items > max_items:
        raise OutboxFullError(
            f"The outbox is full: it holds {held} notifications and takes {max_items} (max_items). "
            "The edge may be down; nothing of this call was stored."
        )
    if held_bytes + size > max_bytes:
        raise OutboxFullError(
            f"The outbox is full: it holds {held_bytes} bytes and takes {max_bytes} (max_bytes), too few for "
            f"{size} more. The edge may be down; nothing of this call was stored."
        )


def require_limits(*, lease: float, max_items: int, max_bytes: int) -> None:
    """Check the arguments that every store has.

    Raises:
        OptionError: an argument is not a positive number.
    """
    given: dict[str, object] = {"lease": lease, "max_items": max_items, "max_bytes": max_bytes}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise OptionError(f"{name} must be a number greater than 0, not {value!r}.")


def require_refs(refs: Collection[str] | None) -> None:
    """Refuse a str: it is a collection of its characters, each of which may be the ref of another item.

    Raises:
        OptionError: ``refs`` is a str.
    """
    if isinstance(refs, str):
        raise OptionError(f"refs must be a list of refs, not the str {refs!r}.")


def foreign(store: str, owner: str, account: str) -> StoreError:
    """Return the error for a store that belongs to another account."""
    return StoreError(
        f"{store} holds notifications of {owner}, which would be sent as {account}. Use another store for each client "
        "code and organization."
    )
