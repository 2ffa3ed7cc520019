"""Make samples: JSON values that a schema allows, with which the generated package is tried."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from .tree import component, is_list, is_object, schemas

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
        self._schemas = schemas(document)
        self._named: dict[str, st.SearchStrategy[Any]] = {}

    def of(self, schema: Any) -> st.SearchStrategy[Any]:
        """Return a strategy for the values that `schema` allows."""
        name = component(schema)
        if name is not None:
            return self._of_name(name)
        if not is_object(schema):
            return _any_json
        strategy = self._not_null(schema)
        return st.none() | strategy if schema.get("nullable") is True else strategy

    def _of_name(self, name: str) -> st.SearchStrategy[Any]:
        if name not in self._named:
            # Deferred, because a schema can contain itself.
            self._named[name] = st.deferred(lambda: self.of(self._schemas.get(name, {})))
        return self._named[name]

    def _not_null(self, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
        if is_list(schema.get("enum")):
            return st.sampled_from([value for value in schema["enum"] if value is not None])
        for key in ("oneOf", "anyOf"):
            if is_list(schema.get(key)) and schema[key]:
                return st.one_of([self._branch(branch, schema.get("discriminator")) for branch in schema[key]])
        if is_list(schema.get("allOf")) and schema["allOf"]:
            own = {key: value for key, value in schema.items() if key not in ("allOf", "nullable")}
            parts = [self.of(part) for part in (*schema["allOf"], *([own] if own.get("properties") else []))]
            return parts[0] if len(parts) == 1 else st.tuples(*parts).map(_joined)
        match schema.get("type"):
            case "string":
                return _text(schema)
            case "integer":
                return st.integers(*_bounds(schema, -_SAFE_INTEGER, _SAFE_INTEGER))
            case "number":
                low, high = _bounds(schema, -1_000_000, 1_000_000)
                return st.integers(low, high) | st.floats(low, high, allow_nan=False, allow_infinity=False, width=32)
            case "boolean":
                return st.booleans()
            case "array":
                least = _count(schema, "minItems", 0)
                most = min(_count(schema, "maxItems", least + 2), least + 2)
                return st.lists(self.of(schema.get("items", {})), min_size=least, max_size=most)
            case "object":
                return self._object(schema)
            case _:
                return self._object(schema) if schema.get("properties") else _any_json

    def _branch(self, branch: Any, discriminator: Any) -> st.SearchStrategy[Any]:
        """Return a strategy for one alternative of a schema, with the tag that the discriminator demands."""
        strategy = self.of(branch)
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


def _joined(parts: tuple[Any, ...]) -> Any:
    """Return the members of all parts as one object, or the last part if a part is no object."""
    if all(map(is_object, parts)):
        return {key: value for part in parts for key, value in part.items()}
    return parts[-1]


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


def _bounds(schema: dict[str, Any], low: int, high: int) -> tuple[int, int]:
    """Return the smallest and the largest whole number in the samples of a number."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if isinstance(least, (int, float)):
        low, high = int(-(-least // 1)), max(high, int(least) + 100)
    if isinstance(most, (int, float)):
        low, high = min(low, int(most // 1)) if least is None else low, int(most // 1)
    return low + (schema.get("exclusiveMinimum") is True), high - (schema.get("exclusiveMaximum") is True)


def _count(schema: dict[str, Any], key: str, absent: int) -> int:
    value = schema.get(key)
    return value if isinstance(value, int) else absent
