"""Node, the compiled form of a part of a condition, and Scope, the data that it is evaluated with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from attrs import define, frozen

from target_delivery.decisioning.jsonlogic.javascript import UNDEFINED, truthy

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_delivery.decisioning.jsonlogic.javascript import Budget, JsValue

__all__ = [
    "Bound",
    "Data",
    "Node",
    "S",
    "Scope",
    "boolean",
    "nothing",
    "number_variable",
    "text_variable",
    "undefined",
    "valued",
]


class Scope(Protocol):
    """The data and the budget that a condition is evaluated with."""

    @property
    def data(self) -> JsValue:
        """The data that ``var`` looks into."""
        ...

    @property
    def budget(self) -> Budget:
        """The budget of the decision, which pays for work that grows with the data."""
        ...


@define(eq=False)
class Data:
    """A scope of plain data."""

    data: JsValue
    budget: Budget


S = TypeVar("S", bound=Scope)
S_contra = TypeVar("S_contra", bound=Scope, contravariant=True)


@frozen(eq=False)
class Bound(Generic[S_contra]):
    """A comparison of a variable with a number.

    Attributes:
        get: reads the variable.
        compare: compares what was read (its first argument) with the number.
        number: the number.
    """

    get: Callable[[S_contra], float]
    compare: Callable[[float, float], bool]
    number: float


@define(eq=False)
class Node(Generic[S_contra]):
    """A compiled part of a condition. Nothing changes it; frozen would make loading an artifact slower.

    Value and truth are compiled separately: a comparison or an ``and`` has its truth without making a value first.

    Attributes:
        value: evaluates the part.
        test: evaluates whether its value is true.
        steady: whether its value is the same for all rules of one mbox, view or page load, so that rules can share it.
        parts: the parts of an ``and``, in the order they are tested; empty for every other operator.
        number: evaluates a variable that always is a number; else None.
        text: evaluates a variable that always is a string; else None.
        constant: the value of a literal string or number; else None.
        bound: the comparison of a variable with a number that this node is; else None.
    """

    value: Callable[[S_contra], JsValue]
    test: Callable[[S_contra], bool]
    steady: bool = False
    parts: tuple[Node[S_contra], ...] = ()
    number: Callable[[S_contra], float] | None = None
    text: Callable[[S_contra], str] | None = None
    constant: str | float | None = None
    bound: Bound[S_contra] | None = None


def valued(value: Callable[[S], JsValue], *, steady: bool = False) -> Node[S]:
    """Make a node of a function that evaluates it."""
    return Node(value, lambda scope: truthy(value(scope)), steady)


def boolean(test: Callable[[S], bool], *, steady: bool = False, bound: Bound[S] | None = None) -> Node[S]:
    """Make a node whose value is true or false."""
    return Node(test, test, steady, bound=bound)


def number_variable(get: Callable[[S], float], *, steady: bool = True) -> Node[S]:
    """Make a node of a variable that always is a number."""
    return Node(get, lambda scope: truthy(get(scope)), steady, number=get)


def text_variable(get: Callable[[S], str]) -> Node[S]:
    """Make a node of a variable that always is a string."""
    return Node(get, lambda scope: truthy(get(scope)), steady=True, text=get)


def nothing(_scope: Scope) -> JsValue:
    """Return null, the default of a variable that has none."""
    return None


def undefined(_scope: Scope) -> JsValue:
    """Return undefined, the value of an operand that is not given."""
    return UNDEFINED
