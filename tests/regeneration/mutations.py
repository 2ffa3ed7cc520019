"""Random evolutions of a specification, of the kinds that an API goes through."""

import copy

from hypothesis import strategies as st

from generator.tree import schemas

REF = "#/components/schemas/"
POST = ("paths", "/rest/v1/delivery", "post")

# Names that a field, a schema, a parameter or a member of an enum may have, and that Python or the generated code use.
ODD_NAMES = (
    *("unread", "with_additional", "JSON_NAMES", "_unread", "from_dict", "toDict", "additionalProperties", "self"),
    *("class", "None", "type", "str", "dict", "Model", "Mapping", "Self", "Any", "field", "define", "value", "data"),
    *("left", "result", "cls", "kind", "1st", "a b", "a-b", "über", "日本", "__init__", "mro", "name", "body", "query"),
    *("headers", "base_url", "httpx", "quote", "datetime", "JsonValue", "MEMBERS", "x.y", "$_type", "_", "A", "a"),
)

names = st.sampled_from(ODD_NAMES) | st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{2,8}", fullmatch=True)
_enums = st.lists(
    st.sampled_from(("web", "WEB", "", "1", "a b", "mro", "name", "value", "é", '"', "\\", "None")),
    min_size=1,
    unique=True,
)


def schema_like(known):
    """Return a strategy for the schema of a field. `known` are the names of the schemas that it may refer to."""
    references = st.sampled_from(sorted(known)).map(lambda name: {"$ref": f"{REF}{name}"})
    scalars = st.one_of(
        st.sampled_from(({}, {"type": "boolean"}, {"type": "integer", "format": "int32"}, {"type": "number"})),
        st.sampled_from(("date", "date-time", "uuid", "email", "new")).map(
            lambda name: {"type": "string", "format": name}
        ),
        st.fixed_dictionaries({"type": st.just("string")}, optional={"maxLength": st.integers(1, 9), "enum": _enums}),
    )
    inner = st.recursive(
        scalars | references,
        lambda some: st.one_of(
            some.map(lambda item: {"type": "array", "items": item}),
            some.map(lambda item: {"type": "object", "additionalProperties": item}),
            st.dictionaries(names, some, max_size=3).map(lambda fields: {"type": "object", "properties": fields}),
            st.lists(some, min_size=1, max_size=3).map(lambda branches: {"oneOf": branches}),
        ),
        max_leaves=4,
    )
    marks = st.fixed_dictionaries({}, optional={"nullable": st.just(True), "deprecated": st.just(True)})
    return st.builds(lambda schema, more: schema if "$ref" in schema else {**schema, **more}, inner, marks)


@st.composite
def evolutions(draw, document):
    """Draw a copy of `document` with one to three changes."""
    result = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        draw(st.sampled_from(CHANGES))(draw, result)
    return result


def _object(draw, document):
    known = schemas(document)
    return known[draw(st.sampled_from(sorted(name for name, schema in known.items() if schema.get("properties"))))]


def add_field(draw, document):
    holder = _object(draw, document)
    name = draw(names)
    holder["properties"][name] = draw(schema_like(schemas(document)))
    if draw(st.booleans()):
        holder.setdefault("required", []).append(name)


def remove_field(draw, document):
    holder = _object(draw, document)
    name = draw(st.sampled_from(sorted(holder["properties"])))
    if len(holder["properties"]) > 1:
        del holder["properties"][name]
        required = [other for other in holder.pop("required", ()) if other != name]
        if required:
            holder["required"] = required


def change_field(draw, document):
    holder = _object(draw, document)
    holder["properties"][draw(st.sampled_from(sorted(holder["properties"])))] = draw(schema_like(schemas(document)))


def rename_field(draw, document):
    properties = _object(draw, document)["properties"]
    properties[draw(names)] = properties.pop(draw(st.sampled_from(sorted(properties))))


def add_schema(draw, document):
    known = schemas(document)
    name = draw(names.filter(str.isascii).filter(str.isidentifier))
    if name not in known:
        known[name] = draw(schema_like(known))
        _object(draw, document)["properties"]["toNew"] = {"$ref": f"{REF}{name}"}


def rename_tag(draw, document):
    document["paths"]["/rest/v1/delivery"]["post"]["tags"] = [draw(names)]


def rename_operation(draw, document):
    document["paths"]["/rest/v1/delivery"]["post"]["operationId"] = draw(names)


def add_parameter(draw, document):
    schema = draw(st.sampled_from(({"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"type": "number"})))
    document["paths"]["/rest/v1/delivery"]["post"]["parameters"].append(
        {
            "name": draw(names.filter(str.isascii)),
            "in": draw(st.sampled_from(("query", "header"))),
            "required": draw(st.booleans()),
            "schema": schema,
        }
    )


def add_response(draw, document):
    responses = document["paths"]["/rest/v1/delivery"]["post"]["responses"]
    schema = draw(schema_like(schemas(document)))
    content = {"application/json": {"schema": schema}}
    status = draw(st.sampled_from(("200", "201", "2XX", "400", "default")))
    responses[status] = {"description": "d", "content": content} if draw(st.booleans()) else {"description": "d"}


def remove_response(draw, document):
    responses = document["paths"]["/rest/v1/delivery"]["post"]["responses"]
    if len(responses) > 1:
        del responses[draw(st.sampled_from(sorted(responses)))]


CHANGES = (
    *(add_field, add_field, remove_field, change_field, rename_field, add_schema),
    *(rename_tag, rename_operation, add_parameter, add_response, remove_response),
)
