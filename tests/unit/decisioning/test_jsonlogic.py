"""JsonLogic with JavaScript values.

``javascript_answers.json`` holds the answers of a JavaScript engine for every operator: comparisons of all pairs of a
list of values, and single conditions with their results.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from target_delivery.decisioning.jsonlogic.compiler import (
    ARRAY_OPERATORS,
    MAX_DEPTH,
    OPERATORS,
    Compiler,
    ConditionError,
    apply,
)
from target_delivery.decisioning.jsonlogic.javascript import (
    UNDEFINED,
    Budget,
    BudgetExceededError,
    loose_equals,
    strict_equals,
    to_string,
    truthy,
)
from target_delivery.decisioning.jsonlogic.node import Data, number_variable

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("javascript_answers.json").read_text("utf-8"))
VALUES: list[Any] = ANSWERS["values"]


def decode(value: Any) -> Any:
    """Return a value of the table, which writes NaN, Infinity and undefined as ``{"$": name}``."""
    if isinstance(value, dict) and set(value) == {"$"}:
        return UNDEFINED if value["$"] == "undefined" else float(value["$"])
    return [decode(item) for item in value] if isinstance(value, list) else value


def same(actual: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        return isinstance(actual, list) and len(actual) == len(expected) and all(map(same, actual, expected))
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(actual, float) and math.isnan(actual)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return actual is expected
    if isinstance(expected, int):
        expected = float(expected)  # As every number in JavaScript; actual may be a small integer.
    return bool(actual == expected)


@pytest.mark.parametrize("operator", ["==", "===", "!=", "!==", "<", "<=", ">", ">=", "in"])
def test_every_pair_of_values_compares_as_in_javascript(operator: str) -> None:
    compiled = Compiler[Data]().condition({operator: [{"var": "a"}, {"var": "b"}]})
    for left, row in zip(VALUES, ANSWERS["tables"][operator], strict=True):
        for right, answer in zip(VALUES, row, strict=True):
            scope = Data({"a": left, "b": right}, Budget(1000))
            assert compiled.test(scope) is (answer == "1"), (left, operator, right)
            assert compiled.value(scope) is (answer == "1")


@pytest.mark.parametrize("operator", ["==", "===", "!=", "!==", "<", "<=", ">", ">="])
def test_a_literal_compares_as_a_variable_does(operator: str) -> None:
    for left, row in zip(VALUES, ANSWERS["tables"][operator], strict=True):
        for right, answer in zip(VALUES, row, strict=True):
            if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
                continue  # A literal array is a new object each time.
            cases: Any = (
                ({operator: [left, {"var": "b"}]}, {"b": right}),
                ({operator: [{"var": "a"}, right]}, {"a": left}),
                ({operator: [left, right]}, {}),
            )
            for condition, data in cases:
                assert apply(condition, data) is (answer == "1"), condition


def test_truth() -> None:
    for value, answer in zip(VALUES, ANSWERS["tables"]["!!"], strict=True):
        assert apply({"!!": [{"var": "a"}]}, {"a": value}) is (answer == "1"), value
        assert apply({"!": [{"var": "a"}]}, {"a": value}) is (answer != "1"), value
        assert apply({"if": [{"var": "a"}, 1, 0]}, {"a": value}) == int(answer)
        assert truthy(value) is (answer == "1")
    assert not truthy(math.nan)
    assert not truthy(UNDEFINED)


def test_texts_of_values() -> None:
    for value, text in zip(VALUES, ANSWERS["text"], strict=True):
        assert apply({"cat": [{"var": "a"}, "|"]}, {"a": value}) == text


@pytest.mark.parametrize("operator", sorted(ANSWERS["two"]))
def test_arithmetic_with_every_value(operator: str) -> None:
    for value, row in zip(VALUES, ANSWERS["two"][operator], strict=True):
        for other, answer in zip([1, -3, "2", None], row, strict=True):
            actual = apply({operator: [{"var": "a"}, {"var": "b"}]}, {"a": value, "b": other})
            assert same(actual, decode(answer)), (value, operator, other, actual)


@pytest.mark.parametrize("operator", sorted(ANSWERS["one"]))
def test_arithmetic_with_one_value(operator: str) -> None:
    for value, answer in zip(VALUES, ANSWERS["one"][operator], strict=True):
        actual = apply({operator: [{"var": "a"}]}, {"a": value})
        assert same(actual, decode(answer)), (value, operator, actual)


@pytest.mark.parametrize(("condition", "answer"), ANSWERS["cases"], ids=[json.dumps(c[0]) for c in ANSWERS["cases"]])
def test_case(condition: Any, answer: Any) -> None:
    data = ANSWERS["data"]
    expected = decode(answer)
    assert same(apply(condition, data), expected), apply(condition, data)
    # Value and truth of a condition are compiled separately.
    scope = Data(data, Budget(100_000))
    assert Compiler[Data]().condition(condition).test(scope) is truthy(expected)


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ({">": [3, 2, 1]}, True),
        ({">": [3, 2, 2]}, False),
        ({">": [1, 2, 1]}, False),
        ({">=": [3, 3, 3]}, True),
        ({">=": [3, 3, 4]}, False),
        ({">": ["c", "b", "a"]}, True),
    ],
)
def test_the_falling_orders_take_three_operands_too(condition: Any, answer: bool) -> None:
    """docs/on-device.md#jsonlogic says so of all four orders; json-logic-js ignores the third operand of these two."""
    assert apply(condition) is answer


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ({"/": [1, {"-": [0]}]}, -math.inf),
        ({"/": [1, "-0"]}, -math.inf),
        ({"/": [1, {"*": [0, -1]}]}, -math.inf),
        ({"/": [1, {"*": [0, -1, 1]}]}, math.inf),  # each step reads the product so far as a text, "0"
        ({"/": [1, {"*": [{"-": [0]}, 5]}]}, math.inf),
        ({"/": [1, {"*": ["-0", 5]}]}, -math.inf),
        ({"/": [1, {"+": ["-0", "-0"]}]}, math.inf),
        ({"/": [1, {"%": [-4, 2]}]}, -math.inf),
        ({"/": [1, {"/": [0, -5]}]}, -math.inf),
        ({"/": [1, {"min": [0, "-0"]}]}, -math.inf),
        ({"/": [1, {"max": ["-0", 0]}]}, math.inf),
        ({"/": [1, {"max": ["-0", "-0"]}]}, -math.inf),
        ({"cat": [{"-": [0]}]}, "0"),
        ({"===": [{"-": [0]}, 0]}, True),
        ({"<": [{"-": [0]}, 0]}, False),
    ],
)
def test_zero_keeps_its_sign_as_in_javascript(condition: Any, answer: Any) -> None:
    assert apply(condition) == answer


@pytest.mark.parametrize("length", ["-2", " -2 ", "-2.5", "-Infinity", [-2], ["-2"], [[-2]]])
def test_a_negative_length_that_is_no_number_leaves_nothing(length: Any) -> None:
    """json-logic-js adds the length to that of the text with ``+``, which joins a text or an array instead."""
    assert apply({"substr": ["jsonlogic", 4, {"var": "n"}]}, {"n": length}) == ""
    assert apply({"substr": ["jsonlogic", 4, -2]}) == "log"
    assert apply({"substr": ["jsonlogic", 4, "2"]}) == "lo"


def test_integers_are_doubles() -> None:
    assert apply({"===": [2**53 + 1, 2**53]}) is True
    assert apply({"==": [{"var": "a"}, {"var": "b"}]}, {"a": 2**53 + 1, "b": str(2**53)}) is True
    assert apply({"<": [10**400, math.inf]}) is False
    assert apply({"cat": [{"var": "a"}]}, {"a": 123456789012345678901}) == "123456789012345680000"
    assert apply({"*": [{"var": "a"}, 1]}, {"a": -(10**400)}) == -math.inf


def test_attributes_of_python_objects_are_not_variables() -> None:
    for name in ("items", "__class__", "a.__len__", "s.upper", "list.append", "list.٣", "list.1e0"):
        assert apply({"var": name}, {"a": {}, "s": "x", "list": [1, 2, 3, 4]}) is None, name


@pytest.mark.parametrize("name", ["foo", "", "Math.abs", "__class__", "AND", "≠"])
def test_an_unknown_operator_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConditionError, match="unknown"):
        apply({"or": [True, {name: [1]}]})


def test_depth_is_bounded() -> None:
    def nested(levels: int) -> Any:
        condition: Any = True
        for _ in range(levels):
            condition = {"!": [condition]}
        return condition

    assert apply(nested(MAX_DEPTH)) is (MAX_DEPTH % 2 == 0)
    with pytest.raises(ConditionError, match="deeper than"):
        apply(nested(MAX_DEPTH + 1))
    with pytest.raises(ConditionError, match="deeper than"):
        apply(nested(900))
    body: Any = {"var": ""}
    for _ in range(MAX_DEPTH):
        body = {"map": [[1], body]}
    with pytest.raises(ConditionError, match="deeper than"):
        apply(body)


LIST: Any = list(range(100))


@pytest.mark.parametrize(
    "condition",
    [
        {"reduce": [LIST, {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}, "x"]},
        {"reduce": [LIST, {"merge": [{"var": "accumulator"}, {"var": "accumulator"}]}, [1]]},
        {"cat": {"reduce": [LIST, [{"var": "accumulator"}, {"var": "accumulator"}], 1]}},
        {"==": [{"reduce": [LIST, [{"var": "accumulator"}, {"var": "accumulator"}], 1]}, "1"]},
        {"map": [LIST, {"map": [LIST, {"map": [LIST, {"map": [LIST, 1]}]}]}]},
        {"some": [LIST, {"some": [LIST, {"some": [LIST, {"some": [LIST, False]}]}]}]},
        {"all": [LIST, {"none": [LIST, {"filter": [LIST, {"!": {"missing": ["a"] * 100}}]}]}]},
        {"map": [LIST, {"in": ["y", "x" * 100_000]}]},
        {"reduce": [LIST, {"substr": [{"cat": [{"var": "accumulator"}, "x" * 5000]}, 1]}, ""]},
    ],
)
def test_work_that_grows_with_the_data_is_stopped(condition: Any) -> None:
    started = time.process_time()
    with pytest.raises(BudgetExceededError):
        apply(condition)
    assert time.process_time() - started < 1


def test_numbers_do_not_grow() -> None:
    assert apply({"reduce": [LIST, {"*": [{"var": "accumulator"}, {"var": "accumulator"}]}, 3]}) == math.inf


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
operators = st.sampled_from(sorted({*OPERATORS, *ARRAY_OPERATORS, "var", "reduce"}))
conditions = st.recursive(
    json_values | st.fixed_dictionaries({"var": st.sampled_from(["a", "a.0", "b.c", "", "current", "accumulator"])}),
    lambda inner: st.builds(lambda op, args: {op: args}, operators, st.lists(inner, max_size=4) | inner),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(conditions, json_values)
def test_any_condition_evaluates_or_is_refused(condition: Any, data: Any) -> None:
    scope_data = {"a": data, "b": {"c": data}}
    compiler = Compiler[Data]()
    try:
        node = compiler.condition(condition)
    except ConditionError:
        return
    try:
        value = node.value(Data(scope_data, Budget(10_000)))
        test = node.test(Data(scope_data, Budget(10_000)))
    except BudgetExceededError:
        return
    assert test is truthy(value)


@given(json_values, json_values)
def test_equality_is_symmetric(a: Any, b: Any) -> None:
    assert loose_equals(a, b, Budget(10_000)) is loose_equals(b, a, Budget(10_000))
    assert strict_equals(a, b) is strict_equals(b, a)
    assert isinstance(to_string(a, Budget(10_000)), str)


def test_a_condition_that_is_not_json_is_refused() -> None:
    odd: Any = {"==": [object(), 1]}
    with pytest.raises(ConditionError, match="cannot be used"):
        apply(odd)


@pytest.mark.parametrize("low", ["<", "<="])
@pytest.mark.parametrize("high", ["<", "<="])
def test_two_bounds_of_a_number(low: str, high: str) -> None:
    """They are compiled to one test, which has to equal both together."""
    variable = number_variable(number_of)
    compiler: Compiler[Data] = Compiler(lambda _name, _missing: variable)
    joined = compiler.condition({"and": [{low: [2, {"var": "n"}]}, {high: [{"var": "n"}, 5]}]})
    between = compiler.condition({low: [2, {"var": "n"}, 5]})
    for number in (1, 2, 3, 5, 6):
        scope = Data(number, Budget(0))
        above, below = number > 2 or (low == "<=" and number == 2), number < 5 or (high == "<=" and number == 5)
        assert joined.test(scope) is (above and below)
        assert joined.value(scope) is (above and below)
        assert between.test(scope) is (above and (number < 5 or (low == "<=" and number == 5)))


def number_of(scope: Data) -> float:
    assert isinstance(scope.data, int)
    return scope.data
