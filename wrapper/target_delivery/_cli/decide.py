"""`target-delivery decide`: decide a request with an artifact, without a network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from target_delivery._cli.parsers import Subcommands
    from target_delivery.decisioning._json import JsonObject, JsonValue

_NUMBERS = ("latitude", "longitude")
_PLACE = (*_NUMBERS, "countryCode", "stateCode", "city")


def add_parser(subcommands: Subcommands) -> None:
    """Add the parser of this command."""
    parser = subcommands.add_parser(
        "decide",
        help="decide a request on the device, and explain the decision",
        description="Decide with a rule artifact, without a network, which content mboxes show to a visitor, and print "
        "the answer as JSON. --explain adds for each activity why its rules did or did not apply.",
    )
    parser.add_argument("--artifact", metavar="FILE", required=True, help="rule artifact: rules.json or rules.bin")
    parser.add_argument(
        "--mbox", metavar="NAME", action="append", required=True, help="name of an mbox to decide; repeatable"
    )
    parser.add_argument(
        "--param", metavar="NAME=VALUE", action="append", default=[], help="parameter of all mboxes; repeatable"
    )
    parser.add_argument("--url", help="URL of the page that the visitor is on")
    parser.add_argument("--referring-url", metavar="URL", help="URL of the page that the visitor came from")
    parser.add_argument("--user-agent", metavar="TEXT", help="the browser's User-Agent")
    parser.add_argument(
        "--geo",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="where the visitor is: countryCode, stateCode, city, latitude or longitude; repeatable",
    )
    parser.add_argument("--tnt-id", metavar="ID", help="the visitor's id (default: a new visitor)")
    parser.add_argument("--property-token", metavar="TOKEN", help="token of the property that the request is for")
    parser.add_argument("--client", default="", help="client code (default: the artifact's)")
    parser.add_argument(
        "--organization-id",
        metavar="ID",
        default="",
        help="such as 1@AdobeOrg; a rules.bin cannot be read without it",
    )
    parser.add_argument(
        "--explain",
        nargs="?",
        const="text",
        choices=["text", "json"],
        help="also print why rules did or did not apply: as text after the answer, or with json in one object with it",
    )
    parser.set_defaults(run=run, extra="on-device")


def run(arguments: argparse.Namespace) -> int:
    """Print the decision, with --explain also the reasons.

    Returns:
        The exit status: 1 for an artifact that cannot be used, 2 for wrong arguments.
    """
    from target_delivery.decisioning import decide, explain, load_artifact

    try:
        request = _request(arguments)
    except ValueError as error:
        return _fail(error, 2)
    try:
        artifact = load_artifact(Path(arguments.artifact).read_bytes(), organization_id=arguments.organization_id)
    except (OSError, ValueError) as error:
        return _fail(error, 1)
    now = int(SYSTEM_CLOCK.now() * 1000)  # the same moment for the decision and for its explanation
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
        # A new visitor gets an id here, because the decision and its explanation must be about the same visitor.
        "id": {"tntId": arguments.tnt_id or SYSTEM_CHANCE.new_id()},
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
        raise ValueError(f"--geo does not know {name!r}; it knows {', '.join(_PLACE)}")
    try:
        return name, float(value) if name in _NUMBERS else value
    except ValueError:
        raise ValueError(f"--geo {name} must be a number, not {value!r}") from None


def _json(data: JsonObject) -> str:
    # With escapes, every terminal can show every offer, and JSON readers get the original text back.
    return json.dumps(data, indent=2)


def _fail(error: Exception, code: int) -> int:
    print(f"target-delivery decide: {error}", file=sys.stderr)
    return code
