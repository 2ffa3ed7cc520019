"""A program that does without an SDK: httpx, a URL and bytes in hand, JSON back."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from benchmarks.contestants.crowd import in_tasks
from benchmarks.payloads import MBOXES, ORGANIZATION, sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.worker import Run, Setup

QUERY = f"?imsOrgId={quote(ORGANIZATION)}&sessionId="


def post(setup: Setup) -> Run:
    client, url, body, headers = httpx.Client(), setup["url"] + QUERY, setup["request"].encode(), setup["headers"]

    def once(session: str) -> Any:
        return client.post(url + session, content=body, headers=headers).json()

    return _one_after_the_other(once)


def post_json(setup: Setup) -> Run:
    client, url, body, headers = httpx.Client(), setup["url"], json.loads(setup["request"]), setup["headers"]

    def once(session: str) -> Any:
        query = {"imsOrgId": ORGANIZATION, "sessionId": session}
        return client.post(url, params=query, json=body, headers=headers).json()

    return _one_after_the_other(once)


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


def _one_after_the_other(once: Callable[[str], Any]) -> Run:
    visitors = sessions()
    _check(once(next(visitors)))

    def run(count: int) -> None:
        for _ in range(count):
            once(next(visitors))

    return run


def _post_in_tasks(setup: Setup, client: httpx.AsyncClient) -> Run:
    url, body, headers = setup["url"] + QUERY, setup["request"].encode(), setup["headers"]
    runner, visitors = asyncio.Runner(), sessions()

    async def once() -> Any:
        return (await client.post(url + next(visitors), content=body, headers=headers)).json()

    _check(runner.run(once()))
    return in_tasks(once, runner)


def _check(answer: Any) -> None:
    assert [mbox["name"] for mbox in answer["prefetch"]["mboxes"]] == list(MBOXES)
