"""Forks, which must not happen amid what a child cannot inherit."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["Watched", "watch"]


class Watched:
    """The base of what has to be at rest for a fork. Its lock is held meanwhile: no child waits for it for ever."""

    def before_fork(self) -> None:
        """Come to rest."""

    def after_fork_in_child(self) -> None:
        """Leave to the parent what is the parent's."""


_lock = threading.RLock()
_watched: WeakKeyDictionary[Watched, AbstractContextManager[object]] = WeakKeyDictionary()
_held = ExitStack()


def watch(one: Watched, lock: AbstractContextManager[object]) -> None:
    """Have it come to rest before every fork, and its lock held over it, as long as it lives."""
    with _lock:
        _watched[one] = lock


def _before() -> None:
    _held.enter_context(_lock)
    for one, lock in list(_watched.items()):
        _held.enter_context(lock)
        one.before_fork()


def _after_in_child() -> None:
    with _held:
        for one in list(_watched):
            one.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_held.close, after_in_child=_after_in_child)
