"""Apply the project's own descriptions of the API, which are in `openapi/descriptions.yaml`, to a specification."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from attrs import frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from .errors import SpecificationError
from .overlay import PROSE
from .shapes import ANY, DATA, MAPPING, kind_of
from .tree import METHODS, is_list, is_object, reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Place = tuple[str, ...]
"""A place in a specification, in parts. Messages show the parts joined: `Option.priority`, `Order.lines[].price` (in an
item of a list), `Trace.usage{}` (a value of a map), `POST /rest/v1/delivery response 200`."""

_PARTS = ("allOf", "oneOf", "anyOf")
_SHORT = 70

_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|</?(?P<name>a|abbr|b|blockquote|br|code|dd|div|dl|dt|em|h[1-6]|hr|i|img|li|ol|p|pre|s|small|span|strong|"
    r"sub|sup|table|tbody|td|th|thead|tr|tt|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE | re.DOTALL,
)
_INLINE = frozenset(
    {"a", "abbr", "b", "code", "em", "i", "img", "s", "small", "span", "strong", "sub", "sup", "tt", "u"}
)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*]*[^\s*])\1(?![\w*])")
_MARKER = re.compile(r"(?m)^[ \t]*(?:#{1,6}|[-*+]|\d{1,3}[.)]|>)[ \t]+")
_FENCE = re.compile(r"(?m)^[ \t]*(?:```|~~~)[^\n`]*$")
_STRAIGHT = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u201a": "'"})


@frozen
class Descriptions:
    """The content of `openapi/descriptions.yaml`."""

    texts: Mapping[tuple[Place, str], str]
    """Each text, by its place and its kind: description or summary."""


@frozen
class _Spot:
    """An object of a specification that can hold words."""

    place: Place
    node: dict[str, Any]
    is_part: bool
    """Whether the object is a part of the object at `place`: an inline element of allOf, oneOf or anyOf, or the inline
    schema of a parameter, body or response. The part and the whole have the same description."""
    needed: tuple[str, ...]
    """The texts that the generated code shows: description, summary."""


def read(path: Path) -> Descriptions:
    """Return the descriptions in the file `path`.

    Raises:
        SpecificationError: the file cannot be read, or has another form. The error lists every problem.

    """
    name = f"{path.parent.name}/{path.name}"
    try:
        yaml: Any = YAML(typ="safe", pure=True)
        # Read nodes instead of values: a node knows its line, and the node of an object also has repeated keys.
        form = _Form(name)
        form.document(yaml.compose(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        raise SpecificationError(f"{name} cannot be read: {error.strerror or error}.") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise SpecificationError(f"{name} is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise SpecificationError(f"{name} is nested too deeply, or an alias contains itself: flatten it.") from error
    if form.problems:
        raise SpecificationError(*form.problems)
    return Descriptions(form.texts)


def apply(descriptions: Descriptions, document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of `document` with our descriptions.

    A place without a description of ours keeps the one of `document`, as plain text in one paragraph. Titles, examples
    and links to other documents are left out, because the generated code shows none of them.

    Args:
        descriptions: our descriptions.
        document: a valid, bundled specification that is not flattened. So a schema that is part of another one through
            allOf is described once, for both.

    """
    result: dict[str, Any] = _cleaned(document)
    if is_object(document.get("info")) and "title" in document["info"]:
        result["info"]["title"] = document["info"]["title"]  # OpenAPI requires it
    for spot in [*_spots(result)]:
        for kind in ("summary", "description"):
            text = descriptions.texts.get((spot.place, kind))
            if text is None:
                continue
            if not spot.is_part or _has_fields(spot.node):
                spot.node[kind] = text
                if reference(spot.node) is not None:
                    spot.node["allOf"] = [{"$ref": spot.node.pop("$ref")}]
            else:
                spot.node.pop(kind, None)
    return result


def undescribed(descriptions: Descriptions, document: dict[str, Any]) -> list[str]:
    """Return the places of `document` that the generated code needs a description of and that have none of ours."""
    wanted = {(spot.place, kind): None for spot in _spots(document) for kind in spot.needed}
    return [_shown(place, kind) for place, kind in wanted if (place, kind) not in descriptions.texts]


def unused(descriptions: Descriptions, document: dict[str, Any]) -> list[str]:
    """Return the places that we describe but `document` does not have, without the places inside them."""
    known = {spot.place for spot in _spots(document)}
    found: dict[str, None] = {}
    for place, kind in descriptions.texts:
        missing = [place[:end] for end in range(1, len(place) + 1) if place[:end] not in known]
        if missing:
            found[_shown(missing[0], kind if missing[0] == place else "description")] = None
    return [*found]


def wording(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return a line for each change of wording between two published specifications.

    Wording is descriptions, summaries, titles, examples and links to other documents. Differences of white space, and
    the wording of a place that only one of the specifications has, do not count.

    Args:
        old: a bundled specification that is not flattened. In a flattened one, a change would be listed for every
            schema that contains it.
        new: the later specification, in the same form.

    """
    before, after = _words(old), _words(new)
    lines: list[str] = []
    for place in sorted(before.keys() & after.keys()):
        for kind in sorted(before[place].keys() | after[place].keys()):
            left, right = (" / ".join(words[place].get(kind, ())) for words in (before, after))
            if left != right:
                lines.append(f"{''.join(place)}: {kind} {_change(left, right)}")
    return lines


def plain(text: str) -> str:
    """Return `text`, which may contain HTML and Markdown, as one paragraph of plain text."""
    text = _FENCE.sub("\n\n", text.replace("\r\n", "\n"))
    text = _TAG.sub(lambda tag: "" if (tag["name"] or "b").lower() in _INLINE else "\n\n", text)
    text = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", _MARKER.sub("\n\n", text)))
    text = html.unescape(text.replace("`", "")).translate(_STRAIGHT)
    paragraphs = [found for part in re.split(r"\n\s*\n", text) if (found := _line(part))]
    ended = [part if part.endswith((".", "!", "?", ":", ";", ",")) else f"{part}." for part in paragraphs[:-1]]
    return " ".join([*ended, *paragraphs[-1:]])


class _Form:
    """Reader of the nodes of the file. It collects the texts and the problems."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: dict[tuple[Place, str], str] = {}
        self.problems: list[str] = []

    def document(self, node: Any) -> None:
        for key, value in self.members(node, "the file", ("operations", "schemas")):
            for name, entry in self.members(value, key, None):
                if key == "schemas":
                    self.entry(entry, (name,), bare=False)
                else:
                    self.operation(entry, (name,))

    def operation(self, node: Any, place: Place) -> None:
        known = ("summary", "description", "parameters", "body", "responses")
        for key, value in self.members(node, "".join(place), known):
            if key in ("summary", "description"):
                self.text(value, place, key)
            elif key == "body":
                self.entry(value, (*place, " body"))
            else:
                for name, entry in self.members(value, f"{''.join(place)} {key}", None):
                    self.entry(entry, (*place, f" {key[:-1]} {name}"))

    def entry(self, node: Any, place: Place, *, bare: bool = True) -> None:
        """Read the description of a schema or field: a text, or an object if there are descriptions inside it."""
        if bare and _is_scalar(node):
            self.text(node, place, "description")
            return
        for key, value in self.members(node, "".join(place), ("description", "fields", "items", "values")):
            if key == "description":
                self.text(value, place, key)
            elif key == "fields":
                for name, entry in self.members(value, f"{''.join(place)} {key}", None):
                    self.entry(entry, (*place, f".{name}"))
            else:
                self.entry(value, (*place, "[]" if key == "items" else "{}"))

    def members(self, node: Any, what: str, known: tuple[str, ...] | None) -> Iterator[tuple[str, Any]]:
        """Yield the members of an object. `known` are the possible keys, or None if the keys are names."""
        if not _is_mapping(node):
            wanted = f"an object with {_listed(known)}" if known else "an object with names and descriptions"
            self.problem(node, f"{what} must be {wanted}, but is {_kind(node)}")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if not _is_scalar(key):
                self.problem(key, f"{what} has a key that is {_kind(key)}: use a name")
            elif key.value in seen:
                self.problem(key, f"{what} has the key {key.value!r} twice: keep one")
            elif known and key.value not in known:
                self.problem(key, f"{what} has the unknown key {key.value!r}: use {_listed(known)}")
            else:
                seen.add(key.value)
                yield key.value, value

    def text(self, node: Any, place: Place, kind: str) -> None:
        if not _is_scalar(node) or node.tag != "tag:yaml.org,2002:str":
            self.problem(node, f"{_shown(place, kind)} must be a text, but is {_kind(node)}")
        elif not _line(node.value):
            self.problem(node, f"{_shown(place, kind)} must be a text, but is blank")
        else:
            self.texts[place, kind] = _line(node.value)

    def problem(self, node: Any, text: str) -> None:
        line = f", line {node.start_mark.line + 1}" if node is not None else ""
        self.problems.append(f"{self.name}{line}: {text}.")


def _is_scalar(node: Any) -> bool:
    return isinstance(node, ScalarNode)


def _is_mapping(node: Any) -> bool:
    return isinstance(node, MappingNode)


def _kind(node: Any) -> str:
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return "empty"
    if _is_scalar(node):
        text = node.tag == "tag:yaml.org,2002:str"
        return f"the text {_cut(node.value)!r}" if text else f"{_cut(node.value)} (put a text in quotes)"
    return "an object" if _is_mapping(node) else "a list"


def _listed(known: tuple[str, ...]) -> str:
    return f"{', '.join(known[:-1])} or {known[-1]}"


def _spots(document: dict[str, Any]) -> Iterator[_Spot]:
    """Yield the objects of `document` that can hold words. `document` need not be a valid specification."""
    for key, value in document.items():
        if key == "components" and is_object(value):
            for name, schema in _members(value.get("schemas")):
                yield from _schema(schema, (name,), ("description",))
            for kind, inner in value.items():
                if kind != "schemas":
                    yield from _others(inner, (f"#/components/{kind}",))
        elif key == "paths":
            for path, item in _members(value):
                for method in METHODS:
                    if is_object(item) and is_object(item.get(method)):
                        yield from _operation(item[method], item.get("parameters"), (f"{method.upper()} {path}",))
        elif not str(key).startswith("x-"):
            yield from _others(value, (f"#/{key}",))


def _operation(operation: dict[str, Any], shared: Any, place: Place) -> Iterator[_Spot]:
    yield _Spot(place, operation, is_part=False, needed=("summary", "description"))
    for parameters in (shared, operation.get("parameters")):
        for parameter in parameters if is_list(parameters) else ():
            if is_object(parameter):
                yield from _holder(parameter, (*place, f" parameter {parameter.get('name')}"), ("description",))
    yield from _holder(operation.get("requestBody"), (*place, " body"))
    for status, response in _members(operation.get("responses")):
        yield from _holder(response, (*place, f" response {status}"), ("description",))


def _holder(holder: Any, place: Place, needed: tuple[str, ...] = ()) -> Iterator[_Spot]:
    """Yield a parameter, body or response, and what is inside it. Its inline schemas are parts of it."""
    if not is_object(holder):
        return
    media = [inner for _, inner in _members(holder.get("content")) if is_object(inner)]
    schemas = [part.get("schema") for part in (holder, *media)]
    parts = [part for part in schemas if is_object(part) and reference(part) is None]
    yield _Spot(place, holder, is_part=False, needed=needed or _class_doc(parts))
    for part in media:
        yield _Spot(place, part, is_part=True, needed=())
    for part in parts:
        yield from _schema(part, place, (), is_part=True)
    for name, header in _members(holder.get("headers")):
        yield from _others(header, (*place, f" header {name}"))


def _schema(schema: Any, place: Place, needed: tuple[str, ...], *, is_part: bool = False) -> Iterator[_Spot]:
    if not is_object(schema):
        return
    yield _Spot(place, schema, is_part, needed)
    for part in _inline_parts(schema):
        yield from _schema(part, place, (), is_part=True)
    for name, inner in _members(schema.get("properties")):
        yield from _schema(inner, (*place, f".{name}"), ("description",))
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        yield from _schema(schema.get(key), (*place, mark), _class_doc([schema.get(key)]))


def _others(value: Any, place: Place) -> Iterator[_Spot]:
    """Yield the objects inside a part of a specification that the generated code does not show."""
    if is_list(value):
        for index, item in enumerate(value):
            name = item.get("name", item.get("url", index)) if is_object(item) else index
            yield from _others(item, (*place, f"/{name}"))
    elif is_object(value):
        yield _Spot(place, value, is_part=False, needed=())
        for key, inner in value.items():
            if key not in PROSE:
                yield from _others(inner, (*place, f"/{key}"))


def _class_doc(schemas: list[Any]) -> tuple[str, ...]:
    """Return ("description",) if one of the inline `schemas` becomes a class, which needs a docstring."""
    return ("description",) if any(map(_has_fields, schemas)) else ()


def _has_fields(schema: Any) -> bool:
    return is_object(schema) and ("properties" in schema or any(map(_has_fields, _inline_parts(schema))))


def _inline_parts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[Any] = []
    for key in _PARTS:
        parts = schema.get(key)
        listed += parts if is_list(parts) else []
    return [part for part in listed if is_object(part) and reference(part) is None]


def _members(value: Any) -> list[tuple[str, Any]]:
    return [(str(key), inner) for key, inner in value.items()] if is_object(value) else []


def _cleaned(value: Any, kind: str = "document") -> Any:
    """Return a copy of a value of the kind `kind` with plain descriptions, and without titles, examples and links."""
    if kind in (DATA, MAPPING):
        return value
    if is_list(value):
        return [_cleaned(item, kind_of(kind, "") if kind.startswith("[") else ANY) for item in value]
    if not is_object(value):
        return value
    result: dict[str, Any] = {}
    for key, inner in value.items():
        if kind.startswith("{"):  # the keys are names, even a key such as "description"
            result[key] = _cleaned(inner, kind_of(kind, key))
        elif key in ("description", "summary") and isinstance(inner, str):
            result[key] = plain(inner)
        elif key not in PROSE or key in ("description", "summary"):
            result[key] = _cleaned(inner, kind_of(kind, str(key)))
    return result


def _words(document: dict[str, Any]) -> dict[Place, dict[str, list[str]]]:
    """Return the words at each place of `document`, by kind."""
    result: dict[Place, dict[str, list[str]]] = {}
    for spot in _spots(document):
        words = result.setdefault(spot.place, {})
        for kind in PROSE & spot.node.keys():
            value = spot.node[kind]
            text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
            words.setdefault(kind, []).append(_line(text))
    return result


def _change(left: str, right: str) -> str:
    """Return two different texts, cut so that their difference can be seen."""
    same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    start = left.rfind(" ", 0, max(same - 20, 0)) + 1 if max(len(left), len(right)) > _SHORT else 0
    old, new = (f'"{"…" if start else ""}{_cut(text[start:])}"' for text in (left, right))
    return f"added: {new}" if not left else f"removed: {old}" if not right else f"{old} -> {new}"


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _shown(place: Place, kind: str) -> str:
    return "".join(place) if kind == "description" else f"{''.join(place)} {kind}"


def _line(text: str) -> str:
    """Return `text` in one line, without control characters and invisible characters."""
    return "".join(char for char in " ".join(text.split()) if unicodedata.category(char)[0] != "C")
