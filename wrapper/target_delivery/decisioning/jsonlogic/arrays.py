"""Operators that run a body for each element of an array, and ``merge``.

A body sees the element and nothing else. Running it costs as many steps of the budget as it has nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from target_delivery.decisioning.jsonlogic.javascript import defined
from target_delivery.decisioning.jsonlogic.node import Data, Node, S, Scope, boolean, valued

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_delivery.decisioning._json import JsonValue
    from target_delivery.decisioning.jsonlogic.javascript import Budget, JsValue

__all__ = ["Body", "all_", "filter_", "map_", "merge", "none", "reduce", "some"]


@frozen(eq=False)
class Body:
    """The condition that an operator evaluates for each element.

    Attributes:
        node: the compiled condition.
        size: how many steps evaluating it once costs.
    """

    node: Node[Data]
    size: int

    def value(self, element: JsValue, budget: Budget) -> JsValue:
        """Evaluate the body for an element.

        Raises:
            BudgetExceededError: the budget has too few steps left.
        """
        budget.spend(self.size)
        return self.node.value(Data(element, budget))

    def test(self, element: JsValue, budget: Budget) -> bool:
        """Evaluate whether the body is true for an element; errors as in value."""
        budget.spend(self.size)
        return self.node.test(Data(element, budget))


def map_(source: Node[S], body: Body) -> Node[S]:
    """Compile ``map``: the body's value for each element."""
    return valued(lambda scope: [defined(body.value(element, scope.budget)) for element in _elements(source, scope)])


def filter_(source: Node[S], body: Body) -> Node[S]:
    """Compile ``filter``: the elements for which the body is true."""
    return valued(lambda scope: [element for element in _elements(source, scope) if body.test(element, scope.budget)])


def reduce(source: Node[S], body: Body, start: Node[S]) -> Node[S]:
    """Compile ``reduce``: the body's value for the last element; it sees ``current`` and the ``accumulator`` so far."""

    def value(scope: S) -> JsValue:
        accumulator = start.value(scope)
        for element in _elements(source, scope):
            seen: dict[str, JsonValue] = {"current": element, "accumulator": defined(accumulator)}
            accumulator = body.value(seen, scope.budget)
        return accumulator

    return valued(value)


def all_(source: Node[S], body: Body) -> Node[S]:
    """Compile ``all``: whether the body is true for every element; false for an empty array."""

    def test(scope: S) -> bool:
        elements = _elements(source, scope)
        return bool(elements) and all(body.test(element, scope.budget) for element in elements)

    return boolean(test)


def none(source: Node[S], body: Body) -> Node[S]:
    """Compile ``none``: whether the body is true for no element; true for an empty array."""
    return boolean(lambda scope: not any(body.test(element, scope.budget) for element in _elements(source, scope)))


def some(source: Node[S], body: Body) -> Node[S]:
    """Compile ``some``: whether the body is true for an element; false for an empty array."""
    return boolean(lambda scope: any(body.test(element, scope.budget) for element in _elements(source, scope)))


def merge(values: Sequence[JsValue], scope: Scope) -> JsValue:
    """Evaluate ``merge``: one array of all operands, with the elements of an operand that is an array in its place."""
    merged: list[JsonValue] = []
    for value in values:
        if isinstance(value, list):
            merged.extend(value)
        else:
            merged.append(defined(value))
    scope.budget.spend(len(merged))
    return merged


def _elements(source: Node[S], scope: S) -> Sequence[JsonValue]:
    """Evaluate the array; anything else counts as an empty one."""
    value = source.value(scope)
    return value if isinstance(value, list) else ()
