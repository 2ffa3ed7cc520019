"""Read and write the JSON of fields, parameters and answers whose types are made of other types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from .model import Model, read_datetime, write_datetime

if TYPE_CHECKING:
    from .types import JsonValue

__all__ = [
    "Unfit",
    "as_bool",
    "as_datetime",
    "as_float",
    "as_int",
    "as_list",
    "as_object",
    "as_str",
    "write_json",
]


class Unfit(Exception):
    """A JSON value has another type than the specification says."""


def as_str(value: JsonValue) -> str:
    """Return `value` if it is a string. Raises Unfit otherwise."""
    if isinstance(value, str):
        return value
    raise Unfit


def as_bool(value: JsonValue) -> bool:
    """Return `value` if it is true or false. Raises Unfit otherwise."""
    if isinstance(value, bool):
        return value
    raise Unfit


def as_int(value: JsonValue) -> int:
    """Return `value` if it is an integer. Raises Unfit otherwise."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unfit


def as_float(value: JsonValue) -> float:
    """Return `value` if it is a number. Raises Unfit otherwise."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise Unfit


def as_datetime(value: JsonValue) -> datetime:
    """Return the time that `value` gives as an ISO 8601 string. Raises Unfit otherwise."""
    time = read_datetime(value)
    if time is None:
        raise Unfit
    return time


def as_list(value: JsonValue) -> list[JsonValue]:
    """Return `value` if it is a list. Raises Unfit otherwise."""
    if isinstance(value, list):
        return value
    raise Unfit


def as_object(value: JsonValue) -> dict[str, JsonValue]:
    """Return `value` if it is an object. Raises Unfit otherwise."""
    if isinstance(value, dict):
        return value
    raise Unfit


def write_json(value: object) -> Any:
    """Return the JSON of a value in which models, enums and times may stand anywhere."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, datetime):
        return write_datetime(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {key: write_json(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [write_json(item) for item in cast("list[object]", value)]
    return value
