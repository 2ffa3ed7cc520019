"""The code that openapi-python-client generates with its own templates."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.payloads import PARSED_MBOXES

if TYPE_CHECKING:
    from benchmarks.worker import Run, Setup


def parse(setup: Setup) -> Run:
    sys.path.insert(0, setup["stock"])
    execute: Any = import_module("stock_delivery_api.api.delivery.execute")
    client: Any = import_module("stock_delivery_api").Client(base_url="http://localhost")
    response = httpx.Response(200, content=setup["answer"].encode())
    parse = execute._parse_response
    assert len(parse(client=client, response=response).prefetch.mboxes) == PARSED_MBOXES

    def run(count: int) -> None:
        for _ in range(count):
            parse(client=client, response=response)

    return run
