"""The rules of one mbox or view."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from attrs import define

from target_delivery.decisioning._json import as_list, as_scalar
from target_delivery.decisioning.jsonlogic.operators import all_hold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from target_delivery.decisioning._json import JsonObject, JsonValue
    from target_delivery.decisioning.consequence import Consequence
    from target_delivery.decisioning.context import Context
    from target_delivery.decisioning.jsonlogic.node import Node

__all__ = ["Rule", "RuleSet", "Selection"]

_MOST_PROPERTIES = 64
"""How many properties a RuleSet remembers the rules of."""


@define(eq=False)  # frozen would make loading an artifact a tenth slower
class Rule:
    """One rule: an experience of an activity in one mbox or view. Nothing changes it.

    Attributes:
        key: ``ruleKey``. Where several rules can apply, at most one with the same key does.
        activity_id: id of the activity, as text.
        property_tokens: tokens of the properties that the rule is restricted to; empty when it is not restricted.
        meta: ``meta`` of the rule.
        condition: the JsonLogic condition as the artifact has it.
        applies: evaluates the condition.
        parts: the parts of the condition that all have to hold, in the order they are tested.
        consequence: makes the rule's part of an answer.
        problem: why the rule can never apply; ``""`` when it can.
    """

    key: str
    activity_id: str
    property_tokens: frozenset[str]
    meta: JsonObject
    condition: JsonValue
    applies: Callable[[Context], bool]
    parts: tuple[Node[Context], ...]
    consequence: Consequence
    problem: str = ""

    @property
    def audience_ids(self) -> list[JsonValue]:
        """Ids of the audiences that the condition describes."""
        return [as_scalar(audience) for audience in as_list(self.meta.get("audience.ids"))]

    def of_meta(self, name: str) -> str | float | None:
        """Return an id or a name from ``meta``; None when it has none."""
        return as_scalar(self.meta.get(name))


Test: TypeAlias = "Callable[[Context], bool]"
Group: TypeAlias = "tuple[Test | None, tuple[tuple[Rule, Test], ...]]"
"""Consecutive rules: the test that they share, and for each rule the rest of its condition.

Groups that need the same test have the same function, so that its outcome can be kept for all of them. A page load
takes twice as long when every rule tests its whole condition.
"""


def _grouped(rules: Sequence[Rule]) -> Iterator[Group]:
    first_parts = Counter(rule.parts[0] for rule in rules if rule.parts[0].steady)
    guards: dict[tuple[Node[Context], ...], Test] = {}
    for members, common in _consecutive(rules):
        needed = [part for part in members[0].parts if part in common]
        if len(members) == 1:
            # Other rules, which do not follow it, may begin with the same test.
            needed = [part for part in members[0].parts[:1] if first_parts[part] > 1]
        if not needed:
            yield None, ((members[0], members[0].applies),)
            continue
        guard = guards.setdefault(tuple(needed), all_hold([part.test for part in needed]))
        rests = [(rule, [part.test for part in rule.parts if part not in needed]) for rule in members]
        yield guard, tuple((rule, all_hold(rest) if rest else _always) for rule, rest in rests)


def _consecutive(rules: Iterable[Rule]) -> Iterator[tuple[Sequence[Rule], Collection[Node[Context]]]]:
    """Yield the longest runs of rules that share tests, and the tests that all rules of a run share."""
    members: list[Rule] = []
    common: set[Node[Context]] = set()
    for rule in rules:
        steady = {part for part in rule.parts if part.steady}
        shared = common & steady
        if members and not shared:
            yield members, common
            members = []
        common = shared if members else steady
        members.append(rule)
    if members:
        yield members, common


class Selection:
    """The rules of one mbox or view that may apply in one property, in order.

    Attributes:
        rules: the rules.
        groups: the same rules, grouped so that a test that rules share is evaluated once.
    """

    __slots__ = ("groups", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.groups: tuple[Group, ...] = tuple(_grouped(self.rules))


class RuleSet:
    """The rules of one mbox or view.

    Attributes:
        rules: all rules, in order.
    """

    __slots__ = ("_by_property", "_tokens", "_unrestricted", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self._unrestricted = Selection(rule for rule in self.rules if not rule.property_tokens)
        self._tokens = {token for rule in self.rules for token in rule.property_tokens}
        self._by_property: dict[str, Selection] = {}  # A cache: a client asks for few properties.

    def for_property(self, token: str | None) -> Selection:
        """Return the rules that may apply in a property.

        Args:
            token: token of the request's property; None when the request has none.
        """
        if token is None or token not in self._tokens:
            return self._unrestricted
        found = self._by_property.get(token)
        if found is None:
            found = Selection(rule for rule in self.rules if not rule.property_tokens or token in rule.property_tokens)
            if len(self._by_property) < _MOST_PROPERTIES:
                self._by_property[token] = found
        return found


def _always(_context: Context) -> bool:
    return True
