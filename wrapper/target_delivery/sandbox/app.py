"""The ASGI application that answers the sandbox's HTTP requests."""

import json
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from target_delivery._core.clock import Clock
from target_delivery.sandbox.artifact import Artifact
from target_delivery.sandbox.delivery import DeliveryApi, Omission
from target_delivery.sandbox.faults import Faults, NotJson, RefusedConnection, Reset, Status, Strike, TruncatedBody
from target_delivery.sandbox.geo import GeoTable
from target_delivery.sandbox.guard import read_body, refusal
from target_delivery.sandbox.ledger import Ledger
from target_delivery.sandbox.requests import DELIVERY_PATH, Exchange, ReceivedRequest
from target_delivery.sandbox.server import Connection

_Process = Callable[[ReceivedRequest, Strike], Response]


def make_app(
    api: DeliveryApi,
    geo: GeoTable,
    client: str,
    ledger: Ledger,
    faults: Faults,
    on_received: Callable[[ReceivedRequest], None],
    on_exchange: Callable[[Exchange], None],
    clock: Clock,
    names: Collection[str],
    *,
    remote: bool,
) -> ASGIApp:
    """Return the application that serves the Delivery API, the CDN of artifacts, geo look-ups and the ledger.

    Args:
        api: answers delivery requests, and has the artifact that is served.
        geo: answers geo look-ups.
        client: client code that the artifact is served for.
        ledger: the counts that ``GET /ledger`` shows.
        faults: the faults that hit requests.
        on_received: called with each request that has arrived, except requests for the ledger.
        on_exchange: called with each of these requests when it is answered or cut off.
        clock: measures how long an exchange takes.
        names: host names, in lower case, that requests may be for, besides those of loopback.
        remote: whether requests may be for any IP address.
    """

    async def exchange(request: Request, process: _Process) -> Response:
        try:
            received = await _received(request)
        except ClientDisconnect:
            return Response(status_code=400)
        started = clock.monotonic()
        on_received(received)
        strike = faults.strike(received)
        response = await _answer(lambda: process(received, strike), strike, _connection(request.scope))
        milliseconds = (clock.monotonic() - started) * 1000
        status, faults_struck = response.status_code, tuple(strike.names)
        on_exchange(Exchange(received, status, milliseconds, faults_struck, _error_message(response)))
        return response

    async def delivery(request: Request) -> Response:
        return await exchange(request, lambda received, strike: _deliver(api, received, strike))

    async def rules(request: Request) -> Response:
        def process(received: ReceivedRequest, strike: Strike) -> Response:
            if request.path_params["client"] != client:
                return _error(404, f"this is the edge of client {client!r}, not of {request.path_params['client']!r}")
            return _rules(api.artifact, received.headers.get("if-none-match", ""))

        return await exchange(request, process)

    async def locate(request: Request) -> Response:
        def process(received: ReceivedRequest, strike: Strike) -> Response:
            return _json(200, geo.locate(received.headers.get("x-forwarded-for", "").partition(",")[0]))

        return await exchange(request, process)

    async def read_ledger(request: Request) -> Response:
        return _json(200, ledger.to_dict())

    app = Starlette(
        routes=[
            Route(DELIVERY_PATH, delivery, methods=["POST"]),
            Route("/{client}/{environment}/v1/rules.json", rules, methods=["GET"]),
            Route("/{client}/{environment}/v1/{property_token}/rules.json", rules, methods=["GET"]),
            Route("/v1/geo", locate, methods=["GET"]),
            Route("/ledger", read_ledger, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http_error},
    )

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        refused = refusal(scope["method"], Headers(scope=scope), names, remote=remote)
        answer = app if refused is None else _error(refused.status, refused.message)
        await answer(scope, receive, send)

    return guarded


async def _received(request: Request) -> ReceivedRequest:
    return ReceivedRequest(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=await read_body(request),
    )


async def _answer(process: Callable[[], Response], strike: Strike, connection: Connection) -> Response:
    """Answer a request, or apply the faults that hit it."""
    await connection.pause(strike.ms_before / 1000)
    match strike.ending:
        case _ if connection.server_stopping:
            return _CutShort(reset=True)
        case RefusedConnection() | Reset(processed=False):
            return _CutShort(reset=True)
        case Status(processed=False) | NotJson(processed=False):
            response = Response()
        case _:
            response = process()
    await connection.pause(strike.ms_after / 1000)
    match strike.ending:
        case Reset(after_bytes):
            return _CutShort(response, after_bytes, reset=True)
        case TruncatedBody(after_bytes):
            return _CutShort(response, after_bytes, reset=False)
        case Status(code, retry_after):
            headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
            return _error(code, HTTPStatus(code).phrase if code in set(HTTPStatus) else "Error", headers)
        case NotJson(content, status):
            return Response(content, status, media_type="text/html")
        case _:
            return response


def _deliver(api: DeliveryApi, received: ReceivedRequest, strike: Strike) -> Response:
    def omit(notification_id: str) -> Omission | None:
        for fault in strike.omitted:
            if fault.covers(notification_id):
                return Omission(fault.processed)
        return None

    answer = api.answer(received.query, received.body, omit)
    return Response(status_code=204) if answer.body is None else _json(answer.status, answer.body)


def _rules(artifact: Artifact, if_none_match: str) -> Response:
    """Answer with the artifact, or with 304 if the client has it already."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    if known & {artifact.etag, "*"}:
        return Response(status_code=304, headers={"ETag": artifact.etag})
    return Response(artifact.content, headers={"ETag": artifact.etag}, media_type="application/json")


class _CutShort(Response):
    """A response that ends in the middle, because the connection ends.

    Args:
        whole: the response to cut short; None sends nothing at all.
        after_bytes: number of bytes of the body to send; by default half of them. A reset after 0 bytes comes before
            the status line.
        reset: whether the connection ends with TCP RST instead of FIN.
    """

    def __init__(self, whole: Response | None = None, after_bytes: int | None = None, *, reset: bool) -> None:
        if reset and after_bytes == 0:
            whole = None
        super().__init__(status_code=whole.status_code if whole else 0)
        self._whole = whole
        self._after_bytes = after_bytes
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = _connection(scope)
        if self._whole is not None:
            body = bytes(self._whole.body)
            end = len(body) // 2 if self._after_bytes is None else min(self._after_bytes, len(body) - 1)
            await send(
                {
                    "type": "http.response.start",
                    "status": self._whole.status_code,
                    "headers": self._whole.raw_headers,
                }
            )
            await send({"type": "http.response.body", "body": body[:end], "more_body": True})
        connection.end(reset=self._reset)
        while (await receive())["type"] != "http.disconnect":
            pass


def _connection(scope: Scope) -> Connection:
    connection: Connection = scope["state"]["connection"]
    return connection


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    why = phrase if error.detail == phrase else f"{phrase}: {error.detail}"
    return _error(error.status_code, f"{request.method} {request.url.path}: {why}", error.headers)


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an UnexpectedError."""
    return _json(status, {"status": status, "message": message}, headers)


def _error_message(response: Response) -> str | None:
    if response.status_code < 400 or response.media_type != "application/json":
        return None
    message: str = json.loads(bytes(response.body))["message"]
    return message


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
    return Response(content, status, headers, media_type="application/json")
