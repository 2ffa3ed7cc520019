"""The base classes of all models and enums, and the functions that their methods call."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from pydantic_core import CoreSchema

    from .types import JsonValue

__all__ = [
    "NEW_DICT",
    "Members",
    "Model",
    "ModelError",
    "OpenStrEnum",
    "read_datetime",
    "require_object",
    "write_datetime",
]

Enum = TypeVar("Enum", bound="OpenStrEnum")

NEW_DICT: Callable[[], dict[str, JsonValue]] = dict
"""The factory of `additional_properties`. The plain `dict` would leave type checkers without the item types."""


class ModelError(ValueError):
    """JSON cannot be read as a model, or a model cannot be written as JSON.

    The message names the class and the field. It never contains the value, which may be a token or a visitor id.
    """


class Model:
    """A JSON object of the API.

    A field that is absent from the JSON is None. Reading and then writing a model loses nothing: unknown fields
    are kept in `additional_properties`.

    The names of helpers begin with an underscore. The names of fields never do, so the two cannot collide.
    """

    __slots__ = ()

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {}
    """The attribute for each JSON name."""

    _NULLABLE: ClassVar[frozenset[str]] = frozenset()
    """The JSON names of the optional fields whose null the specification tells apart from an absent field."""

    additional_properties: dict[str, JsonValue]
    """JSON values that no field holds, by JSON name: unknown fields, values of an unexpected type, and null."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a model from decoded JSON.

        Reading is tolerant, because the edge may be newer than this code. null is read as absent. Unknown fields,
        and optional fields whose value has another type than specified, are kept in `additional_properties`. So is
        the null of an optional field that may be null: `additional_properties={"name": None}` also sends null.
        Values whose form the specification leaves open are not copied: the model shares them with `data`.

        Raises:
            ModelError: `data` is not an object, or a required field is absent or has the wrong type.
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the model as a new JSON object for json.dumps, with the fields that are not None.

        Values whose form the specification leaves open are not copied: the result shares them with the model.
        """
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple[str, JsonValue]]:
        """Iterate over the names and values of the JSON object, so that `dict(model)` is `model.to_dict()`."""
        return iter(self.to_dict().items())

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        """Let pydantic read a model with `from_dict` and write it with `to_dict`."""
        from .pydantic_schema import core_schema_of

        return core_schema_of(cls)

    def _unread(self, data: Mapping[str, Any]) -> dict[str, JsonValue]:
        """Return the items of `data` that no field holds: unknown names, and values of an unexpected type."""
        names = self._JSON_NAMES
        return {
            key: value
            for key, value in data.items()
            if (name := names.get(key)) is None
            or (getattr(self, name) is None if value is not None else key in self._NULLABLE)
        }

    def _with_additional(self, known: dict[str, Any]) -> dict[str, Any]:
        """Add `additional_properties` to the JSON object `known`, without replacing a field that is set."""
        for key, value in self.additional_properties.items():
            known.setdefault(key, value)
        return known

    @classmethod
    def _unreadable(cls, name: str, expected: str, value: object) -> ModelError:
        """Return the error for a required field that is absent or has the wrong type."""
        found = "it is absent" if value is None else f"it is {_form(value)}"
        return ModelError(f"{cls.__name__}.{name} must be {expected}, but {found}.")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        names = (*self._JSON_NAMES.values(), "additional_properties")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name in self._JSON_NAMES.values()]
        shown = [f"{name}={value!r}" for name, value in values if value is not None]
        if self.additional_properties:
            shown.append(f"additional_properties={self.additional_properties!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


class OpenStrEnum(StrEnum):
    """Strings that the specification lists, and any other string that the edge may send in the future.

    Calling the enum with an unlisted string returns a new member that equals the string. The enum does not
    remember it: iteration gives only the members of the specification.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = str(value)
        return member


class Members(dict[str, Enum]):
    """The members of an enum by their string. A look-up here is faster than a call of the enum."""

    def __init__(self, enum: type[Enum]) -> None:
        super().__init__((member.value, member) for member in enum)
        self.enum = enum

    def __missing__(self, text: str) -> Enum:
        return self.enum(text)


def require_object(model: type[Model], value: object) -> None:
    """Raise ModelError if `value` is not a JSON object, from which alone `model` can be read."""
    if not isinstance(value, Mapping):
        raise ModelError(f"{model.__name__} must be read from a JSON object, but this is {_form(value)}.")


def read_datetime(value: object) -> datetime | None:
    """Return the time that an ISO 8601 string gives, or None if `value` is not such a string."""
    if not isinstance(value, str):
        return None
    from dateutil.parser import isoparse  # few answers contain a time, so import it only for those that do

    try:
        return isoparse(value)
    except ValueError:
        return None


def write_datetime(value: datetime) -> str:
    """Return an RFC 3339 string with an offset from UTC. A time without an offset is taken as local time."""
    from datetime import UTC, timedelta

    offset = value.utcoffset()
    if offset is None:
        value = value.astimezone()
    elif offset % timedelta(minutes=1):
        # Some historical time zones have seconds in their offset, which RFC 3339 does not allow.
        value = value.astimezone(UTC)
    return value.isoformat()


def _form(value: object) -> str:
    """Return in words what kind of JSON `value` is, for an error message that must not contain the value."""
    words: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    if value is None:
        return "null"
    return words.get(type(value), "a number" if isinstance(value, (int, float)) else f"a Python {type(value).__name__}")
