"""The Delivery API without HTTP: it gets the query and the body of a request, and returns a status and a body."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from attrs import evolve, frozen

from target_delivery._core.chance import Chance
from target_delivery._core.clock import Clock
from target_delivery.decisioning import geo_address, geo_of_headers, with_geo
from target_delivery.decisioning._json import as_list, as_object, as_text
from target_delivery.decisioning.allocation import visitor_of
from target_delivery.decisioning.context import Context, Visit
from target_delivery.decisioning.engine import start
from target_delivery.sandbox.artifact import Artifact
from target_delivery.sandbox.decider import Decider, Decision
from target_delivery.sandbox.geo import GeoTable
from target_delivery.sandbox.ledger import Ledger, Occurrence
from target_delivery.sandbox.tokens import Event, Location, Tokens
from target_delivery.sandbox.validation import InvalidRequestError, check_query, read_body


@frozen
class Answer:
    """Status and JSON body of an answer. An answer with status 204 has no body."""

    status: int
    body: dict[str, Any] | None


@frozen
class Omission:
    """The instruction to leave the id of a notification out of the answer."""

    processed: bool
    """Whether the notification is counted nevertheless."""


class DeliveryApi:
    """Answers delivery requests with the rules of an artifact, and counts in the ledger."""

    def __init__(
        self,
        artifact: Artifact,
        decider: Decider,
        tokens: Tokens,
        ledger: Ledger,
        geo: GeoTable,
        *,
        client: str,
        cluster: int,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._decider = decider
        self._tokens = tokens
        self._ledger = ledger
        self._geo = geo
        self._client = client
        self._cluster = cluster
        self._clock = clock
        self._chance = chance
        self._artifact_tokens: dict[str, list[Event]] = {}
        self.use(artifact)

    @property
    def artifact(self) -> Artifact:
        """The artifact in use."""
        return self._artifact

    def use(self, artifact: Artifact) -> None:
        """Use another artifact from now on. Tokens of earlier ones stay valid, because clients may still send them."""
        tokens = _events_by_token(artifact)
        for token, events in self._artifact_tokens.items():
            known = tokens.setdefault(token, [])
            known += [event for event in events if event not in known]
        self._artifact_tokens = tokens
        self._artifact = artifact

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
            omit: called with the id of each notification; returns None to name it in the answer as usual.
        """
        try:
            return self._process(check_query(query), read_body(body), omit)
        except InvalidRequestError as error:
            self._ledger.record_rejected()
            return Answer(400, {"status": 400, "message": str(error)})

    def _process(self, session_id: str, request: dict[str, Any], omit: Callable[[str], Omission | None]) -> Answer:
        given = request.get("id", {})
        visitor = self._visitor(session_id, given)
        owner = _digest(visitor["tntId"].split(".")[0])
        # Allocate by the ids that the client sent, as on-device decisioning does, not by a tntId made here.
        decided = {**self._located(request), "id": given if visitor_of(given) else visitor}
        decisions = self._decider.decide(self._artifact, decided)

        # Check everything before counting anything: a request is processed completely or not at all.
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
        visit, _ = start(decided, self._client, "", int(self._clock.now() * 1000))
        return Answer(200, self._response({**request, "id": visitor}, decisions, visit, named, owner))

    def _located(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the request with the place of its IP address added, if the rules need it."""
        address = geo_address(self._artifact.compiled, request)
        return request if address is None else with_geo(request, geo_of_headers(self._geo.locate(address)))

    def _visitor(self, session_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the visitor's ids, with a tntId that names a cluster.

        Like Adobe's edge, the sandbox recognizes a visitor without a tntId by the other ids or the session.
        """
        known_by = given.get("marketingCloudVisitorId") or given.get("thirdPartyId") or session_id
        tnt_id: str = given.get("tntId") or self._tokens.visitor_id(known_by)
        if "." not in tnt_id:
            tnt_id = f"{tnt_id}.{self._cluster}_0"
        return {**given, "tntId": tnt_id}

    def _read_notification(self, position: int, notification: Mapping[str, Any], visitor: str) -> list[Occurrence]:
        """Return the events that a notification reports.

        Raises:
            InvalidRequestError: a token or a state is unknown or belongs to something else.
        """
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
            # Two notifications with one id report two events when their impressionIds differ.
            impression_id = notification.get("impressionId")
            key = ("impression", "", impression_id) if impression_id else ("notification", owner or visitor, id_)
            occurrences.append(Occurrence(event, ((*key, event),)))
        return occurrences

    def _notification_location(self, place: str, notification: Mapping[str, Any]) -> Location | None:
        """Return the mbox or view that a notification names, by its name or its state; None if it names none."""
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
        """Return the events that a token can stand for, and its owner.

        Clients that decide on the device send the tokens of the artifact. Such a token has no owner, and can occur at
        several locations.
        """
        if own := self._tokens.read_event_token(token):
            event, owner = own
            return [event], owner
        return self._artifact_tokens.get(token, []), None

    def _response(
        self,
        request: Mapping[str, Any],
        decisions: Sequence[Decision],
        visit: Visit,
        notification_ids: list[str],
        owner: str,
    ) -> dict[str, Any]:
        response: dict[str, Any] = {
            "status": 200,
            "requestId": request.get("requestId") or self._chance.new_id(),
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
            content = self._content(decision, Context(visit, decision.item.details), owner, analytics=analytics)
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

    def _content(self, decision: Decision, context: Context, owner: str, *, analytics: bool) -> dict[str, Any]:
        """Return the MboxResponse, View or PageLoadResponse of a decision."""
        content: dict[str, Any] = {}
        if decision.item.kind == "mbox":
            content["index"] = decision.item.details["index"]
        if decision.item.kind != "pageLoad" and decision.name is not None:
            content["name"] = decision.name
        executed = decision.item.part == "execute"
        options: list[Any] = []
        metrics: list[Any] = []
        for rule in decision.rules:
            made: dict[str, Any] = rule.consequence.execute(context) if executed else rule.consequence.view(context)
            display = _display(rule.meta, _location(decision))
            click_token = self._tokens.event_token(evolve(display, type="click"), owner)
            for option in made["options"]:
                option["responseTokens"] = _response_tokens(option["responseTokens"])
                if not executed:
                    option["eventToken"] = self._tokens.event_token(display, owner)
            options += made["options"]
            metrics += [{**metric, "eventToken": click_token} for metric in made["metrics"] if _is_click(metric)]
            if analytics and "analytics" in made:
                content["analytics"] = made["analytics"]
        if options:
            content["options"] = options
        if metrics:
            content["metrics"] = metrics
        if decision.rules and not executed:
            content["state"] = self._tokens.state(_location(decision))
        return content


def _response_tokens(on_device: Mapping[str, Any]) -> dict[str, str]:
    """Return response tokens in the form that the edge gives them: all values are text."""
    return {name: str(value) for name, value in on_device.items()} | {"activity.decisioningMethod": "server-side"}


def _is_click(metric: Mapping[str, Any]) -> bool:
    return metric.get("type") == "click"


def _execute_report(decisions: Sequence[Decision], impression_id: str | None) -> list[Occurrence]:
    """Return the impressions that an execute request counts at once.

    Duplicates are recognized by the impressionId alone, not by the visitor: a new visitor gets another id on each
    attempt, because the answer with the first id may have been lost.
    """
    events = [
        _display(rule.meta, _location(decision))
        for decision in decisions
        if decision.item.part == "execute"
        for rule in decision.rules
    ]
    return [Occurrence(event, (("impression", "", impression_id, event),) if impression_id else ()) for event in events]


def _display(meta: Mapping[str, Any], location: Location) -> Event:
    """Return the event that content of a rule was displayed."""
    return Event(str(meta["activity.id"]), str(meta["experience.id"]), location, "display")


def _location(decision: Decision) -> Location:
    return Location("view" if decision.item.kind == "view" else "mbox", decision.name or "")


def _name(location: Location | None) -> str:
    return f"{location.kind} {location.name!r}" if location else "any location"


def _digest(visitor: str) -> str:
    return hashlib.sha256(visitor.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _events_by_token(artifact: Artifact) -> dict[str, list[Event]]:
    """Return the events that each event token in an artifact stands for."""
    events: dict[str, list[Event]] = {}
    kinds: tuple[tuple[Literal["mbox", "view"], str], ...] = (("mbox", "mboxes"), ("view", "views"))
    for kind, section in kinds:
        for name, rules in artifact.document["rules"].get(section, {}).items():
            for rule in rules:
                consequence = rule["consequence"]
                display = _display(rule["meta"], Location(kind, name))
                for option in map(as_object, as_list(consequence.get("options"))):
                    if token := as_text(option.get("eventToken")):
                        events.setdefault(token, []).append(display)
                for metric in map(as_object, as_list(consequence.get("metrics"))):
                    if token := as_text(metric.get("eventToken")):
                        type_: Literal["display", "click"] = "display" if metric.get("type") == "display" else "click"
                        events.setdefault(token, []).append(evolve(display, type=type_))
    return events
