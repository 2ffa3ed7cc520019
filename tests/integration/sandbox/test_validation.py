"""The requests that the sandbox refuses, as the specification requires."""

from typing import Any

import httpx
import pytest

from target_delivery.sandbox import Sandbox
from tests.integration.sandbox.exchanges import QUERY, URL, connect, dumps, rejection

WEB = {"channel": "web"}


def send(edge: Sandbox, body: bytes, query: dict[str, str] | None = None) -> httpx.Response:
    with connect(edge) as client:
        return client.post(URL, params=QUERY if query is None else query, content=body)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "context is required"),
        ([], "the body must be an object, not an array"),
        (None, "the body must be an object, not null"),
        ({"context": {}}, "context.channel is required"),
        (
            {"context": {"channel": "tv"}},
            "context.channel must be one of ['mobile', 'web'], not a string of length 2",
        ),
        ({"context": WEB, "requestId": 1}, "requestId must be a string, not an integer"),
        ({"context": WEB, "execute": {"mboxes": {}}}, "execute.mboxes must be an array, not an object"),
        ({"context": WEB, "execute": {"mboxes": [{"name": "a"}]}}, "execute.mboxes[0].index is required"),
        (
            {"context": WEB, "prefetch": {"mboxes": [{"name": "a", "index": 0}, {"name": "b", "index": "1"}]}},
            "prefetch.mboxes[1].index must be an integer, not a string of length 1",
        ),
        (
            {"context": WEB, "notifications": [{"id": "1", "type": "view", "timestamp": 1}]},
            "notifications[0].type must be one of [",
        ),
        (
            {"context": WEB, "notifications": [{"id": "1", "type": "click"}]},
            "notifications[0].timestamp is required",
        ),
        (
            {"context": WEB, "id": {"customerIds": [{"id": "1", "integrationCode": "c"}]}},
            "id.customerIds[0].authenticatedState is required",
        ),
        ({"context": {**WEB, "geo": {"ipAddress": "nowhere"}}}, "context.geo.ipAddress must match the pattern "),
        ({"context": WEB, "requestId": "x" * 129}, "requestId must have at most 128 characters, not 129"),
        ({"context": WEB, "requestId": "x" * 9999}, "requestId must have at most 128 characters, not 9999"),
        (
            {"context": WEB, "execute": {"pageLoad": {"parameters": {"a": 1}}}},
            "execute.pageLoad.parameters['a'] must be a string, not an integer",
        ),
    ],
)
def test_an_invalid_delivery_request_is_refused_with_the_place_of_the_mistake(
    edge: Sandbox, body: Any, where: str
) -> None:
    assert rejection(send(edge, dumps(body))).startswith(where)
    assert (edge.ledger.requests, edge.ledger.rejected) == (0, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b'{"context": {"channel": "web"}, "environmentId": NaN}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_not_json_is_refused(edge: Sandbox, body: bytes) -> None:
    assert rejection(send(edge, body)).startswith("the body is not JSON: ")


@pytest.mark.parametrize("organization", ["bad", "", "@AdobeOrg", "a b@AdobeOrg", "x@AdobeOrg\n", "x@adobeorg"])
def test_a_malformed_organization_is_refused_in_the_edges_words(edge: Sandbox, organization: str) -> None:
    answer = send(edge, dumps({"context": WEB}), {**QUERY, "imsOrgId": organization})
    assert answer.json() == {"status": 400, "message": f"Invalid request: Invalid imsOrg -  {organization}"}


@pytest.mark.parametrize("session_id", ["", "a b", "a/b", "a?b", "a\nb", "x" * 129])
def test_a_malformed_session_id_is_refused(edge: Sandbox, session_id: str) -> None:
    answer = send(edge, dumps({"context": WEB}), {**QUERY, "sessionId": session_id})
    assert rejection(answer).startswith("query parameter sessionId: ")


@pytest.mark.parametrize("missing", ["imsOrgId", "sessionId"])
def test_a_missing_query_parameter_is_refused(edge: Sandbox, missing: str) -> None:
    query = {name: value for name, value in QUERY.items() if name != missing}
    assert rejection(send(edge, dumps({"context": WEB}), query))


def test_unknown_fields_and_the_longest_session_id_are_accepted(edge: Sandbox) -> None:
    query = {**QUERY, "sessionId": "x" * 128, "version": "2.1", "other": "1"}
    body = {"context": WEB, "future": {"a": None}, "execute": {"mboxes": [{"index": 0, "name": "home", "new": 1}]}}
    assert send(edge, dumps(body), query).status_code == 200
