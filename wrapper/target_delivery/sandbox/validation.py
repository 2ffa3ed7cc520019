"""Checks that refuse a request as the Delivery API does."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NoReturn, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import relevance
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from target_delivery.decisioning._json import check_depth

_ORGANIZATION_ID: Final = re.compile(r"[A-Za-z0-9._-]+@AdobeOrg")
_LONGEST_REASON: Final = 300
"""Characters. jsonschema quotes the whole value that it refuses, which can be long."""


class InvalidRequestError(Exception):
    """The request is invalid and is answered with status 400. The text of the error is the message of the answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid request: {reason}")


def is_organization_id(text: str) -> bool:
    """Whether the text has the form of an Experience Cloud organization id."""
    return _ORGANIZATION_ID.fullmatch(text) is not None


def check_query(query: Mapping[str, str]) -> str:
    """Check the query parameters of a delivery request and return the session id.

    Raises:
        InvalidRequestError: imsOrgId or sessionId is missing or malformed.
    """
    organization = query.get("imsOrgId", "")
    if not is_organization_id(organization):
        raise InvalidRequestError(f"Invalid imsOrg -  {organization}")
    session_id = query.get("sessionId", "")
    if not 1 <= len(session_id) <= 128 or not session_id.isprintable() or set(session_id) & set(" ?/"):
        raise InvalidRequestError(
            f"query parameter sessionId: {session_id[:200]!r} is not 1 to 128 printable characters "
            "without space, '?' or '/'"
        )
    return session_id


def read_body(body: bytes) -> dict[str, Any]:
    """Return the body of a delivery request as a DeliveryRequest in JSON.

    Raises:
        InvalidRequestError: the body is not JSON, or not a DeliveryRequest as specified.
    """
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as reason:
        raise InvalidRequestError(f"the body is not JSON: {reason}") from reason
    try:
        check_depth(document)
    except ValueError as reason:
        raise InvalidRequestError(f"the body cannot be read: {reason}") from reason
    validator = _validator()
    if validator.is_valid(document):
        return cast("dict[str, Any]", document)
    error = max(validator.iter_errors(document), key=relevance)
    raise InvalidRequestError(_describe(error))


@cache
def wire_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of a DeliveryRequest that the generated package carries."""
    text = files("target_delivery_api").joinpath("wire_schema.json").read_text("utf-8")
    return cast("Mapping[str, Any]", json.loads(text))


@cache
def _validator() -> Validator:
    schema = wire_schema()
    return validator_for(schema, default=Draft202012Validator)(schema)


def _describe(error: ValidationError) -> str:
    where = error.json_path.removeprefix("$").removeprefix(".") or "the body"
    reason = error.message
    if len(reason) > _LONGEST_REASON:
        reason = f"{error.validator} {error.validator_value!r} is not met"[:_LONGEST_REASON]
    return f"{where}: {reason}"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
