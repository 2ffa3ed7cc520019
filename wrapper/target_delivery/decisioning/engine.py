"""Decide a request with a compiled artifact: docs/on-device.md#deciding.

Requests and answers are objects in the form of the Delivery API, with its camelCase names. Deciding uses no client and
no network. Calls share nothing but bounded caches of parsed URLs and user agents.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from target_delivery._core.ids import new_id as _new_id
from target_delivery._printable import printable
from target_delivery.decisioning._json import as_list, as_object, as_text, copy_object
from target_delivery.decisioning.allocation import Allocations, visitor_of
from target_delivery.decisioning.context import STEPS, Context, Visit
from target_delivery.decisioning.jsonlogic.javascript import BudgetExceededError
from target_delivery.decisioning.trace import ArtifactSource, ItemTrace, trace_of_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from target_delivery.decisioning._json import AnyObject, JsonObject, JsonValue
    from target_delivery.decisioning.artifact import Artifact
    from target_delivery.decisioning.rules import Rule, Selection, Test

    Observe = Callable[[Rule, Context, bool], None]
    Warn = Callable[[Rule, Exception], None]

__all__ = [
    "Decision",
    "RemoteNeeds",
    "applying",
    "decide",
    "notification_request",
    "observed",
    "property_of",
    "remote_needs",
    "start",
]

OK = 200
PARTIAL_CONTENT = 206


# Tuples and not attrs classes: callers unpack them, and nobody can change them. A frozen class would be slower.
class RemoteNeeds(NamedTuple):
    """The parts of a request that only the edge can decide.

    Attributes:
        mboxes: names of mboxes, in the order of the request.
        views: names of views, in the order of the request.
    """

    mboxes: list[str]
    views: list[str]


class Decision(NamedTuple):
    """A decided request.

    Attributes:
        response: the answer, in the form of ``DeliveryResponse``. The caller may change it: nothing else refers to it.
        notifications: the impressions to report, in the form of ``Notification``.
        remote: the parts of the request that only the edge can decide. When there are any, the answer's status is 206.
        warnings: one sentence for each rule that did not apply because its condition could not be evaluated.
    """

    response: AnyObject
    notifications: list[AnyObject]
    remote: RemoteNeeds
    warnings: list[str]


def decide(
    artifact: Artifact,
    request: AnyObject,
    *,
    client: str = "",
    session_id: str = "",
    location_hint: str = "",
    now: int | None = None,
    source: ArtifactSource | None = None,
    new_id: Callable[[], str] = _new_id,
) -> Decision:
    """Decide a request on the device.

    No content of an artifact or request makes this raise. A rule whose condition cannot be evaluated does not apply.
    A part of the request that does not have the shape of the Delivery API counts as absent.

    Args:
        artifact: the compiled artifact.
        request: the request, in the form of ``DeliveryRequest``. It is not changed.
        client: client code. Allocations hash it together with the visitor. Empty: the client code of the artifact.
        session_id: id of the session, for traces.
        location_hint: edge cluster to put into the tntId of a visitor who gets one here, for example ``28``.
        now: the time to decide for, in ms since the epoch; the current time when None.
        source: where the artifact came from, for traces.
        new_id: makes the ids of visitors, requests and notifications.
    """
    asked: JsonObject = request
    client = client or artifact.client
    visit, visitor_id = start(request, client, location_hint, now, new_id)
    remote = remote_needs(artifact, request)
    run = _Run(artifact, request, visit, new_id)
    if isinstance(request.get("trace"), dict):
        run.trace = trace_of_request(artifact, source or ArtifactSource(), client, visitor_id)
        run.session_id = session_id
    response: JsonObject = {
        "status": PARTIAL_CONTENT if remote.mboxes or remote.views else OK,
        "requestId": request.get("requestId") or new_id(),
        "id": copy_object(visitor_id) if "customerIds" in visitor_id else visitor_id.copy(),
        "client": client,
    }
    if isinstance(execute := asked.get("execute"), dict):
        response["execute"] = run.execute(execute)
    if isinstance(prefetch := asked.get("prefetch"), dict):
        response["prefetch"] = run.prefetch(prefetch)
    return Decision(response, run.notifications, remote, run.warnings)


def start(
    request: JsonObject, client: str, location_hint: str, now: int | None, new_id: Callable[[], str] = _new_id
) -> tuple[Visit, JsonObject]:
    """Return the Visit of a request, and the visitor's ids: the request's own, with a new tntId if it has none.

    The arguments are those of decide. This is the only place in decisioning that reads a clock.
    """
    now = int(time.time() * 1000) if now is None else now
    visitor_id = as_object(request.get("id"))
    visitor = visitor_of(visitor_id)
    if not visitor:
        visitor = new_id()
        if not _is_known(visitor_id):
            hint = f".{location_hint}_0" if location_hint else ""
            visitor_id = {**visitor_id, "tntId": visitor + hint}
    return Visit(as_object(request.get("context")), Allocations(client, visitor), now), visitor_id


def _is_known(visitor_id: JsonObject) -> bool:
    """Whether the visitor has an id, even if it is not one that allocations use."""
    return bool(as_text(visitor_id.get("tntId")).strip()) or any(
        as_object(customer).get("authenticatedState") == "authenticated"
        for customer in as_list(visitor_id.get("customerIds"))
    )


def remote_needs(artifact: Artifact, request: AnyObject) -> RemoteNeeds:
    """Return the parts of a request that only the edge can decide (docs/on-device.md#remote-mboxes-and-views).

    An mbox or view needs the edge when the artifact lists it as remote, or does not list it as local. A page load asks
    for the global mbox, and a view without a name for every view.
    """
    parts: JsonObject = request
    mboxes: list[str] = []
    views: list[str] = []
    for part in ("execute", "prefetch"):
        asked = parts.get(part)
        if not isinstance(asked, dict):
            continue
        if isinstance(asked.get("pageLoad"), dict) and artifact.global_mbox not in artifact.decided_mboxes:
            mboxes.append(artifact.global_mbox)
        if "mboxes" in asked:
            mboxes += _undecided(asked["mboxes"], artifact.decided_mboxes)
        if part == "prefetch" and "views" in asked:
            views += _undecided(asked["views"], artifact.decided_views, artifact.remote_views)
    return RemoteNeeds(
        list(dict.fromkeys(mboxes)) if mboxes else mboxes, list(dict.fromkeys(views)) if views else views
    )


def _undecided(items: JsonValue, decided: frozenset[str], without_name: Sequence[str] = ()) -> list[str]:
    names: list[str] = []
    for item in as_list(items):
        if isinstance(item, dict):
            name = item.get("name")
            if not isinstance(name, str) or not name:
                names += without_name
            elif name not in decided:
                names.append(name)
    return names


def notification_request(
    request: AnyObject, decision: Decision, telemetry: Sequence[AnyObject] = ()
) -> AnyObject | None:
    """Return the request that reports the impressions of a decision and its telemetry.

    Args:
        request: the request that was decided.
        decision: the decision.
        telemetry: telemetry entries to send along.

    Returns:
        A request in the form of ``DeliveryRequest``; None when there is nothing to report.
    """
    if not decision.notifications and not telemetry:
        return None
    sent: JsonObject = {"id": decision.response["id"]}
    for name in ("context", "experienceCloud"):
        if isinstance(value := request.get(name), dict):
            sent[name] = value
    if decision.notifications:
        sent["notifications"] = [*decision.notifications]
    if telemetry:
        sent["telemetry"] = {"entries": [*telemetry]}
    return sent


def applying(selection: Selection, context: Context, warn: Warn) -> Iterator[Rule]:
    """Yield the rules that apply, in order, evaluating as few as the caller takes. A ruleKey applies once.

    Args:
        selection: the rules that may apply in the request's property.
        context: the context of the item.
        warn: called with a rule whose condition could not be evaluated, and the error. The rule does not apply.
    """
    used: set[str] = set()
    outcomes: dict[Test, bool] = {}
    # Conditions are data from the network: an error in one must not end the decision.
    for guard, members in selection.groups:
        try:
            if guard is not None:
                holds = outcomes.get(guard)
                if holds is None:
                    holds = outcomes[guard] = guard(context)
                if not holds:
                    continue
        except Exception as error:
            warn(members[0][0], error)
            continue
        for rule, test in members:
            try:
                context.activity = rule.activity_id
                applies = rule.key not in used and test(context)
            except Exception as error:
                warn(rule, error)
                continue
            if applies:
                used.add(rule.key)
                yield rule


def observed(selection: Selection, context: Context, warn: Warn, observe: Observe) -> Iterator[Rule]:
    """Yield the same rules as applying, and call observe with each rule evaluated and whether it applies.

    Each rule is evaluated by itself, without sharing tests, so that the outcome of each is known.
    """
    used: set[str] = set()
    for rule in selection.rules:
        if rule.key in used:
            continue
        context.activity = rule.activity_id
        try:
            applies = rule.applies(context)
        except Exception as error:
            warn(rule, error)
            applies = False
        observe(rule, context, applies)
        if applies:
            used.add(rule.key)
            yield rule


class _Run:
    """One decision while it is being made."""

    __slots__ = (
        "_artifact",
        "_new_id",
        "_property",
        "_used_tokens",
        "_visit",
        "notifications",
        "session_id",
        "trace",
        "warnings",
    )

    def __init__(self, artifact: Artifact, request: JsonObject, visit: Visit, new_id: Callable[[], str]) -> None:
        self._artifact = artifact
        self._visit = visit
        self._new_id = new_id
        self._property = property_of(request)
        self._used_tokens: set[tuple[str, str]] = set()  # by mbox, because several mboxes may show one activity
        self.notifications: list[AnyObject] = []
        self.warnings: list[str] = []
        self.trace: JsonObject | None = None
        self.session_id = ""

    def execute(self, asked: JsonObject) -> JsonObject:
        """Decide ``execute`` of a request. The visitor sees it now, so impressions are reported."""
        answer: JsonObject = {}
        if isinstance(item := asked.get("pageLoad"), dict):
            answer["pageLoad"] = self._page_load(item, "execute")
        if isinstance(items := asked.get("mboxes"), list):
            answer["mboxes"] = self._mboxes(items, "execute")
        return answer

    def prefetch(self, asked: JsonObject) -> JsonObject:
        """Decide ``prefetch`` of a request. It may be shown later, so no impression is reported."""
        answer: JsonObject = {}
        if isinstance(item := asked.get("pageLoad"), dict):
            answer["pageLoad"] = self._page_load(item, "prefetch")
        if isinstance(items := asked.get("views"), list):
            answer["views"] = self._views(items)
        if isinstance(items := asked.get("mboxes"), list):
            answer["mboxes"] = self._mboxes(items, "prefetch")
        return answer

    def _mboxes(self, items: list[JsonValue], mode: str) -> list[JsonValue]:
        answers: list[JsonValue] = []
        for item in items:
            if isinstance(item, dict):
                name = as_text(item.get("name"))
                results = self._results(item, name, mode, every=name == self._artifact.global_mbox)
                for result in results:
                    if "index" in item:
                        result["index"] = item["index"]
                    answers.append(result)
        return answers

    def _page_load(self, item: JsonObject, mode: str) -> JsonObject:
        name = self._artifact.global_mbox
        results = self._results({**item, "name": name}, name, mode, every=True)
        merged: JsonObject = {}
        options: list[JsonValue] = []
        metrics: dict[JsonValue, JsonValue] = {}  # by event token
        for result in results:
            options += as_list(result.get("options"))
            for metric in as_list(result.get("metrics")):
                metrics.setdefault(as_text(as_object(metric).get("eventToken")) or len(metrics), metric)
            merged |= result
        merged.pop("name", None)
        merged["options"] = options
        if mode == "execute":
            merged["metrics"] = list(metrics.values())
        return merged

    def _results(self, item: JsonObject, name: str, mode: str, *, every: bool) -> list[JsonObject]:
        """Decide one mbox. When no rule applies, the one result has nothing but a name."""
        context = Context(self._visit, item)
        trace = self._item_trace("mbox", mode, context)
        rules = self._artifact.mbox(name).for_property(self._property)
        results: list[JsonObject] = []
        for rule in self._applying(rules, context, trace):
            if mode == "execute":
                self._count_impression(rule, name, trace)
                result = rule.consequence.execute(context)
            else:
                result = rule.consequence.prefetch(context)
            results.append(result)
            if not every:
                break
        if not results:
            results.append({"name": name} if name else {})
        if trace is not None:
            for result in results:
                result["trace"] = trace.as_object()
        return results

    def _views(self, items: list[JsonValue]) -> list[JsonValue]:
        answers: list[JsonValue] = []
        for item in items:
            if isinstance(item, dict):
                answers += self._view(item)
        return answers

    def _view(self, item: JsonObject) -> Iterable[JsonObject]:
        context = Context(self._visit, item)
        trace = self._item_trace("view", "prefetch", context)
        rules = self._artifact.view(as_text(item.get("name"))).for_property(self._property)
        views: dict[str, JsonObject] = {}
        for rule in self._applying(rules, context, trace):
            result = rule.consequence.view(context)
            view = views.setdefault(rule.consequence.name, result)
            if view is not result:
                as_list(view["options"]).extend(as_list(result["options"]))
                as_list(view["metrics"]).extend(as_list(result["metrics"]))
            elif trace is not None:
                result["trace"] = trace.as_object()
        return views.values()

    def _applying(self, rules: Selection, context: Context, trace: ItemTrace | None) -> Iterator[Rule]:
        if trace is None:
            return applying(rules, context, self._warn)
        return observed(rules, context, self._warn, trace.evaluated)

    def _item_trace(self, kind: str, mode: str, context: Context) -> ItemTrace | None:
        if self.trace is None:
            return None
        return ItemTrace(self.trace, self._artifact.environment, self.session_id, kind, mode, context)

    def _count_impression(self, rule: Rule, mbox_name: str, trace: ItemTrace | None) -> None:
        unused = [token for token in rule.consequence.display_tokens if (mbox_name, token) not in self._used_tokens]
        if not unused:
            return
        self._used_tokens.update((mbox_name, token) for token in unused)
        tokens: list[JsonValue] = [*unused]
        notification: JsonObject = {
            "id": self._new_id(),
            "impressionId": self._new_id(),
            "timestamp": self._visit.now,
            "type": "display",
            "mbox": {"name": mbox_name},
            "tokens": tokens,
        }
        self.notifications.append(notification)
        if trace is not None:
            trace.notified(rule, notification)

    def _warn(self, rule: Rule, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, BudgetExceededError):
            reason = f"the conditions of the request need more than {STEPS} steps"
        self.warnings.append(
            printable(
                f"rule {rule.key[:80]!r} of activity {rule.activity_id[:80]} did not apply, because its condition "
                f"could not be evaluated: {reason}"
            )
        )


def property_of(request: JsonObject) -> str | None:
    """Return the property token of a request; None when it has none, or a blank one."""
    asked = request.get("property")
    token = as_text(asked.get("token")) if isinstance(asked, dict) else ""
    return token if token.strip() else None
