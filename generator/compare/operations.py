"""Compare paths and operations: parameters, bodies, responses, headers, servers and security."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve
from openapi_python_client.strings import PythonIdentifier

from ..tree import METHODS, is_object
from .differences import (
    Where,
    as_json,
    became,
    by,
    deprecated,
    gone,
    information,
    listed,
    member,
    members,
    pairs,
    reordered,
    required,
    same,
    short,
    without_words,
)
from .forms import unwrapped
from .renames import renames

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .differences import Change, Handler, Handlers, Object
    from .schemas import Schemas


class Operations:
    """The comparison of the operations of two documents."""

    def __init__(self, old: Object, new: Object, schemas: Schemas) -> None:
        self.old, self.new, self.schemas = old, new, schemas

    def paths(self, _: Where, old: Object, new: Object) -> Iterator[Change]:
        """Compare all operations."""
        before, after = member(old, "paths"), member(new, "paths")
        moved = _moved(before, after)
        for path, was, now in pairs(before, after):
            place = Where(path, path, "both")
            found = list(self._path(place, was or {}, now or {}, moved))
            if (was is None or now is None) and not found:
                found = [place.change("no rule", f"path {path} {'removed' if now is None else 'added'}", was, now)]
            yield from found

    def _path(self, where: Where, old: Object, new: Object, moved: Mapping[str, str]) -> Iterator[Change]:
        shared = False
        for method in METHODS:
            was, now = (member(side, method) if is_object(side.get(method)) else None for side in (old, new))
            name = f"{method.upper()} {where.place}"
            place = Where(name, name, "both")
            if was is None and now is None:
                continue
            if now is None:
                yield place.change("operation removed", f"operation {gone(moved.get(name), 'moved')}", was)
            elif was is None:
                yield place.change("operation added", "operation added", None, now)
            else:
                before, after = _effective(old, was), _effective(new, now)
                shared = shared or not same(without_words(before["parameters"]), without_words(after["parameters"]))
                yield from self._operation(place, before, after)
        handlers: Handlers = (
            (METHODS, None),
            (("parameters",), None if shared else rewritten),
            (("servers",), self.servers),
        )
        yield from members(where, old, new, handlers)

    def _operation(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        handlers: Handlers = (
            (("operationId",), self._operation_id),
            (("tags",), self._tags),
            (("parameters",), self._parameters),
            (("requestBody",), self._body),
            (("responses",), self._responses),
            (("deprecated",), deprecated),
            (("security",), self._security),
            (("servers",), self.servers),
            (("callbacks",), callbacks),
            (("externalDocs",), information),
        )
        yield from members(where, old, new, handlers)

    def _operation_id(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = old.get("operationId"), new.get("operationId")
        alike = _identifier(before) == _identifier(after)
        kind = "name changed, not in Python" if alike else "operationId changed"
        yield where.change(kind, became("operationId", old, new), before, after)

    def _tags(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = listed(old.get("tags")), listed(new.get("tags"))
        first, now = ((side or ["default"])[0] for side in (before, after))
        if first == now:
            yield where.change("tags changed", became("tags", old, new), before, after)
        elif _identifier(first) == _identifier(now):
            yield where.change("name changed, not in Python", f"tag {short(first)} became {short(now)}", first, now)
        else:
            yield where.change("module tag changed", f"tag {short(first)} became {short(now)}", first, now)

    def _security(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (
            side.get("security", document.get("security", [])) for side, document in ((old, self.old), (new, self.new))
        )
        found = list(self.requirements(where, before, after))
        yield from found or [where.change("written differently", "security is written differently", before, after)]

    def requirements(self, where: Where, old: Any, new: Any) -> Iterator[Change]:
        """Compare two lists of alternative requirements. An empty list, and an alternative `{}`, require nothing."""
        before, after = ({as_json(item): item for item in listed(side) or [{}]} for side in (old, new))
        free = {"{}"}
        for key in sorted(before.keys() - after.keys()):
            if key == "{}" and before.keys() == free:
                continue
            kind = "security removed" if after.keys() == free else "security alternative removed"
            yield where.change(kind, f"security {key} removed", before[key])
        for key in sorted(after.keys() - before.keys()):
            if key == "{}" and after.keys() == free:
                continue
            kind = "security added" if before.keys() == free else "security alternative added"
            yield where.change(kind, f"security {key} required", None, after[key])
        if before.keys() == after.keys() and not same(old, new):
            yield where.change("written differently", "security is written differently", old, new)

    def servers(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        """Compare the addresses."""
        before, after = (by(side.get("servers"), "url") for side in (old, new))
        renamed = renames(before, after)
        for url, was, now in pairs(before, after):
            place = where.at(f" server {url}" if where.place != "API" else "", "both")
            place = evolve(place, place=f"server {url}") if where.place == "API" else place
            if now is None:
                yield place.change("server removed", gone(renamed.get(url)), was)
            elif was is None:
                yield place.change("server added", "added", None, now)
            else:
                yield from members(place, was, now, ((("variables",), self._variables), (("url",), None)))
        yield from reordered(where, old, new, "servers")

    def _variables(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for name, was, now in pairs(member(old, "variables"), member(new, "variables")):
            if not same(without_words(was), without_words(now)):
                text = f"variable {name} " + ("removed" if now is None else "added" if was is None else "changed")
                yield where.change("server variable changed", text, was, now)

    def _parameters(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (
            {(str(item.get("in")), str(item.get("name"))): item for item in side["parameters"]} for side in (old, new)
        )
        goes, comes = before.keys() - after.keys(), after.keys() - before.keys()
        moved = {place: other for place in goes for other in comes if place[1] == other[1]}
        renamed = renames(
            {name: before[way, name] for way, name in goes}, {name: after[way, name] for way, name in comes}
        )
        sent = where.direction if where.direction == "received" else "sent"
        for way, name in sorted(before.keys() | after.keys()):
            was, now = before.get((way, name)), after.get((way, name))
            place = Where(f"{where.place} {way} parameter {name}", _identifier(name), sent)
            if was is None and (way, name) in moved.values():
                continue
            if (way, name) in moved:
                other = moved[way, name]
                yield place.change("parameter moved", f"moved from the {way} to the {other[0]}", was, after[other])
                yield from self._parameter(place, was or {}, after[other])
            elif now is None:
                yield place.change("parameter removed", gone(renamed.get(name)), was)
            elif was is None:
                needed = now.get("required") is True
                kind = "required parameter added" if needed else "parameter added"
                yield place.change(kind, "added, required" if needed else "added", None, now)
            else:
                yield from self._parameter(place, was, now)
        yield from reordered(where, old, new, "parameters")

    def _parameter(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        if where.direction == "received":
            needed: Handler = lambda where, old, new: required(where, old, new, "header")  # noqa: E731
        else:
            needed = lambda where, old, new: required(where, old, new, "parameter")  # noqa: E731
        handlers: Handlers = (
            (("name", "in"), None),
            (("required",), needed),
            (("schema",), self._schema_of),
            (("content",), self._content),
            (("style", "explode", "allowReserved"), self._encoding),
            (("allowEmptyValue",), self._empty),
            (("deprecated",), deprecated),
        )
        yield from members(where, old, new, handlers)

    def _schema_of(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield from self.schemas.schema(where, old.get("schema", {}), new.get("schema", {}))
        if ("schema" in old) is not ("schema" in new):
            text = "schema added" if "schema" in new else "schema removed"
            yield where.change("no rule", text, old.get("schema"), new.get("schema"))

    def _encoding(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = _style(old), _style(new)
        for key, was, now in pairs(before, after, objects=False):
            if was != now:
                yield where.change("encoding changed", f"{key} {short(was)} became {short(now)}", was, now)
        if before == after:
            yield where.change("written differently", "style is written differently", before, after)

    def _empty(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = bool(old.get("allowEmptyValue")), bool(new.get("allowEmptyValue"))
        kind = "empty value allowed" if after else "empty value refused"
        if before is after:
            kind = "written differently"
        yield where.change(kind, became("allowEmptyValue", old, new), before, after)

    def _body(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        place = where.at(" body", "sent")
        was, now = old.get("requestBody"), new.get("requestBody")
        if not is_object(was) or not is_object(now):
            if is_object(now):
                needed = now.get("required") is True
                text = "added, required" if needed else "added"
                yield place.change("required body added" if needed else "body added", text, was, now)
            elif is_object(was):
                yield place.change("body removed", "removed", was, now)
            return
        handlers: Handlers = (
            (("required",), lambda where, old, new: required(where, old, new, "body")),
            (("content",), self._content),
        )
        yield from members(place, was, now, handlers)

    def _content(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = member(old, "content"), member(new, "content")
        handlers: Handlers = ((("schema",), self._schema_of), (("encoding",), self._form))
        for media, was, now in pairs(before, after):
            if now is None:
                yield where.change("media type removed", f"{media} removed", was)
            elif was is None:
                kind = "media type added" if before or where.direction != "received" else "content added"
                yield where.change(kind, f"{media} added", None, now)
            else:
                yield from members(where, was, now, handlers)

    def _form(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield where.change("encoding changed", became("encoding", old, new), old.get("encoding"), new.get("encoding"))

    def _responses(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = member(old, "responses"), member(new, "responses")
        results = [_result(response) for response in before.values()]
        for status, was, now in pairs(before, after):
            place = where.at(f" {status}", "received")
            success = str(status).startswith("2")
            if now is None:
                kind = "success response removed" if success else "error response removed"
                yield place.change(kind, "response removed", was)
            elif was is None:
                kind = "success response added" if success else "error response added"
                if _result(now) not in results:
                    kind = "response of a new type added"
                yield place.change(kind, "response added", None, now)
            else:
                handlers: Handlers = (
                    (("content",), self._content),
                    (("headers",), self._headers),
                    (("links",), callbacks),
                )
                yield from members(place, was, now, handlers)

    def _headers(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = member(old, "headers"), member(new, "headers")
        renamed = renames(before, after)
        for name, was, now in pairs(before, after):
            place = where.at(f" header {name}")
            if now is None:
                yield place.change("header removed", gone(renamed.get(name)), was)
            elif was is None:
                yield place.change("header added", "added", None, now)
            else:
                yield from self._parameter(place, was, now)


def callbacks(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Compare callbacks, links and webhooks."""
    for key in ("callbacks", "links", "webhooks"):
        for name, was, now in pairs(member(old, key), member(new, key)):
            if not same(without_words(was), without_words(now)):
                text = "removed" if now is None else "added" if was is None else "changed"
                yield where.change("callback or link changed", f"{key} {name} {text}", was, now)


def rewritten(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Yield that the parameters of a path are written in another way, with the same result for each operation."""
    yield where.change("written differently", "parameters are written differently", old, new)


def _effective(item: Object, operation: Object) -> Object:
    """Return an operation with the parameters of its path, which its own parameters override."""
    found = {
        (str(parameter.get("in")), str(parameter.get("name"))): parameter
        for parameter in [*listed(item.get("parameters")), *listed(operation.get("parameters"))]
        if is_object(parameter)
    }
    return {**operation, "parameters": list(found.values())}


def _identifier(name: Any) -> str:
    return str(PythonIdentifier(str(name), prefix="field_"))


def _moved(old: Object, new: Object) -> dict[str, str]:
    """Return the operations that have another path or method and the same operationId."""
    before, after = (
        {
            str(operation["operationId"]): f"{method.upper()} {path}"
            for path, item in side.items()
            for method in METHODS
            if "operationId" in (operation := member(item, method))
        }
        for side in (old, new)
    )
    return {name: after[key] for key, name in before.items() if key in after and after[key] != name}


def _result(response: Any) -> str:
    """Return what distinguishes the type of the result of a response from other types."""
    content = member(response, "content")
    media = content.get("application/json", next(iter(content.values()), None))
    return as_json(without_words(unwrapped(media.get("schema", {})))) if is_object(media) else "nothing"


def _style(parameter: Object) -> dict[str, Any]:
    """Return how the value of a parameter is written, with the defaults of OpenAPI."""
    style = parameter.get("style", "form" if parameter.get("in") in ("query", "cookie") else "simple")
    explode = parameter.get("explode", style == "form")
    return {"style": style, "explode": explode, "allowReserved": bool(parameter.get("allowReserved"))}
