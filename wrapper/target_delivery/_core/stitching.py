"""Stitching: the supplementalDataId that ties the calls of one page to its Analytics hit."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_delivery._core.chance import Chance

__all__ = ["Stitching"]

MAX_SESSIONS = 10_000
"""Sessions that are remembered. When there are more, the session unused for longest is forgotten."""
MAX_CONSUMERS = 100
"""Consumers of one page that are told apart. The next one starts a new page."""


class Stitching:
    """Remembers for each session the id of its current page. Safe in threads.

    Attributes:
        lock: held while the memory changes. A shell holds it during a fork, so that no child inherits it locked.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._pages: OrderedDict[str, tuple[str, tuple[str, ...]]] = OrderedDict()
        # Reentrant, because a signal handler may send while the thread that it interrupts holds the lock.
        self.lock = threading.RLock()

    def supplemental_data_id(self, session_id: str, consumer_id: str) -> tuple[str, bool]:
        """Return the supplementalDataId of a call, and whether other calls have it, too.

        The calls of one session share an id as long as their consumers differ. A consumer that asks again is on a
        new page, which gets a new id.
        """
        with self.lock:
            sdid, consumers = self._pages.pop(session_id, ("", ()))
            if not sdid or consumer_id in consumers or len(consumers) >= MAX_CONSUMERS:
                sdid, consumers = self._chance.random_bytes(16).hex("-", 8).upper(), ()
            self._pages[session_id] = (sdid, (*consumers, consumer_id))
            if len(self._pages) > MAX_SESSIONS:
                self._pages.popitem(last=False)
        return sdid, bool(consumers)
