"""The subcommand `target-delivery decide`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from target_delivery._core.ids import new_id
from target_delivery.decisioning import decide, explain, load_artifact

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from target_delivery.decisioning._json import JsonObject, JsonValue

_NUMBERS = ("latitude", "longitude")
_PLACE = (*_NUMBERS, "countryCode", "stateCode", "city")


def run(arguments: argparse.Namespace) -> int:
    """Print what is decided, and why if asked to. Returns the exit code: 1 for an artifact that cannot be used."""
    try:
        request = _request(arguments)
    except ValueError as error:
        return _fail(error, 2)
    try:
        artifact = load_artifact(Path(arguments.artifact).read_bytes(), organization_id=arguments.organization_id)
    except (OSError, ValueError) as error:
        return _fail(error, 1)
    now = time.time_ns() // 1_000_000  # one moment for the answer and for its explanation
    decision = decide(artifact, request, client=arguments.client, now=now)
    for warning in (artifact.warning, *decision.warnings):
        if warning:
            print(f"target-delivery decide: {warning}", file=sys.stderr)
    if arguments.explain is None:
        print(_json(decision.response))
        return 0
    explanation = explain(artifact, request, client=arguments.client, now=now)
    if arguments.explain == "json":
        print(_json({"response": decision.response, "explanation": explanation.as_object()}))
    else:
        print(_json(decision.response), str(explanation), sep="\n\n")
    return 0


def _request(arguments: argparse.Namespace) -> JsonObject:
    parameters: JsonObject = dict(_pairs("--param", arguments.param))
    mboxes: list[JsonValue] = [
        {"name": name, "index": index, "parameters": parameters} for index, name in enumerate(arguments.mbox)
    ]
    context: JsonObject = {"channel": "web"}
    address = {"url": arguments.url, "referringUrl": arguments.referring_url}
    context["address"] = {name: url for name, url in address.items() if url is not None}
    if arguments.user_agent is not None:
        context["userAgent"] = arguments.user_agent
    if arguments.geo:
        context["geo"] = dict(_place(name, value) for name, value in _pairs("--geo", arguments.geo))
    request: JsonObject = {
        # A new visitor's id is chosen here, since the answer and its explanation must be about the same one.
        "id": {"tntId": arguments.tnt_id or new_id()},
        "context": context,
        "execute": {"mboxes": mboxes},
    }
    if arguments.property_token is not None:
        request["property"] = {"token": arguments.property_token}
    return request


def _pairs(option: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ValueError(f"{option} {text!r} is not of the form NAME=VALUE")
        pairs.append((name, value))
    return pairs


def _place(name: str, value: str) -> tuple[str, JsonValue]:
    if name not in _PLACE:
        raise ValueError(f"--geo has no {name!r}; there are {', '.join(_PLACE)}")
    try:
        return name, float(value) if name in _NUMBERS else value
    except ValueError:
        raise ValueError(f"--geo {name} must be a number, not {value!r}") from None


def _json(data: JsonObject) -> str:
    # Escaped: whatever an offer holds, any terminal can show it and any reader gets it back.
    return json.dumps(data, indent=2)


def _fail(error: Exception, code: int) -> int:
    print(f"target-delivery decide: {error}", file=sys.stderr)
    return code
