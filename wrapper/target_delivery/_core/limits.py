"""The published limits of the Delivery API: the check of a request that the sandbox and ``validate_requests`` share.

The limits are in the JSON Schema of a DeliveryRequest, which the generated package carries. This module needs
jsonschema, so it is imported only where the limits are checked.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match  # pyright: ignore[reportUnknownVariableType]  # the stub has no result
from jsonschema.validators import create  # pyright: ignore[reportUnknownVariableType]  # the stub leaves out one type

from target_delivery._core.prepared import is_object
from target_delivery.decisioning._json import check_depth
from target_delivery_api import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jsonschema.protocols import Validator

    from target_delivery._core.prepared import Json

__all__ = ["Refusal", "organization_refusal", "refusal"]

MAX_SHOWN: Final = 3
"""Problems that a reason names."""
MAX_PROBLEMS: Final = 1000
"""Problems that are looked for. A large request can have any number of them."""
MAX_MATCHED: Final = 4096
"""Characters. A longer text counts as one that matches no pattern, because some patterns take quadratic time."""
_MAX_CHARACTERS: Final = 200
"""Characters that a reason shows of a limit, of a number or of the name of a parameter."""

_ORGANIZATION_ID: Final = re.compile(r"[A-Za-z0-9._-]+@AdobeOrg")
_DOLLAR: Final = re.compile(r"\\.|\[\^?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
"""An escaped character, a class of characters, or a ``$`` that is neither."""
_KINDS: Final = {
    "array": "an array",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_SIZES: Final = {
    "maxItems": "at most {} items",
    "maxLength": "at most {} characters",
    "maxProperties": "at most {} entries",
    "minItems": "at least {} items",
    "minLength": "at least {} characters",
    "minProperties": "at least {} entries",
}
_RANGES: Final = {
    "exclusiveMaximum": "less than {}",
    "exclusiveMinimum": "greater than {}",
    "maximum": "at most {}",
    "minimum": "at least {}",
}


@frozen
class Refusal:
    """Why the Delivery API refuses a request."""

    reason: str
    """For each problem the place in the JSON, the limit, and the length or type of the value. Of the request it shows
    names of parameters and numbers that are out of range, but no text, which may be a token or a visitor id."""
    attributes: tuple[str, ...]
    """The same places in Python where they differ, such as ``request.id.tnt_id`` for ``id.tntId``."""


def organization_refusal(organization_id: str) -> str | None:
    """Return why the Delivery API refuses an Experience Cloud organization id, in its words; None if it does not."""
    if _ORGANIZATION_ID.fullmatch(organization_id):
        return None
    return f"Invalid imsOrg -  {organization_id[:_MAX_CHARACTERS]}"


def refusal(document: Any) -> Refusal | None:
    """Return why the Delivery API refuses a DeliveryRequest, given as decoded JSON; None if it does not."""
    try:
        check_depth(document)
    except ValueError as too_deep:
        return Refusal(f"the body cannot be read: {too_deep}", ())
    # Where a value fits no alternative of an anyOf, the problem is inside the nearest alternative.
    errors = islice(_validator().iter_errors(document), MAX_PROBLEMS)
    found: list[ValidationError] = [best_match([error]) for error in errors]
    if not found:
        return None
    # The outermost problems come first. At one place a wrong type comes first: the other problems follow from it.
    found.sort(key=lambda error: (len(error.absolute_path), error.validator != "type"))
    problems: dict[tuple[str | int, ...], ValidationError] = {}
    for error in found:
        problems.setdefault(tuple(error.absolute_path), error)
    shown = [(*_place(error), _need(error)) for error in islice(problems.values(), MAX_SHOWN)]
    reason = "; ".join(f"{place or 'the body'} {need}" for place, _, need in shown)
    if further := len(problems) - len(shown):
        reason += f"; further problems: {'at least ' if len(found) == MAX_PROBLEMS else ''}{further}"
    return Refusal(reason, tuple(written for place, written, _ in shown if place and written != f"request.{place}"))


@cache
def _validator() -> Validator:
    schema: Json = json.loads(files("target_delivery_api").joinpath("wire_schema.json").read_text("utf-8"))
    draft = Draft202012Validator
    functions = {**draft.VALIDATORS, "pattern": _pattern, "required": _required}
    return create(draft.META_SCHEMA, functions, type_checker=draft.TYPE_CHECKER)(schema)


def _required(_: Validator, names: Sequence[str], value: object, __: object) -> Iterator[ValidationError]:
    """Find absent fields. Unlike the function of jsonschema, name the absent field as the place of the error."""
    if is_object(value):
        yield from (ValidationError("is required", path=(name,)) for name in names if name not in value)


def _pattern(_: Validator, pattern: str, value: object, __: object) -> Iterator[ValidationError]:
    """Find a text that does not match. Unlike the function of jsonschema, limit the time that the search can take."""
    compiled = _compiled(pattern)
    if compiled and isinstance(value, str) and (len(value) > MAX_MATCHED or not compiled.search(value)):
        yield ValidationError("does not match")


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    r"""Compile a pattern of JavaScript, in which ``$`` is the very end of the text, and ``\d`` and ``\w`` are ASCII.

    Returns:
        None when the pattern has syntax that Python does not have, such as ``\p{L}``. Then any text is accepted.
    """
    try:
        return re.compile(_DOLLAR.sub(lambda part: r"\Z" if part[0] == "$" else part[0], pattern), re.ASCII)
    except re.error:
        return None


def _place(error: ValidationError) -> tuple[str, str]:
    """Return the place of an error in the JSON, such as ``id.tntId``, and in Python, such as ``request.id.tnt_id``."""
    place, written = "", "request"
    are_fields = _are_fields(iter(error.absolute_schema_path))
    for step in error.absolute_path:
        if isinstance(step, int):
            place, written = f"{place}[{step}]", f"{written}[{step}]"
        elif next(are_fields, True):
            place, written = f"{place}.{step}", f"{written}.{_attributes().get(step, step)}"
        else:
            place, written = f"{place}[{_cut(step)}]", f"{written}[{_cut(step)}]"
    return place.removeprefix("."), written


def _are_fields(keywords: Iterator[str | int]) -> Iterator[bool]:
    """Return for each step from an object into it whether the step is a field, and not a name that the caller chose."""
    for keyword in keywords:
        if keyword == "properties":
            next(keywords)
            yield True
        elif keyword == "additionalProperties":
            yield False


@cache
def _attributes() -> Mapping[str, str]:
    """Return the names of the fields of all models in Python, by their names in the JSON."""
    names: dict[str, str] = {}
    for model in models.__all__:
        names |= getattr(getattr(models, model), "_JSON_NAMES", {})
    return names


def _need(error: ValidationError) -> str:
    """Return the limit, and the length or type of the value."""
    keyword = str(error.validator)
    limit: Any = error.validator_value
    value: Any = error.instance
    if keyword == "required":
        return "is required"
    if keyword == "type":
        kinds: list[str] = [limit] if isinstance(limit, str) else limit
        return f"must be {' or '.join(map(_KINDS.__getitem__, kinds))}, not {_shown(value)}"
    if keyword == "enum":
        return f"must be one of {_cut(limit)}, not {_shown(value)}"
    if keyword == "pattern":
        return f"must match the pattern {_cut(limit)}, which {_shown(value)} does not"
    if keyword in _SIZES:
        return f"must have {_SIZES[keyword].format(limit)}, not {len(value)}"
    if keyword in _RANGES:
        return f"must be {_RANGES[keyword].format(limit)}, not {_cut(value)}"
    return f"must meet {keyword} {_cut(limit)}, which {_shown(value)} does not"


def _shown(value: object) -> str:
    """Describe a value without showing it: a text may be a token, and a number where a text must be may be an id."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return f"a string of length {len(value)}"
        case list():
            return "an array"
        case _:
            return "an object"


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}…"
