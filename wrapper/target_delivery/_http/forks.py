"""Makes forks safe: holds locks during a fork, so that a child never inherits a lock that stays locked."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, suppress
from importlib import import_module
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["Watched", "watch"]


class Watched:
    """The base of objects that act before a fork, or in the child after it. Their lock is held meanwhile."""

    def before_fork(self) -> None:
        """Finish or pause work that a fork must not interrupt."""

    def after_fork_in_child(self) -> None:
        """Give up connections and threads, which belong to the parent."""


LATE_IMPORTS = ("encodings.idna", "dateutil.parser")
"""Modules that threads import late: to look up a host name, and for the first date-time in an answer.

A fork imports them first. If the process forks while a thread imports a module, the module stays half imported in the
child, or its import lock stays locked. An import before the fork waits for the other thread.
"""
_lock = threading.RLock()
_watched: WeakKeyDictionary[object, AbstractContextManager[object]] = WeakKeyDictionary()
_held: list[ExitStack] = []
"""The locks that the fork under way holds. Only the thread that holds ``_lock`` touches it."""


def watch(one: object, lock: AbstractContextManager[object]) -> None:
    """Hold the lock of an object during every fork, as long as the object lives. Call its hooks if it is a Watched."""
    with _lock:
        _watched[one] = lock


def _before() -> None:
    for module in LATE_IMPORTS:
        with suppress(Exception):  # such as an OSError, if there is no free descriptor
            import_module(module)
    _lock.acquire()
    held = ExitStack()
    _held.append(held)
    for one, lock in list(_watched.items()):
        held.enter_context(lock)
        if isinstance(one, Watched):
            one.before_fork()


def _release() -> None:
    try:
        _held.pop().close()
    finally:
        _lock.release()


def _after_in_child() -> None:
    try:
        for one in list(_watched):
            if isinstance(one, Watched):
                one.after_fork_in_child()
    finally:
        _release()


if hasattr(os, "register_at_fork"):
    # concurrent.futures registers hooks of its own when it is imported. Because ours come later, they run earlier:
    # before a fork, the lock of a client is taken before the lock of concurrent.futures, as in the client itself. The
    # other order can deadlock.
    import_module("concurrent.futures.thread")
    os.register_at_fork(before=_before, after_in_parent=_release, after_in_child=_after_in_child)
