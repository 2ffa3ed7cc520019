"""Explain for one request why each rule did or did not apply: as data and as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import frozen

from target_delivery.decisioning._json import as_list, as_object, as_text
from target_delivery.decisioning.context import Context, variable_of
from target_delivery.decisioning.engine import observed, property_of, remote_needs, start
from target_delivery.decisioning.jsonlogic.compiler import Compiler, operator_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_delivery.decisioning._json import AnyObject, JsonObject, JsonValue
    from target_delivery.decisioning.artifact import Artifact
    from target_delivery.decisioning.rules import Rule, RuleSet

__all__ = ["ActivityExplanation", "Explanation", "ItemExplanation", "Reason", "RuleExplanation", "explain"]

Verdict: TypeAlias = Literal[
    "applies",
    "condition does not hold",
    "another property",
    "an earlier rule applies",
    "can never apply",
]


@frozen
class Reason:
    """The outcome of a condition or of a part of one.

    Attributes:
        condition: the condition as text.
        holds: whether the condition is true.
        values: values of the variables that the condition reads; empty when it has parts.
        parts: the operands of an ``and``, ``or`` or ``!``.
    """

    condition: str
    holds: bool
    values: JsonObject
    parts: tuple[Reason, ...] = ()

    def as_object(self) -> JsonObject:
        """Return the explanation as data."""
        data: JsonObject = {"condition": self.condition, "holds": self.holds}
        if self.values:
            data["values"] = self.values
        if self.parts:
            data["parts"] = [part.as_object() for part in self.parts]
        return data

    def lines(self, indent: str) -> Iterator[str]:
        """Yield the explanation as lines of text."""
        values = ", ".join(f"{name} is {_json(value)}" for name, value in self.values.items())
        yield f"{indent}{'yes' if self.holds else 'no '} {self.condition}{f' ({values})' if values else ''}"
        for part in self.parts:
            yield from part.lines(indent + "    ")


@frozen
class RuleExplanation:
    """The outcome of one rule.

    Attributes:
        key: ``ruleKey`` of the rule.
        experience_id: id of the experience.
        experience_name: name of the experience.
        verdict: whether the rule applies, or why it does not.
        detail: more about the verdict; often ``""``.
        reason: the outcome of the condition; None when it was not evaluated.
    """

    key: str
    experience_id: JsonValue
    experience_name: str
    verdict: Verdict
    detail: str = ""
    reason: Reason | None = None

    def as_object(self) -> JsonObject:
        """Return the explanation as data."""
        data: JsonObject = {
            "ruleKey": self.key,
            "experienceId": self.experience_id,
            "experienceName": self.experience_name,
            "verdict": self.verdict,
        }
        if self.detail:
            data["detail"] = self.detail
        if self.reason is not None:
            data["reason"] = self.reason.as_object()
        return data

    def lines(self, indent: str) -> Iterator[str]:
        """Yield the explanation as lines of text."""
        detail = f": {self.detail}" if self.detail else ""
        yield f"{indent}experience {_json(self.experience_id)} {self.experience_name!r}: {self.verdict}{detail}"
        if self.reason is not None:
            yield from self.reason.lines(indent + "    ")


@frozen
class ActivityExplanation:
    """The outcome of the rules of one activity.

    Attributes:
        id: id of the activity.
        name: name of the activity.
        applies: whether one of its rules applies.
        rules: its rules for the mbox or view, in order.
    """

    id: str
    name: str
    applies: bool
    rules: tuple[RuleExplanation, ...]

    def as_object(self) -> JsonObject:
        """Return the explanation as data."""
        rules: list[JsonValue] = [rule.as_object() for rule in self.rules]
        return {"id": self.id, "name": self.name, "applies": self.applies, "rules": rules}

    def lines(self, indent: str) -> Iterator[str]:
        """Yield the explanation as lines of text."""
        yield f"{indent}activity {self.id} {self.name!r} {'applies' if self.applies else 'does not apply'}"
        for rule in self.rules:
            yield from rule.lines(indent + "    ")


@frozen
class ItemExplanation:
    """How one mbox, view or page load of the request was decided.

    Attributes:
        mode: ``execute`` or ``prefetch``.
        kind: ``mbox``, ``view`` or ``pageLoad``.
        name: name of the mbox or view; ``""`` when the request asks for all views.
        needs_edge: whether only the edge can decide the item or a part of it.
        activities: the activities that have rules for the item, in order.
    """

    mode: str
    kind: str
    name: str
    needs_edge: bool
    activities: tuple[ActivityExplanation, ...]

    def as_object(self) -> JsonObject:
        """Return the explanation as data."""
        return {
            "mode": self.mode,
            "kind": self.kind,
            "name": self.name,
            "needsEdge": self.needs_edge,
            "activities": [activity.as_object() for activity in self.activities],
        }

    def lines(self) -> Iterator[str]:
        """Yield the explanation as lines of text."""
        name = repr(self.name) if self.name else "of any name"
        yield f"{self.mode} {self.kind} {name}{' (needs the edge)' if self.needs_edge else ''}"
        if not self.activities:
            yield "    the artifact has no rules for it"
        for activity in self.activities:
            yield from activity.lines("    ")


@frozen
class Explanation:
    """How a request was decided. ``str()`` returns it as text.

    Attributes:
        items: the mboxes, views and page loads of the request, in the order they are decided.
    """

    items: tuple[ItemExplanation, ...]

    def as_object(self) -> AnyObject:
        """Return the explanation as data that ``json.dumps`` takes."""
        return {"items": [item.as_object() for item in self.items]}

    def __str__(self) -> str:
        return "\n".join(line for item in self.items for line in item.lines())


def explain(
    artifact: Artifact,
    request: AnyObject,
    *,
    client: str = "",
    location_hint: str = "",
    now: int | None = None,
) -> Explanation:
    """Explain, for every activity that could answer a request, why its rules did or did not apply.

    Args:
        artifact: the compiled artifact.
        request: the request, in the form of ``DeliveryRequest``.
        client: client code; the artifact's when empty.
        location_hint: as in decide.
        now: the time to decide for, in ms since the epoch; the current time when None.
    """
    visit, _ = start(request, client or artifact.client, location_hint, now)
    token = property_of(request)
    remote = remote_needs(artifact, request)
    items: list[ItemExplanation] = []
    for mode, kind, name, item in _items(artifact, request):
        rules = artifact.view(name) if kind == "view" else artifact.mbox(name)
        every = kind != "mbox" or name == artifact.global_mbox
        activities = _activities(rules, Context(visit, item), token, every=every)
        needs = remote.mboxes if kind != "view" else remote.views
        needs_edge = name in needs if name else bool(needs)
        items.append(ItemExplanation(mode, kind, name, needs_edge, activities))
    return Explanation(tuple(items))


def _items(artifact: Artifact, request: JsonObject) -> Iterator[tuple[str, str, str, JsonObject]]:
    for mode in ("execute", "prefetch"):
        asked = as_object(request.get(mode))
        if isinstance(item := asked.get("pageLoad"), dict):
            yield mode, "pageLoad", artifact.global_mbox, {**item, "name": artifact.global_mbox}
        for kind, key in (("view", "views"), ("mbox", "mboxes")):
            for item in as_list(asked.get(key)):
                if isinstance(item, dict) and (mode, kind) != ("execute", "view"):
                    yield mode, kind, as_text(item.get("name")), item


def _activities(rules: RuleSet, context: Context, token: str | None, *, every: bool) -> tuple[ActivityExplanation, ...]:
    allowed = rules.for_property(token)
    evaluated: dict[int, bool] = {}
    failed: dict[int, Exception] = {}

    def observe(rule: Rule, _context: Context, applies: bool) -> None:
        evaluated[id(rule)] = applies

    def warn(rule: Rule, error: Exception) -> None:
        failed[id(rule)] = error

    for _ in observed(allowed, context, warn, observe):
        if not every:
            break
    permitted = {id(rule) for rule in allowed.rules}
    by_activity: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        by_activity.setdefault(rule.activity_id, []).append(rule)
    explained: list[ActivityExplanation] = []
    for activity_id, its_rules in by_activity.items():
        verdicts = tuple(
            _rule(rule, context, evaluated.get(id(rule)), id(rule) in permitted, failed.get(id(rule)))
            for rule in its_rules
        )
        name = as_text(its_rules[0].of_meta("activity.name"))
        applies = any(verdict.verdict == "applies" for verdict in verdicts)
        explained.append(ActivityExplanation(activity_id, name, applies, verdicts))
    return tuple(explained)


def _rule(
    rule: Rule, context: Context, applies: bool | None, permitted: bool, error: Exception | None
) -> RuleExplanation:
    experience, name = rule.of_meta("experience.id"), as_text(rule.of_meta("experience.name"))
    if rule.problem:
        return RuleExplanation(rule.key, experience, name, "can never apply", rule.problem)
    if not permitted:
        detail = f"it applies only in {', '.join(sorted(rule.property_tokens))}"
        return RuleExplanation(rule.key, experience, name, "another property", detail)
    if applies is None:
        return RuleExplanation(rule.key, experience, name, "an earlier rule applies")
    verdict: Verdict = "applies" if applies else "condition does not hold"
    detail = f"it could not be evaluated: {type(error).__name__}" if error else ""
    reason = _reason(rule.condition, context, rule.activity_id)
    return RuleExplanation(rule.key, experience, name, verdict, detail, reason)


def _reason(condition: JsonValue, context: Context, activity_id: str) -> Reason:
    """Evaluate a condition, and each of its parts by itself."""
    context.activity = activity_id
    compiler: Compiler[Context] = Compiler(variable_of)
    try:
        holds = compiler.condition(condition).test(context)
    except Exception:  # As in a decision, a condition that cannot be evaluated does not hold.
        holds = False
    found = operator_of(condition)
    if found is not None and found[0] in ("and", "or", "!") and len(found[1]) > 0:
        parts = tuple(_reason(operand, context, activity_id) for operand in found[1])
        text = {"and": "all of these", "or": "one of these", "!": "not this"}[found[0]]
        return Reason(text, holds, {}, parts)
    return Reason(_text_of(condition), holds, _values(sorted(compiler.names), context))


def _values(names: list[str], context: Context) -> JsonObject:
    values: JsonObject = {}
    for name in names:
        variable = variable_of(name) if name else None
        value = variable.value(context) if variable is not None else None
        if name:
            values[name] = value if isinstance(value, (str, int, float, list, dict)) else None
    return values


def _text_of(condition: JsonValue) -> str:
    """Return a condition as readable text: ``page.domain == "example.com"``."""
    found = operator_of(condition)
    if found is None:
        if isinstance(condition, list):
            return f"[{', '.join(map(_text_of, condition))}]"
        return _json(condition)
    name, operands = found
    if name == "var" and operands and isinstance(operands[0], str) and len(operands) == 1:
        return operands[0] or "everything"
    texts = [
        f"({text})" if " " in text and operator_of(operand) else text
        for operand, text in ((operand, _text_of(operand)) for operand in operands)
    ]
    if (len(texts) > 1 and not name.isalpha()) or name in ("and", "or", "in"):
        return f" {name} ".join(texts)
    return f"{name}({', '.join(texts)})"


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)
