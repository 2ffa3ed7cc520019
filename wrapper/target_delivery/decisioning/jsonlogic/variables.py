"""Operators that read data: ``var``, ``missing`` and ``missing_some``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_delivery.decisioning.jsonlogic.javascript import UNDEFINED, defined, to_number, to_string, to_units
from target_delivery.decisioning.jsonlogic.node import Node, S, Scope, undefined, valued

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_delivery.decisioning._json import JsonValue
    from target_delivery.decisioning.jsonlogic.javascript import JsValue

__all__ = ["computed", "in_data", "look_up", "missing", "missing_some", "with_default"]


def look_up(data: JsValue, parts: Sequence[str], missing: JsValue = UNDEFINED) -> JsValue:
    """Follow a path through objects, arrays and strings. Returns ``missing`` when it leads nowhere."""
    for part in parts:
        if isinstance(data, dict):
            data = data.get(part, UNDEFINED)
        elif isinstance(data, list):
            data = _element(data, part)
        elif isinstance(data, str):
            data = _element(to_units(data), part)
        else:
            return missing
    return missing if data is UNDEFINED else data


def _element(items: list[JsonValue] | str, part: str) -> JsValue:
    if part == "length":
        return len(items)
    if part.isdecimal() and part.isascii() and len(part) < 10 and (part == "0" or part[0] != "0"):
        index = int(part)
        return items[index] if index < len(items) else UNDEFINED
    return UNDEFINED


def in_data(path: str, default: Callable[[S], JsValue]) -> Node[S]:
    """Compile ``var`` with a literal name, looked up in ``scope.data``."""
    parts = path.split(".")
    return with_default(lambda scope: _charged(look_up(scope.data, parts), scope), default)


def computed(name: Callable[[S], JsValue], default: Callable[[S], JsValue]) -> Node[S]:
    """Compile ``var`` with a name that is itself a condition; an empty name reads all data."""

    def get(scope: S) -> JsValue:
        path = name(scope)
        if path is None or path is UNDEFINED or path == "":
            return scope.data
        return _charged(look_up(scope.data, to_string(path, scope.budget).split(".")), scope)

    return with_default(get, default)


def with_default(get: Callable[[S], JsValue], default: Callable[[S], JsValue]) -> Node[S]:
    """Make a node that evaluates ``default`` where ``get`` finds nothing."""

    def value(scope: S) -> JsValue:
        found = get(scope)
        return default(scope) if found is UNDEFINED else found

    return valued(value)


def missing(nodes: list[Node[S]]) -> Node[S]:
    """Compile ``missing``: the given names that the data has no value for."""
    values = [node.value for node in nodes]

    def value(scope: S) -> JsValue:
        names = [part(scope) for part in values]
        first = names[0] if names else None
        return _missing_of(first if isinstance(first, list) else names, scope)

    return valued(value)


def missing_some(nodes: list[Node[S]]) -> Node[S]:
    """Compile ``missing_some``: as ``missing``, but empty when the data has as many of the names as are needed."""
    values = [node.value for node in nodes]
    need_value, names_value = [*values, undefined, undefined][:2]

    def value(scope: S) -> JsValue:
        given = names_value(scope)
        names = given if isinstance(given, list) else [given]
        absent = _missing_of(names, scope)
        enough = len(names) - len(absent) >= to_number(need_value(scope), scope.budget)
        return [] if enough else absent

    return valued(value)


def _missing_of(names: Sequence[JsValue], scope: Scope) -> list[JsonValue]:
    absent: list[JsonValue] = []
    scope.budget.spend(len(names))
    for name in names:
        if name is None or name is UNDEFINED or name == "":
            value = scope.data
        else:
            value = look_up(scope.data, to_string(name, scope.budget).split("."))
        if value is None or value is UNDEFINED or value == "":
            absent.append(defined(name))
    return absent


def _charged(value: JsValue, scope: Scope) -> JsValue:
    """Pay for reading a string or array: a body may read it again for each element."""
    if isinstance(value, (str, list)):
        scope.budget.spend(len(value))
    return value
