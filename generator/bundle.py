"""Read a specification, from one file or many, and make one self-contained document of it."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import httpx
from openapi_spec_validator import validate as validate_openapi
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .errors import SpecificationError

TIMEOUT = 30.0
"""How long one document of a specification may take to download, in seconds."""

_COMPONENTS = "#/components/schemas/"


def bundle(source: str) -> dict[str, Any]:
    """Return the OpenAPI 3 document at the path or URL `source` with every reference inside of it.

    Schemas that live in documents of their own become components, named as the root document names them, else
    after their file or the last part of the reference. Everything else that is referred to (path items,
    parameters, responses, …) is put in the place of the reference.

    Raises:
        SpecificationError: a document cannot be read, is no OpenAPI 3, or refers to something that is not there.
    """
    location = source if _is_url(source) else Path(source).resolve().as_uri()
    result = _Bundler(location).run()
    validate(result, source)
    return result


def read(path: Path) -> Any:
    """Return what a YAML or JSON file says.

    Raises:
        SpecificationError: it cannot be read.
    """
    return _document(path.resolve().as_uri(), "")


def dump(document: Any) -> str:
    """Return `document` as YAML, the same text for the same document."""
    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda *_: True  # type: ignore[method-assign]  # as ruamel.yaml documents
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def validate(document: Any, name: str) -> None:
    """Raise SpecificationError unless `document` is a valid OpenAPI 3 document."""
    version = document.get("openapi") if isinstance(document, dict) else None
    if not isinstance(version, str) or not version.startswith("3."):
        found = f"openapi is {version!r}" if version is not None else "it has no openapi version"
        raise SpecificationError(f"{name} is not an OpenAPI 3 document: {found}.")
    try:
        validate_openapi(document)
    except Exception as error:  # the validator lets errors of several libraries through
        raise SpecificationError(
            f"{name} is not a valid OpenAPI {version} document: {_place(error)}"
        ) from error


def flatten(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which a component's allOf is merged into it: what an object of it can hold, in one list."""
    result = deepcopy(document)
    schemas: dict[str, Any] = result.get("components", {}).get("schemas", {})
    for name in schemas:
        schemas[name] = _flat(schemas[name], schemas, (name,))
    return result


def _flat(schema: dict[str, Any], schemas: dict[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
    if "allOf" not in schema:
        return schema
    merged: dict[str, Any] = {}
    own = {key: value for key, value in schema.items() if key != "allOf"}
    for part in [*schema["allOf"], own]:
        name = _component(part)
        if name in seen:
            raise SpecificationError(
                f"components.schemas.{name} is part of itself by way of {' -> '.join(seen)}."
            )
        inner = _flat(schemas[name], schemas, (*seen, name)) if name else _flat(part, schemas, seen)
        for key, value in inner.items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = list(dict.fromkeys([*merged.get(key, []), *value]))
            elif not (name and key in ("description", "title") and key in own):
                merged[key] = value
    return merged


def _component(schema: dict[str, Any]) -> str | None:
    reference = schema.get("$ref")
    return reference.removeprefix(_COMPONENTS) if isinstance(reference, str) else None


# Under these keys stands a schema, or a list or an object of schemas.
_SCHEMA_KEYS = frozenset({"schema", "items", "additionalProperties", "not"})
_SCHEMA_PARENTS = frozenset({"properties", "patternProperties", "allOf", "oneOf", "anyOf", "schemas"})
# Data of the author's own: a $ref in it is no reference.
_DATA_KEYS = frozenset({"example", "examples", "default", "enum", "const"})


class _Bundler:
    """One bundling: the documents read so far, and the components made of them."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.documents: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.schemas: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        root = self.document(self.root, "")
        if not isinstance(root, dict):
            raise SpecificationError(f"{_shown(self.root)} is not an OpenAPI 3 document: it holds no object.")
        components = self.inlined(root.get("components") or {}, self.root, ("components",))
        listed = self.inlined(components[0].get("schemas") or {}, components[1], ("components", "schemas"))
        for name in listed[0]:
            self.names[f"{listed[1]}#{_COMPONENTS[1:]}{name}"] = name
            self.names[f"{self.root}#{_COMPONENTS[1:]}{name}"] = name
        for name, schema in listed[0].items():
            self.add_listed(name, schema, listed[1])
        result = {
            key: self.walk(value, self.root, (key,)) for key, value in root.items() if key != "components"
        }
        others = {
            key: self.walk(value, components[1], ("components", key))
            for key, value in components[0].items()
            if key != "schemas"
        }
        return {**result, "components": {**others, "schemas": dict(sorted(self.schemas.items()))}}

    def add_listed(self, name: str, schema: Any, base: str) -> None:
        """Add a component of the root document, which may only say where its schema lives."""
        place = ("components", "schemas", name)
        if (
            _is_reference(schema)
            and (absolute := self.absolute(schema["$ref"], base, place)) not in self.names
        ):
            self.names[absolute] = name
            schema, base = self.inlined(schema, base, place)
        self.schemas[name] = self.walk(schema, base, place)

    def walk(self, value: Any, base: str, place: tuple[str, ...]) -> Any:
        """Return `value`, found in the document `base`, with its references led to this one document."""
        if isinstance(value, list):
            return [self.walk(item, base, place) for item in value]
        if not isinstance(value, dict):
            return value.isoformat() if isinstance(value, date) else value
        named = place[-1] in _SCHEMA_PARENTS or place[-1] in ("headers", "parameters", "responses", "paths")
        if _is_reference(value) and place[-1] != "properties":
            if not _holds_schema(place):
                return self.walk(*self.inlined(value, base, place), place)
            others = {key: item for key, item in value.items() if key != "$ref"}
            return {"$ref": self.component(value["$ref"], base, place), **others}
        if place[-1] == "mapping" and place[-2:-1] == ("discriminator",):
            return {
                key: self.component(item, base, place) if _is_path(item) else item
                for key, item in value.items()
            }
        return {
            key: deepcopy(item)
            if key in _DATA_KEYS and not named
            else self.walk(item, base, (*place, str(key)))
            for key, item in value.items()
        }

    def component(self, reference: str, base: str, place: tuple[str, ...]) -> str:
        """Return the reference to the component that the schema at `reference` becomes."""
        absolute = self.absolute(reference, base, place)
        name = self.names.get(absolute)
        if name is None:
            location, pointer = urldefrag(absolute)
            name = unquote(posixpath.basename(pointer) or posixpath.splitext(posixpath.basename(location))[0])
            other = next((known for known, taken in self.names.items() if taken == name), None)
            if other is not None:
                raise SpecificationError(
                    f"Two schemas would both be called {name}: {_shown(other)} and {_shown(absolute)}. "
                    "Name one of them differently in components.schemas of the root document."
                )
            self.names[absolute] = name
            schema, found = self.lookup(absolute, base, place)
            self.schemas[name] = self.walk(schema, found, ("components", "schemas", name))
        return f"{_COMPONENTS}{name}"

    def inlined(self, value: Any, base: str, place: tuple[str, ...]) -> tuple[Any, str]:
        """Follow `value` while it is a reference; return what is at its end, and the document that is in."""
        seen: list[str] = []
        while _is_reference(value):
            absolute = self.absolute(value["$ref"], base, place)
            if absolute in seen:
                raise SpecificationError(
                    f"{_at(base, place)}: the references lead round in a circle: {seen}."
                )
            seen.append(absolute)
            value, base = self.lookup(absolute, base, place)
        return value, base

    def absolute(self, reference: str, base: str, place: tuple[str, ...]) -> str:
        """Return the location that `reference` means in the document `base`."""
        absolute = urljoin(base, reference) if not reference.startswith("#") else f"{base}{reference}"
        if _is_url(absolute) != _is_url(self.root):
            raise SpecificationError(
                f"{_at(base, place)}: $ref {reference!r} leads from {'the web to a' if _is_url(base) else 'a'} local "
                f"file{'' if _is_url(base) else ' to the web'}. Keep all documents of a specification in one place."
            )
        return absolute.removesuffix("#")

    def lookup(self, absolute: str, base: str, place: tuple[str, ...]) -> tuple[Any, str]:
        """Return what is at a location, and the document that it is in."""
        location, pointer = urldefrag(absolute)
        value = self.document(location, f"{_at(base, place)}: $ref leads nowhere: ")
        for part in pointer.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if not isinstance(value, dict) or key not in value:
                raise SpecificationError(
                    f"{_at(base, place)}: $ref {_shown(absolute)!r} is dangling, there is no {key!r} where it points to."
                )
            value = value[key]
        return value, location

    def document(self, location: str, wanted_by: str) -> Any:
        if location not in self.documents:
            self.documents[location] = _document(location, wanted_by)
        return self.documents[location]


def _holds_schema(place: tuple[str, ...]) -> bool:
    parents = place[-2:-1]
    if place[-1] in _SCHEMA_PARENTS:
        return True  # an element of an allOf, oneOf or anyOf
    return bool(parents) and (parents[0] in _SCHEMA_PARENTS or place[-1] in _SCHEMA_KEYS)


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("$ref"), str)


def _is_path(text: Any) -> bool:
    return isinstance(text, str) and ("/" in text or text.endswith((".yaml", ".yml", ".json")))


def _is_url(location: str) -> bool:
    return urlsplit(location).scheme in ("http", "https")


def _at(base: str, place: tuple[str, ...]) -> str:
    return f"{_shown(base)} at {'.'.join(place)}"


def _shown(location: str) -> str:
    return unquote(location.removeprefix("file://"))


def _document(location: str, wanted_by: str) -> Any:
    """Read one document; `wanted_by` says, for an error, what refers to it."""
    try:
        if _is_url(location):
            text = httpx.get(location, timeout=TIMEOUT, follow_redirects=True).raise_for_status().content
        else:
            text = Path(unquote(urlsplit(location).path)).read_bytes()
        return YAML(typ="safe", pure=True).load(text)
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise SpecificationError(f"{wanted_by}{_shown(location)} cannot be read: {error}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        text = " ".join(str(error).split())
        raise SpecificationError(f"{wanted_by}{_shown(location)} is neither YAML nor JSON: {text}") from error


def _place(error: Exception) -> str:
    path: Iterator[Any] = iter(getattr(error, "absolute_path", ()))
    text = " ".join(str(getattr(error, "message", error)).split())
    return f"at {'.'.join(map(str, path)) or 'its top'}, {text if len(text) < 300 else f'{text[:300]}…'}"
