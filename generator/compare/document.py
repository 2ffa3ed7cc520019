"""Compare two whole documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from .. import names
from ..tree import COMPONENTS, component, is_list, is_object, operations, schemas
from .differences import (
    Where,
    became,
    by,
    differ,
    gone,
    information,
    member,
    members,
    pairs,
    reordered,
    same,
    without_words,
)
from .forms import is_class, unwrapped
from .operations import Operations, callbacks
from .renames import renames
from .schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..rules import Direction
    from .differences import Change, Handlers, Object


class Document:
    """The comparison of two documents."""

    def __init__(self, old: Object, new: Object) -> None:
        self.old, self.new = old, new
        self.known_before, self.known = schemas(old), schemas(new)
        self.schema = Schemas(old, new)
        self.operations = Operations(old, new, self.schema)
        uses = [_uses(old), _uses(new)]
        self.sent = {name for use in uses for name in use[0]}
        self.received = {name for use in uses for name in use[1]}
        places = [_places(old), _places(new)]
        self.items = {name for use in places for name in use[0]}
        self.not_optional = {name for use in places for name in use[1]}

    def changes(self) -> Iterator[Change]:
        """Yield all differences."""
        whole = Where("API", "API", "both")
        handlers: Handlers = (
            (("openapi", "externalDocs"), information),
            (("info",), self._info),
            (("servers",), self.operations.servers),
            (("tags",), self._tags_listed),
            (("paths",), self.operations.paths),
            (("components",), self._components),
            (("security",), self._security_of_all),
            (("webhooks",), callbacks),
        )
        yield from members(whole, self.old, self.new, handlers)

    def _info(self, _: Where, old: Object, new: Object) -> Iterator[Change]:
        handlers: Handlers = (
            (("version",), self._version),
            (("termsOfService", "contact", "license"), information),
        )
        yield from members(Where("info", "info", "both"), member(old, "info"), member(new, "info"), handlers)

    def _version(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        major, other = (str(side.get("version")).partition(".")[0] for side in (old, new))
        kind = "API version" if major == other else "API version, major"
        yield where.change(kind, became("version", old, new), old.get("version"), new.get("version"))

    def _tags_listed(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for name, was, now in pairs(by(old.get("tags"), "name"), by(new.get("tags"), "name")):
            if not same(without_words(was), without_words(now)):
                text = "removed" if now is None else "added" if was is None else "changed"
                yield where.change("tags changed", f"tag {name} {text}", was, now)
        yield from reordered(where, old, new, "tags")

    def _security_of_all(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        found = list(self.operations.requirements(where, old.get("security", []), new.get("security", [])))
        before, after = (
            {operation.name for operation in operations(side) if "security" not in operation.data}
            for side in (old, new)
        )
        if not before & after:
            found = [where.change("information changed", "security changed, and each operation has its own")]
        yield from found

    def _components(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = member(old, "components"), member(new, "components")
        handlers: Handlers = (
            (("schemas",), self._schemas),
            (("securitySchemes",), self._security_schemes),
            (("parameters", "responses", "headers", "requestBodies", "links", "callbacks", "pathItems"), self._unused),
        )
        yield from members(evolve(where, place="components", python="components"), before, after, handlers)

    def _security_schemes(self, _: Where, old: Object, new: Object) -> Iterator[Change]:
        for name, was, now in pairs(member(old, "securitySchemes"), member(new, "securitySchemes")):
            where = Where(f"security scheme {name}", f"security scheme {name}", "both")
            if now is None or was is None:
                what = "removed" if now is None else "added"
                yield where.change(f"security scheme {what}", what, was, now)
            elif not same(without_words(was), without_words(now)):
                keys = sorted(key for key in was.keys() | now.keys() if differ(was, now, (key,)))
                yield where.change("security scheme changed", f"changed: {', '.join(keys)}", was, now)

    def _unused(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for key in ("parameters", "responses", "headers", "requestBodies", "links", "callbacks", "pathItems"):
            for name, was, now in pairs(member(old, key), member(new, key)):
                if not same(without_words(was), without_words(now)):
                    text = "removed" if now is None else "added" if was is None else "changed"
                    yield where.at(f".{key}.{name}").change("unused definition changed", text, was, now)

    def _schemas(self, _: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = member(old, "schemas"), member(new, "schemas")
        renamed = renames(before, after)
        for name, was, now in pairs(before, after, objects=False):
            direction = _direction(name in self.sent, name in self.received)
            where = Where(name, names.class_name(name), direction, "item" if name in self.items else "value")
            if name not in after:
                kind = "schema removed" if is_class(was, self.known_before) else "schema without a class removed"
                yield where.change(kind, f"schema {gone(renamed.get(name))}", was)
            elif name not in before:
                kind = "schema added" if is_class(now, self.known) else "schema without a class added"
                yield where.change(kind, "schema added", None, now)
            else:
                optional = name not in self.not_optional
                yield from self.schema.schema(where, was, now, optional=optional)


def _direction(sent: bool, received: bool) -> Direction:
    return "both" if sent and received else "sent" if sent else "received" if received else "neither"


def _uses(document: Object) -> tuple[set[str], set[str]]:
    """Return the names of the schemas used in requests, and of the schemas used in answers."""
    known = schemas(document)
    sent: set[str] = set()
    received: set[str] = set()
    for operation in operations(document):
        _reach([operation.data.get("requestBody"), operation.parameters], known, sent)
        _reach(operation.data.get("responses"), known, received)
    return sent, received


def _places(document: Object) -> tuple[set[str], set[str]]:
    """Return the schemas that are items of lists or values of maps, and those used as more than optional properties."""
    items: set[str] = set()
    needed: set[str] = set()
    waiting: list[Any] = [member(document, "paths"), *schemas(document).values()]
    while waiting:
        value = waiting.pop()
        if is_list(value):
            waiting += value
        elif is_object(value):
            name = component(unwrapped(value))
            if name is not None:
                needed.add(name)
                continue
            items.update(
                name for key in ("items", "additionalProperties") if (name := component(unwrapped(value.get(key))))
            )
            required = value.get("required")
            for key, part in value.items():
                if key == "properties" and is_object(part):
                    waiting += [
                        inner
                        for name, inner in part.items()
                        if component(unwrapped(inner)) is None or (is_list(required) and name in required)
                    ]
                else:
                    waiting.append(part)
    return items, needed


def _reach(value: Any, known: Object, found: set[str]) -> None:
    """Add the names of all schemas that `value` refers to, directly or indirectly, to `found`.

    A string that has the form of a reference is one: discriminators and x-list-when refer to schemas in this way.
    """
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if is_object(item):
            waiting += item.values()
        elif is_list(item):
            waiting += item
        elif isinstance(item, str) and item.startswith(COMPONENTS):
            name = item.removeprefix(COMPONENTS)
            if name in known and name not in found:
                found.add(name)
                waiting.append(known[name])
