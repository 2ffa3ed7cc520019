"""The engine in virtual time: when it uses the store, and for how long it sleeps."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest

from target_delivery import (
    DeliveryRequest,
    DeliveryStatusError,
    MetricType,
    Notification,
    StoreError,
    TargetClient,
)
from target_delivery.outbox import Claimed, MemoryStore
from target_delivery.outbox.engine import MAX_WAIT, POLL, Engine, make_engine
from tests.virtual import VirtualTime


class Counting(MemoryStore):
    """A store that counts its uses: the engine asks once in each use when the next item is due."""

    uses = 0
    failing = False

    def next_due(self, closed: Collection[str]) -> float | None:
        self.uses += 1
        return super().next_due(closed)

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        if self.failing:
            self.uses += 1
            raise StoreError("down")
        return super().claim(now, groups=groups, size=size, linger=linger, closed=closed)


class World:
    """An engine in virtual time, whose calls all fail or never end."""

    def __init__(self, client: TargetClient, max_age: float = 60.0, linger: float = 0.0) -> None:
        self.time = VirtualTime()
        self.store = Counting()
        self.client = client
        self.engine: Engine = make_engine(
            client.config,
            self.store,
            knows_cluster=client.knows_cluster,
            parallel=8,
            max_batch=50,
            linger=linger,
            max_age=max_age,
            room_timeout=None,
            clock=self.time.clock,
            chance=self.time.chance,
        )

    def send(self, id_: str) -> None:
        notification = Notification(id=id_, type=MetricType.DISPLAY, timestamp=1, tokens=["token"])
        request = DeliveryRequest(notifications=[notification])
        prepared = self.client.prepare_notifications({"request": request, "session_id": f"session-{id_}"})
        entry, _ = self.engine.put(prepared)
        self.engine.commit()
        entry.require_stored()

    def work(self, seconds: float, *, failing: bool = False) -> int:
        """Run cycles for so many seconds, and return how many. Fail all calls, or leave them under way."""
        end, cycles = self.time.clock.now() + seconds, 0
        while self.time.clock.now() < end:
            self.engine.cycle()
            cycles += 1
            while failing and self.engine.to_send:
                self.engine.inbox.put((self.engine.to_send.popleft(), DeliveryStatusError("down", status=503)))
            if self.engine.inbox.empty():
                self.time.advance(max(0.001, self.engine.seconds_to_wait))
        return cycles


@pytest.fixture
def client() -> Iterator[TargetClient]:
    with TargetClient.create({"client": "demo", "organization_id": "demo@AdobeOrg"}) as client:
        yield client


def test_an_outbox_sleeps_after_an_outage(client: TargetClient) -> None:
    world = World(client, max_age=1.0)
    for number in range(5):
        world.send(f"n{number}")
    world.work(40.0, failing=True)
    assert world.engine.stats().set_aside == 5
    before = world.store.uses
    assert world.work(10.0) <= 10.0 / POLL + 1
    assert world.store.uses - before <= 10.0 / POLL + 1
    world.store.close()


def test_an_outbox_sleeps_while_a_probe_is_under_way(client: TargetClient) -> None:
    world = World(client)
    for number in range(5):
        world.send(f"n{number}")
    world.work(0.4, failing=True)
    assert world.engine.stats().pending == 5
    world.work(2.0)
    (probe,) = world.engine.to_send
    assert probe.probe
    before = world.store.uses
    assert world.work(10.0) <= 10.0 / POLL + 1
    assert world.store.uses - before <= 10.0 / POLL + 1
    world.store.close()


def test_a_store_that_fails_is_tried_ever_more_rarely(client: TargetClient) -> None:
    world = World(client, max_age=1000.0)
    world.store.failing = True
    world.send("n")
    assert world.work(3.0) <= 2 * 6
    before = world.store.uses
    world.work(100.0)
    assert world.store.uses - before <= 100.0 / MAX_WAIT + 1
    world.store.failing = False
    world.work(2 * MAX_WAIT)
    assert len(world.engine.to_send) == 1
    world.store.close()


def test_a_notification_lingers_for_others_of_its_visitor(client: TargetClient) -> None:
    world = World(client, linger=5.0)
    world.send("n")
    world.work(4.9)
    assert not world.engine.to_send
    world.work(0.2)
    assert len(world.engine.to_send) == 1
    world.store.close()
