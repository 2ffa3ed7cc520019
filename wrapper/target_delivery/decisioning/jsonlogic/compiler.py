"""JsonLogic conditions, compiled once to closures.

The operators are those of jsonlogic.com, with JavaScript's meaning. ``>`` and ``>=`` take three operands as ``<`` and
``<=`` do (between). A condition is data from the network:

- no text of it becomes source code: it is walked once and becomes nested functions;
- one that is nested deeper than MAX_DEPTH, or names an operator that does not exist, is refused when it is compiled;
- work that grows with the data (``map``, ``reduce``, texts and arrays made on the way) is paid for from the Budget of
  the decision, so no data can make it run long.

Two forms of every node are compiled: its value, and its truth, which needs no value where only a yes or no is asked.
"""

from __future__ import annotations

import marshal
import math
import operator
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from target_delivery.decisioning._json import check_depth
from target_delivery.decisioning.jsonlogic.javascript import (
    UNDEFINED,
    Budget,
    JsValue,
    Undefined,
    from_units,
    less_than,
    loose_equals,
    parse_float,
    strict_equals,
    to_number,
    to_string,
    to_units,
    truthy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_delivery.decisioning._json import JsonObject, JsonValue

__all__ = ["MAX_DEPTH", "Compiler", "ConditionError", "Data", "Scope", "Variable", "apply", "operator_of"]

MAX_DEPTH = 64
"""How deep operators may nest in a condition. Real conditions nest five levels."""


class ConditionError(ValueError):
    """A condition cannot be compiled; the text says why."""


class Scope(Protocol):
    """What a condition is evaluated in."""

    @property
    def data(self) -> JsValue:
        """The data that ``var`` looks into."""
        ...

    @property
    def budget(self) -> Budget:
        """Pays for work that grows with the data."""
        ...


class Data:
    """A scope of plain data."""

    __slots__ = ("budget", "data")

    def __init__(self, data: JsValue, budget: Budget) -> None:
        self.data: JsValue = data
        self.budget: Budget = budget


S = TypeVar("S", bound=Scope)
S_contra = TypeVar("S_contra", bound=Scope, contravariant=True)

Operation: TypeAlias = "Callable[[Sequence[JsValue], Scope], JsValue]"
Comparison: TypeAlias = "Callable[[JsValue, JsValue, Budget], bool]"


class Variable(Generic[S_contra]):
    """A variable whose place in the scope is known when a condition is compiled.

    Attributes:
        name: dotted name.
        get: reads it; UNDEFINED when it is not there.
        number: the same, for a variable that always is a number.
        text: the same, for a variable that always is a string.
        cost: what reading it costs, compared to others.
    """

    __slots__ = ("cost", "get", "name", "number", "text")

    def __init__(
        self,
        name: str,
        get: Callable[[S_contra], JsValue],
        *,
        number: Callable[[S_contra], float] | None = None,
        text: Callable[[S_contra], str] | None = None,
        cost: int = 1,
    ) -> None:
        self.name: str = name
        self.get: Callable[[S_contra], JsValue] = get
        self.number: Callable[[S_contra], float] | None = number
        self.text: Callable[[S_contra], str] | None = text
        self.cost: int = cost


class Node(Generic[S_contra]):
    """A compiled node: its value, its truth, and what is known of it beforehand.

    Attributes:
        value: evaluates it.
        test: tells whether its value is true.
        cost: what evaluating it costs, compared to others.
        parts: what has to hold, when it is an ``and``: the cheapest first.
        name: its name, when it is a variable.
        get: as value, when it is a variable; but UNDEFINED may stand for null.
        number: evaluates it, when it always is a number.
        text: evaluates it, when it always is a string.
        constant: its value, when a string or number stands there.
        bound: when it compares a variable to a number: the variable, how, and the number.
    """

    parts: tuple[Node[S_contra], ...] = ()
    name: str = ""
    get: Callable[[S_contra], JsValue] | None = None
    number: Callable[[S_contra], float] | None = None
    text: Callable[[S_contra], str] | None = None
    constant: str | float | None = None
    bound: tuple[Node[S_contra], str, float] | None = None

    def __init__(self, value: Callable[[S_contra], JsValue], test: Callable[[S_contra], bool], cost: int) -> None:
        self.value: Callable[[S_contra], JsValue] = value
        self.test: Callable[[S_contra], bool] = test
        self.cost: int = cost


OWN_COST = 100
"""The least cost of a node that can come to something else for each rule, as an allocation does."""

ANY_COST = 1000
"""The cost of a node that is no comparison of literals and variables."""


def operator_of(logic: JsonValue) -> tuple[str, list[JsonValue]] | None:
    """Give operator and operands of logic, or None when it is a literal: JsonLogic is an object of one key."""
    if not isinstance(logic, dict) or len(logic) != 1:
        return None
    name, operands = next(iter(logic.items()))
    return name, operands if isinstance(operands, list) else [operands]


def apply(logic: JsonValue, data: JsValue = None, *, steps: int = 100_000) -> JsValue:
    """Evaluate logic with data, as ``jsonLogic.apply`` does.

    Raises:
        ConditionError: it cannot be compiled.
        BudgetExceededError: it took more than so many steps.
    """
    compiler: Compiler[Data] = Compiler()
    return compiler.condition(logic).value(Data(data, Budget(steps)))


class Compiler(Generic[S]):
    """Compiles conditions for one kind of scope. What is spelled alike is compiled once.

    Args:
        resolve: finds a variable by its dotted name; None: there is no such variable in any scope. Without
            resolve, variables are looked up in ``scope.data``.
        depth: how deep the conditions already are nested.

    Attributes:
        names: the names of the variables that were compiled.
        reads_everything: whether a condition reads all data, or a variable whose name is computed.
        size: how many nodes the last condition has.
    """

    def __init__(self, resolve: Callable[[str], Variable[S] | None] | None = None, *, depth: int = 0) -> None:
        self.resolve: Callable[[str], Variable[S] | None] | None = resolve
        self.depth: int = depth
        self.names: set[str] = set()
        self.reads_everything: bool = False
        self.size: int = 0
        self._known: dict[bytes, tuple[Node[S], int]] = {}
        self._variables: dict[str, Node[S]] = {}
        self._literals: dict[tuple[type, JsonValue], Node[Scope]] = {}

    def condition(self, logic: JsonValue) -> Node[S]:
        """Compile a condition.

        Raises:
            ConditionError: it is nested too deep or names an unknown operator.
        """
        depth, self.size = self.depth, 0
        try:
            return self.compile(logic)
        finally:
            self.depth = depth

    def compile(self, logic: JsonValue) -> Node[S]:
        """Compile a part of a condition; errors as in condition."""
        self.size += 1
        if isinstance(logic, dict) and len(logic) == 1:
            name = logic.get("var")
            if isinstance(name, str) and name:
                return self.variable(name)
            return self._shared(logic)
        if isinstance(logic, list):
            values = [node.value for node in self.nodes(logic)]
            return _node(lambda scope: [_json(value(scope)) for value in values])
        if isinstance(logic, str):
            self.size += len(logic)
        if isinstance(logic, dict):
            return _literal(logic)
        key = type(logic), logic
        return self._literals.get(key) or self._literals.setdefault(key, _literal(logic))

    def variable(self, name: str) -> Node[S]:
        """Compile a variable that has no default."""
        node = self._variables.get(name)
        if node is None:
            node = self._variables[name] = _variable(self, name, _nothing)
            self.names.add(name)
        return node

    def _shared(self, logic: JsonObject) -> Node[S]:
        try:
            key = marshal.dumps(logic, 2)  # the fastest spelling there is; version 2 spells equal things equally
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

    def nodes(self, operands: list[JsonValue]) -> list[Node[S]]:
        """Compile the operands of an operator.

        Raises:
            ConditionError: as compile.
        """
        if self.depth >= MAX_DEPTH:
            raise ConditionError(f"the condition is nested deeper than {MAX_DEPTH} levels")
        self.depth += 1
        nodes = [self.compile(operand) for operand in operands]
        self.depth -= 1
        return nodes

    def _operation(self, logic: JsonObject) -> Node[S]:
        ((name, given),) = logic.items()
        operands: list[JsonValue] = given if isinstance(given, list) else [given]
        if (make := _FORMS.get(name)) is not None:
            return make(self, operands)
        nodes = self.nodes(operands)
        if (join := _JOINS.get(name)) is not None:
            return join(nodes)
        if (comparison := _COMPARISONS.get(name)) is not None:
            return _comparison(name, comparison, nodes)
        if (operation := _OPERATIONS.get(name)) is not None:
            return _operation_on(name, operation, nodes)
        raise ConditionError(f"the operator {name[:40]!r} is unknown")


def _operation_on(name: str, operation: Operation, nodes: list[Node[S]]) -> Node[S]:
    if name == "in" and len(nodes) == 2 and (haystack := nodes[1].text) is not None:
        text = nodes[0].constant
        if isinstance(text, str) and text and text.isascii():
            return _boolean(lambda scope: text in haystack(scope), nodes[1].cost)
    values = [node.value for node in nodes]
    return _node(lambda scope: operation([value(scope) for value in values], scope))


# Operators that choose which operands they evaluate.

_cost = operator.attrgetter("cost")


def _and(nodes: list[Node[S]]) -> Node[S]:
    values = [node.value for node in nodes]
    # Which part is false does not matter to the truth, so the cheap ones are asked first. sorted keeps their order.
    parts = tuple(sorted(_parts_of(nodes), key=_cost))

    def value(scope: S) -> JsValue:
        current: JsValue = UNDEFINED
        for part in values:
            if not truthy(current := part(scope)):
                return current
        return current

    node = Node(value, all_of([part.test for part in parts]), sum(map(_cost, parts)))
    node.parts = parts
    return node


def _or(nodes: list[Node[S]]) -> Node[S]:
    values = [node.value for node in nodes]
    tests = [node.test for node in sorted(nodes, key=_cost)]

    def value(scope: S) -> JsValue:
        current: JsValue = UNDEFINED
        for part in values:
            if truthy(current := part(scope)):
                return current
        return current

    def test(scope: S) -> bool:
        for part in tests:  # noqa: SIM110 - any() with a generator takes twice the time
            if part(scope):
                return True
        return False

    return Node(value, test, sum(map(_cost, nodes)))


def _not(nodes: list[Node[S]]) -> Node[S]:
    test = nodes[0].test if nodes else _never
    return _boolean(lambda scope: not test(scope), nodes[0].cost if nodes else 0)


def _truth(nodes: list[Node[S]]) -> Node[S]:
    return _boolean(nodes[0].test if nodes else _never, nodes[0].cost if nodes else 0)


def _if(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    nodes = compiler.nodes(operands)
    pairs = [(nodes[at].test, nodes[at + 1].value) for at in range(0, len(nodes) - 1, 2)]
    otherwise = nodes[-1].value if len(nodes) % 2 else _nothing

    def value(scope: S) -> JsValue:
        for test, then in pairs:
            if test(scope):
                return then(scope)
        return otherwise(scope)

    return _node(value)


# Operators over arrays: their bodies see an element and nothing else.


def _body(
    compiler: Compiler[S], operands: list[JsonValue]
) -> tuple[Callable[[Data], JsValue], Callable[[Data], bool], int]:
    inner: Compiler[Data] = Compiler(depth=compiler.depth)
    (node,) = inner.nodes(operands[1:2] or [None])
    compiler.size += inner.size
    return node.value, node.test, inner.size


def _elements(compiler: Compiler[S], operands: list[JsonValue]) -> Callable[[S], list[JsonValue] | None]:
    (source,) = (node.value for node in compiler.nodes(operands[:1] or [None]))

    def elements(scope: S) -> list[JsonValue] | None:
        value = source(scope)
        return value if isinstance(value, list) else None

    return elements


def _map(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    elements = _elements(compiler, operands)
    body, _, size = _body(compiler, operands)

    def value(scope: S) -> JsValue:
        budget = scope.budget
        result: list[JsonValue] = []
        for element in elements(scope) or ():
            budget.spend(size)
            result.append(_json(body(Data(element, budget))))
        return result

    return _node(value)


def _filter(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    elements = _elements(compiler, operands)
    _, test, size = _body(compiler, operands)

    def value(scope: S) -> JsValue:
        budget = scope.budget
        result: list[JsonValue] = []
        for element in elements(scope) or ():
            budget.spend(size)
            if test(Data(element, budget)):
                result.append(element)
        return result

    return _node(value)


def _reduce(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    elements = _elements(compiler, operands)
    body, _, size = _body(compiler, operands)
    (start,) = (node.value for node in compiler.nodes(operands[2:3] or [None]))

    def value(scope: S) -> JsValue:
        budget = scope.budget
        accumulator = start(scope)
        for element in elements(scope) or ():
            budget.spend(size)
            seen: dict[str, JsonValue] = {"current": element, "accumulator": _json(accumulator)}
            accumulator = body(Data(seen, budget))
        return accumulator

    return _node(value)


def _quantifier(
    compiler: Compiler[S], operands: list[JsonValue], *, stop_at: bool, empty: bool, stopped: bool
) -> Node[S]:
    elements = _elements(compiler, operands)
    _, body, size = _body(compiler, operands)

    def test(scope: S) -> bool:
        found = elements(scope)
        if not found:
            return empty
        budget = scope.budget
        for element in found:
            budget.spend(size)
            if body(Data(element, budget)) is stop_at:
                return stopped
        return not stopped

    return _boolean(test)


def _all(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    return _quantifier(compiler, operands, stop_at=False, empty=False, stopped=False)


def _none(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    return _quantifier(compiler, operands, stop_at=True, empty=True, stopped=False)


def _some(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    return _quantifier(compiler, operands, stop_at=True, empty=False, stopped=True)


# Variables.


def _var(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    name = operands[0] if operands else None
    default = compiler.nodes(operands[1:2])[0].value if len(operands) > 1 else _nothing
    if isinstance(name, (list, dict)):
        return _computed(compiler, compiler.nodes([name])[0].value, default)
    if name is None or name == "":
        compiler.reads_everything = True
        return _node(lambda scope: scope.data)
    path = to_string(name, _NO_STEPS)
    compiler.names.add(path)
    return _variable(compiler, path, default)


def _variable(compiler: Compiler[S], name: str, default: Callable[[S], JsValue]) -> Node[S]:
    if compiler.resolve is not None:
        variable = compiler.resolve(name)
        return _node(default) if variable is None else _resolved(variable, default)
    parts = name.split(".")
    return _node(lambda scope: _default(_charged(look_up(scope.data, parts), scope), default, scope))


def _computed(compiler: Compiler[S], name: Callable[[S], JsValue], default: Callable[[S], JsValue]) -> Node[S]:
    compiler.reads_everything = True

    def value(scope: S) -> JsValue:
        path = name(scope)
        if path is None or path is UNDEFINED or path == "":
            return scope.data
        parts = to_string(path, scope.budget).split(".")
        return _default(_charged(look_up(scope.data, parts), scope), default, scope)

    return _node(value)


def _missing(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    compiler.reads_everything = True
    values = [node.value for node in compiler.nodes(operands)]

    def value(scope: S) -> JsValue:
        names = [part(scope) for part in values]
        first = names[0] if names else None
        return _missing_of(first if isinstance(first, list) else names, scope)

    return _node(value)


def _missing_some(compiler: Compiler[S], operands: list[JsonValue]) -> Node[S]:
    compiler.reads_everything = True
    values = [node.value for node in compiler.nodes(operands)]
    need_value, names_value = [*values, _undefined, _undefined][:2]

    def value(scope: S) -> JsValue:
        names = names_value(scope)
        found = names if isinstance(names, list) else [names]
        missing = _missing_of(found, scope)
        enough = len(found) - len(missing) >= to_number(need_value(scope), scope.budget)
        return [] if enough else missing

    return _node(value)


def look_up(data: JsValue, parts: Sequence[str]) -> JsValue:
    """Follow a path through objects, arrays and strings. UNDEFINED: there is nothing."""
    for part in parts:
        if isinstance(data, dict):
            data = data.get(part, UNDEFINED)
        elif isinstance(data, list):
            data = _element(data, part)
        elif isinstance(data, str):
            data = _element(to_units(data), part)
        else:
            return UNDEFINED
    return data


def _element(items: list[JsonValue] | str, part: str) -> JsValue:
    if part == "length":
        return len(items)
    if part.isdecimal() and part.isascii() and len(part) < 10 and (part == "0" or part[0] != "0"):
        index = int(part)
        return items[index] if index < len(items) else UNDEFINED
    return UNDEFINED


def _default(value: JsValue, default: Callable[[S], JsValue], scope: S) -> JsValue:
    return default(scope) if value is UNDEFINED else value


def _charged(value: JsValue, scope: Scope) -> JsValue:
    """Pay for what can be done with a value that is found as often as a body runs."""
    if isinstance(value, (str, list)):
        scope.budget.spend(len(value))
    return value


def _missing_of(names: Sequence[JsValue], scope: Scope) -> list[JsonValue]:
    missing: list[JsonValue] = []
    scope.budget.spend(len(names))
    for name in names:
        if name is None or name is UNDEFINED or name == "":
            value = scope.data
        else:
            value = look_up(scope.data, to_string(name, scope.budget).split("."))
        if value is None or value is UNDEFINED or value == "":
            missing.append(_json(name))
    return missing


def _json(value: JsValue) -> JsonValue:
    """Undefined inside an array or object behaves as null wherever JsonLogic can see it."""
    return None if isinstance(value, Undefined) else value


_NO_STEPS = Budget(0)


def _nothing(_scope: Scope) -> JsValue:
    return None


def _undefined(_scope: Scope) -> JsValue:
    return UNDEFINED


def _never(_scope: Scope) -> bool:
    return False


def _node(value: Callable[[S], JsValue]) -> Node[S]:
    return Node(value, lambda scope: truthy(value(scope)), ANY_COST)


def _boolean(test: Callable[[S], bool], cost: int = ANY_COST) -> Node[S]:
    return Node(test, test, cost)


def _literal(value: JsonValue) -> Node[Scope]:
    truth = truthy(value)
    node: Node[Scope]
    if isinstance(value, str):
        node = Node(lambda _: value, lambda _: truth, 0)
        node.text, node.constant = lambda _: value, value
        return node
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = to_number(value, _NO_STEPS)
        node = Node(lambda _: number, lambda _: truth, 0)
        node.number, node.constant = lambda _: number, number
        return node
    if isinstance(value, dict):
        try:
            check_depth(value)
        except ValueError as error:
            raise ConditionError(f"a literal of the condition cannot be used: {error}") from error
    return Node(lambda _: value, lambda _: truth, 0)


def _resolved(variable: Variable[S], default: Callable[[S], JsValue]) -> Node[S]:
    get = variable.get
    if variable.number is not None or variable.text is not None:
        node: Node[S] = Node(get, lambda scope: truthy(get(scope)), variable.cost)
        node.number, node.text = variable.number, variable.text
    else:

        def value(scope: S) -> JsValue:
            found = get(scope)
            return default(scope) if found is UNDEFINED else found

        node = Node(value, lambda scope: truthy(value(scope)), variable.cost)
        node.get = get if default is _nothing else value
    node.name = variable.name
    return node


# Conjunctions.


def all_of(tests: Sequence[Callable[[S], bool]]) -> Callable[[S], bool]:
    """Join tests that all have to hold. The common numbers are spelled out: a loop costs more than the tests."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        a, b = tests
        return lambda scope: a(scope) and b(scope)
    if len(tests) == 3:
        a, b, c = tests
        return lambda scope: a(scope) and b(scope) and c(scope)

    def test(scope: S) -> bool:
        for part in tests:
            if not part(scope):
                return False
        return bool(tests)

    return test


def _parts_of(nodes: list[Node[S]]) -> list[Node[S]]:
    """Give the parts of a conjunction: those of nested ones in their place, two bounds of a variable as one."""
    parts: list[Node[S]] = []
    last: Node[S] | None = None
    for node in nodes:
        both = _between(last, node) if last is not None else None
        if both is not None:
            parts[-1] = both
            last = None
            continue
        parts += node.parts or (node,)
        last = node
    return parts


def _between(a: Node[S], b: Node[S]) -> Node[S] | None:
    """Join ``low < x`` and ``x <= high``, which is how an artifact spells a share of the visitors."""
    if a.bound is None or b.bound is None or a.bound[0].name != b.bound[0].name:
        return None
    get = a.bound[0].number
    if get is None or not a.bound[1].startswith(">") or not b.bound[1].startswith("<"):
        return None
    return _boolean(_within(get, a.bound[1], a.bound[2], b.bound[1], b.bound[2]), a.cost)


def _within(get: Callable[[S], float], above: str, low: float, below: str, high: float) -> Callable[[S], bool]:
    if above == ">" and below == "<=":
        return lambda scope: low < get(scope) <= high
    if above == ">=" and below == "<=":
        return lambda scope: low <= get(scope) <= high
    if above == ">":
        return lambda scope: low < get(scope) < high
    return lambda scope: low <= get(scope) < high


# Comparisons.


def _comparison(name: str, compare: Comparison, nodes: list[Node[S]]) -> Node[S]:
    if len(nodes) > 2 and name in _MIRRORED:
        return _ordered(name, compare, *nodes[:3])
    if len(nodes) == 2:
        return _comparison_of_two(name, compare, *nodes)
    values = [node.value for node in nodes]
    first, second = [*values, _undefined, _undefined][:2]
    return _boolean(lambda scope: compare(first(scope), second(scope), scope.budget))


def _ordered(name: str, compare: Comparison, left: Node[S], middle: Node[S], right: Node[S]) -> Node[S]:
    get, low, high = middle.number, left.constant, right.constant
    if get is not None and name in ("<", "<=") and isinstance(low, (int, float)) and isinstance(high, (int, float)):
        return _boolean(_within(get, _MIRRORED[name], low, name, high), middle.cost)
    a, b, c = left.value, middle.value, right.value

    def test(scope: S) -> bool:
        between = b(scope)
        if not compare(a(scope), between, scope.budget):
            return False
        last = c(scope)
        return last is UNDEFINED or compare(between, last, scope.budget)

    return _boolean(test)


def _comparison_of_two(name: str, compare: Comparison, left: Node[S], right: Node[S]) -> Node[S]:
    """Compare two operands, as directly as what is known of them allows."""
    if name in _MIRRORED and left.number is not None and right.number is not None:
        if isinstance(left.constant, (int, float)):
            return _bound(_MIRRORED[name], right, right.number, left.constant)
        if isinstance(right.constant, (int, float)):
            return _bound(name, left, left.number, right.constant)
    if name in ("==", "==="):
        if isinstance(right.constant, str):
            return _equals_text(left, right.constant, compare)
        if isinstance(left.constant, str):
            return _equals_text(right, left.constant, compare)
    a, b = left.value, right.value
    return _boolean(lambda scope: compare(a(scope), b(scope), scope.budget))


def _equals_text(node: Node[S], text: str, compare: Comparison) -> Node[S]:
    get, text_of = node.get or node.value, node.text
    if text_of is not None:
        return _boolean(lambda scope: text_of(scope) == text, node.cost)

    def test(scope: S) -> bool:
        found = get(scope)
        if type(found) is str:
            return found == text
        return found is not None and found is not UNDEFINED and compare(found, text, scope.budget)

    return _boolean(test, node.cost)


def _bound(name: str, variable: Node[S], get: Callable[[S], float], number: float) -> Node[S]:
    test: Callable[[S], bool]
    if name == "<":
        test = lambda scope: get(scope) < number  # noqa: E731 - a def for each would hide that they are one table
    elif name == "<=":
        test = lambda scope: get(scope) <= number  # noqa: E731
    elif name == ">":
        test = lambda scope: get(scope) > number  # noqa: E731
    else:
        test = lambda scope: get(scope) >= number  # noqa: E731
    node: Node[S] = Node(test, test, variable.cost)
    node.bound = (variable, name, number) if variable.name else None
    return node


def _less(a: JsValue, b: JsValue, budget: Budget) -> bool:
    return less_than(a, b, budget)


def _less_or_equal(a: JsValue, b: JsValue, budget: Budget) -> bool:
    return less_than(a, b, budget, or_equal=True)


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""Each order, and what it is with its operands exchanged."""

_COMPARISONS: dict[str, Comparison] = {
    "==": loose_equals,
    "===": lambda a, b, _: strict_equals(a, b),
    "!=": lambda a, b, budget: not loose_equals(a, b, budget),
    "!==": lambda a, b, _: not strict_equals(a, b),
    "<": _less,
    "<=": _less_or_equal,
    ">": lambda a, b, budget: _less(b, a, budget),
    ">=": lambda a, b, budget: _less_or_equal(b, a, budget),
}


# Operations on the values of their operands.


def _operand(values: Sequence[JsValue], at: int) -> JsValue:
    return values[at] if at < len(values) else UNDEFINED


def _in(values: Sequence[JsValue], scope: Scope) -> JsValue:
    needle, haystack = _operand(values, 0), _operand(values, 1)
    if isinstance(haystack, str):
        # An empty haystack is false in JavaScript, so nothing is in it, not even an empty text.
        text = to_string(needle, scope.budget)
        return haystack != "" and (text in haystack or to_units(text) in to_units(haystack))
    if isinstance(haystack, list):
        return any(strict_equals(needle, item) for item in haystack)
    return False


def _cat(values: Sequence[JsValue], scope: Scope) -> JsValue:
    texts = ["" if value is None or value is UNDEFINED else to_string(value, scope.budget) for value in values]
    scope.budget.spend(sum(map(len, texts)))
    return from_units("".join(texts))


def _substr(values: Sequence[JsValue], scope: Scope) -> JsValue:
    budget = scope.budget
    units = to_units(to_string(_operand(values, 0), budget))
    budget.spend(len(units))
    start, length = _integer(_operand(values, 1), 0, budget), _operand(values, 2)
    if start < 0:
        start = max(len(units) + start, 0)
    rest = units[int(min(start, len(units))) :]
    if length is UNDEFINED:
        return from_units(rest)
    count = _integer(length, 0, budget)
    if to_number(length, budget) < 0:  # JsonLogic's own: leave out so many at the end
        count = _integer(len(rest) + to_number(length, budget), 0, budget)
    return from_units(rest[: int(max(min(count, len(rest)), 0))])


def _integer(value: JsValue, undefined: int, budget: Budget) -> int | float:
    if value is UNDEFINED:
        return undefined
    number = to_number(value, budget)
    if math.isnan(number):
        return 0
    return number if math.isinf(number) else math.trunc(number)


def _merge(values: Sequence[JsValue], scope: Scope) -> JsValue:
    merged: list[JsonValue] = []
    for value in values:
        if isinstance(value, list):
            merged.extend(value)
        else:
            merged.append(_json(value))
    scope.budget.spend(len(merged))
    return merged


def _add(values: Sequence[JsValue], scope: Scope) -> JsValue:
    total = 0.0
    for value in values:
        total += parse_float(value, scope.budget)
    return total


def _multiply(values: Sequence[JsValue], scope: Scope) -> JsValue:
    if not values:
        return math.nan
    if len(values) == 1:
        return values[0]
    product = 1.0
    for value in values:
        product *= parse_float(value, scope.budget)
    return product


def _subtract(values: Sequence[JsValue], scope: Scope) -> JsValue:
    first, second = _operand(values, 0), _operand(values, 1)
    if second is UNDEFINED:
        return -float(to_number(first, scope.budget))
    return float(to_number(first, scope.budget)) - float(to_number(second, scope.budget))


def _divide(values: Sequence[JsValue], scope: Scope) -> JsValue:
    dividend = float(to_number(_operand(values, 0), scope.budget))
    divisor = float(to_number(_operand(values, 1), scope.budget))
    if divisor == 0:
        if dividend == 0 or math.isnan(dividend):
            return math.nan
        return math.copysign(math.inf, dividend) * math.copysign(1, divisor)
    return dividend / divisor


def _remainder(values: Sequence[JsValue], scope: Scope) -> JsValue:
    dividend = float(to_number(_operand(values, 0), scope.budget))
    divisor = float(to_number(_operand(values, 1), scope.budget))
    if divisor == 0 or math.isinf(dividend) or math.isnan(dividend) or math.isnan(divisor):
        return math.nan
    return math.fmod(dividend, divisor)


def _min(values: Sequence[JsValue], scope: Scope) -> JsValue:
    numbers = [to_number(value, scope.budget) for value in values]
    return math.nan if any(map(math.isnan, numbers)) else min(numbers, default=math.inf)


def _max(values: Sequence[JsValue], scope: Scope) -> JsValue:
    numbers = [to_number(value, scope.budget) for value in values]
    return math.nan if any(map(math.isnan, numbers)) else max(numbers, default=-math.inf)


def _log(values: Sequence[JsValue], _scope: Scope) -> JsValue:
    return _operand(values, 0)  # JsonLogic prints it; there is no console here


_OPERATIONS: dict[str, Operation] = {
    "in": _in,
    "cat": _cat,
    "substr": _substr,
    "merge": _merge,
    "+": _add,
    "*": _multiply,
    "-": _subtract,
    "/": _divide,
    "%": _remainder,
    "min": _min,
    "max": _max,
    "log": _log,
}

_JOINS: dict[str, Callable[[list[Node[Any]]], Node[Any]]] = {
    "and": _and,
    "or": _or,
    "!": _not,
    "!!": _truth,
}
"""Operators on the truth of their operands."""

_FORMS: dict[str, Callable[[Compiler[Any], list[JsonValue]], Node[Any]]] = {
    "if": _if,
    "?:": _if,
    "map": _map,
    "filter": _filter,
    "reduce": _reduce,
    "all": _all,
    "none": _none,
    "some": _some,
    "var": _var,
    "missing": _missing,
    "missing_some": _missing_some,
}
"""Operators that compile their operands themselves."""
