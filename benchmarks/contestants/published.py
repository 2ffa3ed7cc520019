"""target-python-sdk, in an environment of its own."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from benchmarks.contestants.callers import in_threads, one_after_the_other
from benchmarks.payloads import CLIENT, MBOXES, ORGANIZATION, PARSED_MBOXES, cookies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.worker import Run, Setup

# By name: it is not installed where this file is type-checked.
sdk: Any = import_module("target_python_sdk")
api: Any = import_module("delivery_api_client")


def options(visitors: Iterator[str]) -> dict[str, Any]:
    mboxes = [api.MboxRequest(name=name, index=index) for index, name in enumerate(MBOXES)]
    request = api.DeliveryRequest(
        context=api.Context(channel=api.ChannelType.WEB), prefetch=api.PrefetchRequest(mboxes=mboxes)
    )
    return {"request": request, "target_cookie": next(visitors)}


def get_offers(setup: Setup) -> Run:
    client, visitors = _client(setup), cookies()
    return one_after_the_other(lambda: client.get_offers(options(visitors)))


def get_offers_in_threads(setup: Setup) -> Run:
    # Not its callbacks: each call with one leaves a thread pool behind.
    client, visitors = _client(setup), cookies()
    return in_threads(lambda: client.get_offers(options(visitors)), setup["callers"])


def parse(setup: Setup) -> Run:
    client, response = api.ApiClient(), SimpleNamespace(data=setup["answer"])
    assert len(client.deserialize(response, "DeliveryResponse").prefetch.mboxes) == PARSED_MBOXES

    def run(count: int) -> None:
        for _ in range(count):
            client.deserialize(response, "DeliveryResponse")

    return run


def _client(setup: Setup) -> Any:
    client = sdk.TargetClient.create(
        {"client": CLIENT, "organization_id": ORGANIZATION, "server_domain": setup["server"], "secure": False}
    )
    answer = client.get_offers(options(cookies()))
    assert [mbox.name for mbox in answer["response"].prefetch.mboxes] == list(MBOXES)
    return client
