"""From the bytes of an answer to its models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.harness import Contestant, Goal, Table, race, workers
from benchmarks.payloads import PARSED_MBOXES

if TYPE_CHECKING:
    from benchmarks.arena import Arena

OURS = "target_delivery_api"
STOCK = "stock openapi-python-client"
PUBLISHED = "target-python-sdk 1.1.0"
PLAIN = "json.loads alone, no models"


def table(arena: Arena) -> Table:
    contestants = {
        OURS: Contestant("delivery.parse"),
        STOCK: Contestant("stock.parse"),
        PUBLISHED: Contestant("published.parse", arena.published_python),
        PLAIN: Contestant("handwritten.parse"),
    }
    with workers(contestants, arena.setup) as rounds:
        samples = race(rounds, rounds=arena.rounds, count=20)
    size = len(arena.setup["answer"].encode()) / 1000
    return Table(
        title=f"Parsing an answer with {PARSED_MBOXES} mboxes",
        about=f"From its bytes ({size:.0f} kB) to models, json.loads included.",
        operation="answer",
        samples=samples,
        goals=[Goal(f"parsing an answer with {PARSED_MBOXES} mboxes", OURS, STOCK, 3.0, faster=True)],
    )
