"""The parts that all tables of a run share: one server, one answer, and the code of the alternatives."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx
from attrs import frozen

from benchmarks.contestants.delivery import offers_options
from benchmarks.environments import published_python, stock_code
from benchmarks.harness import Process
from benchmarks.payloads import CLIENT, MBOXES, ORGANIZATION, PARSED_MBOXES, answer, cookies
from target_delivery import TargetClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@frozen
class Arena:
    """The parts that all contestants share."""

    rounds: int
    setup: Mapping[str, Any]
    """JSON that every worker receives."""
    artifact: Path | None
    """The rules.json for on-device decisions; None for a made artifact."""
    published_python: Path
    """The interpreter that has target-python-sdk."""


@contextmanager
def arena(rounds: int, artifact: Path | None) -> Iterator[Arena]:
    """Start the server and make the files that the contestants need."""
    python = published_python()
    with TemporaryDirectory() as home, Process("-m", "benchmarks.server") as server:
        stock_code(Path(home))
        address = f"127.0.0.1:{server.hear()}"
        setup = {
            "server": address,
            "url": f"http://{address}/rest/v1/delivery",
            **_request(),
            "answer": answer(*(f"mbox-{number}" for number in range(PARSED_MBOXES))).decode(),
            "stock": home,
        }
        yield Arena(rounds, setup, artifact, python)


def _request() -> dict[str, Any]:
    """Return the body and the headers that this SDK sends for the prefetch: what the hand-written programs send too."""
    sent: list[httpx.Request] = []

    def edge(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, content=answer(*MBOXES))

    with httpx.Client(transport=httpx.MockTransport(edge)) as http_client:
        client = TargetClient.create({"client": CLIENT, "organization_id": ORGANIZATION, "http_client": http_client})
        visitors = cookies()
        for _ in range(2):  # From the second call on there is telemetry of the one before.
            client.get_offers(offers_options(visitors))
    headers = {name: value for name, value in sent[-1].headers.items() if name.startswith(("content-type", "x-"))}
    return {"request": sent[-1].content.decode(), "headers": headers}
