"""The pure core of sending: what is sent next, and what the answer means. Knows no store, no network, no clock."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from attrs import define, frozen

from target_delivery.errors import (
    DeliveryConnectionError,
    DeliveryError,
    DeliveryStatusError,
    DeliveryTimeoutError,
    OptionError,
)
from target_delivery.outbox.items import MalformedItemError, merged, unpacked
from target_delivery.outbox.policy import Circuit, batch_size, seconds_to_wait
from target_delivery.outbox.stores.base import Settlement
from target_delivery.response import TargetDeliveryResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_delivery._core.chance import Chance
    from target_delivery._core.prepared import Prepared
    from target_delivery.outbox.stores.base import Claimed, Reason

__all__ = ["Batch", "Limits", "Outcome", "Scheduler"]

Outcome = TargetDeliveryResponse | BaseException
"""How a call ended."""

REFUSED = frozenset({400, 413, 422})
"""Statuses that say something about the request."""
OVERLOADED = frozenset({429, 503})
"""Statuses that say something about the edge. With any other it may be the one or the other."""


@frozen(kw_only=True)
class Limits:
    """How an outbox sends.

    Attributes:
        parallel: calls that are under way at once.
        max_batch: notifications of a call.
        linger: seconds that a notification waits for others of its group.
        max_age: seconds after which a notification is set aside.
        call_time: seconds that one call can take.
    """

    parallel: int
    max_batch: int
    linger: float
    max_age: float
    call_time: float


@define(eq=False)
class Batch:
    """Notifications that are sent in one call.

    Attributes:
        claimed: where each comes from, in the order of the request's notifications.
        requests: the request of each.
        route: where they go.
        leased: until when they are ours, epoch seconds.
        probe: whether the call shall find out if the edge is there again.
    """

    claimed: list[Claimed]
    requests: list[Prepared]
    route: str
    leased: float
    probe: bool = False

    @property
    def attempts(self) -> int:
        """In how many calls one of them has failed, at most."""
        return max(one.attempts for one in self.claimed)

    @property
    def request(self) -> Prepared:
        """What is sent."""
        return merged(self.requests)

    def ids(self) -> Iterator[str]:
        """Return the ids of the notifications."""
        return (one.body["notifications"][0]["id"] for one in self.requests)

    def halves(self) -> tuple[Batch, Batch]:
        """Split it into two."""
        middle = len(self.claimed) // 2
        return (
            Batch(self.claimed[:middle], self.requests[:middle], self.route, self.leased),
            Batch(self.claimed[middle:], self.requests[middle:], self.route, self.leased),
        )


class Scheduler:
    """Decides what is sent. To be used by one thread at a time.

    An engine claims as much as is ``wanted``, sends what ``start`` gives, tells how each ``ended``, and notes the
    ``settlement`` in the store.
    """

    def __init__(self, limits: Limits, lease: float, chance: Chance) -> None:
        self._limits = limits
        self._lease = lease
        self._chance = chance
        self._circuits: dict[str, Circuit] = {}
        self._ready: deque[Batch] = deque()
        self._running = 0
        self.settlement: Settlement = Settlement()
        """What has to be noted in the store; replace it when that is done."""
        self.changes: list[str] = []
        """What became of edges, in words; take it away when it is told."""

    @property
    def running(self) -> int:
        """Calls that are under way."""
        return self._running

    def wanted(self) -> int:
        """Return how many more groups there is use for: calls that can start, and as many again to start next."""
        return max(0, 2 * self._limits.parallel - self._running - len(self._ready))

    def closed(self, now: float) -> frozenset[str]:
        """Return the routes whose edge is down and not to be probed yet."""
        return frozenset(route for route, circuit in self._circuits.items() if circuit.state(now) == "open")

    def next_probe(self, now: float) -> float | None:
        """Return when the next edge that is down is probed, epoch seconds."""
        waiting = (circuit.until for circuit in self._circuits.values() if not circuit.probing)
        return min((until for until in waiting if until is not None and until > now), default=None)

    def took(self, groups: Iterable[list[Claimed]], now: float) -> None:
        """Take what was claimed: make batches of it, and set aside what is too old or cannot be read."""
        batches: list[Batch] = []
        for group in groups:
            batch, room, seen = None, 0, set[str]()
            for claimed in group:
                request = self._readable(claimed, now)
                if request is None:
                    continue
                room = min(room, batch_size(claimed.attempts, self._limits.max_batch) - len(seen))
                id_ = request.body["notifications"][0]["id"]
                # Of two of one id the answer could not tell which it means.
                if batch is None or room <= 0 or id_ in seen:
                    batch, seen = Batch([], [], claimed.route, now + self._lease), set[str]()
                    room = batch_size(claimed.attempts, self._limits.max_batch)
                    batches.append(batch)
                room -= 1
                seen.add(id_)
                batch.claimed.append(claimed)
                batch.requests.append(request)
        self._ready.extend(batches)

    def _readable(self, claimed: Claimed, now: float) -> Prepared | None:
        if claimed.added < now - self._limits.max_age:
            message = (
                f"not confirmed within {self._limits.max_age:g} s (max_age), after {claimed.attempts} calls that failed"
            )
            circuit = self._circuits.get(claimed.route)
            if circuit is not None:
                message += f"; the last one to this edge: {circuit.reason}"
            self.settlement.aside.append((claimed, "expired", message))
            return None
        try:
            return unpacked(claimed.data)
        except MalformedItemError as error:
            self.settlement.aside.append((claimed, "malformed", f"The stored item cannot be sent: {error}."))
            return None

    def start(self, now: float) -> list[Batch]:
        """Return the batches whose calls start now. Each is to be told of by ``ended``."""
        started: list[Batch] = []
        while self._ready and self._running < self._limits.parallel:
            batch = self._ready.popleft()
            circuit = self._circuits.get(batch.route)
            state = circuit.state(now) if circuit is not None else "closed"
            if state == "open" and circuit is not None:
                self._release(batch, max(now, circuit.until or now))
                continue
            if state == "probe":
                batch = self._swapped_for_probe(batch)
            if now + self._limits.call_time > batch.leased:
                # It waited for so long that another process may have it before the call ends.
                self._release(batch, now)
                continue
            if state == "probe" and circuit is not None:
                circuit.probing = batch.probe = True
            self._running += 1
            started.append(batch)
        return started

    def _swapped_for_probe(self, batch: Batch) -> Batch:
        """Choose what is to tell of an edge: what has failed least, and of that any, for one may be why it fails."""
        others = [one for one in self._ready if one.route == batch.route]
        chosen = min([batch, *others], key=lambda one: (one.attempts, self._chance.uniform(0, 1)))
        if chosen is not batch:
            self._ready[self._ready.index(chosen)] = batch
        return chosen

    def release_ready(self, now: float) -> None:
        """Give back what was claimed and not started."""
        while self._ready:
            self._release(self._ready.popleft(), now)

    def _release(self, batch: Batch, due: float) -> None:
        self.settlement.released += [(claimed, due) for claimed in batch.claimed]

    def ended(self, batch: Batch, outcome: Outcome, now: float) -> None:
        """Take note of how a call ended."""
        self._running -= 1
        if isinstance(outcome, TargetDeliveryResponse):
            self._succeeded(batch.route)
            self._answered(batch, outcome, now)
        elif isinstance(outcome, OptionError):
            circuit = self._circuits.get(batch.route)
            if batch.probe and circuit is not None:
                circuit.probing = False
            self._refused(batch, "malformed", str(outcome), now)
        elif isinstance(outcome, DeliveryStatusError) and outcome.status in REFUSED:
            self._succeeded(batch.route)
            self._refused(batch, "refused", outcome.edge_message or str(outcome), now)
        else:
            self._failed(batch, outcome, now)

    def _succeeded(self, route: str) -> None:
        circuit = self._circuits.pop(route, None)
        if circuit is not None and circuit.until is not None:
            self.changes.append(f"The edge {route or 'of the client'} answers again.")

    def _failed(self, batch: Batch, outcome: BaseException, now: float) -> None:
        status = outcome.status if isinstance(outcome, DeliveryStatusError) else None
        retry_after = outcome.retry_after if isinstance(outcome, DeliveryStatusError) else None
        circuit = self._circuits.setdefault(batch.route, Circuit(self._chance))
        if isinstance(outcome, DeliveryError):
            down = status in OVERLOADED or isinstance(outcome, (DeliveryConnectionError, DeliveryTimeoutError))
            was_closed = circuit.until is None
            circuit.failed(
                now,
                reason=str(outcome),
                probe=batch.probe and circuit.probing,
                retry_after=retry_after,
                counts=down or batch.attempts == 0,
            )
            if was_closed and circuit.until is not None:
                self.changes.append(f"The edge {batch.route or 'of the client'} fails, notifications wait: {outcome}")
        else:
            # Of a hook of the caller's, of a call that was cut off: no news of the edge. The text is not ours to show.
            circuit.reason = type(outcome).__name__
            circuit.probing = circuit.probing and not batch.probe
        self._again(batch.claimed, now, retry_after)

    def _answered(self, batch: Batch, answer: TargetDeliveryResponse, now: float) -> None:
        named = {one.id for one in answer.response.notifications or ()}
        missing: list[Claimed] = []
        for claimed, id_ in zip(batch.claimed, batch.ids(), strict=True):
            (self.settlement.confirmed if id_ in named else missing).append(claimed)
        self._again(missing, now)

    def _refused(self, batch: Batch, reason: Reason, message: str, now: float) -> None:
        """Find the bad one: set it aside when it stands alone, else try each half."""
        if len(batch.claimed) == 1:
            self.settlement.aside.append((batch.claimed[0], reason, _printable(message)))
            return
        self.settlement.extended += batch.claimed
        batch.leased = now + self._lease
        self._ready.extendleft(reversed(batch.halves()))

    def _again(self, claimed: Iterable[Claimed], now: float, retry_after: float | None = None) -> None:
        # One wait for all of them, so that they stay together.
        attempts: dict[int, float] = {}
        for one in claimed:
            wait = attempts.setdefault(one.attempts, seconds_to_wait(one.attempts + 1, self._chance, retry_after))
            self.settlement.again.append((one, now + wait))


def _printable(text: str) -> str:
    """Return what every store can keep and every terminal can show of a text from outside."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
