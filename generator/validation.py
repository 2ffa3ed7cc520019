"""Compare a specification with the OpenAPI standard, and with the API that it should describe."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from openapi_schema_validator import OAS30Validator, OAS31Validator
from openapi_spec_validator.schemas.utils import get_schema_content

from .errors import SpecificationError
from .shapes import ANY, DATA, is_schema, kind_of
from .tree import COMPONENTS, component, is_list, is_object, operations, schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# jsonschema's errors have no types that a type checker can follow.
_Error = Any

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_VARIABLE = re.compile(r"\{([^{}]*)\}")


def check_version(document: Any, name: str) -> None:
    """Raise SpecificationError unless `document` says that it is of OpenAPI 3.0 or 3.1."""
    if not is_object(document):
        raise SpecificationError(f"{name} is not an OpenAPI 3 document: its content is not an object.")
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith(("3.0.", "3.1.")):
        found = f"openapi is {version!r}" if version is not None else "it has no openapi version"
        if "swagger" in document:
            found = f"it is of Swagger {document['swagger']}"
        raise SpecificationError(f"{name} is not an OpenAPI 3 document: {found}. Only OpenAPI 3.0 and 3.1 can be read.")


def check_api(new: dict[str, Any], old: dict[str, Any], name: str) -> None:
    """Raise SpecificationError unless `new`, which `name` names, describes the same API as `old`.

    Two bundled documents describe the same API if `new` has at least half of the schema names of `old`, or if they
    have an operation (method and path) and a schema name in common. An operation may move, and schemas may be
    renamed, but hardly all of them at once. An operationId alone says nothing: many APIs have one called `execute`.
    """
    before = schemas(old).keys()
    common = before & schemas(new).keys()
    shared = {one.name for one in operations(new)} & {one.name for one in operations(old)}
    if len(common) >= (min(1, len(before)) if shared else max(1, len(before) / 2)):
        return
    info = new.get("info")
    title = info.get("title") if is_object(info) else None
    lacks = "none of the schemas" if shared else "none of the operations, and fewer than half of the schemas,"
    raise SpecificationError(
        f"{name} describes another API ({_shown(title)}): it has {lacks} of openapi/delivery.yaml. "
        "Check the path or the address."
    )


def validate(document: dict[str, Any], name: str) -> None:
    """Raise SpecificationError, which names the deepest place, unless the bundled `document` is valid OpenAPI."""
    check_version(document, name)
    try:
        problem = next(_problems(document), None)
    except RecursionError:
        problem = "a schema is nested too deeply"
    if problem is not None:
        raise SpecificationError(
            f"{name} is not a valid OpenAPI {document['openapi']} document: {problem}. "
            "Correct the specification, or correct it with an action of the overlay."
        )


def _problems(document: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a document. Each check relies on the checks before it."""
    yield from _wrong_names(document)
    named = document.get("components", {}).get("schemas", {})
    yield from _wrong_references(document, named, (), "document")
    yield from _deepest(_standard(document["openapi"]).iter_errors(document), ())
    nested = list(_schemas(document, (), "document"))
    if document["openapi"].startswith("3.1."):
        # The standard leaves the content of schemas to the standard of JSON Schema.
        for place, schema in nested:
            dialect: Any = Draft202012Validator(Draft202012Validator.META_SCHEMA)
            yield from _deepest(dialect.iter_errors(schema), place)
    yield from _cycles(document)
    yield from _wrong_operations(document)
    yield from _wrong_defaults(document, nested)


def _standard(version: str) -> Any:
    schema: Any = get_schema_content(version[:3])
    return validator_for(schema)(schema)


def _wrong_names(document: dict[str, Any]) -> Iterator[str]:
    """Yield the names of components that the standard does not allow, because it does not look into these."""
    components = document.get("components", {})
    if not is_object(components) or not is_object(components.get("schemas", {})):
        yield "components.schemas: an object of schemas is missing"
        return
    for kind, held in components.items():
        for name in held if is_object(held) and not kind.startswith("x-") else ():
            if not _NAME.fullmatch(name):
                yield f"components.{kind}.{name}: a name consists of letters, digits, dots, hyphens and underscores"


def _wrong_references(value: Any, known: Iterable[str], place: tuple[str, ...], kind: str) -> Iterator[str]:
    """Yield the references that are not to a named schema. In a bundled document, only the overlay can add some."""
    if kind == DATA:
        return
    if is_list(value):
        inner = kind_of(kind, "") if kind.startswith("[") else ANY
        for index, item in enumerate(value):
            yield from _wrong_references(item, known, (*place, str(index)), inner)
    elif is_object(value):
        if is_schema(kind) and "$id" in value:
            yield f"{'.'.join(place)}.$id: a schema in one document needs no $id, so remove it"
        target = value.get("$ref")
        if target is not None and not kind.startswith("{"):
            where = ".".join((*place, "$ref"))
            if not isinstance(target, str):
                yield f"{where}: {_shown(target)} is not a text"
            elif not is_schema(kind):
                yield f"{where}: the overlay can refer to schemas only, so {target!r} must be written out"
            elif not target.startswith(COMPONENTS) or target.removeprefix(COMPONENTS) not in known:
                yield f"{where}: {target!r} leads nowhere"
        for key, item in value.items():
            yield from _wrong_references(item, known, (*place, str(key)), kind_of(kind, str(key)))


def _deepest(errors: Iterable[_Error], place: tuple[str, ...]) -> Iterator[str]:
    """Yield the sentence of the error at the deepest place."""
    leaves = [leaf for error in errors for leaf in _leaves(error)]
    if not leaves:
        return
    depth = max(len(leaf.absolute_path) for leaf in leaves)
    chosen = min((leaf for leaf in leaves if len(leaf.absolute_path) == depth), key=_vagueness)
    path = [*place, *map(str, chosen.absolute_path)]
    if chosen.validator == "enum":
        same = [leaf for leaf in leaves if leaf.validator == "enum" and leaf.absolute_path == chosen.absolute_path]
        values = dict.fromkeys(str(value) for leaf in same for value in leaf.validator_value)
        text = f"{_shown(chosen.instance)} is not one of {', '.join(values)}"
    else:
        path, text = _said(chosen, path)
    yield f"{'.'.join(path) or 'its top'}: {text}"


def _leaves(error: _Error) -> list[_Error]:
    """Return the reasons for an error that have no further reasons: for oneOf, those of the closest alternative."""
    if not error.context:
        return [error]
    branches: dict[Any, list[_Error]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).extend(_leaves(inner))
    meant = [branch for branch in branches.values() if not any(map(_wants_reference, branch))] or list(
        branches.values()
    )
    fewest = min(map(len, meant))
    return [leaf for branch in meant if len(branch) == fewest for leaf in branch]


def _wants_reference(error: _Error) -> bool:
    """Whether an error says that a value, which is no reference, is no reference."""
    return error.validator == "required" and "$ref" in error.validator_value


def _vagueness(error: _Error) -> int:
    """Return a number that is higher for an error that is only the consequence of others."""
    order = ("enum", "const", "required", "type", "additionalProperties")
    if error.validator in ("unevaluatedProperties", "oneOf", "anyOf", "not", "dependentRequired"):
        return len(order) + 1
    return order.index(error.validator) if error.validator in order else len(order)


def _said(error: _Error, path: list[str]) -> tuple[list[str], str]:
    """Return the place and the message of an error."""
    value, wanted = error.instance, error.validator_value
    if error.validator == "type":
        return (
            path,
            f"{_shown(value)} is not of the type {' or '.join([wanted] if isinstance(wanted, str) else wanted)}",
        )
    if error.validator == "required":
        missing = next(name for name in wanted if name not in value)
        return path, f"{missing!r} is missing"
    if error.validator in ("additionalProperties", "unevaluatedProperties") and is_object(value):
        known: dict[str, Any] = error.schema.get("properties", {})
        patterns: dict[str, Any] = error.schema.get("patternProperties", {})
        for key in value:
            if key not in known and not any(re.search(pattern, key) for pattern in patterns):
                return [*path, key], "the standard does not know this key here"
    if error.validator == "const":
        return path, f"{_shown(value)} is not {_shown(wanted)}"
    if error.validator == "not" and is_object(wanted) and is_list(wanted.get("required")):
        names = list(map(str, wanted["required"]))
        return path, f"{' and '.join(names)} {'exclude each other' if len(names) > 1 else 'is not allowed here'}"
    return path, f"{_cut(error.message)}"


def _shown(value: Any) -> str:
    """Return a value for a message: a text in quotes, anything else as JSON, cut."""
    return _cut(repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 60)


def _cut(text: str, most: int = 200) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= most else f"{line[:most]}…"


def _schemas(value: Any, place: tuple[str, ...], kind: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each schema that is in no other schema, and its place."""
    if is_schema(kind):
        yield place, value
    elif kind != DATA and is_list(value):
        for index, item in enumerate(value):
            yield from _schemas(item, (*place, str(index)), kind_of(kind, "") if kind.startswith("[") else ANY)
    elif kind != DATA and is_object(value):
        for key, item in value.items():
            yield from _schemas(item, (*place, key), kind_of(kind, key))


def _cycles(document: dict[str, Any]) -> Iterator[str]:
    """Yield the schemas whose values would have to contain themselves: there is no property or list between."""
    known = schemas(document)
    finished: set[str] = set()
    for start in known:
        path: list[str] = []
        waiting: list[str | None] = [start]
        while waiting:
            name = waiting.pop()
            if name is None:
                finished.add(path.pop())
            elif name in path:
                cycle = " -> ".join((*path[path.index(name) :], name))
                yield f"components.schemas.{name} contains itself through allOf, oneOf or anyOf: {cycle}"
                return
            elif name not in finished:
                path.append(name)
                waiting += [None, *_direct(known.get(name))]


def _direct(schema: Any) -> Iterator[str]:
    """Yield the names of the schemas that a value of `schema` must or may also fit."""
    if not is_object(schema):
        return
    name = component(schema)
    if name is not None:
        yield name
    for key in ("allOf", "oneOf", "anyOf", "not", "if", "then", "else"):
        inner = schema.get(key)
        for part in inner if is_list(inner) else [inner]:
            yield from _direct(part)


def _wrong_operations(document: dict[str, Any]) -> Iterator[str]:
    """Yield what the standard says about operations in words only."""
    ids: set[str] = set()
    for operation in operations(document):
        method, _, path = operation.name.partition(" ")
        place = f"paths.{path}.{method.lower()}"
        own = operation.data.get("operationId")
        if own in ids:
            yield f"{place}.operationId: {own!r} is the operationId of another operation too"
        if own is not None:
            ids.add(own)
        pairs = [(one["in"], one["name"]) for one in operation.parameters]
        for kind, name in pairs:
            if pairs.count((kind, name)) > 1:
                yield f"{place}.parameters: the {kind} parameter {name!r} is there twice"
        for name in _VARIABLE.findall(path):
            if ("path", name) not in pairs:
                yield f"{place}.parameters: the path has {{{name}}}, but no path parameter is called {name!r}"


def _wrong_defaults(document: dict[str, Any], outermost: list[tuple[tuple[str, ...], Any]]) -> Iterator[str]:
    """Yield the default values that do not fit their schemas."""
    checker = OAS30Validator if document["openapi"].startswith("3.0.") else OAS31Validator
    for outer, schema in outermost:
        for place, inner in _within(schema, outer):
            if "default" in inner and not (inner["default"] is None and inner.get("nullable")):
                # The components are in the schema too, so that its references find them.
                check: Any = checker({**inner, "components": document.get("components")})
                yield from _deepest(check.iter_errors(inner["default"]), (*place, "default"))


def _within(
    schema: Any, place: tuple[str, ...], kind: str = "schema"
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the schema and the schemas in it that are objects, and their places."""
    if is_object(schema) and is_schema(kind):
        yield place, schema
    if is_object(schema):
        for key, item in schema.items():
            if kind_of(kind, key) != DATA:
                yield from _within(item, (*place, key), kind_of(kind, key))
    elif is_list(schema) and kind.startswith("["):
        for index, item in enumerate(schema):
            yield from _within(item, (*place, str(index)), kind_of(kind, ""))
