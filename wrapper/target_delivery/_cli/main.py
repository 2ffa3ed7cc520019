"""The command `target-delivery`: it puts the parsers of the commands together and runs one of them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from target_delivery._cli import decide, demo, outbox, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OWN = ("target_delivery", "target_delivery_api")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0; 1 if it failed; 2 if its arguments are wrong."""
    parser = argparse.ArgumentParser(prog="target-delivery", description="Tools around Adobe Target's Delivery API.")
    subcommands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (decide, demo, outbox, sandbox):
        command.add_parser(subcommands)
    arguments = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except ImportError as error:
        return _report_missing(error, arguments.extra)


def _report_missing(error: ImportError, extra: str) -> int:
    """Print which extra must be installed. Raises the error again if it is not about a package that pip installs."""
    name = (error.name or "").partition(".")[0]
    if not name or name in _OWN or name in sys.stdlib_module_names:
        raise error
    print(
        f"target-delivery: {name} is not installed. This command needs the extra: "
        f'pip install "target-delivery[{extra}]"',
        file=sys.stderr,
    )
    return 1
