"""What goes over the wire: the same for every contestant."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = "demo"
ORGANIZATION = "demo@AdobeOrg"
MBOXES = ("hero", "recommendations")
PARSED_MBOXES = 50
PATIENCE = 300
"""Seconds of every timeout. Of 500 calls at a time some wait longer than the defaults, which would end the run."""
NEVER = 4102444800
"""Epoch seconds: when the visitors' cookies expire."""


def sessions() -> Iterator[str]:
    """Return a session id for every call: a web server has as many visitors as calls, more or less."""
    # Threads share these iterators, which they cannot do with a generator.
    return map("{:032x}".format, itertools.count())


def cookies() -> Iterator[str]:
    """Return the `mbox` cookie of another visitor for every call."""
    return map(f"session#{{0}}#{NEVER}|PC#{{0}}#{NEVER}".format, sessions())


def answer(*mboxes: str) -> bytes:
    """Return a Delivery API answer to a prefetch of these mboxes, one option each."""
    return json.dumps(
        {
            "status": 200,
            "requestId": "5b7b8f1f5c7c4f0f9a3f6f0f5a1f0c11",
            "client": CLIENT,
            "id": {"tntId": "8c0b3b1e5d2f4c6e9a7d.35_0"},
            # Not the name of an edge cluster: target-python-sdk would leave the given server_domain for it.
            "edgeHost": "localhost",
            "prefetch": {"mboxes": [_mbox(index, name) for index, name in enumerate(mboxes)]},
        },
        separators=(",", ":"),
    ).encode()


def _mbox(index: int, name: str) -> dict[str, Any]:
    """Return what the edge has for an mbox: an offer in HTML or JSON; a click to track and A4T data for some."""
    content: str | dict[str, Any] = (
        {"headline": f"Offer {index} for you", "discount": 10 + index, "images": ["a.jpg", "b.jpg"], "active": True}
        if index % 2
        else f'<section class="offer" data-mbox="{name}"><h2>Offer {index} for you</h2></section>'
    )
    tokens = {"activity.id": str(100000 + index), "experience.id": "0", "experience.name": "Experience A"}
    option = {
        "type": "json" if index % 2 else "html",
        "content": content,
        "eventToken": _token("display", index),
        "responseTokens": tokens,
    }
    mbox: dict[str, Any] = {"index": index, "name": name, "options": [option]}
    if index % 5 == 0:
        mbox["metrics"] = [{"type": "click", "eventToken": _token("click", index)}]
        mbox["analytics"] = {"payload": {"pe": "tnt", "tnta": f"{100000 + index}:0:0|2,{100000 + index}:0:0|1"}}
    return mbox


def _token(purpose: str, index: int) -> str:
    """Return what looks like an event token: 88 characters that say nothing."""
    return base64.b64encode(hashlib.sha512(f"{purpose} {index}".encode()).digest()).decode()
