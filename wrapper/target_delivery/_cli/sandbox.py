"""The subcommand `target-delivery sandbox`."""

import argparse
import contextlib
import queue
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from target_delivery.sandbox.faults import add_fault
from target_delivery.sandbox.requests import Exchange
from target_delivery.sandbox.sandbox import Sandbox


def run(arguments: argparse.Namespace) -> int:
    """Run a sandbox until SIGINT or SIGTERM; print a line per request. Returns the exit code."""
    # Without a terminal there is nothing to style and no width to wrap at.
    console = Console(highlight=False, soft_wrap=True)
    # A signal handler may interrupt any line of this thread, also one that holds the lock of a threading.Event.
    stopped: queue.SimpleQueue[None] = queue.SimpleQueue()

    def stop() -> None:
        stopped.put(None)

    def report(exchange: Exchange) -> None:
        try:
            console.print(_line(exchange))
        except (OSError, SystemExit):  # nobody reads the output any more; rich makes it a SystemExit
            stop()

    try:
        edge = _sandbox(arguments, report)
    except (OSError, ValueError) as error:
        return _fail(error, 2)
    with _signals(stop):
        try:
            edge.start()
        except OSError as error:
            return _fail(error, 1)
        try:
            _introduce(console, edge)
            _wait_for(stopped)
        finally:
            edge.stop()
    with contextlib.suppress(OSError, SystemExit):
        console.print("Stopped.")
    return 0


def _wait_for(stopped: "queue.SimpleQueue[None]") -> None:
    """Wait for an end, and look up now and then: a signal that comes just before the wait does not interrupt it."""
    while True:
        with contextlib.suppress(queue.Empty):
            return stopped.get(timeout=0.5)


def _sandbox(arguments: argparse.Namespace, report: Callable[[Exchange], None]) -> Sandbox:
    edge = Sandbox(
        Path(arguments.artifact) if arguments.artifact else None,
        host=arguments.host,
        port=arguments.port,
        client=arguments.client,
        cluster=arguments.cluster,
        secret=arguments.secret,
        allow_remote=arguments.allow_remote,
        fault_seed=arguments.fault_seed,
        on_exchange=report,
    )
    for fault in arguments.fault:
        add_fault(edge.faults, fault)
    return edge


def _fail(error: Exception, code: int) -> int:
    print(f"target-delivery sandbox: {error}", file=sys.stderr)
    return code


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Generator[None]:
    """Have SIGINT and SIGTERM call a function."""
    previous = {
        number: signal.signal(number, lambda number, frame: stop()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _introduce(console: Console, edge: Sandbox) -> None:
    introduction = Text.assemble("Edge at ", (edge.url, "bold cyan"), ". Ctrl-C stops it.\n")
    introduction.append(f"  client:  TargetClient.create({edge.client_options()})\n")
    introduction.append(f"  ledger:  {edge.url}/ledger")
    console.print(introduction)  # at once, lest the line of a first request come between


def _line(exchange: Exchange) -> Text:
    """Describe a request and its answer in a line."""
    style = "green" if 200 <= exchange.status < 300 else "red"
    line = Text.assemble(
        (time.strftime("%H:%M:%S"), "dim"),
        "  ",
        (str(exchange.status or "cut"), style),
        f"  {exchange.milliseconds:6.1f} ms  ",
        _asked(exchange.request.json) if exchange.request.is_delivery else exchange.request.path,
    )
    if exchange.faults:
        line.append(f"  [{', '.join(exchange.faults)}]", "yellow")
    if exchange.error:
        line.append(f"  {exchange.error}", "red")
    return line


def _asked(request: Any) -> str:
    """Say what a request asks for: ``execute home; notifications 1``."""
    parts: list[str] = []
    for part in ("execute", "prefetch", "notifications"):
        # The request may be invalid in any way.
        with contextlib.suppress(AttributeError, KeyError, TypeError):
            asked = request[part]
            names = _notifications(asked) if part == "notifications" else _items(asked)
            parts.append(f"{part} {', '.join(names)}".rstrip())
    return "; ".join(parts) or "-"


def _notifications(asked: Any) -> Iterator[str]:
    return (str(notification["id"]) for notification in asked)


def _items(asked: Any) -> Iterator[str]:
    if "pageLoad" in asked:
        yield "pageLoad"
    yield from (str(mbox.get("name")) for mbox in asked.get("mboxes", ()))
    yield from (str(view.get("name", "all views")) for view in asked.get("views", ()))
