"""Random ids."""

from __future__ import annotations

import os

__all__ = ["new_id"]

_AT_ONCE = 32
_ready: list[str] = []
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def new_id() -> str:
    """Return a new random UUID (version 4) as text.

    Ids are made 32 at a time, because one request for random bytes costs more than everything else here.
    """
    while True:
        try:
            return _ready.pop()  # An atomic operation, so that two threads never get the same id.
        except IndexError:
            digits = os.urandom(16 * _AT_ONCE).hex()
            _ready.extend([_uuid(digits[start : start + 32]) for start in range(0, len(digits), 32)])


def _uuid(digits: str) -> str:
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


if hasattr(os, "register_at_fork"):
    # A forked child must not use the ids that its parent has in stock.
    os.register_at_fork(after_in_child=_ready.clear)
