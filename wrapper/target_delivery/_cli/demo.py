"""`target-delivery demo`: run the documented example against a sandbox.

The demo prefetches two mboxes, shows the answer, reports that one was displayed, and prints what the edge counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

    from target_delivery import Notification, NotificationsOptions, PrefetchMboxResponse, TargetDeliveryResponse
    from target_delivery._cli.parsers import Subcommands
    from target_delivery.sandbox import Sandbox


def add_parser(subcommands: Subcommands) -> None:
    """Add the parser of this command."""
    parser = subcommands.add_parser(
        "demo",
        help="run the documented example, prefetch, display, notify, against a sandbox",
        description="Prefetch two mboxes, report that one was displayed, and show what the edge counted.",
    )
    parser.set_defaults(run=run, extra="sandbox")


def run(_: argparse.Namespace) -> int:
    """Run the demo and return the exit status."""
    from rich.console import Console

    from target_delivery import DeliveryRequest, MboxRequest, PrefetchRequest, TargetClient
    from target_delivery.sandbox import Sandbox

    console = Console(highlight=False, soft_wrap=True)
    with Sandbox() as edge, TargetClient.create(edge.client_options()) as target_client:
        console.print(f"[bold]An edge of our own[/] at {edge.url}\n")

        console.print("[bold]1. get_offers[/]: prefetch the mboxes home and product1")
        mboxes = [MboxRequest(name="home"), MboxRequest(name="product1")]
        request = DeliveryRequest(prefetch=PrefetchRequest(mboxes=mboxes))
        prefetched = target_client.get_offers({"request": request})
        prefetch = prefetched.response.prefetch
        answered = {mbox.name: mbox for mbox in (prefetch.mboxes if prefetch else None) or []}
        console.print(_offers(answered.values()))
        _print_ledger(console, edge, "nothing is counted yet")

        console.print("[bold]2. send_notifications[/]: product1 was displayed")
        options: NotificationsOptions = {
            "request": DeliveryRequest(notifications=[_displayed(answered["product1"])]),
            "target_cookie": prefetched.target_cookie["value"],
        }
        _print_answer(console, target_client.send_notifications(options))
        _print_ledger(console, edge, "one impression")

        console.print("[bold]3. send_notifications[/]: the same notification again, as after a lost answer")
        _print_answer(console, target_client.send_notifications(options))
        _print_ledger(console, edge, "still one impression")
    return 0


def _displayed(mbox: PrefetchMboxResponse) -> Notification:
    """Return the notification that reports the options of a prefetched mbox as displayed."""
    from target_delivery import MetricType, Notification, NotificationMbox

    return Notification(
        id=SYSTEM_CHANCE.new_id(),
        type=MetricType.DISPLAY,
        timestamp=int(SYSTEM_CLOCK.now() * 1000),
        mbox=NotificationMbox(name=mbox.name, state=mbox.state),
        tokens=[option.event_token for option in mbox.options or [] if option.event_token],
    )


def _offers(mboxes: Iterable[PrefetchMboxResponse]) -> Table:
    from rich.table import Table

    table = Table("mbox", "type", "content", "event token")
    for mbox in mboxes:
        for option in mbox.options or []:
            table.add_row(mbox.name, option.type, str(option.content), f"{(option.event_token or '')[:16]}…")
    return table


def _print_answer(console: Console, answer: TargetDeliveryResponse) -> None:
    processed = [str(notification.id) for notification in answer.response.notifications or []]
    console.print(f"   processed: {', '.join(processed) or 'none'}")


def _print_ledger(console: Console, edge: Sandbox, comment: str) -> None:
    ledger = edge.ledger
    console.print(
        f"   [bold green]ledger[/]: {ledger.impressions.total()} impressions, {ledger.clicks.total()} clicks, "
        f"{ledger.duplicates} duplicates not counted [dim]({comment})[/]"
    )
    for (activity, experience), count in ledger.impressions.items():
        console.print(f"           activity {activity}, experience {experience}: {count}")
    console.print()
