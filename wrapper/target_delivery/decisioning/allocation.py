"""The allocation of a visitor: a place between 0 and 100 among all visitors of one activity.

It must be exact to the bit, because every platform has to give a visitor the same experience:
docs/on-device.md#allocation.
"""

from __future__ import annotations

from codecs import utf_16_le_encode
from typing import TYPE_CHECKING

from mmh3 import hash as murmur_hash3

from target_delivery.decisioning._json import as_text

if TYPE_CHECKING:
    from target_delivery.decisioning._json import JsonObject, JsonValue

__all__ = ["Allocations", "allocate", "visitor_of"]

_BUCKETS = 10_000


def allocate(client: str, activity_id: str, visitor: str) -> float:
    """Return the allocation of a visitor in an activity.

    Args:
        client: the client code.
        activity_id: id of the activity, as text.
        visitor: id of the visitor, as visitor_of returns it.

    Returns:
        Percent with two decimals, at least 0 and less than 100.
    """
    # UTF-16 code units: a character beyond U+FFFF is two of them, and a lone surrogate is one.
    key, _ = utf_16_le_encode(f"{client}.{activity_id}.{visitor}.0", "surrogatepass")
    return abs(murmur_hash3(key)) % _BUCKETS / 100


def visitor_of(visitor_id: JsonObject) -> str:
    """Return the id that allocations use: the Experience Cloud id, else tntId without its hint, else thirdPartyId.

    Returns:
        ``""`` when the visitor has none of the three. A blank id counts as absent.
    """
    return (
        _unless_blank(visitor_id.get("marketingCloudVisitorId"))
        or _unless_blank(as_text(visitor_id.get("tntId")).partition(".")[0])
        or _unless_blank(visitor_id.get("thirdPartyId"))
    )


def _unless_blank(value: JsonValue) -> str:
    return value if isinstance(value, str) and not value.isspace() else ""


class Allocations(dict[str, float]):
    """The allocations of one visitor by activity id, each computed when a rule first reads it."""

    __slots__ = ("_client", "_visitor")

    def __init__(self, client: str, visitor: str) -> None:
        self._client = client
        self._visitor = visitor

    def __missing__(self, activity_id: str) -> float:
        value = self[activity_id] = allocate(self._client, activity_id, self._visitor)
        return value
