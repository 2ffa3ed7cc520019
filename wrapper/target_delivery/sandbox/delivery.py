"""The Delivery API: from a request to an answer. Knows no HTTP beyond query, body and status."""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from target_delivery.sandbox.artifact import Artifact, Rule
from target_delivery.sandbox.decider import Decider, Decision
from target_delivery.sandbox.ledger import Ledger, Occurrence
from target_delivery.sandbox.tokens import Event, Location, Tokens
from target_delivery.sandbox.validation import InvalidRequestError, check_query, read_body


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body of an answer; a 204 has no body."""

    status: int
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Omission:
    """A notification that the answer shall not name."""

    processed: bool
    """Whether it is counted all the same."""


class DeliveryApi:
    """Answers delivery requests from an artifact and keeps the ledger."""

    def __init__(
        self,
        artifact: Artifact,
        decider: Decider,
        tokens: Tokens,
        ledger: Ledger,
        *,
        client: str,
        cluster: int,
    ) -> None:
        self._artifact = artifact
        self._decider = decider
        self._tokens = tokens
        self._ledger = ledger
        self._client = client
        self._cluster = cluster
        self._artifact_tokens = _events_by_token(artifact)

    def answer(
        self,
        query: Mapping[str, str],
        body: bytes,
        omit: Callable[[str], Omission | None] = lambda notification_id: None,
    ) -> Answer:
        """Process one request.

        Args:
            query: query parameters.
            body: JSON of a DeliveryRequest.
            omit: asked with the id of each notification whether to leave it out of the answer.
        """
        try:
            return self._process(check_query(query), read_body(body), omit)
        except InvalidRequestError as error:
            self._ledger.record_rejected()
            return Answer(400, {"status": 400, "message": str(error)})

    def _process(self, session_id: str, request: dict[str, Any], omit: Callable[[str], Omission | None]) -> Answer:
        visitor = self._visitor(session_id, request.get("id", {}))
        request = {**request, "id": visitor}
        owner = _digest(visitor["tntId"].split(".")[0])
        decisions = self._decider.decide(self._artifact, request)

        # Everything is checked before anything is counted: a request is processed as a whole or not at all.
        notifications = [
            (notification["id"], self._read_notification(position, notification, owner))
            for position, notification in enumerate(request.get("notifications", ()))
        ]
        omissions = {id_: omission for id_, _ in notifications if (omission := omit(id_)) is not None}
        processed = [(id_, report) for id_, report in notifications if id_ not in omissions or omissions[id_].processed]
        self._ledger.record(
            owner,
            [_execute_report(decisions, request.get("impressionId")), *(report for _, report in processed)],
            [id_ for id_, _ in processed],
        )
        if request["context"].get("beacon", False):
            return Answer(204, None)
        named = [id_ for id_, _ in processed if id_ not in omissions]
        return Answer(200, self._response(request, decisions, named, owner))

    def _visitor(self, session_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the visitor's ids with a tntId that names a cluster.

        Like the real edge, the sandbox knows a visitor without tntId again by the other ids or the session.
        """
        known_by = given.get("marketingCloudVisitorId") or given.get("thirdPartyId") or session_id
        tnt_id: str = given.get("tntId") or self._tokens.visitor_id(known_by)
        if "." not in tnt_id:
            tnt_id = f"{tnt_id}.{self._cluster}_0"
        return {**given, "tntId": tnt_id}

    def _read_notification(self, position: int, notification: Mapping[str, Any], visitor: str) -> list[Occurrence]:
        """Return what a notification reports; an InvalidRequestError says what is wrong with it."""
        id_, type_ = notification["id"], notification["type"]
        place = f"notifications[{position}] (id {id_!r})"
        location = self._notification_location(place, notification)
        occurrences: list[Occurrence] = []
        for token in dict.fromkeys(notification.get("tokens", ())):
            candidates, owner = self._read_event_token(token)
            if not candidates:
                raise InvalidRequestError(f"{place}: unknown event token")
            if location is not None:
                candidates = [event for event in candidates if event.location == location]
            if not candidates:
                raise InvalidRequestError(f"{place}: the event token does not belong to {_name(location)}")
            event = next((event for event in candidates if event.type == type_), None)
            if event is None:
                raise InvalidRequestError(f"{place}: the event token is not of type {type_!r}")
            ids = [("notification", owner or visitor, id_, event)]
            if impression_id := notification.get("impressionId"):
                ids.append(("impression", "", impression_id, event))
            occurrences.append(Occurrence(event, tuple(ids)))
        return occurrences

    def _notification_location(self, place: str, notification: Mapping[str, Any]) -> Location | None:
        """Return where a notification says the content was shown: by name, else by state, else None."""
        shown = [(kind, notification[kind]) for kind in ("mbox", "view", "pageLoad") if kind in notification]
        named = {location for kind, details in shown if (location := self._named_location(kind, details)) is not None}
        stated: set[Location] = set()
        for _, details in shown:
            if "state" in details:
                origin = self._tokens.read_state(details["state"])
                if origin is None:
                    raise InvalidRequestError(f"{place}: unknown state")
                stated.add(origin)
        locations = named | stated
        if len(locations) > 1:
            what = "the state does not belong to" if len(named) == 1 else "one location is allowed, not"
            raise InvalidRequestError(f"{place}: {what} {' and '.join(sorted(map(_name, named or stated)))}")
        return locations.pop() if locations else None

    def _named_location(self, kind: str, details: Mapping[str, Any]) -> Location | None:
        if kind == "pageLoad":
            return Location("mbox", self._artifact.global_mbox)
        if "name" not in details:
            return None
        return Location("view" if kind == "view" else "mbox", details["name"])

    def _read_event_token(self, token: str) -> tuple[list[Event], str | None]:
        """Return what a token can stand for, and its owner.

        The artifact's own tokens are known too: a client that decides on the device sends those. The same one
        can be used at several locations, and belongs to nobody.
        """
        if own := self._tokens.read_event_token(token):
            event, owner = own
            return [event], owner
        return self._artifact_tokens.get(token, []), None

    def _response(
        self,
        request: Mapping[str, Any],
        decisions: Sequence[Decision],
        notification_ids: list[str],
        owner: str,
    ) -> dict[str, Any]:
        response: dict[str, Any] = {
            "status": 200,
            "requestId": request.get("requestId") or str(uuid.uuid4()),
            "id": request["id"],
            "client": self._client,
            "edgeHost": f"mboxedge{self._cluster}.tt.omtrdc.net",
        }
        analytics = request.get("experienceCloud", {}).get("analytics", {}).get("logging") == "client_side"
        for part, lists in (("execute", ("mboxes",)), ("prefetch", ("mboxes", "views"))):
            if part in request:
                response[part] = {name: [] for name in lists if name in request[part]}
        for decision in decisions:
            answers = response[decision.item.part]
            content = self._content(decision, owner, analytics=analytics)
            match decision.item.kind:
                case "pageLoad":
                    answers["pageLoad"] = content
                case "mbox":
                    answers["mboxes"].append(content)
                case "view" if decision.rules:
                    answers["views"].append(content)
                case _:
                    pass
        if "notifications" in request:
            response["notifications"] = [{"id": id_} for id_ in notification_ids]
        return response

    def _content(self, decision: Decision, owner: str, *, analytics: bool) -> dict[str, Any]:
        """Return the MboxResponse, View or PageLoadResponse of a decision."""
        content: dict[str, Any] = {}
        if decision.item.kind == "mbox":
            content["index"] = decision.item.details["index"]
        if decision.item.kind != "pageLoad" and decision.name is not None:
            content["name"] = decision.name
        options: list[dict[str, Any]] = []
        metrics: list[dict[str, Any]] = []
        for rule in decision.rules:
            options += self._options(decision, rule, owner)
            metrics += self._click_metrics(decision, rule, owner)
            if analytics and "analytics" in rule["consequence"]:
                content["analytics"] = rule["consequence"]["analytics"]
        if options:
            content["options"] = options
        if metrics:
            content["metrics"] = metrics
        if decision.rules and decision.item.part == "prefetch":
            content["state"] = self._tokens.state(_location(decision))
        return content

    def _options(self, decision: Decision, rule: Rule, owner: str) -> Iterator[dict[str, Any]]:
        executed = decision.item.part == "execute"
        response_tokens = {
            name: str(value) for name, value in rule["meta"].items() if name in self._artifact.response_tokens
        }
        response_tokens["activity.decisioningMethod"] = "server-side"
        for source in rule["consequence"].get("options", ()):
            option = {name: source[name] for name in ("type", "content") if name in source}
            if executed and not option:
                continue
            if not executed:
                option["eventToken"] = self._tokens.event_token(_event(decision, rule), owner)
            option["responseTokens"] = response_tokens
            yield option

    def _click_metrics(self, decision: Decision, rule: Rule, owner: str) -> Iterator[dict[str, Any]]:
        click = _event(decision, rule)._replace(type="click")
        for metric in rule["consequence"].get("metrics", ()):
            if metric.get("type") == "click":
                yield {**metric, "eventToken": self._tokens.event_token(click, owner)}


def _execute_report(decisions: Sequence[Decision], impression_id: str | None) -> list[Occurrence]:
    """Return the impressions that an execute request counts at once.

    The visitor is no part of what makes a duplicate: the first attempt of a visitor without any id can have
    been answered with an id that never arrived.
    """
    events = [
        _event(decision, rule) for decision in decisions if decision.item.part == "execute" for rule in decision.rules
    ]
    return [Occurrence(event, (("impression", "", impression_id, event),) if impression_id else ()) for event in events]


def _event(decision: Decision, rule: Rule) -> Event:
    """Return the display of a rule's content."""
    meta = rule["meta"]
    return Event(str(meta["activity.id"]), str(meta["experience.id"]), _location(decision), "display")


def _location(decision: Decision) -> Location:
    return Location("view" if decision.item.kind == "view" else "mbox", decision.name or "")


def _name(location: Location | None) -> str:
    return f"{location.kind} {location.name!r}" if location else "any location"


def _digest(visitor: str) -> str:
    return hashlib.sha256(visitor.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _events_by_token(artifact: Artifact) -> dict[str, list[Event]]:
    """Return what each event token of an artifact's rules stands for."""
    events: dict[str, list[Event]] = {}
    kinds: tuple[tuple[Literal["mbox", "view"], Mapping[str, Sequence[Rule]]], ...]
    kinds = (("mbox", artifact.mboxes), ("view", artifact.views))
    for kind, by_name in kinds:
        for name, rules in by_name.items():
            for rule in rules:
                meta = rule["meta"]
                display = Event(str(meta["activity.id"]), str(meta["experience.id"]), Location(kind, name), "display")
                consequence = rule["consequence"]
                for option in consequence.get("options", ()):
                    if token := option.get("eventToken"):
                        events.setdefault(token, []).append(display)
                for metric in consequence.get("metrics", ()):
                    if token := metric.get("eventToken"):
                        events.setdefault(token, []).append(display._replace(type=metric.get("type", "click")))
    return events
