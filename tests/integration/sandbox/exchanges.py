"""Helpers that send requests to a sandbox and read its answers."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from target_delivery.sandbox import Sandbox

QUERY = {"imsOrgId": "SANDBOX@AdobeOrg", "sessionId": "session-1"}
URL = "/rest/v1/delivery"
Post = Callable[..., httpx.Response]


def connect(edge: Sandbox, **options: Any) -> httpx.Client:
    """Return an HTTP client for one sandbox, without TLS, because TLS takes long to set up."""
    return httpx.Client(base_url=edge.url, timeout=5, verify=False, trust_env=False, **options)


def mboxes(*names: str) -> dict[str, Any]:
    """Return an execute or prefetch part that asks for the mboxes."""
    return {"mboxes": [{"index": index, "name": name} for index, name in enumerate(names)]}


def notification(id_: str, tokens: list[str], type_: str = "display", **more: Any) -> dict[str, Any]:
    return {"id": id_, "type": type_, "timestamp": 1_700_000_000_000, "tokens": tokens, **more}


def prefetched(post: Post, name: str = "product1", **parts: Any) -> dict[str, Any]:
    """Prefetch one mbox and return its answer."""
    answer = post(prefetch=mboxes(name), **parts)
    assert answer.status_code == 200, answer.text
    mbox: dict[str, Any] = answer.json()["prefetch"]["mboxes"][0]
    return mbox


def display_token(mbox: dict[str, Any]) -> str:
    return str(mbox["options"][0]["eventToken"])


def click_token(mbox: dict[str, Any]) -> str:
    return str(mbox["metrics"][0]["eventToken"])


def rejection(answer: httpx.Response) -> str:
    """Check that an answer is an error with status 400, and return its reason."""
    assert answer.status_code == 400, answer.text
    error = answer.json()
    assert error.keys() == {"status", "message"}
    assert error["status"] == 400
    prefix, _, reason = error["message"].partition(": ")
    assert prefix == "Invalid request"
    return str(reason)


def dumps(body: object) -> bytes:
    return json.dumps(body).encode()


def poster(client: httpx.Client) -> Post:
    """Return a function that posts a request given by its parts, and adds a context and the query parameters."""

    def post(*, session: str = QUERY["sessionId"], context: Any = None, **parts: Any) -> httpx.Response:
        body = {"context": context or {"channel": "web"}, **parts}
        return client.post(URL, params={**QUERY, "sessionId": session}, json=body)

    return post
