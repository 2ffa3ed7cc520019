"""Compare schemas: types, alternatives, properties and enums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from .. import names
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
from .forms import bare, choices_of, followed, kind_of, label, matches, unwrapped
from .limits import AT_LEAST, AT_MOST, access, default, limit, lower, multiple, pattern, unique, upper
from .python_types import PythonTypes, fits, reads
from .renames import renames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..rules import Direction
    from ..types import Type
    from .differences import Change, Handler, Handlers, Object, Where

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
_CLASSES = ("object", "enum")
# JSON numbers are doubles in practice, so a number without a format has the width of a double.
_WIDTHS = {
    "integer": {"int32": 0, "int64": 1, "None": 2},
    "number": {"float": 0, "double": 1, "None": 1},
}


class Schemas:
    """The comparison of the schemas of two documents."""

    def __init__(self, old: Object, new: Object) -> None:
        self.known_before, self.known = schemas(old), schemas(new)
        self._python_before, self._python = PythonTypes(old), PythonTypes(new)

    def schema(self, where: Where, old: Any, new: Any, *, optional: bool = False) -> Iterator[Change]:
        """Compare two schemas. `optional`: whether null and an absent value are the same, before and after."""
        if same(without_words(old), without_words(new)):
            return

        def types() -> tuple[Type, Type]:
            return self._python_before.of(old, where.python), self._python.of(new, where.python)

        was, now = self._plain(old, self._python_before), self._plain(new, self._python)
        name = component(was)
        known = name is not None and name == component(now)
        if not known:
            was, now = followed(was, self.known_before), followed(now, self.known)
        # What a reference to the same schema means has lines of its own.
        found = [] if known else list(self._type(where, was, now, types))
        kinds = kind_of(was, self.known_before), kind_of(now, self.known)
        settled = _SETTLED
        if not known and kinds in _KINDS:
            settled |= {"enum"}
        elif any(change.kind == "class changed" for change in found) and None in (component(was), component(now)):
            # A class without a name became one with a name, or the other way around: its parts may have changed, too.
            was = followed(was, self.known_before, into_classes=True)
            now = followed(now, self.known, into_classes=True)
        elif any(change.kind == "class changed" for change in found) or (not known and kinds[0] != kinds[1]):
            settled |= _SHAPE
        found += members(where, was, now, self._keywords(settled, types, optional=optional, known=known))
        yield from found or [
            where.change("written differently", "written differently, with the same meaning", old, new)
        ]

    def _plain(self, schema: Any, python: PythonTypes) -> Object:
        """Return a schema as an object without allOf, if its parts fit together."""
        plain = unwrapped(schema)
        return (python.merged(plain) or plain) if "allOf" in plain else plain

    def _keywords(
        self, settled: frozenset[str], types: Callable[[], tuple[Type, Type]], *, optional: bool, known: bool
    ) -> Handlers:
        """Return the handlers of the keywords of a schema, without those that a change of the type has explained."""

        def null(where: Where, old: Object, new: Object) -> Iterator[Change]:
            # A value of any type can be null in any case.
            before, after = (
                side.get("nullable") is True or (not known and kind_of(side, schemas) == "any")
                for side, schemas in ((old, self.known_before), (new, self.known))
            )
            if before is after:
                yield where.change("written differently", became("nullable", old, new))
                return
            kind = "null allowed" if after else "null refused"
            yield where.change(f"{kind} where optional" if optional else kind, "may be null" if after else "not null")

        def inside(handler: Handler) -> Handler:
            """Return a handler for the parts of a class, which may have no name in the specification."""

            def handle(where: Where, old: Object, new: Object) -> Iterable[Change]:
                ref = types()[1].ref
                return handler(evolve(where, python=ref.name) if ref else where, old, new)

            return handle

        def union(where: Where, old: Object, new: Object) -> Iterator[Change]:
            return self._union(where, old, new, types())

        handlers: Handlers = (
            (("properties", "required"), inside(self._properties)),
            (("enum",), inside(self._enum)),
            (("oneOf", "anyOf", "discriminator"), union),
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

    # Types.

    def _type(self, where: Where, old: Object, new: Object, types: Callable[[], tuple[Type, Type]]) -> Iterator[Change]:
        """Yield the change of the kind of value: its type, its format, and the class it has in Python."""
        before, after = kind_of(old, self.known_before), kind_of(new, self.known)
        text = f"type {label(old, self.known_before)} became {label(new, self.known)}"
        if before == after and before in _CLASSES:
            if component(old) != component(new):
                yield where.change("class changed", text, old, new)
            elif old.get("type") != new.get("type"):
                yield where.change("written differently", became("type", old, new))
            return
        if before == after:
            yield from self._format(where, old, new, before, text)
            return
        if "union" in (before, after) and "any" not in (before, after):
            yield from self._alternatives(where, old, new, types(), text)
            return
        kind = _KINDS.get((before, after), "type changed")
        if before == "any" and after not in ("other", "nothing"):
            kind = "any value became one type" if fits(*reversed(types())) else "any value became a Python type"
        elif after == "any" and before not in ("other", "nothing"):
            kind = "one type became any value" if fits(*types()) else "a Python type became any value"
        yield where.change(kind, text, old, new)
        if kind != "type changed":
            # The references of one schema to an enum say nothing about the class, which others may use.
            for side, form, index, what in ((old, before, 0, "removed"), (new, after, 1, "added")):
                if form in _CLASSES and "$ref" not in side:
                    ref = types()[index].ref
                    place = evolve(where, python=ref.name, typing="value") if ref else where
                    yield place.change(f"class {what}", f"class {what}")

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

    # Alternatives.

    def _alternatives(
        self, where: Where, old: Object, new: Object, types: tuple[Type, Type], text: str
    ) -> Iterator[Change]:
        """Compare a schema without alternatives with one that has some."""
        before, after = (choices_of(side) or [bare(side)] for side in (old, new))
        found = [
            *self._choices(where, before, after, types),
            *self._discriminator(where, old, new, is_union=True),
        ]
        kinds = [change.kind for change in found]
        added = sum(kind in ("alternative added", "readable alternative added") for kind in kinds)
        if kinds.count("alternative removed") == len(before) and added == len(after):
            yield where.change("type changed", text, old, new)
            return
        yield from found
        yield from self._python_type(where, found, types)

    def _union(self, where: Where, old: Object, new: Object, types: tuple[Type, Type]) -> Iterator[Change]:
        """Compare the alternatives and the discriminator of two schemas."""
        before, after = choices_of(old), choices_of(new)
        for key in ("oneOf", "anyOf"):
            if (key in old) is not (key in new) and ("anyOf" in old or "oneOf" in old):
                yield where.change("written differently", f"{key} {'added' if key in new else 'removed'}")
        found = [
            *self._choices(where, before, after, types),
            *self._discriminator(where, old, new, is_union=bool(before or after)),
        ]
        yield from found
        yield from self._python_type(where, found, types)
        if not found and (before or after):
            yield where.change("written differently", "the alternatives are written differently", old, new)

    def _choices(self, where: Where, old: list[Any], new: list[Any], types: tuple[Type, Type]) -> Iterator[Change]:
        """Match the alternatives by name or kind, and compare those that match."""
        inside = where
        if types[0].kind == types[1].kind == "json":
            inside = evolve(where, typing="untyped")
        for index, (was, now) in enumerate(matches(old, new, self.known_before, self.known)):
            if now is None:
                yield where.change("alternative removed", f"alternative {label(was, self.known_before)} removed", was)
            elif was is None:
                value = self._python.of(now, f"{where.python}.Option{index + 1}")
                kind = "readable alternative added" if reads(types[0], value) else "alternative added"
                yield where.change(kind, f"alternative {label(now, self.known)} added", None, now)
            else:
                yield from self.schema(inside.at(f" as {label(was, self.known_before)}"), was, now)

    def _python_type(self, where: Where, found: list[Change], types: tuple[Type, Type]) -> Iterator[Change]:
        """Yield what alternatives do to the type in Python, unless the lines in `found` have said it."""
        kinds = {change.kind for change in found}
        narrower = not fits(*types) and "alternative removed" not in kinds
        wider = not fits(types[1], types[0]) and "alternative added" not in kinds
        if narrower or wider:
            kind = "another Python type" if narrower and wider else f"{'narrower' if narrower else 'wider'} Python type"
            before, after = (side.annotation for side in types)
            yield where.change(kind, f"Python type {short(before)} became {short(after)}", before, after)

    def _discriminator(self, where: Where, old: Object, new: Object, *, is_union: bool) -> Iterator[Change]:
        before, after = member(old, "discriminator"), member(new, "discriminator")
        was, now = before.get("propertyName"), after.get("propertyName")
        if was != now:
            what = "added" if was is None else "removed" if now is None else "changed"
            text = f"discriminator {short(was)} became {short(now)}"
            if what != "changed":
                text = f"discriminator {short(was if now is None else now)} {what}"
            yield where.change(f"discriminator {what}" if is_union else "discriminator of a class", text, was, now)
            return
        for value, target_before, target_now in pairs(
            member(before, "mapping"), member(after, "mapping"), objects=False
        ):
            if target_before != target_now:
                what = "removed" if target_now is None else "added" if target_before is None else "changed"
                kind = f"discriminator value {what}" if is_union else "discriminator of a class"
                yield where.change(kind, f"discriminator value {value} {what}", target_before, target_now)

    # Parts of a value.

    def _items(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        yield from self.schema(where.item("[]"), old.get("items", {}), new.get("items", {}))

    def _others(self, where: Where, old: Object, new: Object) -> Iterator[Change]:
        before, after = (side.get("additionalProperties", True) for side in (old, new))
        if before is False or after is False:
            kind, text = "other members allowed", "other members allowed"
            if after is False:
                kind, text = "other members refused", "no other members allowed"
            yield where.change(kind, text, before, after)
        else:
            # A class keeps all other members as JSON.
            is_class = bool(member(old, "properties") and member(new, "properties"))
            yield from self.schema(where.at("{}", typing="untyped") if is_class else where.item("{}"), before, after)

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
                kind = "required property added" if now and self._is_needed(place, after[name]) else "property added"
                yield place.change(kind, "added, required" if now else "added", None, after[name])
                continue
            if name in after:
                yield from self._required(place, (was, now), before[name], after[name])
                yield from self.schema(place, before[name], after[name], optional=not was and not now)
            elif was is not now:
                kind = "unlisted name required" if now else "unlisted name not required"
                yield place.change(kind, "now required" if now else "no longer required", was, now)
        yield from reordered(where, old, new, "required")

    def _is_needed(self, place: Where, schema: Any) -> bool:
        """Whether a required property is one where it is used: requests lack what only answers have."""
        return not self._python.is_one_way(schema) or (
            self._plain(schema, self._python).get("writeOnly") is True and place.direction in ("sent", "both")
        )

    def _required(self, where: Where, needed: tuple[bool, bool], old: Any, new: Any) -> Iterator[Change]:
        was, now = needed
        if was is now and same(old, new):
            return
        one_way = self._python_before.is_one_way(old), self._python.is_one_way(new)
        if was is not now:
            owner = "one-way property" if all(one_way) else "property"
            if all(one_way):
                way: Direction = "received" if self._plain(new, self._python).get("readOnly") is True else "sent"
                where = evolve(where, direction=way if where.direction in (way, "both") else "neither")
            kind = f"{owner} required" if now else f"{owner} not required"
            yield where.change(kind, "now required" if now else "no longer required", was, now)
        elif now and one_way[0] is not one_way[1]:
            kind = "optional in Python" if one_way[1] else "required in Python"
            yield where.change(kind, f"now {kind}", not one_way[0], not one_way[1])

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
            said = ", ".join(map(short, narrower))
            hints = "".join(f"; {short(name)} perhaps renamed to {short(other)}" for name, other in renamed.items())
            place = _of_members(where, before, narrower) if texts else where
            yield place.change(f"{what} removed", f"enum narrowed, without {said}{hints}", narrower)
        if wider:
            place = _of_members(where, after, wider) if texts else where
            yield place.change(f"{what} added", f"enum widened by {', '.join(map(short, wider))}", None, wider)
        if not narrower and not wider:
            yield where.change("written differently", "the order of enum changed", before, after)


def _of_members(where: Where, values: list[str], some: list[str]) -> Where:
    """Return the place of some of the members of an enum in Python."""
    members_of = names.members(values).items()
    return evolve(where, python=", ".join(f"{where.python}.{name}" for name, value in members_of if value in some))
