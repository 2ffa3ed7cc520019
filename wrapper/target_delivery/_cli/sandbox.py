"""`target-delivery sandbox`: run an edge on loopback."""

from __future__ import annotations

import argparse
import contextlib
import queue
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from rich.console import Console
    from rich.text import Text

    from target_delivery._cli.parsers import Subcommands
    from target_delivery.sandbox import Exchange, Sandbox

_FAULTS = """\
faults:
  --fault NAME[=VALUE][,OPTION...][@PROBABILITY][xTIMES], any number of times

  latency=MS           the answer takes MS milliseconds longer
  refuse               the port is closed; with @ or x, connections are reset instead
  reset[=BYTES]        the connection is reset after BYTES bytes of the body (default: half of it)
  truncate[=BYTES]     the connection is closed after BYTES bytes of the body (default: half of it)
  status=CODE          the answer has an error status, 400 to 599; option retry-after=SECONDS
  not-json             the answer is a page of HTML instead of JSON
  omit-notifications   the answer leaves out the ids of the notifications, and they are not counted

  The faults reset and truncate hit after the request was processed and counted, the others before.
  The options processed and unprocessed change that.

  --fault latency=200              every answer takes 200 ms longer
  --fault status=503@0.2           a fifth of the requests fail with 503
  --fault status=429,retry-after=2x1
                                   the first request is answered with 429 and Retry-After: 2
  --fault reset,unprocessed@0.1    a tenth of the connections are reset before anything is counted
"""


def add_parser(subcommands: Subcommands) -> None:
    """Add the parser of this command."""
    parser = subcommands.add_parser(
        "sandbox",
        help="run an edge of your own on loopback",
        description="Run an edge of your own: the Delivery API on loopback. GET /ledger shows what it has counted.",
        epilog=_FAULTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes any free one (default 8080)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--allow-remote", action="store_true", help="allow a --host that other machines can reach")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="host name that requests may be for, besides those of loopback; any number of times",
    )
    parser.add_argument(
        "--artifact", metavar="FILE", help="rule artifact to decide with and to serve (default: a small one for demos)"
    )
    parser.add_argument("--client", default="sandbox", help="client code (default sandbox)")
    parser.add_argument("--cluster", type=int, default=35, help="edge cluster of new visitors (default 35)")
    parser.add_argument(
        "--secret", help="signs event tokens and states; the same secret makes those of an earlier process valid"
    )
    parser.add_argument("--fault", action="append", default=[], help="a fault to add, see below")
    parser.add_argument(
        "--fault-seed",
        type=int,
        default=0,
        metavar="SEED",
        help="seed of the random choice of requests that a fault with @PROBABILITY hits",
    )
    parser.set_defaults(run=run, extra="sandbox")


def run(arguments: argparse.Namespace) -> int:
    """Run a sandbox until SIGINT or SIGTERM and print a line for each request.

    Returns:
        The exit status: 1 if the address cannot be listened on, 2 for wrong arguments.
    """
    from rich.console import Console

    # soft_wrap: a line of a log must not be folded at the width of a terminal.
    console = Console(highlight=False, soft_wrap=True)
    # A signal handler may interrupt this thread while it holds the lock of a threading.Event. A SimpleQueue is safe.
    stopped: queue.SimpleQueue[None] = queue.SimpleQueue()

    def stop() -> None:
        stopped.put(None)

    def report(exchange: Exchange) -> None:
        try:
            console.print(_line(exchange))
        except (OSError, SystemExit):  # nobody reads the output any more; rich then raises SystemExit
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


def _wait_for(stopped: queue.SimpleQueue[None]) -> None:
    """Wait until the queue has an item.

    The wait is repeated every 0.5 s, because a signal that comes just before a wait does not interrupt it.
    """
    while True:
        with contextlib.suppress(queue.Empty):
            return stopped.get(timeout=0.5)


def _sandbox(arguments: argparse.Namespace, report: Callable[[Exchange], None]) -> Sandbox:
    from target_delivery.sandbox import Sandbox
    from target_delivery.sandbox.faults import add_fault

    edge = Sandbox(
        Path(arguments.artifact) if arguments.artifact else None,
        host=arguments.host,
        port=arguments.port,
        client=arguments.client,
        cluster=arguments.cluster,
        secret=arguments.secret,
        allow_remote=arguments.allow_remote,
        hosts=arguments.allow_host,
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
    """Call the function on SIGINT and SIGTERM, until the context ends."""
    previous = {
        number: signal.signal(number, lambda number, frame: stop()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _introduce(console: Console, edge: Sandbox) -> None:
    from rich.text import Text

    introduction = Text.assemble("Edge at ", (edge.url, "bold cyan"), ". Ctrl-C stops it.\n")
    introduction.append(f"  client:  TargetClient.create({edge.client_options()})\n")
    introduction.append(f"  ledger:  {edge.url}/ledger")
    console.print(introduction)  # one print, so that the line of a first request cannot come in between


def _line(exchange: Exchange) -> Text:
    """Describe a request and its answer in one line."""
    from rich.text import Text

    style = "green" if 200 <= exchange.status < 300 else "red"
    line = Text.assemble(
        (time.strftime("%H:%M:%S", time.localtime(SYSTEM_CLOCK.now())), "dim"),
        "  ",
        (str(exchange.status or "cut"), style),
        f"  {exchange.milliseconds:6.1f} ms  ",
        printable(_asked(exchange.request.json) if exchange.request.is_delivery else exchange.request.path),
    )
    if exchange.faults:
        line.append(f"  [{', '.join(exchange.faults)}]", "yellow")
    if exchange.error:
        line.append(f"  {printable(exchange.error)}", "red")
    return line


def _asked(request: Any) -> str:
    """Summarize the items of a request, as in ``execute home; notifications 1``."""
    parts: list[str] = []
    for part in ("execute", "prefetch", "notifications"):
        # Of an invalid request, show the parts that can be read.
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
