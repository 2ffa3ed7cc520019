"""Decide experiences, and report shown or clicked content: POST /rest/v1/delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...models.delivery_response import DeliveryResponse
from ...models.unexpected_error import UnexpectedError
from ...transport import asyncio, decode, new_request, sync

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...models.delivery_request import DeliveryRequest
    from ...types import Answer, Request

__all__ = ["asyncio", "build_request", "parse", "sync"]


def build_request(
    *,
    base_url: str,
    ims_org_id: str,
    session_id: str,
    version: str | None = None,
    body: DeliveryRequest | Mapping[str, Any],
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
) -> Request:
    """Build the request without sending it. It can be sent any number of times.

    One call concerns one visitor. The edge decides the content for execute and counts its impressions at
    once. It decides the content for prefetch too, but counts an impression only when a notification reports
    that the content was shown.

    Args:
        base_url: scheme, host and port of the server, such as https://demo.tt.omtrdc.net
        ims_org_id: Experience Cloud organization id, such as 1234567890@AdobeOrg.
        session_id: Id that links the calls of one visit. 1 to 128 printable characters, without spaces,
            ? and /.
        version: Version of the calling client, for the edge's statistics.
        body: One request: the visitor, the context, the content to decide, and the notifications to report. A
            model, or its JSON object.
        headers: more headers. Host, Content-Type, Content-Length and Transfer-Encoding are ignored, because they
            follow from the request.

    Raises:
        ModelError: the body contains a value that JSON does not have, such as NaN, or the URL or a header contains a
            character that it must not have, such as a line break.
    """
    query = f"imsOrgId={quote(ims_org_id, safe='')}"
    query += f"&sessionId={quote(session_id, safe='')}"
    if version is not None:
        query += f"&version={quote(version, safe='')}"
    return new_request("POST", f"{base_url.rstrip('/')}/rest/v1/delivery", query, body, headers)


def parse(answer: Answer) -> DeliveryResponse | None | UnexpectedError:
    """Read the body of an answer.

    Returns:
        DeliveryResponse (status 200): The decisions, and the ids of the processed notifications.
        None (status 204): The edge accepted a beacon. The answer has no body.
        UnexpectedError (any other status): The edge rejected the request, or could not decide.

    Raises:
        ModelError: the body is not a JSON object, or a required field is absent or has the wrong type.
    """
    if answer.status_code == 200:
        return DeliveryResponse.from_dict(decode(answer))
    if answer.status_code == 204:
        return None
    return UnexpectedError.from_dict(decode(answer))
