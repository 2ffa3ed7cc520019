"""What the templates need to know of a model's properties, said once, from openapi-python-client's parse."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import define
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

# What openapi-python-client calls the kinds of plain values, and the type of the attribute.
_SCALARS = {
    "StringProperty": "str",
    "DateProperty": "str",
    "UuidProperty": "str",
    "BooleanProperty": "bool",
    "IntProperty": "int",
    "FloatProperty": "float",
    "DateTimeProperty": "datetime",
}


class Ref(NamedTuple):
    """A generated class and the module it lives in."""

    name: str
    module: str


@define
class Field:
    """One property of a model."""

    json: str
    attr: str
    required: bool
    many: bool
    kind: str
    """str, int, float, bool, datetime, enum, model, map or json (whatever it is, kept as it came)."""
    ref: Ref | None
    """The class of an enum or a model; of the elements when `many`."""
    values: str
    """What a map's values are: str or JsonValue."""
    when: tuple[str, str] | None
    """For json content: the attribute and its text that make a list of it a list of `ref`."""
    doc: str

    @property
    def annotation(self) -> str:
        """The attribute's type, as written in the class."""
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
        """What the JSON has to be, for an error message."""
        one = {"str": "a string", "int": "an integer", "float": "a number", "bool": "true or false"}
        one |= {"datetime": "a date-time", "enum": "a string", "json": "given"}
        return "a list" if self.many else one.get(self.kind, "an object")


def is_map(model: ModelProperty) -> bool:
    """Whether a schema has no properties of its own: a plain dict to a Python caller, never a class."""
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
                f"which would both be called {field.attr}. Rename one with an overlay action."
            )
    return found


def sentence(text: UntrustedString | None) -> str:
    """Return a description in one line, ending in a full stop."""
    line = " ".join(text.get_untrusted_value().split()) if text else ""
    return f"{line.rstrip('.')}." if line else ""


def imports_of(fields: list[Field], own: str) -> list[Ref]:
    """Return the other generated classes that the fields need, without the class `own` itself."""
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
    """Return what a nullable property is when it is not null: null reads as absent anyway."""
    if isinstance(prop, UnionProperty):
        others = [inner for inner in prop.inner_properties if not isinstance(inner, NoneProperty)]
        if len(others) == 1:
            return others[0]
    return prop


def _kind(prop: PropertyProtocol) -> tuple[str, Ref | None, str]:
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
    """Yield what a docstring says of a property: its description, then the limits the specification sets."""
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
