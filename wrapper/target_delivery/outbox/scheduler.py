"""The scheduler decides what is sent next, and what an answer means. It does no I/O and reads no clock.

All times are monotonic seconds that the engine passes in.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from attrs import define, frozen

from target_delivery._core.hosts import cluster_of_edge_host
from target_delivery.errors import (
    DeliveryConnectionError,
    DeliveryError,
    DeliveryStatusError,
    DeliveryTimeoutError,
    OptionError,
)
from target_delivery.outbox.items import MalformedItemError, NewerItemError, merged, unpacked
from target_delivery.outbox.policy import Circuit, batch_size, seconds_to_wait
from target_delivery.outbox.stores.base import DOUBTFUL, Settlement
from target_delivery.response import TargetDeliveryResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_delivery._core.chance import Chance
    from target_delivery._core.clusters import Clusters
    from target_delivery._core.prepared import Prepared
    from target_delivery.outbox.stores.base import Claimed, Reason

__all__ = ["Batch", "Limits", "Outcome", "Scheduler"]

Outcome = TargetDeliveryResponse | BaseException
"""How a call ended: with a result or an exception."""

REFUSED = frozenset({400, 413, 422})
"""Statuses that blame the request."""
OVERLOADED = frozenset({429, 503})
"""Statuses that blame the edge. Any other status can be the fault of either."""
DOUBTFUL_SHARE = 4
"""Calls to edge clusters that only visitors have named: `parallel` divided by this number, at least two. They come on
top of the other calls, so that a cluster that does not answer delays nobody else."""
DOUBTFUL_PAUSE = 0.1
"""Seconds until the outbox claims more items of such clusters, when it could not send all items of its last claim."""
DOUBTFUL_WAIT = 0.5
"""Seconds that such an item waits for its next turn, at most, multiplied by the number of waiting clusters."""
LEFT_FOR = 10.0
"""Seconds until an item of a newer version of the SDK is claimed again."""
MAX_CIRCUITS = 1000
"""How many edges' failures are remembered."""


@frozen(kw_only=True)
class Limits:
    """How an outbox sends.

    Attributes:
        parallel: how many calls may be under way at once, besides those to doubtful edge clusters.
        max_batch: how many notifications go in one call.
        linger: seconds that a notification waits for others of its group.
        max_age: seconds after which a notification is set aside.
        call_time: seconds that one call can take.
    """

    parallel: int
    max_batch: int
    linger: float
    max_age: float
    call_time: float

    @property
    def doubtful(self) -> int:
        """How many more calls may be under way to edge clusters that only visitors have named."""
        return max(2, self.parallel // DOUBTFUL_SHARE)

    @property
    def calls(self) -> int:
        """How many calls may be under way in all."""
        return self.parallel + self.doubtful


@define(eq=False)
class Batch:
    """Notifications that are sent in one call.

    Attributes:
        claimed: the claimed item of each notification, in the order in which they are sent.
        requests: the request of each.
        route: the edge that they go to.
        leased: when the lease of this process ends.
        probe: whether the call is to find out if the edge works.
        doubtful: whether only visitors have named the edge cluster.
    """

    claimed: list[Claimed]
    requests: list[Prepared]
    route: str
    leased: float
    probe: bool = False
    doubtful: bool = False

    @property
    def attempts(self) -> int:
        """The largest number of calls that one of the notifications has failed in."""
        return max(one.attempts for one in self.claimed)

    @property
    def request(self) -> Prepared:
        """The request that is sent."""
        return merged(self.requests)

    def ids(self) -> Iterator[str]:
        """Return the ids of the notifications."""
        return (one.body["notifications"][0]["id"] for one in self.requests)

    def halves(self) -> tuple[Batch, Batch]:
        """Return the batch as two batches."""
        middle = len(self.claimed) // 2
        return (
            Batch(self.claimed[:middle], self.requests[:middle], self.route, self.leased, doubtful=self.doubtful),
            Batch(self.claimed[middle:], self.requests[middle:], self.route, self.leased, doubtful=self.doubtful),
        )


class Scheduler:
    """Decides what is sent. One thread at a time may use it.

    The engine claims as many groups as are ``wanted``, hands them over with ``took``, sends the batches that ``start``
    returns, reports each result with ``ended``, and writes the ``settlement`` to the store.
    """

    def __init__(self, limits: Limits, lease: float, clusters: Clusters, chance: Chance) -> None:
        self._limits = limits
        self._lease = lease
        self._clusters = clusters
        self._chance = chance
        self._circuits: dict[str, Circuit] = {}
        self._ready: deque[Batch] = deque()
        self._doubtful: list[Batch] = []
        self._doubtful_again = 0.0
        self._running = {False: 0, True: 0}
        self.settlement: Settlement = Settlement()
        """What became of items since the last settlement. Replace it when the store has noted it."""
        self.changes: list[str] = []
        """Messages about edges that went down or came back. Empty it when they are logged."""

    @property
    def running(self) -> int:
        """Number of calls that are under way."""
        return sum(self._running.values())

    def wanted(self) -> int:
        """Return how many groups to claim: enough for all calls that can start, and as many to start next."""
        return max(0, 2 * self._limits.parallel - self._running[False] - len(self._ready))

    def closed(self, now: float) -> frozenset[str]:
        """Return the routes that must not be called yet, because their edge is down or their turn has not come."""
        known = ((route, circuit) for route, circuit in self._circuits.items() if self._clusters.know(route))
        closed = frozenset(route for route, circuit in known if circuit.state(now) == "open")
        return closed | {DOUBTFUL} if now < self._doubtful_again else closed

    def next_probe(self, now: float) -> float | None:
        """Return when the next closed route may be called; None if there is none."""
        waiting = [circuit.until for circuit in self._circuits.values() if not circuit.probing]
        waiting.append(self._doubtful_again)
        return min((until for until in waiting if until is not None and until > now), default=None)

    def took(self, groups: Iterable[list[Claimed]], now: float, age: Callable[[float], float]) -> None:
        """Make batches of claimed items. Set aside items that are too old or cannot be read.

        Args:
            groups: the claimed items.
            now: monotonic seconds.
            age: returns the age of an item, in seconds, from the time at which it was stored.
        """
        for group in groups:
            batch, room, seen = None, 0, set[str]()
            for claimed in group:
                request = self._readable(claimed, now, age)
                if request is None:
                    continue
                room = min(room, batch_size(claimed.attempts, self._limits.max_batch) - len(seen))
                id_ = request.body["notifications"][0]["id"]
                # An answer names ids, so two notifications with the same id must not go in one call.
                if batch is None or room <= 0 or id_ in seen:
                    # The client's own host has the empty route. Other items go to the cluster that they name.
                    route = (request.cluster or "") if claimed.route else ""
                    batch, seen = Batch([], [], route, now + self._lease), set[str]()
                    batch.doubtful = not self._clusters.know(route)
                    room = batch_size(claimed.attempts, self._limits.max_batch)
                    (self._doubtful if batch.doubtful else self._ready).append(batch)
                room -= 1
                seen.add(id_)
                batch.claimed.append(claimed)
                batch.requests.append(request)

    def _readable(self, claimed: Claimed, now: float, age: Callable[[float], float]) -> Prepared | None:
        if claimed.damage:
            self.settlement.aside.append((claimed, "malformed", f"The stored item is damaged: {claimed.damage}."))
            return None
        if age(claimed.added) > self._limits.max_age:
            message = (
                f"not confirmed within {self._limits.max_age:g} s (max_age), after {claimed.attempts} failed calls"
            )
            circuit = self._circuits.get(claimed.route)
            if circuit is not None:
                message += f"; the last failure at this edge: {circuit.reason}"
            self.settlement.aside.append((claimed, "expired", message))
            return None
        try:
            return unpacked(claimed.data)
        except NewerItemError:
            self.settlement.released.append((claimed, now + LEFT_FOR))
            return None
        except MalformedItemError as error:
            self.settlement.aside.append((claimed, "malformed", f"The stored item cannot be sent: {error}."))
            return None

    def start(self, now: float) -> list[Batch]:
        """Return the batches to send now. Report the result of each with ``ended``."""
        started: list[Batch] = []
        while self._ready and self._running[False] < self._limits.parallel:
            batch = self._ready.popleft()
            circuit = self._circuits.get(batch.route)
            state = circuit.state(now) if circuit is not None else "closed"
            if state == "open" and circuit is not None:
                self._release(batch, max(now, circuit.until or now))
                continue
            if state == "probe":
                batch = self._swapped_for_probe(batch)
            if self._outlasts_lease(batch, now):
                continue
            if state == "probe" and circuit is not None:
                circuit.probing = batch.probe = True
            self._running[False] += 1
            started.append(batch)
        return started + self._start_doubtful(now)

    def _outlasts_lease(self, batch: Batch, now: float) -> bool:
        """Give a batch back if its lease may end before its call does, because another process could then send it."""
        late = now + self._limits.call_time > batch.leased
        if late:
            self._release(batch, now)
        return late

    def _start_doubtful(self, now: float) -> list[Batch]:
        """Return the batches to send now to clusters that only visitors have named. Give the others back.

        Each such cluster gets one call at a time, like an edge that is down. The cluster that most visitors name comes
        first. The second call at the same time may go only to a cluster that two visitors name, the third one to a
        cluster that three name, and so on. So a visitor who names many clusters cannot take all of these calls.
        """
        waiting: dict[str, list[Batch]] = {}
        for batch in self._doubtful:
            waiting.setdefault(batch.route, []).append(batch)
        self._doubtful.clear()
        started: list[Batch] = []
        for route, batches in sorted(waiting.items(), key=lambda one: (-len(one[1]), self._chance.uniform(0, 1))):
            circuit = self._circuit(route, now)
            state = circuit.state(now)
            if state == "probe" and self._running[True] < min(self._limits.doubtful, len(batches)):
                chosen = min(batches, key=lambda one: one.attempts)
                batches.remove(chosen)
                if not self._outlasts_lease(chosen, now):
                    circuit.probing = chosen.probe = True
                    self._running[True] += 1
                    started.append(chosen)
            elif state == "probe" or circuit.probing:
                self._doubtful_again = now + DOUBTFUL_PAUSE
            longest = DOUBTFUL_WAIT * (1 if circuit.probing else len(waiting))
            for batch in batches:
                self._release(batch, max(circuit.until or now, now + self._chance.uniform(0, longest)))
        return started

    def _circuit(self, route: str, now: float) -> Circuit:
        """Return the circuit of an edge. For a cluster that never answered it begins open, to be probed at once."""
        circuit = self._circuits.get(route)
        if circuit is None:
            circuit = self._circuits[route] = Circuit(self._chance)
            if not self._clusters.know(route):
                circuit.until = now
            if len(self._circuits) > MAX_CIRCUITS:
                idle = (one for one, other in self._circuits.items() if not other.probing and one != route)
                del self._circuits[next(idle)]
        return circuit

    def _swapped_for_probe(self, batch: Batch) -> Batch:
        """Return the batch to probe the edge with: the one that failed least, by chance among equals.

        A batch that failed often may itself be the reason why calls fail.
        """
        others = [one for one in self._ready if one.route == batch.route]
        chosen = min([batch, *others], key=lambda one: (one.attempts, self._chance.uniform(0, 1)))
        if chosen is not batch:
            self._ready[self._ready.index(chosen)] = batch
        return chosen

    def release_ready(self, now: float) -> None:
        """Give back all batches that were not started."""
        for batch in (*self._ready, *self._doubtful):
            self._release(batch, now)
        self._ready.clear()
        self._doubtful.clear()

    def _release(self, batch: Batch, due: float) -> None:
        self.settlement.released += [(claimed, due) for claimed in batch.claimed]

    def ended(self, batch: Batch, outcome: Outcome, now: float) -> None:
        """Note how a call ended."""
        self._running[batch.doubtful] -= 1
        if isinstance(outcome, TargetDeliveryResponse):
            self._succeeded(batch)
            self._learn(batch.route, cluster_of_edge_host(outcome.response.edge_host))
            self._answered(batch, outcome, now)
        elif isinstance(outcome, OptionError):
            circuit = self._circuits.get(batch.route)
            if batch.probe and circuit is not None:
                circuit.probing = False
            self._refused(batch, "malformed", str(outcome), now)
        elif isinstance(outcome, DeliveryStatusError) and outcome.status in REFUSED:
            self._succeeded(batch)
            self._refused(batch, "refused", outcome.edge_message or str(outcome), now)
        else:
            self._failed(batch, outcome, now)

    def _learn(self, *clusters: str | None) -> None:
        """Remember the clusters that an answer came from. Items that wait for one of them need not wait longer."""
        for cluster in clusters:
            if cluster is not None and self._clusters.learn(cluster):
                self._circuits.pop(cluster, None)
                self._doubtful_again = 0.0

    def _succeeded(self, batch: Batch) -> None:
        circuit = self._circuits.pop(batch.route, None)
        if circuit is not None and circuit.until is not None and not batch.doubtful:
            self.changes.append(f"The edge {batch.route or 'of the client'} answers again.")

    def _failed(self, batch: Batch, outcome: BaseException, now: float) -> None:
        status = outcome.status if isinstance(outcome, DeliveryStatusError) else None
        retry_after = outcome.retry_after if isinstance(outcome, DeliveryStatusError) else None
        circuit = self._circuit(batch.route, now)
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
            # A hook of the caller failed, or the call was cancelled. This says nothing about the edge. The text may
            # contain anything, so only the type is kept.
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
        """Set a refused notification aside. If several were refused together, send each half, to find the bad one."""
        if len(batch.claimed) == 1:
            self.settlement.aside.append((batch.claimed[0], reason, _printable(message)))
            return
        self.settlement.extended += batch.claimed
        batch.leased = now + self._lease
        if batch.doubtful:
            self._doubtful += batch.halves()
        else:
            self._ready.extendleft(reversed(batch.halves()))

    def _again(self, claimed: Iterable[Claimed], now: float, retry_after: float | None = None) -> None:
        # Notifications with equal attempts get the same wait, so that they stay together.
        attempts: dict[int, float] = {}
        for one in claimed:
            wait = attempts.setdefault(one.attempts, seconds_to_wait(one.attempts + 1, self._chance, retry_after))
            self.settlement.again.append((one, now + wait))


def _printable(text: str) -> str:
    """Replace characters that a store may not be able to keep or that a terminal would obey."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
