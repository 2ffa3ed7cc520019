"""A shell for tests: runs flows in virtual time, on a wire that the test plays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from target_delivery import DeliveryRequest, MboxRequest, PrefetchRequest
from target_delivery._core.call import Core
from target_delivery._core.device import Device
from target_delivery._core.flow import AwaitReady, Enqueue, Flow, Outcome, Send, Spawn, Step, Wait, run
from target_delivery._core.prepared import Prepared
from target_delivery._core.telemetry import TelemetryStore
from target_delivery._core.validation import read_client_options
from target_delivery_api.types import Answer
from tests.virtual import VirtualTime

T = TypeVar("T")

REQUEST = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))


class Shell:
    """Performs the steps of flows. The test gives the outcomes of Send, in order; the last one is used repeatedly."""

    def __init__(self, time: VirtualTime, *outcomes: Outcome | Callable[[], Outcome]) -> None:
        self.time = time
        self.outcomes = [*outcomes]
        self.sent: list[Send] = []
        self.waits: list[float] = []
        self.spawned: list[Spawn] = []
        self.enqueued: list[Prepared] = []

    def run(self, flow: Flow[T]) -> T:
        return run(flow, self.perform)

    def perform(self, step: Step) -> Outcome | None:
        if isinstance(step, Send):
            self.sent.append(step)
            outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
            return outcome() if callable(outcome) else outcome
        if isinstance(step, Wait):
            self.waits.append(step.seconds)
            self.time.advance(step.seconds)
        elif isinstance(step, Enqueue):
            self.enqueued.append(step.prepared)
        elif isinstance(step, AwaitReady):
            self.time.advance(step.deadline - self.time.clock.monotonic())
        else:
            self.spawned.append(step)
        return None

    @property
    def body(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.sent[-1].request.content)


def core(time: VirtualTime, *, device: Device | None = None, outbox: bool = False, **options: Any) -> Core:
    given = {"client": "demo", "organization_id": "demo@AdobeOrg", "target_location_hint": "28", **options}
    config = read_client_options(given, "Client")
    telemetry = TelemetryStore() if config.telemetry_enabled else None
    return Core(config, clock=time.clock, chance=time.chance, device=device, telemetry=telemetry, outbox=outbox)


def answer(status: int = 200, body: Any = None, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps({"status": status} if body is None else body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)
