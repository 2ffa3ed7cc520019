"""The source of random values. Code that needs chance is handed one, so that a test can hand in its own."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from attrs import frozen

from target_delivery._core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SYSTEM_CHANCE", "Chance"]


@frozen(kw_only=True)
class Chance:
    """Random ids, numbers and bytes."""

    new_id: Callable[[], str] = new_id
    """Return a new random UUID, as text."""
    uniform: Callable[[float, float], float] = random.uniform
    """Return a random number between the two given ones. Not for secrets."""
    random_bytes: Callable[[int], bytes] = os.urandom
    """Return the given number of random bytes."""


SYSTEM_CHANCE = Chance()
"""Ids and bytes from the operating system, numbers from the module random."""
