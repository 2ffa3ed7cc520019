"""Make samples: JSON values that a schema allows, with which the generated package is tried."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from .tree import component, is_list, is_object
from .types import Types

_SAFE_INTEGER = 2**31 - 1
_LONGEST = 8
"""Characters of a text, items of a list and entries of a map, unless the schema demands more."""

_FORMATS = {
    "date-time": "2024-02-29T12:30:00+00:00",
    "date": "2024-02-29",
    "uuid": "8f14e45f-ceea-467f-a8d9-0242ac130003",
    "email": "someone@example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}

_CLASSES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}

_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=_LONGEST)
_any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-_SAFE_INTEGER, _SAFE_INTEGER) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=4,
)


class Samples:
    """Strategies for the schemas of one document.

    The samples have only the properties that a schema names. So if a model holds a value outside its fields, it has
    misread the sample.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        """Prepare for `document`, a bundled and flattened specification."""
        self._types = Types(document)
        self._named: dict[str, st.SearchStrategy[Any]] = {}

    def of(self, schema: Any) -> st.SearchStrategy[Any]:
        """Return a strategy for the values that `schema` allows."""
        if not is_object(schema):
            return _any_json
        full = self._types.merged(schema)
        name = component(full)
        strategy = self._not_null(full) if name is None else self._of_name(name)
        return st.none() | strategy if full.get("nullable") is True else strategy

    def _of_name(self, name: str) -> st.SearchStrategy[Any]:
        if name not in self._named:
            # Deferred, because a schema can contain itself.
            self._named[name] = st.deferred(lambda: self.of(self._types.known.get(name, {})))
        return self._named[name]

    def _not_null(self, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
        kind = schema.get("type")
        if is_list(schema.get("enum")):
            fits = _CLASSES.get(str(kind), object)
            values = [value for value in schema["enum"] if value is not None and isinstance(value, fits)]
            return st.sampled_from(values) if values else st.nothing()
        if schema.get("properties") and kind in (None, "object"):
            # Alternatives beside properties only restrict which of them are there together.
            return self._object(schema)
        for key in ("oneOf", "anyOf"):
            if is_list(schema.get(key)) and schema[key]:
                return st.one_of([self._branch(branch, schema) for branch in schema[key]])
        match kind:
            case "string":
                return _text(schema)
            case "integer":
                return st.integers(*_whole_limits(schema))
            case "number":
                return _number(schema)
            case "boolean":
                return st.booleans()
            case "array":
                return self._list(schema)
            case "object":
                return self._object(schema)
            case _ if "items" in schema:
                return self._list(schema)
            case _ if is_object(schema.get("additionalProperties")):
                return self._object(schema)
            case _:
                return _any_json

    def _list(self, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
        least = _count(schema, "minItems", 0)
        most = min(_count(schema, "maxItems", least + 2), least + 2)
        return st.lists(self.of(schema.get("items", {})), min_size=least, max_size=most)

    def _branch(self, branch: Any, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
        """Return a strategy for one alternative of `schema`, with the tag that its discriminator demands."""
        if "type" in schema and is_object(branch):
            branch = {"type": schema["type"], **branch}
        strategy, discriminator = self.of(branch), schema.get("discriminator")
        name = component(branch)
        if name is None or not is_object(discriminator) or not isinstance(discriminator.get("propertyName"), str):
            return strategy
        mapping: dict[str, Any] = discriminator.get("mapping") or {}
        tags = [tag for tag, target in mapping.items() if str(target).rsplit("/", 1)[-1] == name] or [name]
        tagged = st.fixed_dictionaries({discriminator["propertyName"]: st.sampled_from(tags)})
        return st.builds(_merged, strategy, tagged)

    def _object(self, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
        properties: dict[str, Any] = schema.get("properties") or {}
        if not properties:
            least = _count(schema, "minProperties", 0)
            most = min(_count(schema, "maxProperties", least + 2), least + 2)
            values = schema.get("additionalProperties")
            inner = self.of(values) if is_object(values) else _any_json
            return st.dictionaries(_texts, inner, min_size=least, max_size=most)
        needed = set[str](schema.get("required") or ())
        members = {name: self._member(name, value) for name, value in properties.items()}
        return st.fixed_dictionaries(
            {name: strategy for name, strategy in members.items() if name in needed},
            optional={name: strategy for name, strategy in members.items() if name not in needed},
        )

    def _member(self, name: str, schema: Any) -> st.SearchStrategy[Any]:
        if is_object(schema) and "x-list-when" in schema:
            return _texts
        return self.of(schema)


def _merged(value: Any, more: dict[str, Any]) -> Any:
    return {**value, **more} if is_object(value) else value


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    example = _FORMATS.get(str(schema.get("format")))
    if example is not None:
        return st.just(example)
    if isinstance(schema.get("pattern"), str):
        with suppress(re.error):  # the syntax of a specification is that of JavaScript
            pattern: re.Pattern[str] = re.compile(schema["pattern"])
            return st.from_regex(pattern)
    least = _count(schema, "minLength", 0)
    most = min(_count(schema, "maxLength", least + _LONGEST), least + _LONGEST)
    return st.text(st.characters(codec="utf-8"), min_size=least, max_size=most)


def _whole_limits(schema: dict[str, Any]) -> tuple[int, int]:
    low, high = _limits(schema, _SAFE_INTEGER)
    least, most = math.ceil(low), math.floor(high)
    return (
        least + (schema.get("exclusiveMinimum") is True and least == low),
        most - (schema.get("exclusiveMaximum") is True and most == high),
    )


def _number(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    low, high = _limits(schema, 1_000_000)
    floats = st.floats(
        float(low),
        float(high),
        exclude_min=schema.get("exclusiveMinimum") is True,
        exclude_max=schema.get("exclusiveMaximum") is True,
    )
    least, most = _whole_limits({**schema, "minimum": low, "maximum": high})
    return floats | st.integers(least, most) if least <= most else floats


def _limits(schema: dict[str, Any], usual: int) -> tuple[float, float]:
    """Return the limits of a number. A limit that the schema does not have is near `usual` or its negative."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        low = -usual if high is None or high > -usual else high - 100
    return low, max(usual, low + 100) if high is None else high


def _count(schema: dict[str, Any], key: str, absent: int) -> int:
    value = schema.get(key)
    return value if isinstance(value, int) else absent
