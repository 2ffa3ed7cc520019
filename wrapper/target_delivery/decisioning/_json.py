"""Types of JSON values, and functions to read values of unknown shape and to copy them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"
AnyObject: TypeAlias = "dict[str, Any]"
"""A JSON object of a caller. Its values are not typed, so that callers need no casts."""

MAX_DEPTH = 100
"""How deep a value of an artifact may nest. Real offers nest about five levels."""

_CONTAINERS = (dict, list)
_SCALARS = frozenset({str, int, float, bool, type(None)})


def as_object(value: JsonValue) -> JsonObject:
    """Return value when it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def as_list(value: JsonValue) -> list[JsonValue]:
    """Return value when it is an array, else an empty array."""
    return value if isinstance(value, list) else []


def as_text(value: JsonValue) -> str:
    """Return value when it is a string, else an empty string."""
    return value if isinstance(value, str) else ""


def as_scalar(value: JsonValue) -> bool | int | float | str | None:
    """Return value when it is neither an object nor an array, else None."""
    return None if isinstance(value, _CONTAINERS) else value


def copier(value: JsonValue, depth: int = 0) -> Callable[[], JsonValue] | None:
    """Return a function that copies value, so that no caller can change the content of an artifact.

    Returns:
        None when value is immutable and needs no copy.

    Raises:
        ValueError: value nests deeper than MAX_DEPTH.
    """
    if isinstance(value, dict):
        return object_copier(value, depth)
    if isinstance(value, list):
        return list_copier(value, depth)
    return None


def object_copier(value: JsonObject, depth: int = 0) -> Callable[[], JsonObject]:
    """Return a function that copies an object.

    Raises:
        ValueError: as copier.
    """
    if _SCALARS.issuperset(map(type, value.values())):
        return value.copy
    _check(depth)
    inner = [(key, copy) for key, item in value.items() if (copy := copier(item, depth + 1)) is not None]

    def copy_object() -> JsonObject:
        made = value.copy()
        for key, copy in inner:
            made[key] = copy()
        return made

    return copy_object


def list_copier(value: list[JsonValue], depth: int = 0) -> Callable[[], list[JsonValue]]:
    """Return a function that copies an array.

    Raises:
        ValueError: as copier.
    """
    if _SCALARS.issuperset(map(type, value)):
        return value.copy
    _check(depth)
    inner = [(at, copy) for at, item in enumerate(value) if (copy := copier(item, depth + 1)) is not None]

    def copy_list() -> list[JsonValue]:
        made = value.copy()
        for at, copy in inner:
            made[at] = copy()
        return made

    return copy_list


def _check(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")


def check_depth(value: JsonValue, depth: int = 0) -> None:
    """Refuse a value that nests so deep that a recursive function could fail on it.

    Raises:
        ValueError: value nests deeper than MAX_DEPTH.
    """
    _check(depth)
    items = value.values() if isinstance(value, dict) else as_list(value)
    for item in items:
        if isinstance(item, _CONTAINERS):
            check_depth(item, depth + 1)


def copy_object(value: JsonObject) -> JsonObject:
    """Copy an object at every level."""
    return {key: copy(item) for key, item in value.items()}


def copy(value: JsonValue) -> JsonValue:
    """Copy objects and arrays at every level."""
    if isinstance(value, dict):
        return copy_object(value)
    if isinstance(value, list):
        return [copy(item) for item in value]
    return value
