"""Items: an outbox stores one for each notification, with everything that its call needs."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from target_delivery._core.cookies import is_session_id
from target_delivery._core.hosts import cluster_of_hint
from target_delivery._core.prepared import Prepared, is_object
from target_delivery._core.request import require_shape
from target_delivery.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SCHEMA", "Item", "MalformedItemError", "NewerItemError", "merged", "packed", "unpacked"]

SCHEMA = 1
"""Version of the format that ``packed`` writes. Items of newer versions are left to newer versions of the SDK."""

_OWN = ("requestId", "notifications", "telemetry")
"""The fields in which requests may differ and still go in one call."""

_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
"""An object that contains itself raises RecursionError, as one that is nested too deep does."""


@frozen
class Item:
    """A notification as it goes into a store.

    Attributes:
        group: equal for notifications that can go in one call: same session, identity, context, property and edge.
        route: the edge cluster it goes to; empty for the client's own host; ``DOUBTFUL`` if only the visitor has named
            the cluster.
        data: the prepared request with this one notification, as JSON.
        added: when it was stored, epoch seconds.
        due: when it may be sent, epoch seconds.
    """

    group: str
    route: str
    data: bytes
    added: float
    due: float


class MalformedItemError(ValueError):
    """A store returned data that is not an item. The text says why, without any of the data."""


class NewerItemError(ValueError):
    """A newer version of the SDK wrote the item."""


def packed(prepared: Prepared) -> tuple[str, list[bytes]]:
    """Return the group of a prepared request, and the data of an item for each of its notifications.

    Args:
        prepared: the request that ``send_notifications`` would send.

    Raises:
        OptionError: the request has an execute or prefetch part or no notification, or cannot be written as JSON.
    """
    body = prepared.body
    for part in ("execute", "prefetch"):
        if part in body:
            raise OptionError(
                f"An outbox sends notifications only and cannot answer request.{part}: use get_offers() of the client."
            )
    notifications = body.get("notifications")
    if not notifications:
        raise OptionError("The request has no notifications; an outbox needs at least one.")
    if "context" not in body or "experienceCloud" not in body:
        raise OptionError("The request is not complete: use prepare_notifications() of a client to make it.")
    common = {name: value for name, value in body.items() if name not in _OWN}
    if "beacon" in body["context"]:
        # The answer to a beacon names no notifications, so they would never be confirmed.
        common["context"] = {name: value for name, value in body["context"].items() if name != "beacon"}
    own = {name: body[name] for name in _OWN if name in body}
    item = {"v": SCHEMA, "session": prepared.session_id, "cluster": prepared.cluster, "request": common}
    try:
        start = _to_json(item).removesuffix("}}")
        contents: list[bytes] = []
        for notification in notifications:
            own["notifications"] = [notification]
            contents.append(f"{start},{_to_json(own)[1:]}}}".encode("ascii"))
            own.pop("telemetry", None)  # goes with the first notification only
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(f"The request cannot be written as JSON: {error}") from error
    # The group is a hash of the text, so the order of fields counts as well. Equal requests in another order are sent
    # in separate calls, which is harmless.
    # A supplementalDataId that several calls share must be kept. One that belongs to this call alone can be left out.
    if not prepared.stitched:
        start = start.replace(body["experienceCloud"]["analytics"]["supplementalDataId"], "")
    return blake2b(start.encode("ascii"), digest_size=12).hexdigest(), contents


def unpacked(data: bytes) -> Prepared:
    """Return the request of an item's data.

    Raises:
        MalformedItemError: ``packed`` did not write it. Other programs can write to a store's file or server.
        NewerItemError: a newer version of the SDK wrote it.
    """
    try:
        item = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedItemError("it is not JSON") from error
    if not is_object(item):
        raise MalformedItemError("it is not an object")
    version = item.get("v")
    if isinstance(version, int) and version > SCHEMA:
        raise NewerItemError
    if version != SCHEMA:
        known = version if isinstance(version, int) else "not a number"
        raise MalformedItemError(f"its schema version is {known}; this version of the SDK reads {SCHEMA}")
    session_id, cluster, request = item.get("session"), item.get("cluster"), item.get("request")
    if not isinstance(session_id, str) or not is_session_id(session_id):
        raise MalformedItemError("its session id is malformed")
    if cluster is not None and not (isinstance(cluster, str) and cluster_of_hint(cluster)):
        raise MalformedItemError("its edge cluster is malformed")
    if not is_object(request):
        raise MalformedItemError("it has no request")
    _require_notification(request)
    return Prepared(request, session_id, cluster)


def _require_notification(request: dict[str, Any]) -> None:
    match request:
        case {"requestId": str(), "notifications": [{"id": str(), "impressionId": str()}]}:
            pass
        case _:
            raise MalformedItemError("it is not a request of one notification with its id and impressionId")
    try:
        require_shape(request)
    except OptionError as error:
        raise MalformedItemError(str(error).rstrip(".")) from error


def merged(requests: Sequence[Prepared]) -> Prepared:
    """Return one request for a group: the first request, with the notifications and telemetry of all."""
    first = requests[0]
    if len(requests) == 1:
        return first
    body = {**first.body, "notifications": [one.body["notifications"][0] for one in requests]}
    telemetry = [one.body["telemetry"] for one in requests if "telemetry" in one.body]
    if telemetry:
        entries = [entry for one in telemetry for entry in one.get("entries", ())]
        body["telemetry"] = {**telemetry[0], "entries": entries}
    return evolve(first, body=body)
