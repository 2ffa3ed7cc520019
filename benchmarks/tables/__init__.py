"""The comparisons, in the order of the report. Each is a module with a function from the arena to its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.tables import calls, concurrent_calls, imports, on_device, outbox, parsing

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.arena import Arena
    from benchmarks.harness import Table

TABLES: dict[str, Callable[[Arena], Table]] = {
    "calls": calls.table,
    "50-calls": concurrent_calls.fifty,
    "500-calls": concurrent_calls.five_hundred,
    "shared-client": concurrent_calls.shared_client,
    "parsing": parsing.table,
    "imports": imports.table,
    "on-device-mbox": on_device.mbox,
    "on-device-page-load": on_device.page_load,
    "on-device-threads": on_device.threads,
    "artifact": on_device.artifact,
    "outbox-storing": outbox.storing,
    "outbox-waiting": outbox.waiting,
    "outbox-delivering": outbox.delivering,
}
