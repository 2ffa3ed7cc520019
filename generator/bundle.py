"""Bundle a specification in one file or many into one self-contained document."""

from __future__ import annotations

import posixpath
from collections import deque
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import httpx
from attrs import frozen

from .documents import TIMEOUT, Documents, dump, is_url, read, root_in, shown
from .errors import SpecificationError
from .normalize import flatten
from .shapes import ANY, DATA, MAPPING, PATH, is_schema, kind_of
from .tree import COMPONENTS, is_list, is_object, reference
from .validation import check_api, check_version, validate

__all__ = ["bundle", "check_api", "dump", "flatten", "read", "validate"]

_NAMED = ("components", "schemas")


def bundle(source: str) -> dict[str, Any]:
    """Return the OpenAPI 3 document at `source` with only internal references left.

    Schemas of other documents become components. A component has the name that the root document gives it, or else
    the last part of the reference, or the name of the file. References to anything else (path items, parameters,
    responses, …) are replaced by their target, and references to a text file by its text. The result is not yet
    compared with the OpenAPI standard: see validate.

    Args:
        source: the path of the root document, the path of a folder (see documents.root_in), or a URL.

    Raises:
        SpecificationError: a document cannot be read, is not OpenAPI 3, or has a reference without a target.

    """
    try:
        on_web, fragment = is_url(source), urldefrag(source).fragment
    except ValueError as error:
        raise SpecificationError(f"{shown(source)} cannot be read: it is no address: {error}.") from error
    if not on_web:
        return _Bundler(Documents(None), _local(source)).run(source)
    if fragment:
        raise SpecificationError(f"{shown(source)} names a part of a document. Leave out the part from # on.")
    # One client for all documents, because creating a client takes longer than a download.
    with _client(source) as client:
        return _Bundler(Documents(client), source).run(source)


def _client(source: str) -> httpx.Client:
    try:
        return httpx.Client(timeout=TIMEOUT)
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise SpecificationError(
            f"{shown(source)} cannot be read: the environment's settings for proxies or certificates (HTTP_PROXY, "
            f"HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR) cannot be used: {str(error).rstrip('.')}."
        ) from error


def _local(source: str) -> str:
    if not source:
        raise SpecificationError("The specification is an empty text. Give a path or an address.")
    if "://" in source and not source.startswith("file://"):
        raise SpecificationError(f"{shown(source)} cannot be read: only files and http and https addresses can.")
    path = Path(unquote(urlsplit(source).path) if source.startswith("file://") else source).absolute()
    return (root_in(path) if path.is_dir() else path).as_uri()


@frozen
class _Location:
    """A place in a document, which `path` leads to. An empty path is the whole document."""

    document: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{shown(self.document)}{'#/' if self.path else ''}{'/'.join(self.path)}"

    @property
    def name(self) -> str:
        """The name of a component that is made from the value at this place."""
        return (
            self.path[-1] if self.path else unquote(posixpath.basename(urlsplit(self.document).path)).partition(".")[0]
        )


@frozen
class _Waiting:
    """A schema that becomes the component `name`."""

    name: str
    value: Any
    location: _Location
    first: _Location
    """The place of the schema that got the name first."""


class _Bundler:
    """The state of one bundling."""

    def __init__(self, documents: Documents, root: str) -> None:
        self.documents = documents
        self.root = root
        self.names: dict[_Location, str] = {}
        """The component name of each schema."""
        self.schemas: dict[str, Any] = {}
        self.waiting: deque[_Waiting] = deque()
        self.mapped_names: list[tuple[str, str]] = []
        """Each schema name in a discriminator, and the place of it."""

    def run(self, source: str) -> dict[str, Any]:
        final, root = self.documents.get(self.root)
        top = _Location(final)
        check_version(root, shown(source))
        components, at = self.followed(root.get("components", {}), _inside(top, "components"), ("components",))
        listed, listed_at = (
            self.followed(components.get("schemas", {}), _inside(at, "schemas"), _NAMED)
            if is_object(components)
            else (None, at)
        )
        if not is_object(components) or not is_object(listed):
            raise SpecificationError(f"{_at(top, _NAMED)}: an object of schemas is missing.")
        # Collect all names first, so that references among these schemas find them.
        for name in listed:
            self.names[_inside(top, *_NAMED, name)] = name
            self.names[_inside(listed_at, name)] = name
        for name, schema in listed.items():
            if reference(schema) is not None:
                self.names.setdefault(self.target(schema["$ref"], listed_at, (*_NAMED, name))[1], name)
        for name, schema in listed.items():
            self.add_listed(name, schema, _inside(listed_at, name))
        result = {
            key: self.walk(value, top, (key,), kind_of("document", key))
            for key, value in root.items()
            if key != "components"
        }
        others = {
            key: self.walk(value, at, ("components", key), kind_of("components", key))
            for key, value in components.items()
            if key != "schemas"
        }
        self.finish()
        return {**result, "components": {**others, "schemas": dict(sorted(self.schemas.items()))}}

    def add_listed(self, name: str, schema: Any, at: _Location) -> None:
        """Add a schema that the root document names. The schema itself may be in another document."""
        place = (*_NAMED, name)
        target = reference(schema)
        if target is not None and self.names[self.target(target, at, place)[1]] == name and len(schema) == 1:
            schema, at = self.followed(schema, at, place)
        self.schemas[name] = self.walk(schema, at, place, "schema")

    def finish(self) -> None:
        """Add the schemas that others refer to, until none is missing."""
        again: list[_Waiting] = []
        while self.waiting:
            one = self.waiting.popleft()
            schema = self.walk(one.value, one.location, (*_NAMED, one.name), "schema")
            if one.location == one.first:
                self.schemas[one.name] = schema
            else:
                again.append(_Waiting(one.name, schema, one.location, one.first))
        for one in again:
            if one.value != self.schemas[one.name]:
                raise SpecificationError(
                    f"Two schemas would both be called {one.name}: {one.first} and {one.location}. "
                    "Give one of them a name in components.schemas of the root document."
                )
        for name, place in self.mapped_names:
            if name not in self.schemas:
                raise SpecificationError(
                    f"{place}: the discriminator leads nowhere: no schema is called {name}. Write a reference to it."
                )

    def walk(
        self, value: Any, at: _Location, place: tuple[str, ...], kind: str, inside: tuple[_Location, ...] = ()
    ) -> Any:
        """Return a copy of `value` with its references changed to internal ones.

        Args:
            value: a value of the document of `at`.
            at: a place in that document.
            place: the place in the bundled document, for messages.
            kind: the kind of `value`: see shapes.
            inside: the targets of the references that `value` was reached by.

        """
        self.documents.count(shown(at.document), place)
        if kind == DATA:
            return deepcopy(value)
        if is_list(value):
            inner = kind_of(kind, "") if kind.startswith("[") else ANY
            return [self.walk(item, at, (*place, str(index)), inner, inside) for index, item in enumerate(value)]
        if not is_object(value):
            return value
        if kind == MAPPING:
            return {key: self.mapped(item, at, (*place, key)) for key, item in value.items()}
        if "$ref" in value and not (kind.startswith("{") and is_object(value["$ref"])):
            return self.referring(value, at, place, kind, inside)
        return {
            key: self.walk(item, at, (*place, key), kind_of(kind, key), inside)
            for key, item in value.items()
            # Addresses of schemas have no meaning any more, because all schemas are in one document.
            if not (is_schema(kind) and key in ("$id", "$schema"))
        }

    def referring(
        self, value: dict[str, Any], at: _Location, place: tuple[str, ...], kind: str, inside: tuple[_Location, ...]
    ) -> Any:
        """Return the copy of the reference `value`. See walk."""
        if not isinstance(value["$ref"], str):
            raise SpecificationError(f"{_at(at, (*place, '$ref'))}: {value['$ref']!r} is no reference. Write a text.")
        beside = {
            key: self.walk(item, at, (*place, key), kind_of(kind, key), inside)
            for key, item in value.items()
            if key not in ("$ref", "$id", "$schema")
        }
        if is_schema(kind):
            return {"$ref": self.component(value["$ref"], at, place), **beside}
        found, location = self.followed(value, at, place)
        if location in inside:
            raise SpecificationError(
                f"{_at(at, place)}: {location} contains itself through $ref {value['$ref']!r}. Break the cycle."
            )
        copy = self.walk(found, location, place, kind, (*inside, location))
        if not is_object(copy):
            return copy
        # The words beside a reference are more particular than those of its target. Other keys beside it have a
        # meaning in path items only.
        return {
            **copy,
            **{key: item for key, item in beside.items() if kind == PATH or key in ("description", "summary")},
        }

    def mapped(self, target: Any, at: _Location, place: tuple[str, ...]) -> Any:
        """Return the target of a discriminator mapping, which is the name of a schema or a reference to one."""
        if not isinstance(target, str):
            return target
        if "/" in target or target.endswith((".yaml", ".yml", ".json")):
            return self.component(target, at, place)
        self.mapped_names.append((target, _at(at, place)))
        return target

    def component(self, target: str, at: _Location, place: tuple[str, ...]) -> str:
        """Return a reference to the component for the schema at `target`, and create the component if necessary."""
        value, location = self.target(target, at, place)
        name = self.names.get(location)
        if name is None:
            name = location.name
            passed = [location]
            # A file that only refers to a schema of the same name in another file adds nothing.
            while (further := reference(value)) is not None and len(value) == 1:
                inner, its_location = self.target(further, passed[-1], place)
                if self.names.get(its_location, its_location.name) != name or its_location in passed:
                    break
                value = inner
                passed.append(its_location)
            location = passed[-1]
            if location not in self.names:
                first = next((known for known, taken in self.names.items() if taken == name), location)
                self.waiting.append(_Waiting(name, value, location, first))
            self.names.update(dict.fromkeys(passed, name))
        return f"{COMPONENTS}{name}"

    def followed(self, value: Any, at: _Location, place: tuple[str, ...]) -> tuple[Any, _Location]:
        """Follow `value` until it is not a reference. Return the final value and its location."""
        seen: set[_Location] = set()
        while (target := reference(value)) is not None:
            found, location = self.target(target, at, place)
            if location in seen:
                raise SpecificationError(
                    f"{_at(at, place)}: $ref {target!r} leads back to itself. Replace it by a definition."
                )
            seen.add(location)
            value, at = found, location
        return value, at

    def target(self, target: str, at: _Location, place: tuple[str, ...], depth: int = 0) -> tuple[Any, _Location]:
        """Return the value that the reference `target` in the document of `at` leads to, and its location."""
        address, pointer = self.address(target, at, place)
        nowhere = f"{_at(at, place)}: $ref leads nowhere: "
        try:
            final, value = self.documents.get(address)
        except SpecificationError as error:
            raise SpecificationError(f"{nowhere}{error}") from error
        location = _Location(final)
        if pointer and not pointer.startswith("/"):
            raise SpecificationError(
                f"{nowhere}{target!r} names an anchor or a heading. Write a path such as #/components/schemas/Order."
            )
        for part in pointer.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            further = reference(value)
            if further is not None and key not in value:
                if depth > 20:
                    raise SpecificationError(f"{nowhere}{target!r} leads through itself. Replace it by a definition.")
                value, location = self.target(further, location, place, depth + 1)
            if is_list(value) and key.isascii() and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            elif is_object(value) and key in value:
                value = value[key]
            else:
                raise SpecificationError(f"{nowhere}{shown(final)} has no {key!r} at {pointer}.")
            location = _inside(location, key)
        return value, location

    def address(self, target: str, at: _Location, place: tuple[str, ...]) -> tuple[str, str]:
        """Return the address of the document that `target` leads to, and the path in it."""
        try:
            address, pointer = urldefrag(
                at.document + target if target.startswith("#") else urljoin(at.document, target)
            )
            local = not is_url(address)
            foreign = local and (urlsplit(address).scheme != "file" or bool(urlsplit(address).netloc))
        except ValueError as error:
            raise SpecificationError(f"{_at(at, place)}: $ref {target!r} is no address: {error}.") from error
        if local == is_url(self.root) or foreign:
            raise SpecificationError(
                f"{_at(at, place)}: $ref {target!r} leads from a file to the web or from the web to a file. "
                "Keep all documents of a specification in files, or all of them on the web."
            )
        return address, pointer


def _inside(location: _Location, *keys: str) -> _Location:
    return _Location(location.document, (*location.path, *keys))


def _at(location: _Location, place: tuple[str, ...]) -> str:
    return f"{shown(location.document)} at {'.'.join(place)}"
