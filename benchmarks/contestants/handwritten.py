"""A program that does without an SDK: a client of HTTP, a URL and bytes in hand, JSON back."""

from __future__ import annotations

import asyncio
import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import aiohttp
import httpx

from benchmarks.contestants.callers import in_tasks, in_threads, one_after_the_other
from benchmarks.payloads import MBOXES, ORGANIZATION, PATIENCE, sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from benchmarks.worker import Run, Setup

QUERY = f"?imsOrgId={quote(ORGANIZATION)}&sessionId="


def post(setup: Setup) -> Run:
    return one_after_the_other(_checked(_post(setup)))


def post_in_threads(setup: Setup) -> Run:
    return in_threads(_checked(_post(setup)), setup["callers"])


def post_json(setup: Setup) -> Run:
    client, url, body, headers = httpx.Client(), setup["url"], json.loads(setup["request"]), setup["headers"]
    visitors = sessions()

    def once() -> Any:
        query = {"imsOrgId": ORGANIZATION, "sessionId": next(visitors)}
        return client.post(url, params=query, json=body, headers=headers).json()

    return one_after_the_other(_checked(once))


def post_with_http_client(setup: Setup) -> Run:
    connection, path = HTTPConnection(setup["server"]), urlsplit(setup["url"]).path + QUERY
    body, headers, visitors = setup["request"].encode(), setup["headers"], sessions()

    def once() -> Any:
        connection.request("POST", path + next(visitors), body, headers)
        return json.loads(connection.getresponse().read())

    return one_after_the_other(_checked(once))


def post_in_tasks(setup: Setup) -> Run:
    return _post_in_tasks(setup, kept_alive=20)  # The default of httpx.


def post_in_tasks_with_large_pool(setup: Setup) -> Run:
    return _post_in_tasks(setup, kept_alive=100)


def post_in_tasks_with_aiohttp(setup: Setup) -> Run:
    url, body, headers, visitors = setup["url"] + QUERY, setup["request"].encode(), setup["headers"], sessions()

    async def started() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    runner = asyncio.Runner()
    session = runner.run(started())

    async def once() -> Any:
        async with session.post(url + next(visitors), data=body, headers=headers) as response:
            return await response.json()

    return _in_tasks(setup, once, runner)


def parse(setup: Setup) -> Run:
    content = setup["answer"].encode()

    def run(count: int) -> None:
        for _ in range(count):
            json.loads(content)

    return run


def _post(setup: Setup) -> Callable[[], Any]:
    client, url, body, headers = httpx.Client(), setup["url"] + QUERY, setup["request"].encode(), setup["headers"]
    visitors = sessions()
    return lambda: client.post(url + next(visitors), content=body, headers=headers).json()


def _post_in_tasks(setup: Setup, *, kept_alive: int) -> Run:
    # Connections must not expire while others have their turn: 500 calls at a time then take five times as long.
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=kept_alive, keepalive_expiry=PATIENCE)
    client = httpx.AsyncClient(limits=limits, timeout=PATIENCE)
    url, body, headers, visitors = setup["url"] + QUERY, setup["request"].encode(), setup["headers"], sessions()

    async def once() -> Any:
        return (await client.post(url + next(visitors), content=body, headers=headers)).json()

    return _in_tasks(setup, once, asyncio.Runner())


def _in_tasks(setup: Setup, once: Callable[[], Coroutine[Any, Any, Any]], runner: asyncio.Runner) -> Run:
    _check(runner.run(once()))
    return in_tasks(once, setup["callers"], runner)


def _checked(once: Callable[[], Any]) -> Callable[[], Any]:
    _check(once())
    return once


def _check(answer: Any) -> None:
    assert [mbox["name"] for mbox in answer["prefetch"]["mboxes"]] == list(MBOXES)
