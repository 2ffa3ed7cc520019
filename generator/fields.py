"""Describe the fields of a model for the templates, from the schema that openapi-python-client has parsed."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

from attrs import frozen
from openapi_python_client import schema as oai
from openapi_python_client.parser.properties import EnumProperty, ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.strings import ClassName, PythonIdentifier, snake_case

from .errors import SpecificationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openapi_python_client.parser.properties.protocol import PropertyProtocol
    from openapi_python_client.schema.untrusted_string import UntrustedString

# Names that mean something else inside a generated class: keywords, the public members of Model, the functions and
# types that the class body names, and `self`, which is a parameter of __init__. A property of that name gets a `_`.
# Every other name stays as it is, also `type`, `id` and `property`, because the documented calls use them.
_TAKEN = frozenset(
    {
        *keyword.kwlist,
        *("additional_properties", "from_dict", "to_dict"),
        *("bool", "classmethod", "datetime", "dict", "field", "float", "int", "list", "str"),
        "self",
    }
)

# The type of the attribute for each class of plain property in openapi-python-client.
_SCALARS = {
    "StringProperty": "str",
    "DateProperty": "str",
    "UuidProperty": "str",
    "BooleanProperty": "bool",
    "IntProperty": "int",
    "FloatProperty": "float",
    "DateTimeProperty": "datetime",
}


@frozen(order=True)
class Ref:
    """A generated class and its module."""

    name: str
    module: str


@frozen
class Field:
    """One field of a model."""

    json: str
    """Name in the JSON."""
    attr: str
    """Name of the Python attribute."""
    required: bool
    many: bool
    """Whether the field is a list. `kind`, `ref` and `values` then describe its items."""
    kind: str
    """str, int, float, bool, datetime, enum, model, map or json (any JSON value, kept unchanged)."""
    ref: Ref | None
    """The class of an enum or a model."""
    values: str
    """The type of the values of a map: str or JsonValue."""
    when: tuple[str, str] | None
    """For a json field: when this attribute has this value, a list is read as a list of `ref`."""
    doc: str
    """The docstring, or an empty string if the specification says nothing about the field."""

    @property
    def annotation(self) -> str:
        """The type of the attribute, as the class states it."""
        if self.when and self.ref:
            return f"JsonValue | list[{self.ref.name}]"
        base = {
            "map": f"dict[str, {self.values}]",
            "json": "JsonValue",
        }.get(self.kind) or (self.ref.name if self.ref else self.kind)
        if self.many:
            base = f"list[{base}]"
        return base if self.required or self.kind == "json" else f"{base} | None"

    @property
    def expects(self) -> str:
        """The expected JSON, for an error message."""
        one = {"str": "a string", "int": "an integer", "float": "a number", "bool": "true or false"}
        one |= {"datetime": "a date-time", "enum": "a string", "json": "given"}
        return "a list" if self.many else one.get(self.kind, "an object")


def is_map(model: ModelProperty) -> bool:
    """Whether a schema has no properties of its own. It becomes a plain dict instead of a class."""
    return not model.data.properties


def fields_of(model: ModelProperty) -> list[Field]:
    """Return the model's fields, in the order of the specification."""
    properties = [*(model.required_properties or ()), *(model.optional_properties or ())]
    known: dict[UntrustedString, Any] = {**(model.data.properties or {})}
    order = list(known)
    properties.sort(key=lambda prop: order.index(prop.name))
    found = [_field(prop, known[prop.name]) for prop in properties]
    by_attribute = {field.attr: field.json for field in found}
    for field in found:
        if by_attribute[field.attr] != field.json:
            raise SpecificationError(
                f"{model.class_info.name} has properties {field.json} and {by_attribute[field.attr]}, "
                f"which would both be called {field.attr} in Python. Rename one of them with an overlay action."
            )
    return found


def sentence(text: UntrustedString | None) -> str:
    """Return a description as one line that ends with a full stop, or an empty string if there is none."""
    line = " ".join(text.get_untrusted_value().split()) if text else ""
    return f"{line.rstrip('.')}." if line else ""


def imports_of(fields: list[Field], own: str) -> list[Ref]:
    """Return the generated classes that the fields use, without the class `own` itself."""
    return sorted({field.ref for field in fields if field.ref and field.ref.name != own})


def attribute(name: str) -> str:
    """Return the Python name of the property `name`."""
    plain = snake_case(name)
    if not plain.isidentifier():
        plain = str(PythonIdentifier(name, prefix="field_"))
    return f"{plain}_" if plain in _TAKEN else plain


def _field(prop: PropertyProtocol, schema: oai.Schema | oai.Reference) -> Field:
    inner = _not_null(prop)
    many = isinstance(inner, ListProperty)
    item = inner.inner_property if isinstance(inner, ListProperty) else inner
    kind, ref, values = _kind(item)
    if many and kind in ("map", "json", "datetime"):
        many, kind, ref = False, "json", None
    name = prop.name.get_untrusted_value()
    when = None
    extras = schema.model_extra or {}
    if "x-list-when" in extras:
        rule = extras["x-list-when"]
        many, kind, when = False, "json", (attribute(rule["property"]), str(rule["equals"]))
        ref = _reference(rule["items"])
    return Field(
        json=name,
        attr=attribute(name),
        required=prop.required,
        many=many,
        kind=kind,
        ref=ref,
        values=values,
        when=when,
        doc=" ".join(_sentences(prop, schema, item)),
    )


def _not_null(prop: PropertyProtocol) -> PropertyProtocol:
    """Return the other alternative of a nullable property: null needs no type, because it is read as absent."""
    if isinstance(prop, UnionProperty):
        others = [inner for inner in prop.inner_properties if not isinstance(inner, NoneProperty)]
        if len(others) == 1:
            return others[0]
    return prop


def _kind(prop: PropertyProtocol) -> tuple[str, Ref | None, str]:
    """Return the kind of a property that is not a list, and the `ref` and the `values` that belong to it."""
    if isinstance(prop, EnumProperty):
        if prop.value_type is not str:
            return "int", None, ""
        return "enum", Ref(prop.class_info.name, prop.class_info.module_name), ""
    if isinstance(prop, ModelProperty):
        if not is_map(prop):
            return "model", Ref(prop.class_info.name, prop.class_info.module_name), ""
        values = prop.data.additionalProperties
        texts = isinstance(values, oai.Schema) and values.type is oai.DataType.STRING
        return "map", None, "str" if texts else "JsonValue"
    return _SCALARS.get(type(prop).__name__, "json"), None, ""


def _reference(pointer: str) -> Ref:
    name = ClassName(pointer.rsplit("/", 1)[-1], "")
    return Ref(name, snake_case(name))


def _sentences(prop: PropertyProtocol, schema: oai.Schema | oai.Reference, item: PropertyProtocol) -> Iterator[str]:
    """Yield the sentences of the docstring of a property: its description, then its limits and its default."""
    own = schema.description if isinstance(schema, oai.Schema) else None
    text = sentence(own or prop.description)
    if text:
        yield text
    limits = schema if isinstance(schema, oai.Schema) else oai.Schema()
    yield from _range(limits.minimum, limits.maximum, "")
    yield from _range(limits.minLength, limits.maxLength, " characters")
    yield from _range(limits.minItems, limits.maxItems, " items")
    if isinstance(item, ModelProperty):
        yield from _range(item.data.minProperties, item.data.maxProperties, " entries")
    if limits.default is not None:
        yield f"Absent means {str(limits.default).lower()}."


def _range(low: float | None, high: float | None, unit: str) -> Iterator[str]:
    least, most = _number(low), _number(high)
    if least and least == most:
        yield f"Exactly {least}{unit}."
    elif least and most:
        yield f"{least} to {most}{unit}."
    elif most:
        yield f"At most {most}{unit}."
    elif least:
        yield f"At least {least}{unit}."


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else str(value)
