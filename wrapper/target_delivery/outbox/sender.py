"""The pure core of sending: what is sent next, and what the answer means. Knows no store, no network, no clock."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from attrs import define, frozen

from target_delivery.errors import DeliveryStatusError, OptionError
from target_delivery.outbox.items import MalformedItemError, merged, unpacked
from target_delivery.outbox.policy import Circuit, backoff
from target_delivery.outbox.stores import Settlement
from target_delivery.response import TargetDeliveryResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_delivery.completion import Prepared
    from target_delivery.outbox.stores import Claimed, Reason

__all__ = ["Batch", "Limits", "Outcome", "Sender"]

Outcome = TargetDeliveryResponse | BaseException
"""How a call ended."""

REFUSED = frozenset({400, 413, 422})
"""Statuses that say something about the request. Others say something about the edge or the way to it."""


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


class Sender:
    """Decides what is sent. To be used by one thread at a time.

    An engine claims as much as is ``wanted``, sends what ``start`` gives, tells how each ``ended``, and notes the
    ``settlement`` in the store.
    """

    def __init__(self, limits: Limits, lease: float) -> None:
        self._limits = limits
        self._lease = lease
        self._circuits: dict[str, Circuit] = {}
        self._ready: deque[Batch] = deque()
        self._running = 0
        self.settlement: Settlement = Settlement()
        """What has to be noted in the store; replace it when that is done."""

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

    def next_probe(self) -> float | None:
        """Return when the next edge that is down is probed, epoch seconds."""
        return min((circuit.until for circuit in self._circuits.values() if circuit.until is not None), default=None)

    def took(self, groups: Iterable[list[Claimed]], now: float) -> None:
        """Take what was claimed: make batches of it, and set aside what is too old or cannot be read."""
        for group in groups:
            batch = Batch([], [], group[0].route, now + self._lease)
            seen: set[str] = set()
            for claimed in group:
                request = self._readable(claimed, now)
                if request is None:
                    continue
                id_ = request.body["notifications"][0]["id"]
                if id_ in seen:
                    # The answer could not tell the two apart.
                    self._ready.append(batch)
                    batch, seen = Batch([], [], batch.route, batch.leased), set[str]()
                seen.add(id_)
                batch.claimed.append(claimed)
                batch.requests.append(request)
            if batch.claimed:
                self._ready.append(batch)

    def _readable(self, claimed: Claimed, now: float) -> Prepared | None:
        if claimed.added < now - self._limits.max_age:
            message = (
                f"not confirmed within {self._limits.max_age:g} s (max_age), after {claimed.attempts} calls that failed"
            )
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
            if now + self._limits.call_time > batch.leased:
                # It waited for so long that another process may have it before the call ends.
                self._release(batch, now)
                continue
            if state == "probe" and circuit is not None:
                circuit.probe()
                batch.probe = True
            self._running += 1
            started.append(batch)
        return started

    def release_ready(self, now: float) -> None:
        """Give back what was claimed and not started."""
        while self._ready:
            self._release(self._ready.popleft(), now)

    def _release(self, batch: Batch, due: float) -> None:
        self.settlement.released += [(claimed, due) for claimed in batch.claimed]

    def ended(self, batch: Batch, outcome: Outcome, now: float) -> None:
        """Take note of how a call ended."""
        self._running -= 1
        circuit = self._circuits.setdefault(batch.route, Circuit())
        if isinstance(outcome, TargetDeliveryResponse):
            circuit.succeeded()
            self._answered(batch, outcome, now)
        elif isinstance(outcome, OptionError):
            if batch.probe:
                circuit.given_up()
            self._refused(batch, "malformed", str(outcome), now)
        elif isinstance(outcome, DeliveryStatusError) and outcome.status in REFUSED:
            circuit.succeeded()
            self._refused(batch, "refused", outcome.edge_message or str(outcome), now)
        else:
            retry_after = outcome.retry_after if isinstance(outcome, DeliveryStatusError) else None
            circuit.failed(now, probe=batch.probe, retry_after=retry_after)
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
            self.settlement.aside.append((batch.claimed[0], reason, message))
            return
        self.settlement.extended += batch.claimed
        batch.leased = now + self._lease
        self._ready.extendleft(reversed(batch.halves()))

    def _again(self, claimed: Iterable[Claimed], now: float, retry_after: float | None = None) -> None:
        # One wait for all of them, so that they stay together.
        attempts: dict[int, float] = {}
        for one in claimed:
            wait = attempts.setdefault(one.attempts, backoff(one.attempts + 1, retry_after))
            self.settlement.again.append((one, now + wait))
