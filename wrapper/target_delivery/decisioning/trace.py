"""The trace of how one item of a request was decided: docs/on-device.md#trace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import frozen

from target_delivery.decisioning._json import as_text, copy_object

if TYPE_CHECKING:
    from target_delivery.decisioning._json import JsonObject, JsonValue
    from target_delivery.decisioning.artifact import Artifact
    from target_delivery.decisioning.context import Context
    from target_delivery.decisioning.rules import Rule

__all__ = ["ArtifactSource", "ItemTrace", "trace_of_request"]


@frozen
class ArtifactSource:
    """Where an artifact came from, as traces show it.

    Attributes:
        location: URL of the artifact; ``Not Applicable`` when the client was created with an artifact.
        polling_interval: ms between downloads; 0 when the artifact is not downloaded again.
        polling_halted: whether the client has stopped downloading.
        retrieval_count: how many times the artifact was downloaded.
        last_retrieved: time of the last download, in ms since the epoch; None when there was none.
    """

    location: str = "Not Applicable"
    polling_interval: int = 0
    polling_halted: bool = True
    retrieval_count: int = 0
    last_retrieved: int | None = None

    def as_object(self, artifact: Artifact) -> JsonObject:
        """Return ``artifact`` of a trace."""
        trace: JsonObject = {
            "artifactLocation": self.location,
            "pollingInterval": self.polling_interval,
            "pollingHalted": self.polling_halted,
            "artifactVersion": artifact.version,
            "artifactRetrievalCount": self.retrieval_count,
        }
        if self.last_retrieved is not None:
            trace["artifactLastRetrieved"] = _iso8601(self.last_retrieved)
        return trace | copy_object(dict(artifact.meta))


def trace_of_request(artifact: Artifact, source: ArtifactSource, client: str, visitor_id: JsonObject) -> JsonObject:
    """Return the members that the traces of all items of a request share."""
    visitor = visitor_id.copy()
    if tnt_id := as_text(visitor_id.get("tntId")):
        device, dot, hint = tnt_id.partition(".")
        visitor["tntId"] = device
        if dot:
            visitor["profileLocation"] = hint
    return {
        "clientCode": client,
        "artifact": source.as_object(artifact),
        "profile": {"visitorId": visitor},
    }


class ItemTrace:
    """Collects the trace of one item.

    Args:
        common: the members that all items of the request share.
        environment: name of the artifact's environment.
        session_id: id of the session; ``""`` when there is none.
        kind: ``mbox`` or ``view``.
        mode: ``execute`` or ``prefetch``.
        context: the context of the item.
    """

    def __init__(
        self, common: JsonObject, environment: str, session_id: str, kind: str, mode: str, context: Context
    ) -> None:
        self._common = common
        self._environment = environment
        page = context.page
        self._request: JsonObject = {"sessionId": session_id} if session_id else {}
        self._request |= {
            "pageURL": page["url"],
            "host": page["domain"],
            kind: {**context.item, "type": mode},
        }
        self._campaigns: dict[str, JsonObject] = {}
        self._notifications: dict[str, list[JsonValue]] = {}
        self._targets: dict[str, _Target] = {}

    def evaluated(self, rule: Rule, context: Context, applies: bool) -> None:
        """Record that the condition of a rule was evaluated."""
        activity = rule.activity_id
        if activity not in self._targets:
            self._targets[activity] = _Target(rule, context.as_object(activity))
        self._targets[activity].note(rule, applies)
        if applies and activity not in self._campaigns:
            offer = rule.of_meta("offer.id")
            self._campaigns[activity] = {
                "id": rule.of_meta("activity.id"),
                "campaignType": rule.of_meta("activity.type"),
                "branchId": rule.of_meta("experience.id"),
                "offers": [] if offer is None else [offer],
                "environment": self._environment,
            }

    def notified(self, rule: Rule, notification: JsonObject) -> None:
        """Record that an impression of a rule is reported."""
        self._notifications.setdefault(rule.activity_id, []).append(notification)

    def as_object(self) -> JsonObject:
        """Return a copy of the trace as it is now."""
        campaigns: list[JsonValue] = [
            {**campaign, "notifications": self._notifications[activity]}
            if activity in self._notifications
            else campaign
            for activity, campaign in self._campaigns.items()
        ]
        targets: list[JsonValue] = [target.as_object() for target in self._targets.values()]
        return copy_object(
            {
                **self._common,
                "request": self._request,
                "campaigns": campaigns,
                "evaluatedCampaignTargets": targets,
            }
        )


class _Target:
    """How the rules of one activity were evaluated."""

    def __init__(self, rule: Rule, context: JsonObject) -> None:
        self._context = context
        self._id = rule.of_meta("activity.id")
        self._type = rule.of_meta("activity.type")
        self._segments: dict[bool, list[JsonValue]] = {True: [], False: []}
        self._conditions: dict[bool, list[JsonValue]] = {True: [], False: []}

    def note(self, rule: Rule, applies: bool) -> None:
        segments = self._segments[applies]
        segments.extend(audience for audience in rule.audience_ids if audience not in segments)
        self._conditions[applies].append(rule.condition)

    def as_object(self) -> JsonObject:
        return {
            "context": self._context,
            "campaignId": self._id,
            "campaignType": self._type,
            "matchedSegmentIds": self._segments[True],
            "unmatchedSegmentIds": self._segments[False],
            "matchedRuleConditions": self._conditions[True],
            "unmatchedRuleConditions": self._conditions[False],
        }


def _iso8601(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
