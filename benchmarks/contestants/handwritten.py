"""A program that does without an SDK: httpx, a URL and bytes in hand, JSON back."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx

from benchmarks.contestants.crowd import in_tasks
from benchmarks.payloads import MBOXES, sessions

if TYPE_CHECKING:
    from benchmarks.worker import Run, Setup

HEADERS = {"Content-Type": "application/json"}


def post(setup: Setup) -> Run:
    client, body, urls = httpx.Client(), setup["request"].encode(), map(setup["url"].format, sessions())
    _check(client.post(next(urls), content=body, headers=HEADERS))

    def run(count: int) -> None:
        for _ in range(count):
            client.post(next(urls), content=body, headers=HEADERS).json()

    return run


def post_in_tasks(setup: Setup) -> Run:
    return _post_in_tasks(setup, httpx.AsyncClient())


def post_in_tasks_with_large_pool(setup: Setup) -> Run:
    return _post_in_tasks(setup, httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=100)))


def parse(setup: Setup) -> Run:
    content = setup["answer"].encode()

    def run(count: int) -> None:
        for _ in range(count):
            json.loads(content)

    return run


def _post_in_tasks(setup: Setup, client: httpx.AsyncClient) -> Run:
    runner, body, urls = asyncio.Runner(), setup["request"].encode(), map(setup["url"].format, sessions())

    async def once() -> None:
        (await client.post(next(urls), content=body, headers=HEADERS)).json()

    _check(runner.run(client.post(next(urls), content=body, headers=HEADERS)))
    return in_tasks(once, runner)


def _check(response: httpx.Response) -> None:
    assert [mbox["name"] for mbox in response.json()["prefetch"]["mboxes"]] == list(MBOXES)
