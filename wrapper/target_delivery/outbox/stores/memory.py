"""MemoryStore: an outbox in memory, for tests."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery.outbox.stores.sqlite import LOW_ROOM, SQLiteStore

if TYPE_CHECKING:
    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock

__all__ = ["MemoryStore"]


class MemoryStore(SQLiteStore):
    """An outbox in memory, for tests. It ends with the process, and a forked process starts with an empty one.

    Takes the arguments of SQLiteStore, except for the file.
    """

    def __init__(
        self,
        *,
        lease: float = 30.0,
        max_items: int = 1_000_000,
        max_bytes: int = 2**30,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        super().__init__(":memory:", lease=lease, max_items=max_items, max_bytes=max_bytes, clock=clock, chance=chance)

    @property
    def where(self) -> None:
        """None: metrics name the store by a number."""

    def before_fork(self) -> None:
        """Do nothing: the parent keeps what is in memory."""

    def after_fork_in_child(self) -> None:
        """Start with an empty store."""
        super().after_fork_in_child()
        self._release()

    def _check_file(self) -> None:
        pass

    def _find_file(self) -> None:
        pass

    def _require_file(self) -> None:
        pass

    def _free(self) -> int:
        return LOW_ROOM

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
