"""Random ids."""

from __future__ import annotations

import os

__all__ = ["new_id"]

_AT_ONCE = 32
_ready: list[str] = []


def new_id() -> str:
    """Return a new random UUID (version 4) as text.

    They are made a few at a time: asking the system for random bytes costs more than all the rest, in each call anew.
    """
    while True:
        try:
            return _ready.pop()  # One step, so that no two threads get the same.
        except IndexError:
            digits = os.urandom(16 * _AT_ONCE).hex()
            _ready.extend([_uuid(digits[start : start + 32]) for start in range(0, len(digits), 32)])


def _uuid(digits: str) -> str:
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


if hasattr(os, "register_at_fork"):
    # A process and its child must not give out the same ids.
    os.register_at_fork(after_in_child=_ready.clear)
