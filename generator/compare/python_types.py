"""Compare the Python types of two schemas as a type checker does.

The types are those that the generator gives to the schemas, so the report cannot differ from the generated code.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ..endpoints import collections_of
from ..errors import SpecificationError
from ..fields import models_of
from ..tree import COMPONENTS, schemas
from ..types import JSON, Type, Types

if TYPE_CHECKING:
    from .differences import Object

_ANY_MAP = Type("map", item=JSON)
# Each type that is not a union, with the other types whose values a type checker takes for it.
_WIDER = {"float": ("int", "bool"), "int": ("bool",), "str": ("enum",)}
# The types whose JSON the code for a type can read. Enums are open.
_READABLE = {"float": ("int",), "str": ("enum", "datetime"), "enum": ("str", "datetime")}


class PythonTypes:
    """The Python types of the schemas of one document."""

    def __init__(self, document: Object) -> None:
        self._document = document
        self._names = {id(schema): name for name, schema in schemas(document).items()}

    @cached_property
    def _types(self) -> Types | None:
        types: Types | None = None
        # The published document may need corrections of the overlay before the generator can read it.
        with suppress(SpecificationError):
            types = Types(self._document)
            # The classes of schemas without a name are called after the place where they are found first.
            models_of(types)
            collections_of(self._document, types)
        return types

    def of(self, schema: Any, place: str) -> Type:
        """Return the type for a schema; any JSON value if the generator refuses the schema."""
        name = self._names.get(id(schema))
        if self._types is not None:
            with suppress(SpecificationError):
                return self._types.of({"$ref": f"{COMPONENTS}{name}"} if name else schema, *place.split("."))
        return JSON

    def merged(self, schema: Object) -> Object | None:
        """Return a schema with the parts of its allOf as one, or None if they do not fit together."""
        if self._types is not None:
            with suppress(SpecificationError):
                return self._types.merged(schema)
        return None

    def is_one_way(self, schema: Any) -> bool:
        """Whether only requests or only answers contain a field with this schema, so that it is optional in Python."""
        if self._types is None:
            return False
        with suppress(SpecificationError):
            meant = self._types.schema(schema)
            return meant.get("readOnly") is True or meant.get("writeOnly") is True
        return False


def fits(value: Type, place: Type) -> bool:
    """Whether a type checker takes a variable of the type `value` where it expects the type `place`."""
    if value.nullable and value.kind != "json":
        return (place.nullable or place.kind == "json") and fits(evolve(value, nullable=False), place)
    if value.kind == "union":
        return all(fits(option, place) for option in value.options)
    if value.kind == "tagged":
        return all(fits(option, place) for option in (*value.options, _ANY_MAP))
    if place.kind == "union":
        return any(fits(value, option) for option in place.options)
    if place.kind == "tagged":
        return any(fits(value, option) for option in (*place.options, _ANY_MAP))
    if place.kind == "json":
        # list[str] is no list[JsonValue], because lists and dicts can be changed.
        return value.item.kind == "json" if value.item else value.kind not in ("datetime", "model")
    if value.annotation == evolve(place, nullable=False).annotation:
        return True
    return value.kind in _WIDER.get(place.kind, ())


def reads(code: Type, value: Type) -> bool:
    """Whether the code that reads the type `code` can read every JSON value of the type `value`."""
    if code.kind == "json":
        return True
    if value.kind in ("union", "tagged"):
        return all(reads(code, option) for option in value.options)
    if code.kind == "union":
        return any(reads(option, value) for option in code.options)
    if code.kind == "tagged":
        # An object with an unknown tag stays a dict.
        return value.kind in ("model", "map")
    plain = evolve(value, nullable=False).annotation == evolve(code, nullable=False).annotation
    return plain or value.kind in _READABLE.get(code.kind, ())
