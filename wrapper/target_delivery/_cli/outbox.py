"""The subcommand `target-delivery outbox`."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from target_delivery.errors import OptionError, StoreError
from target_delivery.outbox.stores.opening import open_store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from target_delivery.outbox.stores.base import Store

__all__ = ["run"]

STEP = 1000
"""Notifications that are put back at once: between two movements of the progress bar, and while other processes wait
for the store."""


def run(arguments: argparse.Namespace) -> int:
    """Do what the command asks for; return its exit code."""
    match arguments.action:
        case "list" if arguments.limit < 1:
            return _fail("--limit must be at least 1", 2)
        case "replay" | "purge" if bool(arguments.ref) is arguments.all:
            return _fail(f"name what to {arguments.action}, or say --all", 2)
        case _:
            pass
    # Without a terminal there is no width to fold at. What an edge said is text, whatever it looks like.
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
    now = time.time()
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
    aside = store.list_aside(limit)
    if not aside:
        console.print("Nothing is set aside.")
        return 0
    table = Table("ref", "notification", "type", "reason", "set aside", "message")
    for one in aside:
        cells = (one.ref, *_described(one.data), one.reason, _time(one.set_aside), one.message)
        table.add_row(*map(_printable, cells))
    console.print(table)
    total = store.stats(time.time()).set_aside
    if total > len(aside):
        console.print(f"{total - len(aside)} more; --limit shows more of them.")
    return 0


def _replay(console: Console, store: Store, arguments: argparse.Namespace) -> int:
    refs = _chosen(arguments)
    total = store.stats(time.time()).set_aside if refs is None else len(refs)
    steps = _oldest(store, total) if refs is None else (refs[at : at + STEP] for at in range(0, total, STEP))
    replayed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Replaying", total=total)
        for step in steps:
            replayed += store.replay(step, time.time())
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
    """Yield the refs of so many that are set aside, some at a time: the oldest, which are put back meanwhile.

    No more than the count: an outbox at work may set aside anew what was put back.
    """
    while count > 0 and (refs := [one.ref for one in store.list_aside(min(count, STEP))]):
        yield refs
        count -= len(refs)


def _all_found(count: int, refs: list[str] | None) -> int:
    if refs is not None and count < len(refs):
        return _fail(f"{len(refs) - count} of {len(refs)} were not set aside")
    return 0


def _described(data: bytes) -> tuple[str, str]:
    """Return id and type of a stored notification, which can be anything."""
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


def _printable(value: object) -> str:
    r"""Return a text that shows what a terminal would obey, or nobody would see, as in ``\x1b``."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(value))


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{round(seconds / 3600)} h"
