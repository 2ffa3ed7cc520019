"""JavaScript values as JsonLogic needs them: truth, equality, order, numbers and strings.

Rules are written for a JavaScript evaluator, and every platform must give a visitor the same experience. Therefore
these functions follow ECMA-262 (sections 7.1 Type Conversion and 7.2 Testing and Comparison Operations), not Python.
The order, length, index and substring of a string are those of its UTF-16 code units.

Converting an array takes time that the size of a condition does not limit, so a Budget pays for it.
"""

from __future__ import annotations

import enum
import math
import re
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import define

if TYPE_CHECKING:
    from target_delivery.decisioning._json import JsonValue

__all__ = [
    "UNDEFINED",
    "Budget",
    "BudgetExceededError",
    "JsValue",
    "Undefined",
    "defined",
    "from_units",
    "less_than",
    "loose_equals",
    "parse_float",
    "strict_equals",
    "to_number",
    "to_string",
    "to_units",
    "truthy",
]


class Undefined(enum.Enum):
    """The type of UNDEFINED."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
"""JavaScript's value of a missing operand. It equals null by ``==`` but not by ``===``."""

JsValue: TypeAlias = "JsonValue | Undefined"
Number: TypeAlias = "int | float"

_SAFE = 2**53  # JavaScript numbers are doubles: larger integers are rounded
_WHITESPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_DECIMAL = re.compile(r"[+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_RADIX = re.compile(r"0(?:[xX](?P<hex>[0-9a-fA-F]+)|[oO](?P<octal>[0-7]+)|[bB](?P<binary>[01]+))")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class BudgetExceededError(Exception):
    """The conditions of a decision need more steps than its budget has."""


@define(eq=False)
class Budget:
    """The steps left to the conditions of one decision for work that grows with the data."""

    left: int

    def spend(self, steps: int) -> None:
        """Take steps from the budget.

        Raises:
            BudgetExceededError: fewer steps are left.
        """
        self.left -= steps
        if self.left < 0:
            raise BudgetExceededError


def defined(value: JsValue) -> JsonValue:
    """Return null in place of undefined: inside an array or object JsonLogic cannot tell them apart."""
    return None if isinstance(value, Undefined) else value


def truthy(value: JsValue) -> bool:
    """Whether JsonLogic takes value as true: as JavaScript does, except that an empty array is false."""
    if isinstance(value, float):
        return value != 0.0 and not math.isnan(value)
    if isinstance(value, dict):
        return True
    return value is not UNDEFINED and bool(value)


def strict_equals(a: JsValue, b: JsValue) -> bool:
    """Whether ``a === b``: without conversion; arrays and objects equal only themselves."""
    if isinstance(a, str):
        return isinstance(b, str) and a == b
    if isinstance(a, bool) or a is None or a is UNDEFINED or isinstance(a, (list, dict)):
        return a is b
    return isinstance(b, (int, float)) and not isinstance(b, bool) and _double(a) == _double(b)


def loose_equals(a: JsValue, b: JsValue, budget: Budget) -> bool:
    """Whether ``a == b``: null equals undefined, and a string or array compared with a number becomes a number."""
    if a is None or a is UNDEFINED:
        return b is None or b is UNDEFINED
    if b is None or b is UNDEFINED:
        return False
    if isinstance(a, (list, dict)):
        if isinstance(b, (list, dict)):
            return a is b
        a = to_string(a, budget)
    elif isinstance(b, (list, dict)):
        b = to_string(b, budget)
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    return to_number(a, budget) == to_number(b, budget)


def less_than(a: JsValue, b: JsValue, budget: Budget, *, or_equal: bool = False) -> bool:
    """Whether ``a < b`` or ``a <= b``: two strings by their code units, anything else as numbers; false for NaN."""
    if isinstance(a, (list, dict)):
        a = to_string(a, budget)
    if isinstance(b, (list, dict)):
        b = to_string(b, budget)
    if isinstance(a, str) and isinstance(b, str):
        if not (a.isascii() and b.isascii()):
            a, b = to_units(a), to_units(b)
        return a <= b if or_equal else a < b
    left, right = to_number(a, budget), to_number(b, budget)
    return left <= right if or_equal else left < right


def to_number(value: JsValue, budget: Budget) -> Number:
    """Return ``Number(value)``: a blank string, null and ``[]`` are 0; a value that is no number is NaN."""
    if isinstance(value, str):
        return _number_of(value)
    if value is None or isinstance(value, bool):
        return int(value is True)
    if value is UNDEFINED or isinstance(value, dict):
        return math.nan
    if isinstance(value, list):
        return _number_of(to_string(value, budget))
    return _double(value)


def parse_float(value: JsValue, budget: Budget) -> Number:
    """Return ``parseFloat(value)``: the number at the start of ``String(value)``, else NaN."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _double(value) or 0  # String(-0) is "0"
    match = _DECIMAL.match(to_string(value, budget).lstrip(_WHITESPACE))
    return _decimal(match[0]) if match else math.nan


def to_string(value: JsValue, budget: Budget) -> str:
    """Return ``String(value)``: the elements of an array are joined by commas, and null elements are empty."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        budget.spend(1 + len(value))
        text = ",".join("" if item is None else to_string(item, budget) for item in value)
        budget.spend(len(text))
        return text
    if isinstance(value, (int, float)):
        return _text_of(_double(value))
    return "undefined" if value is UNDEFINED else "[object Object]"


def to_units(text: str) -> str:
    """Return text with one character per UTF-16 code unit, so that Python counts and orders as JavaScript does."""
    return _ASTRAL.sub(_surrogates, text)


def from_units(text: str) -> str:
    """Return text with its surrogate pairs joined to characters."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _surrogates(match: re.Match[str]) -> str:
    offset = ord(match[0]) - 0x10000
    return chr(0xD800 + (offset >> 10)) + chr(0xDC00 + (offset & 0x3FF))


def _double(number: Number) -> Number:
    """Round to a double. Integers up to 2**53 stay integers: they are the same numbers, and faster."""
    if isinstance(number, float) or -_SAFE <= number <= _SAFE:
        return number
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _number_of(text: str) -> Number:
    text = text.strip(_WHITESPACE)
    if not text:
        return 0
    if _DECIMAL.fullmatch(text):
        return _decimal(text)
    match = _RADIX.fullmatch(text)
    if match is None:
        return math.nan
    digits, base = next((match[name], base) for name, base in (("hex", 16), ("octal", 8), ("binary", 2)) if match[name])
    return _double(int(digits, base))


def _decimal(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


def _text_of(number: Number) -> str:
    """Return a number's shortest digits, with an exponent below 1e-6 and from 1e21 (ECMA-262, Number::toString)."""
    if isinstance(number, int):
        return str(number)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if not number:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{point - 1:+d}"
