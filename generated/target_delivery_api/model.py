"""What every model and enum shares."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

    from .types import JsonValue

__all__ = [
    "Members",
    "Model",
    "ModelError",
    "OpenStrEnum",
    "no_more",
    "require_object",
    "read_datetime",
    "write_datetime",
]

Enum = TypeVar("Enum", bound="OpenStrEnum")


class ModelError(ValueError):
    """JSON that cannot be read as the model asked for, or a model that cannot be written as JSON.

    The text names the class and the field, and never shows the value, which may be a token or a visitor id.
    """


class Model:
    """A JSON object of the API.

    Absent fields are None. What the specification does not know is kept in `additional_properties` and is
    written back, so that reading and writing loses nothing.
    """

    __slots__ = ()

    JSON_NAMES: ClassVar[Mapping[str, str]] = {}
    """The attribute of each JSON name."""

    additional_properties: dict[str, JsonValue]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read one from decoded JSON, tolerantly: the other end may be newer than this code.

        null reads as absent. A name the specification does not have, and an optional field whose value is not
        of the specified type, are kept as they came in additional_properties. JSON of no fixed form is not
        copied: it is shared with `data`.

        Raises:
            ModelError: `data` is no object, or a required field in it is absent or not of the specified type.
        """
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object: a new dict with the fields that are set, ready for json.dumps.

        JSON of no fixed form in it is not copied: it is shared with the model.
        """
        raise NotImplementedError

    def unread(self, data: Mapping[str, Any]) -> dict[str, JsonValue]:
        """Return what of `data` is in no field: unknown names, and values of another type than specified."""
        names = self.JSON_NAMES
        return {
            key: value
            for key, value in data.items()
            if (name := names.get(key)) is None or (value is not None and getattr(self, name) is None)
        }

    def with_additional(self, known: dict[str, Any]) -> dict[str, Any]:
        """Add additional_properties to the JSON object `known`; a field that is set wins over them."""
        for key, value in self.additional_properties.items():
            known.setdefault(key, value)
        return known

    @classmethod
    def unreadable(cls, name: str, expected: str, value: object) -> ModelError:
        """Return the error for a required field that is absent or not of the specified type."""
        found = "it is absent" if value is None else f"it is {_form(value)}"
        return ModelError(f"{cls.__name__}.{name} has to be {expected}, and {found}.")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        names = (*self.JSON_NAMES.values(), "additional_properties")
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name in self.JSON_NAMES.values()]
        shown = [f"{name}={value!r}" for name, value in values if value is not None]
        if self.additional_properties:
            shown.append(f"additional_properties={self.additional_properties!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


class OpenStrEnum(StrEnum):
    """Texts that the specification names, open for those it does not name yet.

    A text without a member becomes a member of its own: it equals its text and is an instance of the enum,
    but is registered nowhere, so iterating over the enum still gives what the specification has.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = str(value)
        return member


class Members(dict[str, Enum]):
    """The members of an enum by their text, for reading many: faster than calling the enum."""

    def __init__(self, enum: type[Enum]) -> None:
        super().__init__((member.value, member) for member in enum)
        self.enum = enum

    def __missing__(self, text: str) -> Enum:
        return self.enum(text)


def no_more() -> dict[str, JsonValue]:
    """Return the additional properties of an object that has none yet."""
    return {}


def require_object(model: type[Model], value: object) -> None:
    """Raise ModelError for JSON that is no object where a model is to be read."""
    if not isinstance(value, Mapping):
        raise ModelError(f"{model.__name__} is read from a JSON object, and this is {_form(value)}.")


def read_datetime(value: object) -> datetime | None:
    """Return the time that an ISO 8601 text says, None when `value` is no such text."""
    if not isinstance(value, str):
        return None
    from dateutil.parser import isoparse

    try:
        return isoparse(value)
    except ValueError:
        return None


def write_datetime(value: datetime) -> str:
    """Return an RFC 3339 text with an offset from UTC. A time without an offset is local time."""
    from datetime import UTC, timedelta

    offset = value.utcoffset()
    if offset is None:
        value = value.astimezone()
    elif offset % timedelta(minutes=1):
        # RFC 3339 has no seconds in an offset, some historical time zones do.
        value = value.astimezone(UTC)
    return value.isoformat()


def _form(value: object) -> str:
    forms: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "true or false",
        type(None): "null",
    }
    return forms.get(type(value), "a number" if isinstance(value, (int, float)) else f"a {type(value).__name__}")
