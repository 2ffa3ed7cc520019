"""Describe the models of a specification for the templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from . import names
from .docs import sentences
from .errors import SpecificationError
from .tree import component, is_object
from .types import JSON, Object, Ref, Type, Types, named

if TYPE_CHECKING:
    from collections.abc import Iterable


@frozen
class Field:
    """One field of a model."""

    json: str
    """Name in the JSON."""
    attr: str
    """Name of the Python attribute."""
    required: bool
    type: Type
    """The type of a value that is not null."""
    nullable: bool
    """Whether null is a value of the field. An absent field is None as well."""
    when: tuple[str, str, Ref] | None
    """An attribute, its value and a model: if the attribute has the value, a list is read as a list of the model."""
    doc: str
    """The docstring, or an empty string if the specification says nothing about the field."""

    @property
    def annotation(self) -> str:
        """The annotation of the attribute in the class."""
        if self.when:
            return f"JsonValue | list[{self.when[2].name}]"
        base = self.type.annotation
        return base if self.type.kind == "json" or (self.required and not self.nullable) else f"{base} | None"

    @property
    def expects(self) -> str:
        """The expected JSON, for an error message."""
        return f"{self.type.expects}, or null" if self.nullable else self.type.expects


@frozen
class Model:
    """A model to write."""

    class_info: Ref
    doc: str
    fields: list[Field]

    @property
    def nullable(self) -> list[str]:
        """The JSON names of the optional fields that may be null. In Python, null and an absent field are both None."""
        return [field.json for field in self.fields if field.nullable and not field.required]

    @property
    def unions(self) -> list[Type]:
        """The unions that need a function to read them."""
        return unions_of(field.type for field in self.fields)

    @property
    def refs(self) -> list[Ref]:
        """The generated classes that the fields use, without the class itself."""
        given = [field.when[2] for field in self.fields if field.when]
        return sorted({*given, *refs_of(field.type for field in self.fields)} - {self.class_info})

    @property
    def uses_deprecated(self) -> bool:
        """Whether the module names a deprecated class. Type checkers may report it."""
        return self.class_info.deprecated or any(ref.deprecated for ref in self.refs)


def models_of(types: Types) -> list[Model]:
    """Return all models, also of schemas without a name."""
    models: list[Model] = []
    # The list grows during the loop: a property with an object without a name adds an entry.
    for found in types.objects:
        with named(found.place):
            fields = _fields(found, types)
            models.append(Model(found.class_info, types.doc(found.class_info, found.schema), fields))
    return models


def refs_of(types: Iterable[Type]) -> set[Ref]:
    """Return the generated classes inside the types."""
    return {part.ref for one in types for part in one.parts() if part.ref}


def unions_of(types: Iterable[Type]) -> list[Type]:
    """Return the unions and tagged types inside the types, each once, as types that are not nullable."""
    parts = (part for one in types for part in one.parts() if part.label)
    return list(dict.fromkeys(evolve(part, nullable=False) for part in parts))


def _fields(found: Object, types: Types) -> list[Field]:
    required = found.schema.get("required") or ()
    fields = [
        _field(name, schema, name in required, found, types) for name, schema in found.schema["properties"].items()
    ]
    # A class and an attribute can have the same name if its letters have no upper and lower case, as in Chinese.
    taken = {*names.ATTRIBUTES, found.class_info.name, *(ref.name for ref in refs_of(field.type for field in fields))}
    fields = [evolve(field, attr=names.attribute(field.json, taken)) for field in fields]
    by_attribute = {field.attr: field.json for field in fields}
    for field in fields:
        if by_attribute[field.attr] != field.json:
            raise SpecificationError(
                f"{found.class_info.name} has properties {field.json} and {by_attribute[field.attr]}, "
                f"which would both be called {field.attr} in Python. Remove one of them with an overlay action; its "
                "values are then in additional_properties."
            )
    return fields


def _field(name: str, schema: Any, required: bool, found: Object, types: Types) -> Field:
    place = f"{found.place}.properties.{name}"
    with named(place):
        kind = types.of(schema, found.class_info.name, name)
        meant = types.schema(schema)
        # In OpenAPI 3.0, only a description has a meaning beside a reference.
        stated = schema if is_object(schema) and component(schema) is None else {}
        rule: Any = meant.get("x-list-when")
        when = None
        if rule:
            target = types.of({"$ref": rule["items"]})
            if target.kind != "model" or target.ref is None:
                raise SpecificationError(f"{place}.x-list-when.items must refer to a schema with properties.")
            when = (names.attribute(rule["property"]), str(rule["equals"]), target.ref)
        return Field(
            json=name,
            attr=name,
            # A readOnly field is absent from requests, and a writeOnly field is absent from answers.
            required=required and not (meant.get("readOnly") is True or meant.get("writeOnly") is True),
            type=JSON if when else evolve(kind, nullable=False),
            nullable=kind.nullable,
            when=when,
            doc=sentences(stated, meant, types.schema(stated.get("items", schema))),
        )
