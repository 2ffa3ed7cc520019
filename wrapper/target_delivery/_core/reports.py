"""The reports that wait to be sent: notifications of decisions on the device, sent in the background.

The number of reports is limited, because they would fill the memory while the edge is down. Reports to a host that
only a visitor's cookie names have a lower limit, so that one visitor cannot use up the room of all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_delivery._core.emit import emit
from target_delivery._core.exchange import name_of
from target_delivery._core.trouble import Trouble
from target_delivery.errors import DeliveryError, TargetError
from target_delivery.events import SendNotificationError
from target_delivery_api.models import DeliveryRequest

if TYPE_CHECKING:
    from target_delivery._core.config import Config
    from target_delivery._core.prepared import Prepared

__all__ = ["Reports"]

MAX_REPORTS = 10_000
"""Reports that may wait, at most."""
MAX_DOUBTFUL_REPORTS = 1000
"""Reports to hosts that only a visitor's cookie names, at most. They are a part of MAX_REPORTS."""


class Reports:
    """Keeps the waiting reports of one client, and emits or logs how each of them ends, once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        # By identity. Changing a dict needs no lock.
        self._waiting: dict[int, Prepared] = {}
        self._doubtful: set[int] = set()
        self._trouble = Trouble(config.logger, "Reports of decisions on the device reach the edge")

    def add(self, report: Prepared, *, doubtful: bool) -> bool:
        """Add a waiting report. If too many wait already, treat it as failed and return False."""
        key = id(report)
        self._waiting[key] = report
        limit = MAX_DOUBTFUL_REPORTS if doubtful else MAX_REPORTS
        if doubtful:
            self._doubtful.add(key)
        if len(self._waiting) > MAX_REPORTS or len(self._doubtful) > limit:
            self.end(report, DeliveryError(f"{limit} reports are already waiting to be sent."))
            return False
        return True

    def end(self, report: Prepared, error: Exception | None) -> None:
        """Forget a report, and emit or log how it ended. A second call for the same report does nothing.

        Args:
            report: the report.
            error: why it failed; None if the edge processed it, or if it is in the outbox.
        """
        if self._waiting.pop(id(report), None) is None:
            return
        self._doubtful.discard(id(report))
        if error is None:
            self._trouble.worked()
            return
        why = str(error).rstrip(".") if isinstance(error, TargetError) else name_of(error)
        if "notifications" not in report.body:
            # The report has only timings, so no impression is lost.
            self._config.logger.debug("The telemetry of a decision on the device could not be reported: %s", why)
            return
        self._trouble.failed("The impressions of a decision on the device could not be reported: %s.", why)
        emit(self._config, SendNotificationError(notification=DeliveryRequest.from_dict(report.body), error=error))

    def give_up(self, report: Prepared, error: BaseException | None) -> None:
        """End a report that has not ended, and whose flow was broken off by an exception that is no Exception.

        Args:
            report: the report.
            error: the exception; None if the client or its event loop ended first.
        """
        why = f"raised {name_of(error)}" if error is not None else "was not sent before its client or event loop ended"
        self.end(report, DeliveryError(f"The report {why}."))

    def forget(self) -> None:
        """Forget all reports, as in a forked child: the parent sends them."""
        self._waiting, self._doubtful = {}, set()

    def end_all(self, error: Exception) -> None:
        """End all reports that still wait with the same error."""
        for report in list(self._waiting.values()):
            self.end(report, error)
