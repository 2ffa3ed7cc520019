"""Types of JSON values, and reading them where nothing promises that they have the expected shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"

MAX_DEPTH = 100
"""How deep a value of an artifact may nest. Real offers nest a handful of levels."""

_SCALARS = (str, int, float, bool, type(None))


def as_object(value: JsonValue) -> JsonObject:
    """Give value itself when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: JsonValue) -> list[JsonValue]:
    """Give value itself when it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: JsonValue) -> str:
    """Give value itself when it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def copier(value: JsonValue) -> Callable[[], JsonValue]:
    """Prepare a function that makes a copy of value, so that no caller can change what an artifact holds.

    Raises:
        ValueError: value nests deeper than MAX_DEPTH.

    """
    if isinstance(value, dict):
        return object_copier(value)
    if isinstance(value, list):
        return list_copier(value)
    return lambda: value


def object_copier(value: JsonObject) -> Callable[[], JsonObject]:
    """Prepare a function that makes a copy of an object; as copier."""
    if all(isinstance(item, _SCALARS) for item in value.values()):
        return value.copy
    check_depth(value)
    return lambda: copy_object(value)


def list_copier(value: list[JsonValue]) -> Callable[[], list[JsonValue]]:
    """Prepare a function that makes a copy of an array; as copier."""
    if all(isinstance(item, _SCALARS) for item in value):
        return value.copy
    check_depth(value)
    return lambda: copy_list(value)


def copy_object(value: JsonObject) -> JsonObject:
    """Copy an object at every level."""
    return {
        key: item
        if isinstance(item, _SCALARS)
        else copy_object(item)
        if isinstance(item, dict)
        else copy_list(item)
        for key, item in value.items()
    }


def copy_list(value: list[JsonValue]) -> list[JsonValue]:
    """Copy an array at every level."""
    return [
        item
        if isinstance(item, _SCALARS)
        else copy_object(item)
        if isinstance(item, dict)
        else copy_list(item)
        for item in value
    ]


def check_depth(value: JsonValue, depth: int = 0) -> None:
    """Refuse what nests so deep that going through it could fail later.

    Raises:
        ValueError: value nests deeper than MAX_DEPTH.

    """
    if depth > MAX_DEPTH:
        raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
    items: list[JsonValue]
    if isinstance(value, dict):
        items = list(value.values())
    elif isinstance(value, list):
        items = value
    else:
        return
    for item in items:
        if isinstance(item, (dict, list)):
            check_depth(item, depth + 1)
