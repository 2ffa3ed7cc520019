"""The sandbox's HTTP: an ASGI application."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from target_delivery.sandbox.delivery import Answer, DeliveryApi
from target_delivery.sandbox.ledger import Ledger
from target_delivery.sandbox.requests import ReceivedRequest


def make_app(api: DeliveryApi, ledger: Ledger, on_received: Callable[[ReceivedRequest], None]) -> Starlette:
    """Return the application that serves the Delivery API and the ledger."""

    async def delivery(request: Request) -> Response:
        try:
            received = await _received(request)
        except ClientDisconnect:
            return Response(status_code=400)
        on_received(received)
        return _response(api.answer(received.query, received.body))

    async def read_ledger(request: Request) -> Response:
        return _json(200, ledger.to_dict())

    return Starlette(
        routes=[
            Route("/rest/v1/delivery", delivery, methods=["POST"]),
            Route("/ledger", read_ledger, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _unexpected_error},
    )


async def _received(request: Request) -> ReceivedRequest:
    return ReceivedRequest(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=await request.body(),
    )


async def _unexpected_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"{request.method} {request.url.path}: {HTTPStatus(status).phrase}"
    return _json(status, {"status": status, "message": message})


def _response(answer: Answer) -> Response:
    return Response(status_code=204) if answer.body is None else _json(answer.status, answer.body)


def _json(status: int, body: dict[str, Any]) -> Response:
    content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(content, status, media_type="application/json")
