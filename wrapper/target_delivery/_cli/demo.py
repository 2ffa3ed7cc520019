"""`target-delivery demo`: the documented job, against an edge of its own.

It prefetches two mboxes, shows what came back, reports that one was displayed, and prints what the edge counted.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from target_delivery import (
    DeliveryRequest,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    PrefetchRequest,
    TargetClient,
)
from target_delivery.sandbox import Sandbox

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from target_delivery import NotificationsOptions, PrefetchMboxResponse, TargetDeliveryResponse


def run(_: argparse.Namespace) -> int:
    """Run the demo; return the exit code."""
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
    """Make the notification that the options of a prefetched mbox were displayed."""
    return Notification(
        id=uuid4().hex,
        type=MetricType.DISPLAY,
        timestamp=int(time.time() * 1000),
        mbox=NotificationMbox(name=mbox.name, state=mbox.state),
        tokens=[option.event_token for option in mbox.options or [] if option.event_token],
    )


def _offers(mboxes: Iterable[PrefetchMboxResponse]) -> Table:
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
