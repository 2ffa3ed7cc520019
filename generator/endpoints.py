"""Describe the operations of a specification for the templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import evolve, frozen
from openapi_python_client.strings import in_f_string_literal

from . import names
from .docs import sentence, sentences
from .errors import SpecificationError
from .fields import refs_of, unions_of
from .tree import Operation, is_object, operations
from .types import Ref, Type, Types, named

if TYPE_CHECKING:
    from collections.abc import Iterator

# The separator of the items of a list in one parameter, by the style of the parameter.
_SEPARATORS = {"form": ",", "simple": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C"}
_STYLES = {"query": "form", "header": "simple", "path": "simple"}
_TEXTS = frozenset({"str", "int", "float", "bool", "enum", "datetime"})

# OpenAPI ignores header parameters with these names, because other parts of the document determine the headers.
IGNORED_HEADERS = frozenset({"accept", "authorization", "content-type"})

EMPTY = frozenset({"204", "205", "304"})
"""The statuses of answers without a body, whatever the specification says."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_STATUS = re.compile(r"[1-5]([0-9]{2}|XX)", re.IGNORECASE)


@frozen
class Parameter:
    """A parameter of an operation."""

    json: str
    """Its name on the wire."""
    attr: str
    """Its name in Python."""
    place: str
    """query, header or path."""
    required: bool
    type: Type
    separator: str
    """The separator of the items of a list; empty if each item is a parameter of its own."""
    doc: str

    @property
    def many(self) -> bool:
        """Whether it is a list."""
        return self.type.kind == "list"

    @property
    def annotation(self) -> str:
        """The type of the argument."""
        base = f"Sequence[{self.type.item.annotation}]" if self.type.item else self.type.annotation
        return base if self.required else f"{base} | None"

    @property
    def name_in_query(self) -> str:
        """The name, percent-encoded."""
        return quote(self.json, safe="")

    def encoded(self, value: str) -> str:
        """Return the expression for the percent-encoded text of `value`, which is the parameter or one of its items."""
        kind = (self.type.item or self.type).kind
        text = value if kind == "str" else f"text({value})"
        return f"segment({self.json!r}, {text})" if self.place == "path" else f"quote({text}, safe='')"

    @property
    def joined(self) -> str:
        """The expression for the whole value, percent-encoded."""
        return (
            f"{self.separator!r}.join({self.encoded('item')} for item in {self.attr})"
            if self.many
            else self.encoded(self.attr)
        )


@frozen
class Result:
    """The result of an operation for a status."""

    code: str
    """A status, a range such as 200-299, or an empty text for any other status."""
    type: Type | None
    """The type of the JSON; None if the body is not JSON."""
    has_body: bool
    doc: str

    @property
    def annotation(self) -> str:
        """The type that the function `parse` returns."""
        if not self.has_body:
            return "None"
        return self.type.annotation if self.type else "bytes"

    @property
    def line(self) -> str:
        """The line of the docstring."""
        return f"{self.annotation} ({f'status {self.code}' if self.code else 'any other status'}): {self.doc}"

    @property
    def condition(self) -> str:
        """The test of the status."""
        low, _, high = self.code.partition("-")
        return f"{low} <= answer.status_code <= {high}" if high else f"answer.status_code == {low}"


@frozen
class Endpoint:
    """An operation to write."""

    name: str
    """The module."""
    method: str
    path: list[str | Parameter]
    """The parts of the path."""
    summary: str
    description: str
    deprecated: bool
    parameters: list[Parameter]
    body: Type | None
    body_required: bool
    body_doc: str
    results: list[Result]

    @property
    def refs(self) -> list[Ref]:
        """The generated classes that the module names."""
        return sorted(refs_of(self._types))

    @property
    def read_refs(self) -> list[Ref]:
        """The generated classes that the function `parse` needs."""
        return sorted(refs_of(result.type for result in self.results if result.type))

    @property
    def unions(self) -> list[Type]:
        """The unions that need a function to read them."""
        return unions_of(result.type for result in self.results if result.type)

    @property
    def reads_values(self) -> bool:
        """Whether a result may be another value than a model."""
        return any(result.type and (result.type.kind != "model" or result.type.nullable) for result in self.results)

    @property
    def uses_deprecated(self) -> bool:
        """Whether the module names a deprecated class, which type checkers may report."""
        return any(ref.deprecated for ref in self.refs)

    @property
    def _types(self) -> Iterator[Type]:
        yield from (parameter.type for parameter in self.parameters)
        yield from (result.type for result in self.results if result.type)
        if self.body:
            yield self.body

    @property
    def address(self) -> str:
        """The path in the specification."""
        return "".join(part if isinstance(part, str) else f"{{{part.json}}}" for part in self.path)

    @property
    def url(self) -> str:
        """The expression for the URL without a query."""
        parts = [repr(part) if isinstance(part, str) else part.joined for part in self.path]
        if len(parts) == 1 and isinstance(self.path[0], str):
            return f"f\"{{base_url.rstrip('/')}}{in_f_string_literal(self.path[0])}\""
        return " + ".join(["base_url.rstrip('/')", *parts])

    @property
    def refusals(self) -> str:
        """The reasons for which build_request refuses its arguments, as text for its docstring."""
        places = {parameter.place for parameter in self.parameters}
        return ", or ".join(
            text
            for text, is_true in (
                ("the body contains a value that JSON does not have, such as NaN", self.body),
                ("a parameter of the path is empty or consists of dots", "path" in places),
                ("the URL or a header contains a character that it must not have, such as a line break", True),
                ("a parameter is no finite number", any(map(_is_number, self.parameters))),
            )
            if is_true
        )

    @property
    def misfits(self) -> str:
        """The reasons for which parse refuses an answer, as text for its docstring."""
        read = [result for result in self.results if result.type]
        texts = ["the body is not a JSON object, or a required field is absent or has the wrong type"] if read else []
        if any(result.type and result.type.kind != "model" for result in read):
            texts = ["the body is not JSON of the specified type, or a required field is absent or has the wrong type"]
        if all(result.code for result in self.results):
            texts.append("the specification has no answer with this status")
        return f"{', or '.join(texts)}." if texts else ""

    def placed(self, place: str) -> list[Parameter]:
        """Return the parameters at a place."""
        return [parameter for parameter in self.parameters if parameter.place == place]


@frozen
class Collection:
    """The operations of one tag."""

    tag: str
    endpoints: list[Endpoint]
    parse_errors: tuple[()] = ()
    """openapi-python-client expects this attribute."""


def collections_of(document: dict[str, Any], types: Types) -> dict[str, Collection]:
    """Return the operations of a document by the names of their packages."""
    found: dict[str, Collection] = {}
    for operation in operations(document):
        tag = str((operation.data.get("tags") or ["default"])[0])
        package = names.module_name(tag, "tag")
        collection = found.setdefault(package, Collection(tag, []))
        with named(operation.name):
            taken = {endpoint.name for endpoint in collection.endpoints}
            collection.endpoints.append(_endpoint(operation, types, taken))
    return found


def _endpoint(operation: Operation, types: Types, taken: set[str]) -> Endpoint:
    data = operation.data
    method, _, path = operation.name.partition(" ")
    label = str(data.get("operationId") or f"{method.lower()} {re.sub('[/{}]', ' ', path)}")
    base = name = names.module_name(label, "operation")
    count = 1
    while name in taken:
        # Add a number, because openapi-python-client removes an underscore at the end.
        count += 1
        name = f"{base}_{count}"
    parameters = _parameters(operation, name, types)
    body = _body(operation, name, types)
    by_path = {parameter.json: parameter for parameter in parameters if parameter.place == "path"}
    parts: list[str | Parameter] = []
    for index, part in enumerate(_BRACES.split(path)):
        if index % 2 and part not in by_path:
            raise SpecificationError(f"{operation.name}: {{{part}}} is not declared as a parameter of the path.")
        parts.append(by_path[part] if index % 2 else part)
    return Endpoint(
        name=name,
        method=method,
        path=[part for part in parts if part],
        summary=sentence(data.get("summary")).rstrip(".") or "Call the API",
        description=_marked(
            data, data.get("description") or data.get("summary") or "The specification does not describe it."
        ),
        deprecated=data.get("deprecated") is True,
        parameters=parameters,
        body=body,
        body_required=bool(data.get("requestBody", {}).get("required")),
        body_doc=sentence(types.schema(json_schema(data.get("requestBody"))).get("description")),
        results=_results(operation, name, types),
    )


def _marked(data: dict[str, Any], text: str) -> str:
    """Return `text`, with "Deprecated." in front if `data` is deprecated."""
    return f"Deprecated. {text}" if data.get("deprecated") is True else text


def _parameters(operation: Operation, name: str, types: Types) -> list[Parameter]:
    # A parameter of the operation replaces the one of the path with the same name and place.
    declared = {(str(one["name"]), str(one["in"])): one for one in operation.parameters}
    found: list[Parameter] = []
    taken = set(names.PARAMETERS)
    for (json, place), data in sorted(declared.items(), key=lambda item: _ORDER.index(item[0][1])):
        if place == "header" and json.lower() in IGNORED_HEADERS:
            continue
        where = f"{operation.name}: the {place} parameter {json}"
        kind = types.of(data.get("schema"), name, json)
        style = data.get("style", _STYLES.get(place, ""))
        one = kind.item if kind.item and kind.kind == "list" else kind
        if place == "cookie":
            raise _unsupported(where, "is a cookie")
        if "schema" not in data:
            raise _unsupported(where, "has content of a media type instead of a schema")
        if style not in _SEPARATORS or (style != _STYLES[place] and place != "query"):
            raise _unsupported(where, f"has the style {style}")
        if one.kind not in _TEXTS:
            raise _unsupported(where, "is no string, number or boolean, and no list of them")
        schema = types.schema(data["schema"])
        attr = names.attribute(json, taken)
        taken.add(attr)
        explode = data.get("explode", style == "form") and place == "query"
        found.append(
            Parameter(
                json=json,
                attr=attr,
                place=place,
                required=data.get("required") is True or place == "path",
                type=_plain(kind),
                separator="" if explode else _SEPARATORS[style],
                doc=_parameter_doc(data, schema),
            )
        )
    return found


def _is_number(parameter: Parameter) -> bool:
    return (parameter.type.item or parameter.type).kind == "float"


_ORDER = ("path", "query", "header", "cookie")


def _parameter_doc(data: dict[str, Any], schema: dict[str, Any]) -> str:
    text = " ".join(str(data.get("description") or "").split())
    if text or data.get("deprecated") is not True:
        return _marked(data, text) if text else sentences({}, schema, {})
    return "Deprecated."


def _plain(kind: Type) -> Type:
    """Return the type of a parameter. Neither it nor its items can be null."""
    item = evolve(kind.item, nullable=False) if kind.item else None
    return evolve(kind, nullable=False, item=item)


def _unsupported(where: str, what: str) -> SpecificationError:
    return SpecificationError(
        f"{where} {what}, which the templates do not support. Extend generator/templates, or remove the parameter "
        "with an overlay action."
    )


def _member(holder: Any, key: str) -> dict[str, Any]:
    """Return the object that is a member of another one; an empty object if there is none."""
    found: Any = holder.get(key) if is_object(holder) else None
    return found or {}


def json_schema(holder: Any) -> Any:
    """Return the schema of the JSON content of a body or an answer; None if its content has no JSON."""
    for media, item in _member(holder, "content").items():
        plain = str(media).partition(";")[0].strip().lower()
        if plain in ("application/json", "text/json", "*/*", "application/*") or plain.endswith("+json"):
            return item.get("schema", {})
    return None


def _body(operation: Operation, name: str, types: Types) -> Type | None:
    holder = operation.data.get("requestBody")
    if not holder:
        return None
    schema = json_schema(holder)
    if schema is None:
        listed = ", ".join(map(str, holder.get("content") or ())) or "no content"
        raise SpecificationError(
            f"{operation.name}: the body is {listed}, but the templates support only JSON. Extend generator/templates, "
            "or remove the operation with an overlay action."
        )
    return types.of(schema, name, "Body")


def _results(operation: Operation, name: str, types: Types) -> list[Result]:
    """Return the results: first for single statuses, then for ranges, then for any other status."""
    found: dict[str, Result] = {}
    for key, data in _member(operation.data, "responses").items():
        status = str(key).upper()
        if status.startswith("X-"):
            continue
        if status != "DEFAULT" and not _STATUS.fullmatch(status):
            raise SpecificationError(
                f"{operation.name}: the response {key} is no status from 100 to 599, no range such as 2XX, and not "
                "default. Correct it with an overlay action."
            )
        code = "" if status == "DEFAULT" else status.replace("XX", "00-") + (f"{status[0]}99" if "X" in status else "")
        schema = None if status in EMPTY else json_schema(data)
        found[code] = Result(
            code=code,
            type=None if schema is None else types.of(schema, name, "Response", str(key)),
            has_body=bool(data.get("content")) and status not in EMPTY,
            doc=sentence(data.get("description")),
        )
    return [found[code] for code in sorted(found, key=lambda code: (not code, "-" in code, code))]
