"""Trouble: something that can fail thousands of times a second is logged once when it begins, and once when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_delivery.options import TargetLogger

__all__ = ["Trouble"]


class Trouble:
    """Logs the first failure in a row with its reason, and the first success after it. Safe in threads.

    Two threads that report a change at the same time may both log it.

    Args:
        logger: gets both lines as errors, because the second one says how many failures there were.
        name: what works again, as the beginning of a sentence, such as ``Reports``.
    """

    def __init__(self, logger: TargetLogger, name: str) -> None:
        self._logger = logger
        self._name = name
        self._failures = 0

    def failed(self, message: str, why: object) -> None:
        """Count a failure; log it if it is the first in a row.

        Args:
            message: a sentence with one ``%s``, for the reason.
            why: the reason.
        """
        self._failures += 1
        if self._failures == 1:
            self._logger.error(f"{message} Further failures are only counted, until it works again.", why)

    def worked(self) -> None:
        """Note a success; log it if the one before was a failure."""
        if self._failures:
            failures, self._failures = self._failures, 0
            self._logger.error("%s again; failures until now: %d.", self._name, failures)
