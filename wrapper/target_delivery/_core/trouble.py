"""Log a failure that can happen thousands of times a second only twice: when it begins, and when it has ended."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from target_delivery._printable import printable

if TYPE_CHECKING:
    from target_delivery.options import TargetLogger

__all__ = ["Trouble"]


class Trouble:
    """Logs the first failure in a row with its reason, and the first success after it. Safe in threads.

    Args:
        logger: gets both lines as errors, because the second one says how many failures there were.
        name: subject and verb of the line that says that it works again, such as ``Reports arrive``.
    """

    def __init__(self, logger: TargetLogger, name: str) -> None:
        self._logger = logger
        self._name = name
        # No lock, because a fork could leave it locked. count() is safe in threads without one.
        self._failing = False
        self._failures = count()

    def failed(self, message: str, why: object) -> None:
        """Count a failure; log it if it is the first in a row.

        Args:
            message: a sentence with one ``%s``, for the reason.
            why: the reason.
        """
        self._failing = True
        if next(self._failures) == 0:
            self._logger.error(f"{message} Further failures are only counted, until it works again.", printable(why))

    def worked(self) -> None:
        """Note a success. Log it if it is the first after a failure."""
        if self._failing:
            self._failing = False
            failures, self._failures = self._failures, count()
            if number := next(failures):
                self._logger.error("%s again; failures until now: %d.", self._name, number)
