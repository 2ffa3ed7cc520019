"""The command `target-delivery`. Imports nothing of an extra before a subcommand needs it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Not subscriptable, and not public, at run time.
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]

_EXTRAS = {
    "cli": ("rich",),
    "on-device": ("mmh3", "publicsuffixlist"),
    "redis": ("redis",),
    "sandbox": ("jsonschema", "mmh3", "publicsuffixlist", "rich", "starlette", "uvicorn"),
}

_FAULTS = """\
faults:
  --fault NAME[=VALUE][,OPTION...][@PROBABILITY][xTIMES], any number of times

  latency=MS           the answer takes so many milliseconds longer
  refuse               nobody listens: the port is closed; with @ or x, connections are reset instead
  reset[=BYTES]        the connection is reset after so many bytes of the body (default: half)
  truncate[=BYTES]     the connection is closed after so many bytes of the body (default: half)
  status=CODE          an error status, 400 to 599; option retry-after=SECONDS
  not-json             a page of HTML in place of JSON
  omit-notifications   the answer does not name the notifications, and they are not counted

  A reset comes after the request was processed and counted, as does a truncated body; the other faults come before.
  The options processed and unprocessed say otherwise.

  --fault latency=200              every answer takes 200 ms longer
  --fault status=503@0.2           a fifth of the requests fail with 503
  --fault status=429,retry-after=2x1
                                   the first request is told to come back in 2 s
  --fault reset,unprocessed@0.1    a tenth of the connections are reset before anything is counted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 if it failed, 2 if it was called wrongly."""
    parser = argparse.ArgumentParser(prog="target-delivery", description="Tools around Adobe Target's Delivery API.")
    subcommands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_decide(subcommands)
    _add_demo(subcommands)
    _add_outbox(subcommands)
    _add_sandbox(subcommands)
    arguments = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


def _add_decide(subcommands: "Subcommands") -> None:
    parser = subcommands.add_parser(
        "decide",
        help="decide a request on the device, and say why",
        description="Decide what mboxes show to a visitor, with a rule artifact and without a network, and print the "
        "answer as JSON. With --explain, also say for each activity why its rules did or did not apply.",
    )
    parser.add_argument("--artifact", metavar="FILE", required=True, help="rule artifact: rules.json or rules.bin")
    parser.add_argument(
        "--mbox", metavar="NAME", action="append", required=True, help="mbox to decide; may be repeated"
    )
    parser.add_argument(
        "--param", metavar="NAME=VALUE", action="append", default=[], help="parameter of the mboxes, repeatable"
    )
    parser.add_argument("--url", help="page that the visitor is on")
    parser.add_argument("--referring-url", metavar="URL", help="page that the visitor came from")
    parser.add_argument("--user-agent", metavar="TEXT", help="the browser's User-Agent")
    parser.add_argument(
        "--geo",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="where the visitor is: countryCode, stateCode, city, latitude or longitude; repeatable",
    )
    parser.add_argument("--tnt-id", metavar="ID", help="the visitor's id (default: a new visitor)")
    parser.add_argument("--property-token", metavar="TOKEN", help="property of the request")
    parser.add_argument("--client", default="", help="client code (default: that of the artifact)")
    parser.add_argument("--organization-id", metavar="ID", default="", help="as in 1@AdobeOrg; a rules.bin needs it")
    parser.add_argument(
        "--explain",
        nargs="?",
        const="text",
        choices=["text", "json"],
        help="add why rules did or did not apply, as text behind the answer; json: all as one object",
    )
    parser.set_defaults(run=_run_extra, module="target_delivery._cli.decide", extra="on-device")


def _add_demo(subcommands: "Subcommands") -> None:
    parser = subcommands.add_parser(
        "demo",
        help="prefetch, show, notify: the documented job against an edge of its own",
        description="Prefetch two mboxes, report that one was displayed, and show what the edge counted.",
    )
    parser.set_defaults(run=_run_extra, module="target_delivery._cli.demo", extra="sandbox")


def _add_outbox(subcommands: "Subcommands") -> None:
    parser = subcommands.add_parser(
        "outbox",
        help="look into an outbox of notifications, and put back what was set aside",
        description="Look into an outbox of notifications, and put back what was set aside.",
    )
    parser.set_defaults(run=_run_extra, module="target_delivery._cli.outbox", extra="cli")
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    for action, does in (
        ("status", "show how many notifications wait, are being sent, were confirmed, are set aside"),
        ("list", "show what is set aside, and why"),
        ("replay", "put back what was set aside: an outbox on this store sends it again"),
        ("purge", "forget what was set aside, for good"),
    ):
        command = actions.add_parser(action, help=does, description=does[0].upper() + does[1:] + ".")
        command.add_argument(
            "--store",
            required=True,
            metavar="URL",
            help="sqlite:///outbox.db (relative), sqlite:////var/lib/outbox.db, a path, or redis://host:6379/0[#name]",
        )
        if action == "list":
            command.add_argument("--limit", type=int, default=50, help="show at most so many (default 50)")
        elif action != "status":
            command.add_argument("ref", nargs="*", help="those that the list names so; --all for all of them")
            command.add_argument("--all", action="store_true", help="everything that is set aside")


def _add_sandbox(subcommands: "Subcommands") -> None:
    parser = subcommands.add_parser(
        "sandbox",
        help="run an edge of your own: the Delivery API on loopback",
        description="Run an edge of your own: the Delivery API on loopback. GET /ledger shows what it has counted.",
        epilog=_FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes any free one (default 8080)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--allow-remote", action="store_true", help="allow a --host that other machines can reach")
    parser.add_argument("--artifact", metavar="FILE", help="rule artifact to serve content from (default: a small one)")
    parser.add_argument("--client", default="sandbox", help="client code of the account (default sandbox)")
    parser.add_argument("--cluster", type=int, default=35, help="edge cluster that new visitors get (default 35)")
    parser.add_argument("--secret", help="signs event tokens and states; give one for them to outlive the process")
    parser.add_argument("--fault", action="append", default=[], help="what shall go wrong, see below")
    parser.add_argument("--fault-seed", type=int, default=0, metavar="SEED", help="another sequence of random faults")
    parser.set_defaults(run=_run_extra, module="target_delivery._cli.sandbox", extra="sandbox")


def _run_extra(arguments: argparse.Namespace) -> int:
    """Run a subcommand whose module needs an extra."""
    try:
        module = import_module(arguments.module)
    except ImportError as error:
        return _missing(error, arguments.extra)
    run: Callable[[argparse.Namespace], int] = module.run
    return run(arguments)


def _missing(error: ImportError, extra: str) -> int:
    """Say which extra is not installed."""
    name = (error.name or "").partition(".")[0]
    if name not in _EXTRAS[extra]:
        raise error
    print(
        f"target-delivery: {name} is not installed. This command needs the extra: "
        f'pip install "target-delivery[{extra}]"',
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
