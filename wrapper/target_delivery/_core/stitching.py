"""What a client remembers from call to call: an edge cluster, and what stitches a page's calls together."""

from __future__ import annotations

import threading
from collections import OrderedDict
from os import urandom

from target_delivery._http import forks

__all__ = ["Memory"]

MAX_SESSIONS = 10_000
"""Visitors whose supplementalDataId is remembered; the one unused longest is forgotten first."""
MAX_CONSUMERS = 100
"""Consumers of one page that are told apart."""


class Memory(forks.Watched):
    """The state that the calls of one client share. Safe in threads."""

    def __init__(self, location_hint: str | None = None) -> None:
        self.location_hint = location_hint
        """Edge cluster for calls that bring none: that of the last answer."""
        self._pages: OrderedDict[str, tuple[str, tuple[str, ...]]] = OrderedDict()
        # Not a mere lock: a signal handler may send, too.
        self._lock = threading.RLock()
        forks.watch(self, self._lock)

    def supplemental_data_id(self, session_id: str, consumer_id: str) -> tuple[str, bool]:
        """Return the id that ties a call to the Analytics hit of its page, and whether other calls have it, too.

        The calls of one visitor (here a session) share an id as long as their consumers differ; a consumer that
        asks again is on a new page.
        """
        with self._lock:
            sdid, consumers = self._pages.pop(session_id, ("", ()))
            if not sdid or consumer_id in consumers or len(consumers) >= MAX_CONSUMERS:
                sdid, consumers = urandom(16).hex("-", 8).upper(), ()
            self._pages[session_id] = (sdid, (*consumers, consumer_id))
            if len(self._pages) > MAX_SESSIONS:
                self._pages.popitem(last=False)
        return sdid, bool(consumers)
