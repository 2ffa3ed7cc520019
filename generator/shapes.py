"""The shape of OpenAPI documents: which kind of value each key of each kind of object has.

Functions that walk a document from its top use this one table. So none of them takes a property named `schema` for a
schema, or an example that contains `$ref` for a reference.

The kinds of plain values are text, flag, number, limit (a number or a flag), type (a text or a list of texts), and
data. `[kind]` is a list of values of that kind, and `{kind}` an object whose keys are names and whose values have that
kind. The other kinds are objects, which SHAPES describes.
"""

from __future__ import annotations

DATA = "data"
"""JSON that has no meaning to the generator: an example, a default, an extension."""
ANY = "any"
"""A value that the table does not describe. References in it are followed, except inside extensions."""
SCHEMA = "schema"
PATH = "path"
MAPPING = "mapping"
SWITCH = "true-or-schema"
"""A schema, or true or false with the same meaning in OpenAPI 3.0 and 3.1."""


def _shape(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


SHAPES: dict[str, dict[str, str]] = {
    "document": _shape(
        """openapi=text info=info servers=[server] security=[requirement] tags=[tag] paths={path} webhooks={path}
        components=components"""
    ),
    "info": _shape("title=text description=text version=text"),
    "server": _shape("url=text description=text variables={variable}"),
    "variable": _shape("enum=data default=text description=text"),
    "requirement": {},
    "tag": _shape("name=text description=text"),
    "components": _shape(
        """schemas={schema} responses={response} parameters={parameter} examples={example} requestBodies={body}
        headers={header} securitySchemes={scheme} links={link} callbacks={{path}} pathItems={path}"""
    ),
    "scheme": {},
    PATH: _shape(
        """summary=text description=text servers=[server] parameters=[parameter] get=operation put=operation
        post=operation delete=operation options=operation head=operation patch=operation trace=operation"""
    ),
    "operation": _shape(
        """tags=[text] summary=text description=text operationId=text deprecated=flag parameters=[parameter]
        requestBody=body responses={response} callbacks={{path}} servers=[server] security=[requirement]"""
    ),
    "parameter": _shape(
        """name=text in=text description=text required=flag deprecated=flag allowEmptyValue=flag style=text
        explode=flag allowReserved=flag schema=schema content={media} example=data examples={example}"""
    ),
    "header": _shape(
        """description=text required=flag deprecated=flag style=text explode=flag schema=schema content={media}
        example=data examples={example}"""
    ),
    "body": _shape("description=text required=flag content={media}"),
    "response": _shape("description=text headers={header} content={media} links={link}"),
    "media": _shape("schema=schema example=data examples={example} encoding={encoding}"),
    "encoding": _shape("headers={header}"),
    "example": _shape("value=data"),
    "link": _shape("parameters=data requestBody=data"),
    SCHEMA: _shape(
        """type=type format=text title=text description=text pattern=text nullable=flag deprecated=flag readOnly=flag
        writeOnly=flag uniqueItems=flag minimum=number maximum=number exclusiveMinimum=limit exclusiveMaximum=limit
        multipleOf=number minLength=number maxLength=number minItems=number maxItems=number minProperties=number
        maxProperties=number minContains=number maxContains=number required=[text] enum=[data] const=data default=data
        example=data examples=data items=schema not=schema if=schema then=schema else=schema contains=schema
        propertyNames=schema contentSchema=schema additionalProperties=true-or-schema
        unevaluatedProperties=true-or-schema unevaluatedItems=true-or-schema allOf=[schema] oneOf=[schema]
        anyOf=[schema] prefixItems=[schema] properties={schema} patternProperties={schema} dependentSchemas={schema}
        $defs={schema} definitions={schema} discriminator=discriminator"""
    ),
    "discriminator": _shape("propertyName=text mapping=mapping"),
}


def kind_of(holder: str, key: str) -> str:
    """Return the kind of the value of `key` in an object, or under an index in a list, of the kind `holder`."""
    if holder == MAPPING:
        return "text"
    if holder[0] in "[{":
        return holder[1:-1]
    if key.startswith("x-"):
        return DATA
    shape = SCHEMA if holder == SWITCH else holder
    return SHAPES.get(shape, {}).get(key, ANY)


def is_schema(kind: str) -> bool:
    """Whether values of this kind are schemas."""
    return kind in (SCHEMA, SWITCH)
