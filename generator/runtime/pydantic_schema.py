"""The models as pydantic sees them. Imported only when pydantic asks, because pydantic is no dependency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from inspect import Parameter, signature
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["core_schema_of"]

_SCALARS: dict[Any, Callable[[], core_schema.CoreSchema]] = {
    str: core_schema.str_schema,
    bool: core_schema.bool_schema,
    int: core_schema.int_schema,
    float: core_schema.float_schema,
    datetime: core_schema.datetime_schema,
}
_NAMES = {"JsonValue": Any, "Mapping": Mapping, "datetime": datetime}
"""Names in the annotations of models that the modules of the models import only for type checkers."""


def core_schema_of(model: type[Any], within: frozenset[type[Any]] = frozenset()) -> core_schema.CoreSchema:
    """Return how pydantic reads, writes and describes a model.

    pydantic keeps an instance as it is, reads anything else with `from_dict`, and writes with `to_dict`.

    Args:
        model: the class of the model.
        within: the classes whose JSON schema is being made. In it, each of these classes is only a reference.
    """

    def read(value: Any) -> Any:
        return value if isinstance(value, model) else model.from_dict(value)

    def describe(_: core_schema.CoreSchema, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = handler(_fields(model, within | {model}))
        return {**schema, "title": model.__name__, "description": (model.__doc__ or "").strip()}

    return core_schema.no_info_plain_validator_function(
        read,
        ref=_ref(model),
        serialization=core_schema.plain_serializer_function_ser_schema(model.to_dict),
        metadata={"pydantic_js_functions": [describe]},
    )


def _fields(model: type[Any], within: frozenset[type[Any]]) -> core_schema.CoreSchema:
    """Describe the JSON object of a model. pydantic uses the description for the JSON schema only."""
    hints, arguments = get_type_hints(model, localns=_NAMES), signature(model).parameters
    fields = {
        json: core_schema.typed_dict_field(
            _values(hints[name], within), required=arguments[name].default is Parameter.empty
        )
        for json, name in model._JSON_NAMES.items()
    }
    return core_schema.typed_dict_schema(fields, extra_behavior="allow")


def _values(hint: Any, within: frozenset[type[Any]]) -> core_schema.CoreSchema:
    """Describe the values of a field, without None, which stands for a field that is absent."""
    variants = [_values(one, within) for one in get_args(hint) if one is not NoneType]
    if get_origin(hint) is list:
        return core_schema.list_schema(variants[0])
    if get_origin(hint) is dict:
        return core_schema.dict_schema(*variants)
    if variants:
        return variants[0] if len(variants) == 1 else core_schema.union_schema([*variants])
    if hint in _SCALARS:
        return _SCALARS[hint]()
    if hasattr(hint, "_JSON_NAMES"):  # a Model: the class cannot be imported here, because its module imports this one
        return core_schema.definition_reference_schema(_ref(hint)) if hint in within else core_schema_of(hint, within)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return core_schema.literal_schema([member.value for member in hint])
    return core_schema.any_schema()


def _ref(model: type[Any]) -> str:
    return f"{model.__module__}.{model.__qualname__}:{id(model)}"
