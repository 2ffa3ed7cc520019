"""This SDK."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from benchmarks.contestants.callers import in_tasks, in_threads, one_after_the_other
from benchmarks.payloads import CLIENT, MBOXES, ORGANIZATION, PARSED_MBOXES, PATIENCE, cookies
from target_delivery import (
    AsyncTargetClient,
    DeliveryRequest,
    MboxRequest,
    PrefetchRequest,
    TargetClient,
    TargetDeliveryResponse,
)
from target_delivery_api.api.delivery import execute
from target_delivery_api.models import DeliveryResponse
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.worker import Run, Setup
    from target_delivery.options import OffersOptions


def offers_options(visitors: Iterator[str]) -> OffersOptions:
    """Return the options of one call, as a program makes them for each visitor."""
    mboxes = [MboxRequest(name=name, index=index) for index, name in enumerate(MBOXES)]
    request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=mboxes))
    return {"request": request, "target_cookie": next(visitors)}


def check(answer: TargetDeliveryResponse) -> None:
    prefetch = answer.response.prefetch
    assert prefetch is not None
    assert [mbox.name for mbox in prefetch.mboxes or ()] == list(MBOXES)


def get_offers(setup: Setup) -> Run:
    client, visitors = _client(setup), cookies()
    check(client.get_offers(offers_options(visitors)))
    return one_after_the_other(lambda: client.get_offers(offers_options(visitors)))


def get_offers_in_threads(setup: Setup) -> Run:
    client, visitors = _client(setup), cookies()
    check(client.get_offers(offers_options(visitors)))
    return in_threads(lambda: client.get_offers(offers_options(visitors)), setup["callers"])


def get_offers_in_tasks(setup: Setup) -> Run:
    runner, visitors = asyncio.Runner(), cookies()
    client = AsyncTargetClient.create(
        {
            "client": CLIENT,
            "organization_id": ORGANIZATION,
            "server_domain": setup["server"],
            "secure": False,
            "timeout": PATIENCE * 1000,
        }
    )
    check(runner.run(client.get_offers(offers_options(visitors))))
    return in_tasks(lambda: client.get_offers(offers_options(visitors)), setup["callers"], runner)


def parse(setup: Setup) -> Run:
    answer = Answer(200, {"content-type": "application/json"}, setup["answer"].encode())
    parsed = execute.parse(answer)
    assert isinstance(parsed, DeliveryResponse)
    assert parsed.prefetch is not None
    assert len(parsed.prefetch.mboxes or ()) == PARSED_MBOXES

    def run(count: int) -> None:
        for _ in range(count):
            execute.parse(answer)

    return run


def _client(setup: Setup) -> TargetClient:
    return TargetClient.create(
        {
            "client": CLIENT,
            "organization_id": ORGANIZATION,
            "server_domain": setup["server"],
            "secure": False,
            "timeout": PATIENCE * 1000,
        }
    )
