"""Read a specification in one file or many and bundle it into one self-contained document."""

from __future__ import annotations

import io
import posixpath
from contextlib import ExitStack
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
from .tree import COMPONENTS, component, is_list, is_object, reference, schemas

TIMEOUT = 30.0
"""Timeout of each connect, read and write while a document is downloaded, in seconds."""

# A schema is the value of one of these keys, an item of a list under one, or a member of an object under one.
_SCHEMA_KEYS = frozenset({"schema", "items", "additionalProperties", "not"})
_SCHEMA_LISTS = frozenset({"allOf", "oneOf", "anyOf"})
_SCHEMA_MAPS = frozenset({"properties", "patternProperties", "schemas"})
# Objects whose keys are names, and whose members are not schemas.
_OTHER_MAPS = frozenset({"headers", "parameters", "responses", "examples", "paths", "requestBodies"})
# The values of these keys are plain data, in which $ref is not a reference.
_DATA_KEYS = frozenset({"example", "default", "enum", "const", "value"})


def bundle(source: str) -> dict[str, Any]:
    """Return the OpenAPI 3 document at the path or URL `source` with only internal references left.

    Schemas of other documents become components. A component has the name that the root document gives it, or else
    the last part of the reference, or the name of the file. References to anything else (path items, parameters,
    responses, …) are replaced by their target.

    Raises:
        SpecificationError: a document cannot be read, is not OpenAPI 3, or has a reference without a target.

    """
    with ExitStack() as stack:
        if _is_url(source):
            # One client for all documents, because creating a client takes longer than a download.
            client = stack.enter_context(httpx.Client(timeout=TIMEOUT, follow_redirects=True))
            result = _Bundler(source, client).run()
        else:
            result = _Bundler(Path(source).resolve().as_uri(), None).run()
    _check_version(result, source)
    return result


def read(path: Path) -> Any:
    """Return the content of a YAML or JSON file.

    Raises:
        SpecificationError: the file cannot be read, or is neither YAML nor JSON.

    """
    return _document(path.resolve().as_uri(), "", None)


def dump(document: dict[str, Any]) -> str:
    """Return `document` as YAML. The same document always gives the same text."""
    yaml: Any = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = _yes
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _yes(_: object) -> bool:
    return True


def validate(document: dict[str, Any], name: str) -> None:
    """Raise SpecificationError unless `document` is a valid OpenAPI 3 document."""
    version = _check_version(document, name)
    try:
        validate_openapi(document)
    except RecursionError as error:
        flatten(document)  # raises an error that names the schema if the cause is allOf
        raise SpecificationError(
            f"{name} has a schema that contains itself through oneOf or anyOf. Break the cycle."
        ) from error
    except Exception as error:  # the validator passes on errors of several libraries
        raise SpecificationError(f"{name} is not a valid OpenAPI {version} document: {_said(error)}") from error


def _check_version(document: dict[str, Any], name: str) -> str:
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith("3."):
        found = f"openapi is {version!r}" if version is not None else "it has no openapi version"
        raise SpecificationError(f"{name} is not an OpenAPI 3 document: {found}.")
    return version


def flatten(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of `document` in which each named schema has the parts of its allOf merged into it.

    Raises:
        SpecificationError: a schema contains itself through allOf.

    """
    result = deepcopy(document)
    known = schemas(result)
    for name in known:
        known[name] = _flat(known[name], known, (name,))
    return result


def _flat(schema: dict[str, Any], known: dict[str, dict[str, Any]], seen: tuple[str, ...]) -> dict[str, Any]:
    if "allOf" not in schema:
        return schema
    merged: dict[str, Any] = {}
    own = {key: value for key, value in schema.items() if key != "allOf"}
    for part in [*schema["allOf"], own]:
        name = component(part)
        if name in seen:
            cycle = " -> ".join((*seen, name))
            raise SpecificationError(
                f"components.schemas.{name} contains itself through allOf: {cycle}. Break the cycle."
            )
        inner = _flat(part, known, seen) if name is None else _flat(known[name], known, (*seen, name))
        for key, value in inner.items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = list(dict.fromkeys([*merged.get(key, []), *value]))
            else:
                merged[key] = value
    return merged


class _Bundler:
    """The state of one bundling.

    A location is the URL of a document, a `#`, and the path inside the document, which is empty for the whole document.
    """

    def __init__(self, root: str, client: httpx.Client | None) -> None:
        self.root = root
        self.client = client
        self.documents: dict[str, Any] = {}
        # The component name of each schema, by its location.
        self.names: dict[str, str] = {}
        self.schemas: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        root = self.document(self.root, "")
        if not is_object(root):
            raise SpecificationError(f"{_shown(self.root)} is not an OpenAPI 3 document: its content is not an object.")
        components, location = self.followed(_member(root, "components"), f"{self.root}#/components", ("components",))
        base = _file(location)
        place = ("components", "schemas")
        listed, location = self.followed(_member(components, "schemas"), _inside(location, "schemas"), place)
        if not is_object(components) or not is_object(listed):
            raise SpecificationError(f"{_at(self.root, place)}: an object of schemas is missing.")
        # Collect all names first, so that references among these schemas find them.
        for name in listed:
            self.names[f"{self.root}{COMPONENTS}{name}"] = name
            self.names[_inside(location, name)] = name
        for name, schema in listed.items():
            target = reference(schema)
            if target is not None:
                self.names.setdefault(self.absolute(target, location, (*place, name)), name)
        for name, schema in listed.items():
            self.add_listed(name, schema, location)
        result = {key: self.walk(value, self.root, (key,)) for key, value in root.items() if key != "components"}
        others = {
            key: self.walk(value, base, ("components", key)) for key, value in components.items() if key != "schemas"
        }
        return {**result, "components": {**others, "schemas": dict(sorted(self.schemas.items()))}}

    def add_listed(self, name: str, schema: Any, base: str) -> None:
        """Add a schema that the root document names. The schema itself may be in another document."""
        place = ("components", "schemas", name)
        target = reference(schema)
        if target is not None and self.names[self.absolute(target, base, place)] == name:
            schema, base = self.followed(schema, base, place)
        self.schemas[name] = self.walk(schema, base, place)

    def walk(self, value: Any, base: str, place: tuple[str, ...]) -> Any:
        """Return `value`, which comes from the document of `base`, with its references changed to internal ones."""
        if is_list(value):
            return [self.walk(item, base, place) for item in value]
        if not is_object(value):
            return value
        target = reference(value)
        if target is not None:
            if not _holds_schema(place):
                return self.walk(*self.followed(value, base, place), place)
            others = {key: item for key, item in value.items() if key != "$ref"}
            return {"$ref": self.component(target, base, place), **others}
        if place[-2:] == ("discriminator", "mapping"):
            return {key: self.mapped(item, base, place) for key, item in value.items()}
        named = place[-1] in _SCHEMA_MAPS or place[-1] in _OTHER_MAPS
        return {
            key: item if key in _DATA_KEYS and not named else self.walk(item, base, (*place, str(key)))
            for key, item in value.items()
        }

    def mapped(self, target: str, base: str, place: tuple[str, ...]) -> str:
        """Return the target of a discriminator mapping, which is the name of a schema or a reference to one."""
        is_reference = "/" in target or target.endswith((".yaml", ".yml", ".json"))
        return self.component(target, base, place) if is_reference else target

    def component(self, target: str, base: str, place: tuple[str, ...]) -> str:
        """Return a reference to the component for the schema at `target`, and create the component if necessary."""
        absolute = self.absolute(target, base, place)
        name = self.names.get(absolute)
        if name is None:
            location, pointer = urldefrag(absolute)
            name = unquote(posixpath.basename(pointer) or posixpath.basename(location).partition(".")[0])
            other = next((known for known, taken in self.names.items() if taken == name), None)
            if other is not None:
                raise SpecificationError(
                    f"Two schemas would both be called {name}: {_shown(other)} and {_shown(absolute)}. "
                    "Give one of them a name in components.schemas of the root document."
                )
            self.names[absolute] = name
            schema = self.found(absolute, base, place)
            self.schemas[name] = self.walk(schema, absolute, ("components", "schemas", name))
        return f"{COMPONENTS}{name}"

    def followed(self, value: Any, base: str, place: tuple[str, ...]) -> tuple[Any, str]:
        """Follow `value` until it is not a reference. Return the final value and its location."""
        seen: set[str] = set()
        while (target := reference(value)) is not None:
            absolute = self.absolute(target, base, place)
            if absolute in seen:
                raise SpecificationError(
                    f"{_at(base, place)}: $ref {target!r} leads back to itself. Replace it by a definition."
                )
            seen.add(absolute)
            value, base = self.found(absolute, base, place), absolute
        return value, base

    def absolute(self, target: str, base: str, place: tuple[str, ...]) -> str:
        """Return the location of the reference `target` in the document of `base`."""
        absolute = f"{_file(base)}{target}" if target.startswith("#") else urljoin(base, target)
        if _is_url(absolute) != _is_url(self.root):
            raise SpecificationError(
                f"{_at(base, place)}: $ref {target!r} leads from a file to the web or from the web to a file. "
                "Keep all documents of a specification in files, or all of them on the web."
            )
        return absolute.removesuffix("#")

    def found(self, absolute: str, base: str, place: tuple[str, ...]) -> Any:
        """Return the value at the location `absolute`."""
        location, pointer = urldefrag(absolute)
        value = self.document(location, f"{_at(base, place)}: $ref leads nowhere: ")
        for part in pointer.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if not is_object(value) or key not in value:
                raise SpecificationError(
                    f"{_at(base, place)}: $ref leads nowhere: {_shown(location)} has no {key!r} at {pointer}."
                )
            value = value[key]
        return value

    def document(self, location: str, wanted_by: str) -> Any:
        if location not in self.documents:
            self.documents[location] = _document(location, wanted_by, self.client)
        return self.documents[location]


def _holds_schema(place: tuple[str, ...]) -> bool:
    """Whether a reference at `place` refers to a schema."""
    if place[-2:-1] and place[-2] in _SCHEMA_MAPS:
        return True
    return place[-1] in _SCHEMA_KEYS or place[-1] in _SCHEMA_LISTS


def _is_url(location: str) -> bool:
    return urlsplit(location).scheme in ("http", "https")


def _file(location: str) -> str:
    return location.partition("#")[0]


def _member(value: Any, key: str) -> Any:
    """Return the member `key` of an object, or an empty object if there is none."""
    return (value.get(key) if is_object(value) else None) or {}


def _inside(location: str, key: str) -> str:
    return f"{location}{'' if '#' in location else '#'}/{key}"


def _at(base: str, place: tuple[str, ...]) -> str:
    return f"{_shown(_file(base))} at {'.'.join(place)}"


def _shown(location: str) -> str:
    return unquote(location.removeprefix("file://"))


def _document(location: str, wanted_by: str, client: httpx.Client | None) -> Any:
    """Read a document from the web with `client`, or from a file without. `wanted_by` begins error messages."""
    name = f"{wanted_by}{_shown(location)}"
    try:
        if client is not None:
            text = client.get(location).raise_for_status().content
        else:
            text = Path(unquote(urlsplit(location).path)).read_bytes()
        yaml: Any = YAML(typ="safe", pure=True)
        return _plain(yaml.load(text))
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise SpecificationError(f"{name} cannot be read: {error}") from error
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SpecificationError(f"{name} is neither YAML nor JSON: {' '.join(str(error).split())}") from error


def _plain(value: Any) -> Any:
    """Return `value` with YAML's keys and dates as strings, as JSON has them."""
    if is_object(value):
        return {str(key): _plain(item) for key, item in value.items()}
    if is_list(value):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _said(error: Exception) -> str:
    """Return the place and the message of a validation error, the message cut to 300 characters."""
    path: list[Any] = list(getattr(error, "absolute_path", ()))
    text = " ".join(str(getattr(error, "message", error)).split())
    return f"at {'.'.join(map(str, path)) or 'its top'}, {text if len(text) < 300 else f'{text[:300]}…'}"
