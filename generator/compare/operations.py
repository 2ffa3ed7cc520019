"""Compare paths and operations: parameters, bodies, responses, headers, servers and security."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names
from ..endpoints import IGNORED_HEADERS
from ..tree import METHODS, is_object, parameters
from .differences import (
    Where,
    as_json,
    became,
    by,
    deprecated,
    differ,
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

    from .differences import Change, Handlers, Object
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
        told: set[str] = set()
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
                before, after = (
                    {**data, "parameters": parameters(item, data), "servers": data.get("servers", item.get("servers"))}
                    for item, data in ((old, was), (new, now))
                )
                told |= {key for key in ("parameters", "servers") if differ(before, after, (key,))}
                yield from self._operation(place, before, after)
        handlers: Handlers = (
            (METHODS, None),
            # The operations have lines of their own.
            *(((key,), None if key in told else _rewritten) for key in ("parameters", "servers")),
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
        alike = names.module_name(str(before), "operation") == names.module_name(str(after), "operation")
        kind = "name changed, not in Python" if alike else "operationId changed"
        yield where.change(kind, became("operationId", old, new), before, after)

    def _tags(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = listed(old.get("tags")), listed(new.get("tags"))
        first, now = ((side or ["default"])[0] for side in (before, after))
        if first == now:
            yield where.change("tags changed", became("tags", old, new), before, after)
        elif names.module_name(str(first), "tag") == names.module_name(str(now), "tag"):
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
        for key in sorted(before.keys() - after.keys()):
            enough = any(_satisfies(before[key], other) for other in after.values())
            kind = "security removed" if enough else "security alternative removed"
            if key != "{}":
                yield where.change(kind, f"security {key} removed", before[key])
            elif not enough and len(before) > 1:
                yield where.change(kind, "security required in any case", before[key])
        for key in sorted(after.keys() - before.keys()):
            is_new = list(before) == ["{}"] and "{}" not in after
            kind = "security added" if is_new else "security alternative added"
            if key != "{}":
                yield where.change(kind, f"security {key} {'required' if is_new else 'accepted'}", None, after[key])
            elif len(after) > 1:
                yield where.change(kind, "security not required in any case", None, after[key])
        if before.keys() == after.keys() and not same(old, new):
            yield where.change("written differently", "security is written differently", old, new)

    def servers(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        """Compare the addresses."""
        # An operation without addresses has those of the document.
        before, after = (
            by(side.get("servers") or document.get("servers"), "url")
            for side, document in ((old, self.old), (new, self.new))
        )
        renamed = renames(before, after)
        for url, was, now in pairs(before, after):
            place = where.at(f" server {url}" if where.place != "API" else "", "both")
            place = Where(f"server {url}", f"server {url}", "both") if where.place == "API" else place
            if now is None:
                yield place.change("server removed", gone(renamed.get(url)), was)
            elif was is None:
                yield place.change("server added", "added", None, now)
            else:
                yield from members(place, was, now, ((("variables",), self._variables), (("url",), None)))
        if same(*(without_words(list(side.values())) for side in (before, after))):
            yield where.change("written differently", "servers are written differently", old.get("servers"))
        yield from reordered(where, old, new, "servers")

    def _variables(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for name, was, now in pairs(member(old, "variables"), member(new, "variables")):
            if not same(without_words(was), without_words(now)):
                text = f"variable {name} " + ("removed" if now is None else "added" if was is None else "changed")
                yield where.change("server variable changed", text, was, now)

    def _parameters(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = ({_key(item): item for item in side["parameters"]} for side in (old, new))
        goes, comes = before.keys() - after.keys(), after.keys() - before.keys()
        moved = {place: other for place in goes for other in comes if place[1] == other[1]}
        renamed = renames(
            {name: before[way, name] for way, name in goes}, {name: after[way, name] for way, name in comes}
        )
        for way, name in sorted(before.keys() | after.keys()):
            was, now = before.get((way, name)), after.get((way, name))
            python = names.attribute(name, names.PARAMETERS)
            place = Where(f"{where.place} {way} parameter {name}", python, "sent", "argument")
            if way == "header" and name.lower() in IGNORED_HEADERS:
                if not same(without_words(was), without_words(now)):
                    yield place.change("ignored parameter changed", "changed", was, now)
                continue
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
        """Compare two parameters of a request, or two headers of an answer."""
        what = "header" if where.direction == "received" else "parameter"
        handlers: Handlers = (
            (("in",), None),
            (("name",), self._spelling),
            (("required",), lambda where, old, new: required(where, old, new, what)),
            (("schema",), self._schema_of),
            (("content",), self._content),
            (("style", "explode", "allowReserved"), self._encoding),
            (("allowEmptyValue",), self._empty),
            (("deprecated",), deprecated),
        )
        yield from members(where, old, new, handlers)

    def _spelling(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield where.change("written differently", became("name", old, new), old.get("name"), new.get("name"))

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
        before, after = (_by_media_type(member(side, "content")) for side in (old, new))
        if member(old, "content").keys() != member(new, "content").keys() and before.keys() == after.keys():
            yield where.change("written differently", "a media type is written differently")
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
            whole = f"{str(status)[:1]}XX"
            if now is None and status != whole and whole in after and _result(was) == _result(after[whole]):
                yield place.change("written differently", f"response is part of {whole}", was)
            elif now is None:
                kind = "success response removed" if success else "error response removed"
                if not success and not {"default", whole} & after.keys():
                    kind = "last error response removed"
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
        # The names of headers have no case.
        spelled = {name.lower(): name for side in (new, old) for name in member(side, "headers")}
        before, after = (
            {name.lower(): {**value, "name": name} for name, value in member(side, "headers").items()}
            for side in (old, new)
        )
        renamed = renames(*({key: {**one, "name": ""} for key, one in side.items()} for side in (before, after)))
        for key, was, now in pairs(before, after):
            place = where.at(f" header {spelled[key]}", typing="untyped")
            if now is None:
                yield place.change("header removed", gone(spelled.get(renamed.get(key, ""))), was)
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


def _rewritten(where: Where, old: Object, new: Object) -> Iterator[Change]:
    """Yield that a part of a path is written in another way, with the same result for each operation."""
    for key in ("parameters", "servers"):
        if differ(old, new, (key,)):
            yield where.change("written differently", f"{key} are written differently", old.get(key), new.get(key))


def _key(parameter: Object) -> tuple[str, str]:
    """Return what identifies a parameter. The names of headers have no case."""
    way, name = str(parameter.get("in")), str(parameter.get("name"))
    return way, name.lower() if way == "header" else name


def _by_media_type(content: Object) -> Object:
    """Return contents by their media types without parameters, unless two of them would be the same."""
    plain = {str(media).partition(";")[0].strip().lower(): value for media, value in content.items()}
    return plain if len(plain) == len(content) else content


def _satisfies(given: Object, needed: Object) -> bool:
    """Whether credentials for one requirement are enough for another one."""
    return all(
        name in given and {*map(str, listed(scopes))} <= {*map(str, listed(given[name]))}
        for name, scopes in needed.items()
    )


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
