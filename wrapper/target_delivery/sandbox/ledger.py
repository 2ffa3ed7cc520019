"""The counts of a sandbox."""

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterable, Sequence
from threading import Lock
from typing import Any

from attrs import Factory, define, frozen

from target_delivery.sandbox.tokens import Event

_REMEMBERED = 250_000
_NOTIFICATIONS_KEPT = 100_000


class Counts(Counter[tuple[str, str]]):
    """Counts by (activity id, experience id), both as text. A pair that was never counted has 0.

    ``total()`` is the sum.
    """

    def __missing__(self, key: tuple[object, object]) -> int:
        # Ids in artifacts are numbers, so users also write counts[1001, 0]. That must give the count of ("1001", "0").
        return self.get((str(key[0]), str(key[1])), 0)


@frozen
class Occurrence:
    """A reported event, and the ids by which another report of it is recognized as a duplicate."""

    event: Event
    ids: tuple[Hashable, ...] = ()


@define
class _Tally:
    requests: int = 0
    rejected: int = 0
    visitors: int = 0
    duplicates: int = 0
    impressions: Counts = Factory(Counts)
    clicks: Counts = Factory(Counts)
    notifications: deque[str] = Factory(lambda: deque[str](maxlen=_NOTIFICATIONS_KEPT))


class Ledger:
    """Counts of a sandbox. Safe to read from any thread; every value is a copy.

    Impressions and clicks are counted by activity and experience, once for each mbox or view that showed the content.
    A duplicate is processed, but not counted again. A report is a duplicate if the same event was reported before

    - with the same impressionId, by an execute request or by a notification; or
    - by a notification with the same id and without an impressionId, for content that the same visitor prefetched.

    The ledger remembers the newest 250,000 ids.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._clear()

    def _clear(self) -> None:
        self._tally = _Tally()
        self._occurred = _Recent(_REMEMBERED)
        self._visitors = _Recent(_REMEMBERED)

    @property
    def impressions(self) -> Counts:
        """Impressions by (activity id, experience id)."""
        with self._lock:
            return Counts(self._tally.impressions)

    @property
    def clicks(self) -> Counts:
        """Clicks by (activity id, experience id)."""
        with self._lock:
            return Counts(self._tally.clicks)

    @property
    def notifications(self) -> list[str]:
        """Ids of processed notifications, oldest first, at most the last 100,000."""
        with self._lock:
            return list(self._tally.notifications)

    @property
    def duplicates(self) -> int:
        """Number of duplicates: impressions and clicks that were reported, but not counted again."""
        with self._lock:
            return self._tally.duplicates

    @property
    def requests(self) -> int:
        """Number of delivery requests that were processed."""
        with self._lock:
            return self._tally.requests

    @property
    def rejected(self) -> int:
        """Number of delivery requests that were refused as invalid."""
        with self._lock:
            return self._tally.rejected

    @property
    def visitors(self) -> int:
        """Number of different visitors in the processed requests."""
        with self._lock:
            return self._tally.visitors

    def to_dict(self) -> dict[str, Any]:
        """Return all counts at one moment as JSON, as ``GET /ledger`` does."""
        with self._lock:
            return {
                "requests": self._tally.requests,
                "rejected": self._tally.rejected,
                "visitors": self._tally.visitors,
                "impressions": _counts_to_dict(self._tally.impressions),
                "clicks": _counts_to_dict(self._tally.clicks),
                "notifications": list(self._tally.notifications),
                "duplicates": self._tally.duplicates,
            }

    def reset(self) -> None:
        """Set all counts to 0 and forget the ids of earlier reports."""
        with self._lock:
            self._clear()

    def record(
        self, visitor: str, reports: Iterable[Sequence[Occurrence]], notification_ids: Iterable[str] = ()
    ) -> None:
        """Count one processed request.

        Args:
            visitor: the visitor's id.
            reports: the occurrences of each report. Occurrences of one report are never duplicates of each other.
            notification_ids: notifications that were processed.
        """
        with self._lock:
            self._tally.requests += 1
            self._tally.visitors += self._visitors.add(visitor)
            self._tally.notifications.extend(notification_ids)
            for report in reports:
                self._count(report)

    def record_rejected(self) -> None:
        """Count one request that was refused."""
        with self._lock:
            self._tally.rejected += 1

    def _count(self, report: Sequence[Occurrence]) -> None:
        known = [any(key in self._occurred for key in occurrence.ids) for occurrence in report]
        for occurrence, duplicate in zip(report, known, strict=True):
            for key in occurrence.ids:
                self._occurred.add(key)
            event = occurrence.event
            if duplicate:
                self._tally.duplicates += 1
            elif event.type == "click":
                self._tally.clicks[event.activity_id, event.experience_id] += 1
            else:
                self._tally.impressions[event.activity_id, event.experience_id] += 1


class _Recent:
    """The keys seen last, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._keys: OrderedDict[Hashable, None] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, key: Hashable) -> bool:
        """Remember a key; return whether it is new."""
        new = key not in self._keys
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return new


def _counts_to_dict(counts: Counts) -> dict[str, Any]:
    return {
        "total": counts.total(),
        "byExperience": [
            {"activityId": activity, "experienceId": experience, "count": count}
            for (activity, experience), count in sorted(counts.items())
        ],
    }
