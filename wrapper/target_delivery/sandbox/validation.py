"""Checks that refuse a request as the Delivery API does."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from target_delivery._core.cookies import is_session_id
from target_delivery._core.limits import organization_refusal, refusal


class InvalidRequestError(Exception):
    """The request is invalid and is answered with status 400. The text of the error is the message of the answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid request: {reason}")


def check_query(query: Mapping[str, str]) -> str:
    """Check the query parameters of a delivery request and return the session id.

    Raises:
        InvalidRequestError: imsOrgId or sessionId is missing or malformed.
    """
    refused = organization_refusal(query.get("imsOrgId", ""))
    if refused is not None:
        raise InvalidRequestError(refused)
    session_id = query.get("sessionId", "")
    if not is_session_id(session_id):
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
        document: dict[str, Any] = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as reason:
        raise InvalidRequestError(f"the body is not JSON: {reason}") from reason
    refused = refusal(document)
    if refused is not None:
        raise InvalidRequestError(refused.reason)
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
