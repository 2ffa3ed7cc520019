"""Broken specifications, each with the sentence that refuses it.

Each is the name, the change of the bundled specification or else the raw content of a file (text or bytes), and a
part of the one line that the command prints.
"""


def put(*path, **values):
    """Return a change that sets members of the object at `path`."""

    def change(document):
        find(document, path).update(values)

    return change


def value(*path, to):
    """Return a change that sets the value at `path`."""

    def change(document):
        find(document, path[:-1])[path[-1]] = to

    return change


def without(*path):
    """Return a change that removes the value at `path`."""

    def change(document):
        del find(document, path[:-1])[path[-1]]

    return change


def find(document, path):
    for key in path:
        document = document[key]
    return document


SCHEMAS = ("components", "schemas")
OPERATION = ("paths", "/rest/v1/delivery", "post")
ID = (*SCHEMAS, "Order", "properties", "id")
ANSWERING = {"responses": {"200": {"description": "d"}}}
PREFIX = "#/components/schemas/"


def new_version(document):
    document["openapi"] = "3.1.0"


def in_31(change):
    def both(document):
        new_version(document)
        change(document)

    return both


def other_api(document):
    document["info"]["title"] = "Petstore"
    document["paths"] = {"/pets": {"get": {**ANSWERING, "operationId": "execute"}}}
    document["components"]["schemas"] = {"Pet": {"type": "object"}}


def other_schemas(document):
    document["info"]["title"] = "Parcels"
    document["paths"] = {"/rest/v1/delivery": {"post": ANSWERING}}
    document["components"]["schemas"] = {"Parcel": {"type": "object"}}


BROKEN = [
    ("no text", b"\xff\xfea", "is neither YAML nor JSON: "),
    ("no UTF-8", b"a: \xfa\x81", "is neither YAML nor JSON: byte 4 is no UTF-8 text. Save the document as UTF-8."),
    ("no YAML", "a: [b", "is neither YAML nor JSON: line 1, column 6: "),
    ("no JSON", '{"a": "b"', "is neither YAML nor JSON: "),
    ("an HTML page", "\n<!DOCTYPE html><html></html>", "is an HTML page, not a specification. Use the address of the"),
    ("nothing", "", "is not an OpenAPI 3 document: its content is not an object."),
    ("a list", "[a]", "is not an OpenAPI 3 document: its content is not an object."),
    ("Swagger", "swagger: '2.0'", "is not an OpenAPI 3 document: it is of Swagger 2.0."),
    ("a version to come", "openapi: 3.2.0", "is not an OpenAPI 3 document: openapi is '3.2.0'."),
    (
        "a key twice",
        "openapi: 3.0.3\ninfo: {title: a,\n title: b}",
        "at info: line 3 has the key 'title' a second time",
    ),
    ("a JSON key twice", '{"info": {"title": 1, "title": 2}}', "at info: the key 'title' is there twice. Remove one."),
    (
        "a lone surrogate",
        '{"info": {"title": "a\\ud83d"}}',
        "at info.title: 'a\\ud83d' has half of an escaped character",
    ),
    ("a number that JSON has not", "info: {version: .nan}", "at info.version: nan is no number of JSON."),
    ("a YAML tag", "info: !!python/name:os.system x", "at info: line 1 has the YAML tag tag:yaml.org,2002:python/name"),
    ("an anchor in itself", "a: &x [*x]", "values are nested more than 64 levels deep, or contain themselves."),
    (
        "a billion laughs",
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
        ),
        "the specification has more than 100,000 values",
    ),
    ("deep JSON", "[" * 100_000 + "]" * 100_000, "values are nested more than 64 levels deep"),
    ("no schemas", value(*SCHEMAS, to=None), "at components.schemas: an object of schemas is missing."),
    ("another API", other_api, "describes another API ('Petstore'): it has none of the operations"),
    (
        "a name of control characters",
        put(*ID[:-1], **{"a\n\x1b[31m": {"type": "date"}}),
        ".Order.properties.a\\n\\x1b[31m.type: 'date' is not one of array, ",
    ),
    ("another API at the same path", other_schemas, "another API ('Parcels'): it has none of the schemas of openapi/"),
    ("no info", without("info"), ": its top: 'info' is missing."),
    ("no paths", value("paths", to=None), ": paths: null is not of the type object."),
    (
        "a type that is none",
        put(*ID, type="date-time"),
        ": components.schemas.Order.properties.id.type: 'date-time' is not one of array, ",
    ),
    (
        "a type below oneOf",
        put(*SCHEMAS, "Option", "properties", "eventToken", oneOf=[{"type": "string"}, {"items": {"type": "text"}}]),
        ": components.schemas.Option.properties.eventToken.oneOf.1.items.type: 'text' is not one of array, boolean, ",
    ),
    ("a misspelt key", put(*ID, typ="string"), ".Order.properties.id.typ: the standard does not know this key here."),
    ("a limit that is a text", put(*ID, maxLength="9"), ".id.maxLength: '9' is not of the type integer."),
    ("a default that does not fit", put(*ID, default=7), ".Order.properties.id.default: 7 is not of the type string."),
    ("a property that is null", value(*ID, to=None), ".Order.properties.id: null is not of the type object."),
    (
        "a schema that is a list",
        value(*SCHEMAS, "Order", to=[]),
        ": components.schemas.Order: [] is not of the type object.",
    ),
    ("properties that are null", value(*ID[:-1], to=None), ".Order.properties: null is not of the type object."),
    ("a boolean schema in 3.0", value(*ID, to=True), ".Order.properties.id: true is not of the type object."),
    ("a wrong type in 3.1", in_31(put(*ID, type="text")), ".Order.properties.id.type: 'text' is not one of array, "),
    ("a wrong limit in 3.1", in_31(put(*ID, minLength=-1)), ".Order.properties.id.minLength: -1 is less than"),
    ("no responses", without(*OPERATION, "responses"), ".post: 'responses' is missing."),
    (
        "a parameter in no place",
        put(*OPERATION, "parameters", 0, **{"in": "body"}),
        "parameters.0.in: 'body' is not one of path, ",
    ),
    (
        "a parameter without schema",
        without(*OPERATION, "parameters", 0, "schema"),
        "parameters.0: 'schema' is missing.",
    ),
    (
        "a parameter with schema and content",
        put(*OPERATION, "parameters", 0, content={"text/plain": {"schema": {}}}),
        "parameters.0: schema and content exclude each other.",
    ),
    (
        "a parameter twice",
        put(*OPERATION, "parameters", 0, name="version"),
        "the query parameter 'version' is there twice.",
    ),
    ("a path without its parameter", put("paths", **{"/{a}": {"get": ANSWERING}}), "{a}"),
    (
        "an operationId twice",
        put("paths", **{"/b": {"get": {**ANSWERING, "operationId": "execute"}}}),
        "/b.get.operationId: 'execute' is the operationId of another operation too.",
    ),
    ("a reference to nothing", value(*ID, to={"$ref": f"{PREFIX}Gone"}), "Order.properties.id: $ref leads nowhere: "),
    ("a reference to no file", value(*ID, to={"$ref": "./Gone.yaml"}), "Gone.yaml cannot be read: "),
    ("a reference that is a number", value(*ID, to={"$ref": 5}), "Order.properties.id.$ref: 5 is no reference."),
    ("a reference to an anchor", value(*ID, to={"$ref": "#Order"}), "'#Order' names an anchor or a heading."),
    ("a reference to no address", value(*ID, to={"$ref": "http://["}), "$ref 'http://[' is no address: "),
    ("a reference to the web", value(*ID, to={"$ref": "http://h/"}), "leads from a file to the web"),
    (
        "a discriminator to nothing",
        put(*SCHEMAS, "Order", discriminator={"propertyName": "id", "mapping": {"x": "Gone"}}),
        "discriminator.mapping.x: the discriminator leads nowhere: no schema is called Gone.",
    ),
    (
        "a schema of itself",
        put(*SCHEMAS, "Order", oneOf=[{"$ref": f"{PREFIX}Order"}]),
        "components.schemas.Order contains itself through",
    ),
    (
        "a path in itself",
        value("paths", "/x", to={"$ref": "#/paths/~1x"}),
        "at paths./x: $ref '#/paths/~1x' leads back to itself.",
    ),
    (
        "a name with blanks",
        put(*SCHEMAS, **{"My Order": {}}),
        ": components.schemas.My Order: a name consists of letters, ",
    ),
]
