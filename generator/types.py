"""Choose the Python type and the generated class for each schema of a specification."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from . import names
from .docs import sentence
from .errors import SpecificationError
from .tree import COMPONENTS, component, is_list, is_object, schemas

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}

# The Python class of the JSON of each kind of type, in the order in which a union tests for them.
_JSON = {
    **dict.fromkeys(("str", "enum", "datetime"), "str"),
    "bool": "bool",
    **dict.fromkeys(("int", "float"), "(int, float)"),
    **dict.fromkeys(("map", "model", "tagged"), "dict"),
    "list": "list",
}
_EXPECTED = {
    "str": "a string",
    "bool": "true or false",
    "(int, float)": "a number",
    "dict": "an object",
    "list": "a list",
}


@frozen(order=True)
class Ref:
    """A generated class and its module."""

    name: str
    module_name: str
    members: str = field(default="", order=False)
    """For an enum: the name under which other modules import its MEMBERS."""
    deprecated: bool = field(default=False, order=False)


@frozen
class Type:
    """The Python type that stands for a schema."""

    kind: str
    """str, int, float, bool, datetime, enum, model, list, map, tagged (one of several models, chosen by the value of
    one property, the tag), union (of types whose JSON has different classes), or json (any JSON value, unchanged)."""
    ref: Ref | None = None
    """The class of an enum or a model."""
    item: Type | None = None
    """The items of a list, or the values of a map."""
    options: tuple[Type, ...] = ()
    """The types of a union, or the models of a tagged type."""
    tag: str = ""
    """For a tagged type: the property whose value chooses the model."""
    tags: tuple[tuple[str, ...], ...] = ()
    """For a tagged type: the values of the tag for each of the models."""
    label: str = ""
    """For a union or a tagged type: a name that no other union or tagged type has."""
    nullable: bool = False

    @property
    def annotation(self) -> str:
        """The type as a Python annotation."""
        base = {
            "json": "JsonValue",
            "list": f"list[{self.item and self.item.annotation}]",
            "map": f"dict[str, {self.item and self.item.annotation}]",
            "tagged": " | ".join([*(option.annotation for option in self.options), "dict[str, JsonValue]"]),
            "union": " | ".join(option.annotation for option in self.options),
        }.get(self.kind) or (self.ref.name if self.ref else self.kind)
        return f"{base} | None" if self.nullable and self.kind != "json" else base

    @property
    def accepted(self) -> str:
        """The type of an argument for a request, which may also be the JSON object of a model."""
        return f"{self.annotation} | Mapping[str, Any]" if self.kind == "model" else self.annotation

    @property
    def expects(self) -> str:
        """The expected JSON, for an error message."""
        if self.kind == "union":
            return " or ".join(option.expects for option in self.options)
        special = {"int": "an integer", "datetime": "a date-time", "json": "given"}
        return special.get(self.kind) or _EXPECTED[_JSON[self.kind]]

    @property
    def is_flat(self) -> bool:
        """Whether from_dict can read the type without the functions in reading.py."""
        if self.item is None:
            return not self.label
        if self.item.nullable and self.item.kind != "json":
            return False
        return self.item.kind in (
            ("str", "json") if self.kind == "map" else ("str", "int", "float", "bool", "enum", "model")
        )

    @property
    def tagged(self) -> list[tuple[Type, tuple[str, ...]]]:
        """For a tagged type: each of its models with the values of the tag."""
        return list(zip(self.options, self.tags, strict=True))

    @property
    def test(self) -> str:
        """For a type of a union: the class of its JSON."""
        return _JSON[self.kind]

    @property
    def is_plain(self) -> bool:
        """Whether the Python value, when copied, is the JSON value."""
        return self.kind in ("str", "int", "float", "bool", "json")

    def reading(self, value: str) -> str:
        """Return the Python expression that reads `value`. The expression raises Unfit if the JSON has another type."""
        if self.nullable and self.kind != "json":
            return f"None if {value} is None else {self._reading(value)}"
        return self._reading(value)

    def _reading(self, value: str) -> str:
        if self.kind == "enum" and self.ref:
            return f"{self.ref.members}[as_str({value})]"
        if self.kind == "model" and self.ref:
            return f"{self.ref.name}.from_dict(as_object({value}))"
        if self.kind == "list" and self.item:
            items = f"as_list({value})"
            return items if self.item.kind == "json" else f"[{self.item.reading('item')} for item in {items}]"
        if self.kind == "map" and self.item:
            items = f"as_object({value})"
            if self.item.kind == "json":
                return items
            return f"{{key: {self.item.reading('item')} for key, item in {items}.items()}}"
        if self.label:
            return f"_read_{self.label}({value})"
        return value if self.kind == "json" else f"as_{self.kind}({value})"

    def parts(self) -> Iterator[Type]:
        """Yield the types inside this type, and then the type itself."""
        for inner in (self.item, *self.options):
            if inner:
                yield from inner.parts()
        yield self


JSON = Type("json")


@frozen
class Enum:
    """An enum to write."""

    class_info: Ref
    doc: str
    members: dict[str, str]
    """The values by their names."""
    value_type: type = str


@frozen
class Object:
    """A schema that becomes the class of a model."""

    class_info: Ref
    schema: dict[str, Any]
    place: str
    """The place in the document, for an error message."""


@contextmanager
def named(place: str) -> Generator[None]:
    """Turn an unexpected error into a SpecificationError that names `place`."""
    try:
        yield
    except SpecificationError:
        raise
    except Exception as error:
        raise SpecificationError(
            f"{place} has a form that the generator cannot read: {type(error).__name__}: {error}. Correct it with "
            "an overlay action."
        ) from error


class Types:
    """The types and classes of all schemas of a flattened document."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Name the classes of the named schemas."""
        self.known = schemas(document)
        self.enums: list[Enum] = []
        self.objects: list[Object] = []
        self._refs: dict[str, Ref] = {}
        self._named: dict[str, Type] = {}
        self._labels: set[str] = set()
        # The type of each schema by the schema's id. The schema is kept too, so that Python cannot reuse its id.
        self._read: dict[int, tuple[Any, Type]] = {}
        self._modules: set[str] = set(names.MODULES)
        own = [name for name, schema in self.known.items() if _is_model(schema) or _texts(schema)]
        # Schemas whose name is already a class name come first, so that they keep it.
        own.sort(key=lambda name: (names.class_name(name) != name, name))
        classes: dict[str, str] = {}
        for name in own:
            classes[name] = names.free(names.class_name(name), {*names.CLASSES, *classes.values()})
        self._taken = {*names.CLASSES, *classes.values()}
        for name, python in classes.items():
            self._refs[name] = self._ref(python, self.known[name])
        for name in own:
            self._declare(self._refs[name], self.known[name], f"components.schemas.{name}")

    def of(self, schema: Any, *place: str) -> Type:
        """Return the type for a schema. If it needs a class of its own, the class is named after `place`."""
        if not is_object(schema):
            return JSON  # a boolean schema
        # Several schemas may inherit the same schema. Its class must be declared only once.
        if id(schema) not in self._read:
            full = self.merged(schema)
            name = component(full)
            found = self._of_form(full, place) if name is None else self._of_name(name)
            self._read[id(schema)] = schema, _nullable(found) if _admits_null(full) else found
        return self._read[id(schema)][1]

    def schema(self, schema: Any) -> dict[str, Any]:
        """Return a schema with its reference followed and the parts of its allOf merged."""
        seen: set[str] = set()
        found = self.merged(schema)
        while (name := component(found)) is not None and name not in seen:
            seen.add(name)
            found = self.merged(self.known.get(name, {}))
        return found

    def merged(self, schema: Any, seen: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return a schema without allOf.

        If only one part has a form, and it is a reference, return that reference. Otherwise return all parts merged.
        """
        if not is_object(schema):
            return {}  # a boolean schema
        if not is_list(schema.get("allOf")):
            return schema
        own = {key: value for key, value in schema.items() if key != "allOf"}
        parts = [part for part in [*schema["allOf"], own] if is_object(part)]
        formed = [part for part in parts if _FORMS & part.keys()]
        if len(formed) == 1 and component(formed[0]) is not None:
            notes = {key: value for part in parts for key, value in part.items()}
            return {**notes, **formed[0]}
        result: dict[str, Any] = {}
        for part in parts:
            name = component(part)
            if name in seen:
                raise SpecificationError(
                    f"The schema {name} contains itself through allOf: {' -> '.join((*seen, name or ''))}. "
                    "Break the cycle."
                )
            full = part if name is None else self.known.get(name, {})
            for key, value in self.merged(full, seen if name is None else (*seen, name)).items():
                if key == "properties":
                    result[key] = {**result.get(key, {}), **value}
                elif key == "required":
                    result[key] = [*result.get(key, ()), *value]
                else:
                    result[key] = value
        return result

    def _of_name(self, name: str) -> Type:
        if name in self._refs:
            kind = "enum" if self._refs[name].members else "model"
            found = Type(kind, self._refs[name])
            return _nullable(found) if _admits_null(self.known[name]) else found
        if name not in self._named:
            self._named[name] = JSON  # inside a list or a union that contains itself
            with named(f"components.schemas.{name}"):
                self._named[name] = self.of(self.known.get(name), name)
        return self._named[name]

    def _of_form(self, schema: dict[str, Any], place: tuple[str, ...]) -> Type:
        if _texts(schema) or _is_model(schema):
            return self._of_class(schema, place)
        for key in ("oneOf", "anyOf"):
            if is_list(schema.get(key)) and schema[key]:
                return self._of_union(schema, schema[key], place)
        kind = schema.get("type")
        values: list[object] = [value for value in schema.get("enum") or () if value is not None]
        if kind is None and values:
            kinds = {_SCALARS_OF.get(type(value)) for value in values}
            kind = kinds.pop() if len(kinds) == 1 else None
        if kind == "string" and schema.get("format") == "date-time":
            return Type("datetime")
        if isinstance(kind, str) and kind in _SCALARS:
            return Type(_SCALARS[kind])
        if kind == "array" or (kind is None and "items" in schema):
            return Type("list", item=self.of(schema.get("items"), *place, "Item"))
        if kind == "object" or (kind is None and is_object(schema.get("additionalProperties"))):
            return Type("map", item=self.of(schema.get("additionalProperties"), *place, "Value"))
        return JSON

    def _of_class(self, schema: dict[str, Any], place: tuple[str, ...]) -> Type:
        """Return the type for a schema without a name that needs a class of its own."""
        name = names.free(names.class_name(" ".join(place)), self._taken)
        self._taken.add(name)
        ref = self._ref(name, schema)
        self._declare(ref, schema, f"{'.'.join(place)}")
        return Type("enum" if ref.members else "model", ref)

    def _ref(self, name: str, schema: dict[str, Any]) -> Ref:
        # A module with the name of a class would replace the class in the package.
        module = names.free(names.module_name(name, "schema"), {*self._modules, *self._taken})
        self._modules.add(module)
        members = ""
        if _texts(schema):
            members = names.free(module.upper(), self._taken)
            self._taken.add(members)
        return Ref(name, module, members, schema.get("deprecated") is True)

    def _declare(self, ref: Ref, schema: dict[str, Any], place: str) -> None:
        texts = _texts(schema)
        if texts:
            with named(place):
                self.enums.append(Enum(ref, self.doc(ref, schema), names.members(texts)))
        else:
            self.objects.append(Object(ref, schema, place))

    def doc(self, ref: Ref, schema: dict[str, Any]) -> str:
        """Return the docstring of a class."""
        text = sentence(schema.get("description")) or f"{ref.name}, which the specification does not describe."
        return f"Deprecated. {text}" if ref.deprecated else text

    def _of_union(self, schema: dict[str, Any], branches: list[Any], place: tuple[str, ...]) -> Type:
        if "type" in schema:
            branches = [{"type": schema["type"], **branch} for branch in branches if is_object(branch)]
        found = [self.of(branch, *place, f"Option{number}") for number, branch in enumerate(branches, start=1)]
        nullable = any(option.nullable for option in found)
        # Replace a union among the branches by its own branches.
        flat = [inner for option in found for inner in (option.options if option.kind == "union" else (option,))]
        options = dict.fromkeys(map(_not_null, flat))
        by_json: dict[str, list[Type]] = {}
        for option in options:
            by_json.setdefault(_JSON.get(option.kind, ""), []).append(option)
        joined = [
            self._joined(kind, by_json[kind], schema, branches, place)
            for kind in dict.fromkeys(_JSON.values())
            if kind in by_json
        ]
        if "" in by_json or JSON in joined:
            return JSON
        if len(joined) == 1:
            return _nullable(joined[0]) if nullable else joined[0]
        return Type("union", options=tuple(joined), label=self._label(place), nullable=nullable)

    def _joined(
        self, kind: str, options: list[Type], schema: dict[str, Any], branches: list[Any], place: tuple[str, ...]
    ) -> Type:
        """Return one type for types whose JSON has the same class; JSON if nothing distinguishes them."""
        if len(options) == 1 and options[0].kind != "model":
            return options[0]
        if kind == "dict":
            return self._tagged(options, schema, branches, place) or (options[0] if len(options) == 1 else JSON)
        if kind == "list":
            return Type("list", item=JSON)
        return Type("str" if kind == "str" else "float")

    def _tagged(
        self, options: list[Type], schema: dict[str, Any], branches: list[Any], place: tuple[str, ...]
    ) -> Type | None:
        """Return the tagged type of several models, or None if no property distinguishes them."""
        given = schema.get("discriminator")
        tag: Any = given.get("propertyName") if is_object(given) else None
        models: dict[Type, list[str]] = {}
        for option in options:
            if option.kind == "tagged" and tag in (None, option.tag):
                tag = option.tag
                models.update(zip(option.options, map(list, option.tags), strict=True))
            elif option.kind == "model":
                models.setdefault(option, [])
            else:
                return None
        if tag is None:
            return self._told_apart(list(models), place)
        mapping: Any = given.get("mapping") if is_object(given) else None
        for value, target in (mapping if is_object(mapping) else {}).items():
            model = _not_null(self._of_name(str(target).removeprefix(COMPONENTS)))
            if model.kind == "model":
                models.setdefault(model, []).append(str(value))
        listed = [name for branch in branches if (name := component(self.merged(branch))) is not None]
        for model, values in models.items():
            if not values:
                # Without a mapping the tag is the name of the schema, unless the model itself lists other values.
                values += self._values(model, tag) or [
                    name for name in listed if _not_null(self._of_name(name)) == model
                ]
        return self._tagged_type(tag, models, place)

    def _told_apart(self, models: list[Type], place: tuple[str, ...]) -> Type | None:
        """Return the tagged type if all models require one property, each with values of its own, or else None."""
        if len(models) < 2:
            return None
        for tag in self._schema_of(models[0]).get("properties", {}):
            values = [
                self._values(model, tag) if tag in self._schema_of(model).get("required", ()) else []
                for model in models
            ]
            every = [value for one in values for value in one]
            if all(values) and len(set(every)) == len(every):
                return self._tagged_type(tag, dict(zip(models, values, strict=True)), place)
        return None

    def _tagged_type(self, tag: str, models: dict[Type, list[str]], place: tuple[str, ...]) -> Type:
        taken: set[str] = set()
        tags: list[tuple[str, ...]] = []
        for values in models.values():
            own = tuple(value for value in dict.fromkeys(values) if value not in taken)
            taken.update(own)
            tags.append(own)
        return Type("tagged", options=tuple(models), tag=tag, tags=tuple(tags), label=self._label(place))

    def _values(self, model: Type, tag: str) -> list[str]:
        """Return the values that a model lists for the property `tag`."""
        properties = self._schema_of(model).get("properties", {})
        return _texts(self.schema(properties.get(tag, {})))

    def _schema_of(self, model: Type) -> dict[str, Any]:
        for one in self.objects:
            if one.class_info == model.ref:
                return one.schema
        return {}

    def _label(self, place: Iterable[str]) -> str:
        label = names.free(names.module_name(" ".join(place), "union"), self._labels)
        self._labels.add(label)
        return label


_SCALARS_OF: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
_FORMS = frozenset(
    {"$ref", "properties", "additionalProperties", "items", "enum", "allOf", "oneOf", "anyOf", "required"}
)


def _is_model(schema: Any) -> bool:
    """Whether a schema has properties, so that it becomes a class."""
    return is_object(schema) and schema.get("type", "object") == "object" and bool(schema.get("properties"))


def _texts(schema: Any) -> list[str]:
    """Return the values of an enum of strings; none for any other schema."""
    listed: Any = schema.get("enum") if is_object(schema) else None
    values = [value for value in listed if value is not None] if is_list(listed) else []
    return values if all(isinstance(value, str) for value in values) else []


def _admits_null(schema: dict[str, Any]) -> bool:
    return schema.get("nullable") is True or None in (schema.get("enum") or ())


def _nullable(found: Type) -> Type:
    return evolve(found, nullable=True)


def _not_null(found: Type) -> Type:
    return evolve(found, nullable=False)
