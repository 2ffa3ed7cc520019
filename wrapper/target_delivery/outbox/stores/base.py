"""What every store of an outbox does: one small protocol, and the records that go in and out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Protocol

from attrs import Factory, define, fields, frozen

from target_delivery.errors import OptionError, OutboxFullError, StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from target_delivery.outbox.items import Item

__all__ = [
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

Reason = Literal["refused", "expired", "malformed"]
"""Why a notification is set aside: the edge refused it, it is older than max_age, or it cannot be read."""


@frozen
class Claimed:
    """An item that one outbox has taken out to send; no other takes it before the lease ends.

    Attributes:
        ref: its name in the store.
        token: names the claim, so that an outbox whose lease ended cannot undo what the next one did.
        group: as in Item.
        route: as in Item.
        data: as in Item.
        added: as in Item.
        attempts: calls that did not confirm it.
    """

    ref: str
    token: str
    group: str
    route: str
    data: bytes
    added: float
    attempts: int


@frozen
class SetAside:
    """A notification that is not tried any more.

    Attributes:
        ref: its name in the store.
        reason: ``refused``, ``expired`` or ``malformed``.
        message: why, in words; of a refused one what the edge said.
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
        confirmed: are done with; they leave the store.
        again: were not confirmed; they are due at the second value, epoch seconds, with one more attempt.
        released: were not sent; they are due at the second value.
        extended: are still being sent; their lease starts anew.
        aside: are set aside for the reason and the message, if the claim still holds.
    """

    confirmed: list[Claimed] = Factory(list[Claimed])
    again: list[tuple[Claimed, float]] = Factory(list[tuple[Claimed, float]])
    released: list[tuple[Claimed, float]] = Factory(list[tuple[Claimed, float]])
    extended: list[Claimed] = Factory(list[Claimed])
    aside: list[tuple[Claimed, Reason, str]] = Factory(list[tuple[Claimed, Reason, str]])

    def parts(self) -> Iterator[Settlement]:
        """Return it in parts of one item each."""
        for part in fields(Settlement):
            for one in getattr(self, part.name):
                yield Settlement(**{part.name: [one]})

    def __bool__(self) -> bool:
        return bool(self.confirmed or self.again or self.released or self.extended or self.aside)


@frozen
class StoreStats:
    """Counts of a whole store, whoever put the items there.

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
    """Where an outbox keeps its items. Every method can be called from any thread, and raises StoreError."""

    @property
    def lease(self) -> float:
        """Seconds after which the items of a process that died are taken over."""
        ...

    def dedicate(self, account: str) -> None:
        """Keep the store to one account: that of the first outbox that was opened on it.

        Raises:
            StoreError: it is another account's.
        """
        ...

    def append(self, items: Sequence[Item]) -> None:
        """Store all items or none. They are durable when this returns.

        Raises:
            OptionError: there would not be room for them if the store were empty.
            OutboxFullError: there is no room for them now.
        """
        ...

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        """Take out what is due, and what waits for a process that died.

        Args:
            now: epoch seconds.
            groups: how many groups at most.
            size: how many items of a group at most.
            linger: items of such a group that are due in so many seconds come along.
            closed: routes that are left alone.
        """
        ...

    def settle(self, settlement: Settlement, now: float) -> None:
        """Note what became of claimed items, all of it or nothing."""
        ...

    def span(self) -> tuple[int, int] | None:
        """Return the positions of the oldest and the newest item, in the order of appending; None when empty."""
        ...

    def next_due(self, closed: Collection[str]) -> float | None:
        """Return when the next item is due, epoch seconds, other than of closed routes; None when none waits."""
        ...

    def stats(self, now: float) -> StoreStats:
        """Count."""
        ...

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return what is set aside, oldest first."""
        ...

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        """Put back what was set aside, all of it for None, as if it were stored now; return how many."""
        ...

    def purge(self, refs: Collection[str] | None) -> int:
        """Forget what was set aside, all of it for None; return how many."""
        ...

    def close(self) -> None:
        """Give back what the store holds. A second time does nothing."""
        ...


def require_room(items: int, size: int, *, held: int, held_bytes: int, max_items: int, max_bytes: int) -> None:
    """Refuse what does not fit.

    Raises:
        OptionError: it never would.
        OutboxFullError: naming the limit.
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
    """Check what every store is made with.

    Raises:
        OptionError: one of them is not a positive number.
    """
    given: dict[str, object] = {"lease": lease, "max_items": max_items, "max_bytes": max_bytes}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise OptionError(f"{name} must be a number greater than 0, not {value!r}.")


def require_refs(refs: Collection[str] | None) -> None:
    """Refuse one ref where a collection belongs: its characters are refs of others.

    Raises:
        OptionError: it is a str.
    """
    if isinstance(refs, str):
        raise OptionError(f"refs must be a list of refs, not the str {refs!r}.")


def foreign(store: str, owner: str, account: str) -> StoreError:
    """Return the error for a store of another account."""
    return StoreError(
        f"{store} holds notifications of {owner}, which would be sent as {account}. Give each client code and "
        "organization a store of its own."
    )
