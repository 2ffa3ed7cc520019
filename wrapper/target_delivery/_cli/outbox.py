"""`target-delivery outbox`: look into the store of an outbox, replay or purge what is set aside."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._printable import printable
from target_delivery.errors import OptionError, StoreError
from target_delivery.outbox.stores.opening import open_store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from rich.console import Console

    from target_delivery._cli.parsers import Subcommands
    from target_delivery.outbox.stores.base import Store

STEP = 1000
"""Notifications that one step of a replay puts back. The progress bar moves after each step, and other processes wait
for the store during one."""


def add_parser(subcommands: Subcommands) -> None:
    """Add the parser of this command."""
    parser = subcommands.add_parser(
        "outbox",
        help="look into an outbox, and replay or purge notifications that are set aside",
        description="Look into the store of an outbox, and replay or purge notifications that are set aside.",
    )
    parser.set_defaults(run=run, extra="cli")
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    for action, does in (
        ("status", "show how many notifications are pending, in flight, confirmed and set aside"),
        ("list", "list the notifications that are set aside, with the reasons"),
        ("replay", "put notifications back that are set aside; an outbox on this store sends them again"),
        ("purge", "delete notifications that are set aside, for good"),
    ):
        command = actions.add_parser(action, help=does, description=does[0].upper() + does[1:] + ".")
        command.add_argument(
            "--store",
            required=True,
            metavar="URL",
            help="sqlite:///outbox.db (relative), sqlite:////var/lib/outbox.db, a path, or redis://host:6379/0[#name]",
        )
        if action == "list":
            command.add_argument("--limit", type=int, default=50, help="list at most this many (default 50)")
        elif action != "status":
            command.add_argument("ref", nargs="*", help="refs of notifications, as the action list shows them")
            command.add_argument("--all", action="store_true", help="all notifications that are set aside")


def run(arguments: argparse.Namespace) -> int:
    """Perform the action and return the exit status."""
    from rich.console import Console

    match arguments.action:
        case "list" if arguments.limit < 1:
            return _fail("--limit must be at least 1", 2)
        case "replay" | "purge" if bool(arguments.ref) is arguments.all:
            return _fail(f"name the notifications to {arguments.action} by their ref, or give --all", 2)
        case _:
            pass
    # Output that is no terminal has no width to fold at. Markup and emoji codes in an edge's message are plain text.
    console = Console(emoji=False, highlight=False, markup=False, width=None if sys.stdout.isatty() else 200)
    try:
        store = open_store(arguments.store, create=False)
    except (ImportError, OptionError, StoreError) as error:
        return _fail(error)
    try:
        match arguments.action:
            case "status":
                return _status(console, store)
            case "list":
                return _list(console, store, arguments.limit)
            case "replay":
                return _replay(console, store, arguments)
            case _:
                return _purge(console, store, arguments)
    except StoreError as error:
        return _fail(error)
    finally:
        store.close()


def _fail(error: Exception | str, code: int = 1) -> int:
    print(f"target-delivery outbox: {error}", file=sys.stderr)
    return code


def _status(console: Console, store: Store) -> int:
    from rich.table import Table

    now = SYSTEM_CLOCK.now()
    stats = store.stats(now)
    table = Table("notifications", "count")
    table.columns[1].justify = "right"
    for name, count in (
        ("pending", stats.pending),
        ("in flight", stats.in_flight),
        ("confirmed", stats.confirmed),
        ("set aside", stats.set_aside),
    ):
        table.add_row(name, str(count))
    console.print(table)
    if stats.oldest is not None:
        console.print(f"The oldest is {_age(now - stats.oldest)} old; {stats.bytes} bytes are stored.")
    return 0


def _list(console: Console, store: Store, limit: int) -> int:
    from rich.table import Table

    aside = store.list_aside(limit)
    if not aside:
        console.print("Nothing is set aside.")
        return 0
    table = Table("ref", "notification", "type", "reason", "set aside", "message")
    for one in aside:
        cells = (one.ref, *_described(one.data), one.reason, _time(one.set_aside), one.message)
        table.add_row(*map(printable, cells))
    console.print(table)
    total = store.stats(SYSTEM_CLOCK.now()).set_aside
    if total > len(aside):
        console.print(f"{total - len(aside)} more; --limit shows more of them.")
    return 0


def _replay(console: Console, store: Store, arguments: argparse.Namespace) -> int:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    refs = _chosen(arguments)
    total = store.stats(SYSTEM_CLOCK.now()).set_aside if refs is None else len(refs)
    steps = _oldest(store, total) if refs is None else (refs[at : at + STEP] for at in range(0, total, STEP))
    replayed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Replaying", total=total)
        for step in steps:
            replayed += store.replay(step, SYSTEM_CLOCK.now())
            progress.advance(task, len(step))
    console.print(f"{replayed} put back; an outbox on this store sends them.")
    return _all_found(replayed, refs)


def _purge(console: Console, store: Store, arguments: argparse.Namespace) -> int:
    refs = _chosen(arguments)
    purged = store.purge(refs)
    console.print(f"{purged} forgotten.")
    return _all_found(purged, refs)


def _chosen(arguments: argparse.Namespace) -> list[str] | None:
    """Return the refs to work on; None for all."""
    return None if arguments.all else list(dict.fromkeys(arguments.ref))


def _oldest(store: Store, count: int) -> Iterator[list[str]]:
    """Yield the refs of the oldest notifications that are set aside, at most ``count``, in lists of at most STEP.

    The caller puts each list back before it takes the next. The count bounds the replay, because an outbox at work
    may set the same notifications aside again.
    """
    while count > 0 and (refs := [one.ref for one in store.list_aside(min(count, STEP))]):
        yield refs
        count -= len(refs)


def _all_found(count: int, refs: list[str] | None) -> int:
    if refs is not None and count < len(refs):
        return _fail(f"{len(refs) - count} of {len(refs)} refs are not set aside")
    return 0


def _described(data: bytes) -> tuple[str, str]:
    """Return the id and the type of a stored notification; "?" for each if the data cannot be read."""
    try:
        notification = json.loads(data)["request"]["notifications"][0]
        return str(notification["id"]), str(notification["type"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return "?", "?"


def _time(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (ValueError, TypeError, OverflowError, OSError):
        return "?"


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{round(seconds / 3600)} h"
