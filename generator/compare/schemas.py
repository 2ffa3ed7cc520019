"""Compare schemas: types, alternatives, properties and enums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tree import component, schemas
from .differences import (
    became,
    deprecated,
    gone,
    information,
    listed,
    member,
    members,
    pairs,
    reordered,
    same,
    short,
    without_words,
)
from .forms import bare, choices_of, followed, kind_of, label, numbered, unwrapped
from .limits import AT_LEAST, AT_MOST, access, default, limit, lower, multiple, pattern, unique, upper
from .renames import renames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .differences import Change, Handlers, Object, Where

_SETTLED = frozenset({"$ref", "type", "format"})


# Keywords that a line about the type includes.
_SHAPE = frozenset(
    {
        *("enum", "oneOf", "anyOf", "allOf", "properties", "required", "additionalProperties"),
        *("items", "discriminator", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        *("multipleOf", "pattern", "uniqueItems", "not"),
    }
)


# The kinds of change between two kinds of values. Every other pair is "type changed".
_KINDS = {
    ("integer", "number"): "integer became number",
    ("number", "integer"): "number became integer",
    ("string", "enum"): "string became enum",
    ("enum", "string"): "enum became string",
    ("string", "time"): "string became date-time",
    ("time", "string"): "date-time became string",
}


# JSON numbers are doubles in practice, so a number without a format has the width of a double.
_WIDTHS = {
    "integer": {"int32": 0, "int64": 1, "None": 2},
    "number": {"float": 0, "double": 1, "None": 1},
}


class Schemas:
    """The comparison of the schemas of two documents."""

    def __init__(self, old: Object, new: Object) -> None:
        self.known_before, self.known = schemas(old), schemas(new)

    def schema(self, where: Where, old: Any, new: Any, *, optional: bool = False) -> Iterator[Change]:
        """Compare two schemas. `optional`: whether they describe a property that is not required, before and after."""
        if same(without_words(old), without_words(new)):
            return
        was, now = unwrapped(old), unwrapped(new)
        name = component(was)
        known = name is not None and name == component(now)
        if not known:
            was, now = followed(was, self.known_before), followed(now, self.known)
        # What a reference to the same schema means has lines of its own.
        found = [] if known else list(self._type(where, was, now))
        settled = _SETTLED
        if not known and (kind_of(was, self.known_before), kind_of(now, self.known)) in _KINDS:
            settled |= {"enum"}
        elif any(change.kind == "class changed" for change in found) or (
            found and kind_of(was, self.known_before) != kind_of(now, self.known)
        ):
            settled |= _SHAPE
        found += members(where, was, now, self._keywords(settled, optional, known))
        yield from found or [
            where.change("written differently", "written differently, with the same meaning", old, new)
        ]

    def _sides(self, old: Object, new: Object) -> tuple[tuple[Object, Object], tuple[Object, Object]]:
        return (old, self.known_before), (new, self.known)

    def _keywords(self, settled: frozenset[str], optional: bool, known: bool) -> Handlers:
        """Return the handlers of the keywords of a schema, without those that a change of the type has explained."""

        def null(where: Where, old: Object, new: Object) -> Iterator[Change]:
            before, after = old.get("nullable") is True, new.get("nullable") is True
            if before is after:
                yield where.change("written differently", became("nullable", old, new))
                return
            kind = "null allowed" if after else "null refused"
            yield where.change(f"{kind} where optional" if optional else kind, "may be null" if after else "not null")

        handlers: Handlers = (
            (("properties", "required"), self._properties),
            (("enum",), self._enum),
            (("oneOf", "anyOf"), self._union),
            (("allOf",), self._parts),
            (("discriminator",), self._discriminator),
            (("items",), self._items),
            (("additionalProperties",), self._others),
            (("minimum", "exclusiveMinimum"), lower),
            (("maximum", "exclusiveMaximum"), upper),
            *(((key,), limit(key)) for key in (*AT_LEAST, *AT_MOST)),
            (("multipleOf",), multiple),
            (("pattern",), pattern),
            (("uniqueItems",), unique),
            (("not",), self._negated),
            (("nullable",), null),
            (("default",), default),
            (("deprecated",), deprecated),
            (("readOnly", "writeOnly"), access),
            (("externalDocs",), information),
            (("x-list-when",), self._list_when),
        )
        return [*((keys, handler) for keys, handler in handlers if settled.isdisjoint(keys)), (tuple(settled), None)]

    def _type(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        """Yield the change of the kind of value: its type, its format, and the class it has in Python."""
        before, after = kind_of(old, self.known_before), kind_of(new, self.known)
        text = f"type {label(old, self.known_before)} became {label(new, self.known)}"
        kind = _KINDS.get((before, after))
        classes = ("object", "enum")
        if before == after and before in classes:
            if component(old) != component(new):
                yield where.change("class changed", text, old, new)
            elif old.get("type") != new.get("type"):
                yield where.change("written differently", became("type", old, new))
            return
        if before == after:
            yield from self._format(where, old, new, before, text)
            return
        if "union" in (before, after) and "any" not in (before, after):
            yield from self._alternatives(where, old, new, text)
            return
        if kind is None:
            narrow = before == "any" and after not in ("object", "time", "other", "nothing")
            wide = after == "any" and before not in ("object", "time", "other", "nothing")
            kind = "any value became one type" if narrow else "one type became any value" if wide else "type changed"
        yield where.change(kind, text, old, new)
        if kind != "type changed":
            # The references of one schema to an enum say nothing about the class, which others may use.
            if before in classes and "$ref" not in old:
                yield where.change("class removed", "class removed")
            if after in classes and "$ref" not in new:
                yield where.change("class added", "class added")

    def _format(self, where: Where, old: Object, new: Object, kind: str, text: str) -> Iterator[Change]:
        before, after = old.get("format"), new.get("format")
        if before == after:
            if old.get("type") != new.get("type"):
                yield where.change("written differently", became("type", old, new))
        elif kind in ("integer", "number"):
            widths = _WIDTHS[kind]
            was, now = (widths.get(str(form)) for form in (before, after))
            if was is None or now is None:
                change = "number format changed"
            else:
                step = now - was
                change = "number format " + ("wider" if step > 0 else "narrower" if step < 0 else "equivalent")
            yield where.change(change, text, before, after)
        elif kind == "string":
            change = "got a" if before is None else "lost its" if after is None else "got another"
            yield where.change(f"string {change} format", text, before, after)
        else:
            yield where.change("no rule", became("format", old, new), before, after)

    def _alternatives(self, where: Where, old: Object, new: Object, text: str) -> Iterator[Change]:
        """Compare a schema without alternatives with one that has some."""
        single = new if choices_of(old) else old
        known = self.known if choices_of(old) else self.known_before
        before, after = ([bare(side)] if not choices_of(side) else choices_of(side) for side in (old, new))
        found = list(self._choices(where, before, after))
        kinds = [change.kind for change in found]
        if kinds.count("alternative removed") == len(before) and kinds.count("alternative added") == len(after):
            yield where.change("type changed", text, old, new)
            return
        yield from found
        if kind_of(single, known) == "object":
            union = old if single is new else new
            if "discriminator" not in union:
                kind = "class became alternatives" if single is old else "alternatives became class"
                yield where.change(kind, text, old, new)

    def _union(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        for key in ("oneOf", "anyOf"):
            if (key in old) is not (key in new) and ("anyOf" in old or "oneOf" in old):
                yield where.change("written differently", f"{key} {'added' if key in new else 'removed'}")
        found = list(self._choices(where, choices_of(old), choices_of(new)))
        yield from found
        if not found:
            yield where.change("written differently", "the alternatives are written differently", old, new)

    def _choices(self, where: Where, old: list[Any], new: list[Any]) -> Iterator[Change]:
        """Match the alternatives by name or kind, and compare those that match."""
        before, after = numbered(old, self.known_before), numbered(new, self.known)
        for key, was, now in pairs(before, after, objects=False):
            if key not in after:
                yield where.change("alternative removed", f"alternative {label(was, self.known_before)} removed", was)
            elif key not in before:
                yield where.change("alternative added", f"alternative {label(now, self.known)} added", None, now)
            else:
                yield from self.schema(where.at(f" as {label(was, self.known_before)}"), was, now)

    def _parts(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (numbered(listed(side.get("allOf")), known) for side, known in self._sides(old, new))
        for key, was, now in pairs(before, after, objects=False):
            if key not in after:
                text = f"{label(was, self.known_before)} removed from allOf"
                yield where.change("part of allOf removed", text, was)
            elif key not in before:
                yield where.change("part of allOf added", f"{label(now, self.known)} added to allOf", None, now)
            else:
                yield from self.schema(where, was, now)
        yield from reordered(where, old, new, "allOf")

    def _discriminator(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = member(old, "discriminator"), member(new, "discriminator")
        union = bool(choices_of(old) or choices_of(new))
        kind = "discriminator of alternatives" if union else "discriminator of a class"
        if not before or not after or before.get("propertyName") != after.get("propertyName"):
            was, now = (side.get("propertyName") for side in (before, after))
            text = f"discriminator {short(was)} removed" if not after else f"discriminator {short(now)} added"
            yield where.change(kind, text if not before or not after else f"discriminator {was} became {now}", was, now)
            return
        for value, was, now in pairs(member(before, "mapping"), member(after, "mapping"), objects=False):
            if was != now:
                what = "removed" if now is None else "added" if was is None else "changed"
                text = f"discriminator value {value} {what}"
                yield where.change(f"discriminator value {what}" if union else kind, text, was, now)

    def _items(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield from self.schema(where.at("[]"), old.get("items", {}), new.get("items", {}))

    def _others(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (side.get("additionalProperties", True) for side in (old, new))
        if before is False or after is False:
            kind, text = "other members allowed", "other members allowed"
            if after is False:
                kind, text = "other members refused", "no other members allowed"
            yield where.change(kind, text, before, after)
        else:
            yield from self.schema(where.at("{}"), before, after)

    def _negated(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield where.change("limit not comparable", became("not", old, new), old.get("not"), new.get("not"))

    def _list_when(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield where.change(
            "x-list-when", became("x-list-when", old, new), old.get("x-list-when"), new.get("x-list-when")
        )

    def _properties(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = member(old, "properties"), member(new, "properties")
        needed_before, needed = ([str(name) for name in listed(side.get("required"))] for side in (old, new))
        renamed = renames(before, after)
        for name in sorted({*before, *after, *needed_before, *needed}):
            place = where.property(name)
            was, now = name in needed_before, name in needed
            if name not in after and name in before:
                yield place.change("property removed", gone(renamed.get(name)), before[name])
                continue
            if name not in before and name in after:
                kind = "required property added" if now else "property added"
                yield place.change(kind, "added, required" if now else "added", None, after[name])
                continue
            if was is not now:
                owner = "property" if name in after else "unlisted name"
                kind = f"{owner} required" if now else f"{owner} not required"
                yield place.change(kind, "now required" if now else "no longer required", was, now)
            if name in after:
                yield from self.schema(place, before[name], after[name], optional=not was and not now)
        yield from reordered(where, old, new, "required")

    def _enum(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = listed(old.get("enum")), listed(new.get("enum"))
        if not before or not after:
            kind = "limit tighter" if after else "limit looser"
            yield where.change(kind, became("enum", old, new), before, after)
            return
        wider = [value for value in after if not any(same(value, other) for other in before)]
        narrower = [value for value in before if not any(same(value, other) for other in after)]
        texts = all(isinstance(value, str) for value in [*before, *after])
        what = "enum member" if texts else "listed value"
        renamed = renames({str(value): {} for value in narrower}, {str(value): {} for value in wider})
        if narrower:
            names = ", ".join(map(short, narrower))
            hints = "".join(f"; {short(name)} perhaps renamed to {short(other)}" for name, other in renamed.items())
            yield where.change(f"{what} removed", f"enum narrowed, without {names}{hints}", narrower)
        if wider:
            yield where.change(f"{what} added", f"enum widened by {', '.join(map(short, wider))}", None, wider)
        if not narrower and not wider:
            yield where.change("written differently", "the order of enum changed", before, after)
