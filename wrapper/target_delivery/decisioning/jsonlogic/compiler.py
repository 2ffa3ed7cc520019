"""The table of JsonLogic operators, and the compiler of conditions.

The operators are those of jsonlogic.com, with JavaScript's meaning of values. In addition ``>`` and ``>=`` take three
operands, as ``<`` and ``<=`` do (between).

A condition is data from the network:

- No text of it becomes source code: the compiler walks it once and makes nested functions.
- The compiler refuses a condition that nests deeper than MAX_DEPTH or names an unknown operator.
- Work that grows with the data (``map``, ``reduce``, the strings and arrays they make) is paid for from the decision's
  Budget, so that no data can make it run long.
"""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

from target_delivery.decisioning._json import check_depth
from target_delivery.decisioning.jsonlogic import arrays, operators, variables
from target_delivery.decisioning.jsonlogic.arrays import Body
from target_delivery.decisioning.jsonlogic.javascript import (
    UNDEFINED,
    Budget,
    JsValue,
    defined,
    to_number,
    to_string,
    truthy,
)
from target_delivery.decisioning.jsonlogic.node import Data, Node, S, Scope, nothing, valued

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_delivery.decisioning._json import JsonObject, JsonValue

__all__ = ["ARRAY_OPERATORS", "MAX_DEPTH", "OPERATORS", "Compiler", "ConditionError", "apply", "operator_of"]

Operator: TypeAlias = "Callable[[list[Node[Any]]], Node[Any]]"
ArrayOperator: TypeAlias = "Callable[[Node[Any], Body], Node[Any]]"

OPERATORS: Mapping[str, Operator] = {
    # Truth: these choose which operands they evaluate.
    "and": operators.conjunction,
    "or": operators.disjunction,
    "!": operators.negation,
    "!!": operators.truth,
    "if": operators.choice,
    "?:": operators.choice,
    # Comparison.
    "==": operators.equality(strict=False),
    "===": operators.equality(strict=True),
    "!=": operators.inequality(strict=False),
    "!==": operators.inequality(strict=True),
    "<": operators.order("<"),
    "<=": operators.order("<="),
    ">": operators.order(">"),
    ">=": operators.order(">="),
    # Strings and arrays.
    "in": operators.containment,
    "cat": operators.of_values(operators.cat),
    "substr": operators.of_values(operators.substr),
    "merge": operators.of_values(arrays.merge),
    # Arithmetic.
    "+": operators.of_values(operators.add),
    "-": operators.of_values(operators.subtract),
    "*": operators.of_values(operators.multiply),
    "/": operators.of_values(operators.divide),
    "%": operators.of_values(operators.remainder),
    "min": operators.of_values(operators.least),
    "max": operators.of_values(operators.greatest),
    # Data.
    "missing": variables.missing,
    "missing_some": variables.missing_some,
    "log": operators.of_values(operators.log),
}
"""Operators whose operands are conditions evaluated in the same scope: each makes a node of their nodes."""

ARRAY_OPERATORS: Mapping[str, ArrayOperator] = {
    "map": arrays.map_,
    "filter": arrays.filter_,
    "all": arrays.all_,
    "none": arrays.none,
    "some": arrays.some,
}
"""Operators whose second operand is a body that sees one element of the first."""

# Two operators are in no table: the compiler notes the names that ``var`` reads (Compiler._variable), and ``reduce``
# has a third operand (Compiler._over_array).

_READ_EVERYTHING = ("missing", "missing_some")

MAX_DEPTH = 64
"""How deep operators may nest in a condition. Real conditions nest five levels."""

_NO_STEPS = Budget(0)


class ConditionError(ValueError):
    """A condition cannot be compiled. The message says why."""


def operator_of(logic: JsonValue) -> tuple[str, list[JsonValue]] | None:
    """Return operator and operands, or None when logic is a literal: an operator is an object with one key."""
    if not isinstance(logic, dict) or len(logic) != 1:
        return None
    name, operands = next(iter(logic.items()))
    return name, operands if isinstance(operands, list) else [operands]


def apply(logic: JsonValue, data: JsValue = None, *, steps: int = 100_000) -> JsValue:
    """Evaluate logic with data, as ``jsonLogic.apply`` does.

    Raises:
        ConditionError: logic cannot be compiled.
        BudgetExceededError: evaluating it needs more than ``steps`` steps.
    """
    compiler: Compiler[Data] = Compiler()
    return compiler.condition(logic).value(Data(data, Budget(steps)))


class Compiler(Generic[S]):
    """Compiles conditions for one kind of scope. Equal parts of conditions share one node.

    Args:
        resolve: returns the node of a variable, given its dotted name and the value to give when it is missing;
            None when no scope has such a variable. Without resolve, variables are looked up in ``scope.data``.
        depth: how deep the conditions are nested already.

    Attributes:
        names: names of the variables that were compiled.
        reads_everything: whether a condition reads all data, or a variable whose name is computed.
        size: number of nodes of the last condition, plus the length of its literal strings.
    """

    def __init__(self, resolve: Callable[[str, JsValue], Node[S] | None] | None = None, *, depth: int = 0) -> None:
        self.names: set[str] = set()
        self.reads_everything: bool = False
        self.size: int = 0
        self._resolve = resolve
        self._depth = depth
        self._known: dict[bytes, tuple[Node[S], int]] = {}

    def condition(self, logic: JsonValue) -> Node[S]:
        """Compile a condition.

        Raises:
            ConditionError: the condition nests too deep or names an unknown operator.
        """
        depth, self.size = self._depth, 0
        try:
            return self._compile(logic)
        finally:
            self._depth = depth

    def _compile(self, logic: JsonValue) -> Node[S]:
        self.size += 1
        if isinstance(logic, dict) and len(logic) == 1:
            return self._shared(logic)
        if isinstance(logic, list):
            values = [node.value for node in self._nodes(logic)]
            return valued(lambda scope: [defined(value(scope)) for value in values])
        if isinstance(logic, str):
            self.size += len(logic)
        return _literal(logic)

    def _shared(self, logic: JsonObject) -> Node[S]:
        """Compile a part, or take the node of an equal one. Loading takes 90 % more time without, a page load 23 %."""
        try:
            key = marshal.dumps(logic, 2)  # the fastest key; version 2 writes equal values equally
        except ValueError as error:
            raise ConditionError(f"the condition cannot be used: {error}") from error
        known = self._known.get(key)
        if known is None:
            before = self.size
            node = self._operation(logic)
            self._known[key] = node, self.size - before
            return node
        self.size += known[1]
        return known[0]

    def _operation(self, logic: JsonObject) -> Node[S]:
        ((name, given),) = logic.items()
        operands: list[JsonValue] = given if isinstance(given, list) else [given]
        if name == "var":
            return self._variable(operands)
        if name in ARRAY_OPERATORS or name == "reduce":
            return self._over_array(name, operands)
        nodes = self._nodes(operands)
        make = OPERATORS.get(name)
        if make is None:
            raise ConditionError(f"the operator {name[:40]!r} is unknown")
        if name in _READ_EVERYTHING:
            self.reads_everything = True
        return make(nodes)

    def _nodes(self, operands: list[JsonValue]) -> list[Node[S]]:
        if self._depth >= MAX_DEPTH:
            raise ConditionError(f"the condition is nested deeper than {MAX_DEPTH} levels")
        self._depth += 1
        nodes = [self._compile(operand) for operand in operands]
        self._depth -= 1
        return nodes

    def _over_array(self, name: str, operands: list[JsonValue]) -> Node[S]:
        (source,) = self._nodes(operands[:1] or [None])
        inner: Compiler[Data] = Compiler(depth=self._depth)
        (node,) = inner._nodes(operands[1:2] or [None])
        self.size += inner.size
        body = Body(node, inner.size)
        if name == "reduce":
            (start,) = self._nodes(operands[2:3] or [None])
            return arrays.reduce(source, body, start)
        return ARRAY_OPERATORS[name](source, body)

    def _variable(self, operands: list[JsonValue]) -> Node[S]:
        name = operands[0] if operands else None
        default = self._nodes(operands[1:2])[0].value if len(operands) > 1 else None
        if isinstance(name, (list, dict)):
            self.reads_everything = True
            return variables.computed(self._nodes([name])[0].value, default or nothing)
        if name is None or name == "":
            self.reads_everything = True
            return valued(lambda scope: scope.data)
        path = to_string(name, _NO_STEPS)
        self.names.add(path)
        if self._resolve is None:
            return variables.in_data(path, default or nothing)
        if default is None:
            return self._resolve(path, None) or valued(nothing)
        found = self._resolve(path, UNDEFINED)
        return valued(default) if found is None else variables.with_default(found.value, default)


def _literal(value: JsonValue) -> Node[Scope]:
    truth = truthy(value)
    if isinstance(value, str):
        return Node(lambda _: value, lambda _: truth, steady=True, constant=value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = to_number(value, _NO_STEPS)
        return Node(lambda _: number, lambda _: truth, steady=True, constant=number)
    if isinstance(value, dict):
        try:
            check_depth(value)
        except ValueError as error:
            raise ConditionError(f"a literal of the condition cannot be used: {error}") from error
    return Node(lambda _: value, lambda _: truth, steady=True)
