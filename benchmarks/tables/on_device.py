"""How long it takes to decide get_offers on the device, and to load an artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.artifacts import artifact_setup
from benchmarks.environments import published_node
from benchmarks.harness import ROOT, Contestant, Goal, Limit, Table, race, workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.arena import Arena
    from benchmarks.harness import Samples

OURS = "TargetClient.get_offers, on-device"
NODE = "@adobe/target-nodejs-sdk 2.4.3 getOffers"
PUBLISHED = "target-python-sdk 1.1.0 get_offers"
ABOUT = "Each call is a prefetch of another visitor, so that there is nothing to report. Telemetry is off."


def mbox(arena: Arena) -> Table:
    return _table(
        arena,
        {
            OURS: Contestant("on_device.mbox"),
            NODE: _node("mbox"),
            PUBLISHED: Contestant("published_on_device.mbox", arena.published_python),
        },
        "One mbox on the device",
        [
            Limit("on-device prefetch of one mbox", OURS, 25),
            Goal("on-device prefetch of one mbox", OURS, NODE, 30, faster=True),
            Goal("on-device prefetch of one mbox", OURS, PUBLISHED, 200, faster=True),
        ],
        # Turns of a few milliseconds: long enough to fill the processor's caches, short enough for many rounds.
        count={OURS: 400, NODE: 50, PUBLISHED: 2},
    )


def page_load(arena: Arena) -> Table:
    return _table(
        arena,
        {OURS: Contestant("on_device.page_load"), NODE: _node("page_load")},
        "A page load on the device, over 87 rules",
        [Goal("on-device prefetch of a page load", OURS, NODE, 25, faster=True)],
        count={OURS: 200, NODE: 20},
    )


def threads(arena: Arena) -> Table:
    one, eight = "one thread", "8 threads"
    return _table(
        arena,
        {one: Contestant("on_device.mbox"), eight: Contestant("on_device.mbox_in_threads")},
        "One mbox on the device, from threads",
        [Goal("on-device prefetch from 8 threads", eight, one, 1)],
        count=400,
    )


def artifact(arena: Arena) -> Table:
    loaded, plain = "load_artifact", "json.loads"
    return _table(
        arena,
        {loaded: Contestant("on_device.load"), plain: Contestant("on_device.load_json")},
        "Loading an artifact",
        [Goal("loading and compiling an artifact", loaded, plain, 3)],
        about="From the bytes of an artifact of 128 rules.",
        operation="artifact",
        count=2,
    )


def _node(function: str) -> Contestant:
    worker = str(ROOT / "benchmarks" / "contestants" / "published_on_device.js")
    return Contestant(function, "node", (worker, str(published_node())))


def _table(
    arena: Arena,
    contestants: Mapping[str, Contestant],
    title: str,
    goals: Sequence[Goal | Limit],
    *,
    about: str = ABOUT,
    operation: str = "call",
    count: int | Mapping[str, int],
) -> Table:
    with artifact_setup(arena.artifact) as setup, workers(contestants, setup) as rounds:
        samples: Samples = race(rounds, rounds=arena.rounds, count=count)
    return Table(title, about, operation, samples, goals)
