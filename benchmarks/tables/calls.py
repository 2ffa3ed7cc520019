"""get_offers, one call after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.harness import Contestant, Goal, Table, race, workers

if TYPE_CHECKING:
    from benchmarks.arena import Arena

OURS = "TargetClient.get_offers"
HTTP_CLIENT = "http.client request(url, bytes), json.loads"
HAND_WRITTEN = "httpx.Client.post(url, content=bytes).json()"
USUAL = "httpx.Client.post(url, params=..., json=...).json()"
PUBLISHED = "target-python-sdk 1.1.0 get_offers"


def table(arena: Arena) -> Table:
    contestants = {
        OURS: Contestant("delivery.get_offers"),
        HTTP_CLIENT: Contestant("handwritten.post_with_http_client"),
        HAND_WRITTEN: Contestant("handwritten.post"),
        USUAL: Contestant("handwritten.post_json"),
        PUBLISHED: Contestant("published.get_offers", arena.published_python),
    }
    with workers(contestants, arena.setup) as rounds:
        samples = race(rounds, rounds=arena.rounds, count=100)
    return Table(
        title="One call after the other",
        about=(
            "A prefetch of two mboxes. Every call is another visitor's, with a session of its own, and ours makes the "
            "models of its request each time. The hand-written programs send the headers and the body that ours "
            "sends. They have the bytes in hand, but for the one that has httpx make URL and JSON, as is usual."
        ),
        operation="call",
        samples=samples,
        goals=[
            Goal("get_offers, prefetch of two mboxes", OURS, HAND_WRITTEN, 0.65),
            Goal("get_offers, prefetch of two mboxes", OURS, PUBLISHED, 0.5),
        ],
    )
