"""The same web app with Flask, Django and Starlette, over real HTTP: it shows an mbox, and reports orders.

Each app hands over the cookies as its framework reads them, and sets the returned cookies as its framework does.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

from target_delivery import (
    AsyncTargetClient,
    Context,
    DecisioningMethodName,
    DeliveryRequest,
    ExecuteRequest,
    Geo,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    Order,
    PrefetchRequest,
    Property,
    TargetClient,
    TargetDeliveryResponse,
    VisitorId,
)
from target_delivery.sandbox import Sandbox

Cookies = Any
"""The mapping that a framework hands over."""
Method = DecisioningMethodName


class App(Protocol):
    """Runs one web app until the block ends; yields its port."""

    def __call__(self, edge: Sandbox, method: Method = "server-side") -> Any: ...


def page_of(cookies: Cookies, query: Any) -> Any:
    """Return the options of a page view: it shows mboxes, and prefetches one. What the query does not say is blank."""
    return {
        "request": DeliveryRequest(
            id=VisitorId(tnt_id=query.get("tnt_id", ""), marketing_cloud_visitor_id=""),
            property=Property(token=query.get("property", "")),
            context=Context(geo=Geo(ip_address=query.get("ip", ""))),
            execute=ExecuteRequest(mboxes=[MboxRequest(name=name) for name in query.get("show", "home").split()]),
            prefetch=PrefetchRequest(mboxes=[MboxRequest(name="product1")]),
        ),
        "cookies": cookies,
        "session_id": query.get("session", ""),
    }


def purchase_of(cookies: Cookies, query: Any) -> Any:
    """Return the options that report an order, all with the same notification id and timestamp."""
    bought = Notification(
        id="bought",
        type=MetricType.DISPLAY,
        timestamp=1_700_000_000_000,
        mbox=NotificationMbox(name="product1"),
        tokens=[query["token"]],
        order=Order(id=query["order"]),
    )
    return {"request": DeliveryRequest(notifications=[bought]), "cookies": cookies}


def shown(result: TargetDeliveryResponse) -> str:
    """Return what the visitor sees: the ids of the call, and the token of the prefetched mbox."""
    prefetch = result.response.prefetch
    tokens = [option.event_token for mbox in (prefetch and prefetch.mboxes) or [] for option in mbox.options or []]
    id_ = result.request.id
    return json.dumps(
        {
            "device": id_.tnt_id if id_ else None,
            "ecid": id_.marketing_cloud_visitor_id if id_ else None,
            "token": tokens[0] if tokens else None,
        }
    )


def returned(result: TargetDeliveryResponse) -> Iterator[dict[str, Any]]:
    """Yield the arguments of set_cookie."""
    for cookie in (result.target_cookie, result.target_location_hint_cookie):
        if cookie is not None:
            yield {"key": cookie["name"], "value": cookie["value"], "max_age": cookie["max_age"]}


@contextmanager
def flask_app(edge: Sandbox, method: Method = "server-side") -> Iterator[int]:
    import flask

    app = flask.Flask("shop")
    with TargetClient.create(edge.client_options(method)) as client:
        assert client.wait_until_ready(5)

        def answer(result: TargetDeliveryResponse) -> flask.Response:
            response = flask.Response(shown(result), mimetype="application/json")
            for cookie in returned(result):
                response.set_cookie(**cookie)
            return response

        @app.get("/")
        def page() -> flask.Response:
            return answer(client.get_offers(page_of(flask.request.cookies, flask.request.args)))

        @app.get("/buy")
        def buy() -> flask.Response:
            return answer(client.send_notifications(purchase_of(flask.request.cookies, flask.request.args)))

        with _wsgi(app) as port:
            yield port


@contextmanager
def django_app(edge: Sandbox, method: Method = "server-side") -> Iterator[int]:
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.test.utils import override_settings
    from django.urls import path

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="x", USE_TZ=True, LOGGING_CONFIG=None)
        django.setup()
    with TargetClient.create(edge.client_options(method)) as client:
        assert client.wait_until_ready(5)

        def answer(result: TargetDeliveryResponse) -> HttpResponse:
            response = HttpResponse(shown(result), content_type="application/json")
            for cookie in returned(result):
                response.set_cookie(**cookie)
            return response

        def page(request: HttpRequest) -> HttpResponse:
            return answer(client.get_offers(page_of(request.COOKIES, request.GET)))

        def buy(request: HttpRequest) -> HttpResponse:
            return answer(client.send_notifications(purchase_of(request.COOKIES, request.GET)))

        with override_settings(ROOT_URLCONF=(path("", page), path("buy", buy))), _wsgi(WSGIHandler()) as port:
            yield port


@contextmanager
def starlette_app(edge: Sandbox, method: Method = "server-side") -> Iterator[int]:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        async with AsyncTargetClient.create(edge.async_client_options(method)) as client:
            assert await client.wait_until_ready(5)
            yield {"target": client}

    def answer(result: TargetDeliveryResponse) -> Response:
        response = Response(shown(result), media_type="application/json")
        for cookie in returned(result):
            response.set_cookie(**cookie)
        return response

    async def page(request: Request) -> Response:
        return answer(await request.state.target.get_offers(page_of(request.cookies, request.query_params)))

    async def buy(request: Request) -> Response:
        return answer(await request.state.target.send_notifications(purchase_of(request.cookies, request.query_params)))

    app = Starlette(routes=[Route("/", page), Route("/buy", buy)], lifespan=lifespan)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _wsgi(app: Callable[..., Any]) -> Iterator[int]:
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # the name of the base class
            pass

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


APPS: dict[str, App] = {"Flask": flask_app, "Django": django_app, "Starlette": starlette_app}
