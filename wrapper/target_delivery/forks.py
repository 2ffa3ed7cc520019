"""Forks, which must not happen amid what a child cannot inherit."""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet

__all__ = ["watch"]


class Watched(Protocol):
    """What has to be brought to rest for a fork."""

    def before_fork(self) -> None:
        """Come to rest, and stay so."""

    def after_fork(self, *, child: bool) -> None:
        """Go on, in the process that forked or in its child."""


_lock = threading.RLock()
_watched: WeakSet[Watched] = WeakSet()
_resting: list[Watched] = []


def watch(one: Watched) -> None:
    """Have it come to rest before every fork, as long as it lives."""
    with _lock:
        _watched.add(one)


def _before() -> None:
    _lock.acquire()
    for one in list(_watched):
        one.before_fork()
        _resting.append(one)


def _after(*, child: bool) -> None:
    while _resting:
        _resting.pop().after_fork(child=child)
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=lambda: _after(child=False), after_in_child=lambda: _after(child=True)
    )
