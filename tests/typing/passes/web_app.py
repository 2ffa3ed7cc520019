"""Cookies in a web app, by the example of Starlette."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypedDict, assert_type

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from target_delivery import (
    Address,
    AsyncTargetClient,
    ChannelType,
    Context,
    Cookie,
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    is_opted_out,
)

ORGANIZATION_ID = "1234567890@AdobeOrg"


class State(TypedDict):
    target: AsyncTargetClient


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[State]:
    async with AsyncTargetClient.create({"client": "acmeclient", "organization_id": ORGANIZATION_ID}) as target:
        yield {"target": target}


async def home(request: Request) -> Response:
    target: AsyncTargetClient = request.state.target
    assert_type(is_opted_out(request.cookies, ORGANIZATION_ID), bool)
    result = await target.get_offers(
        {
            "request": DeliveryRequest(
                context=Context(
                    channel=ChannelType.WEB,
                    address=Address(url=str(request.url)),
                    user_agent=request.headers.get("user-agent"),
                ),
                execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]),
            ),
            "cookies": request.cookies,
            "session_id": request.query_params.get("session"),
        }
    )
    page = HTMLResponse("<h1>home</h1>")
    for cookie in (result.target_cookie, result.target_location_hint_cookie):
        if cookie is not None:
            set_cookie(page, cookie)
    set_cookie(page, result["target_cookie"])
    page.set_cookie(result.target_cookie["name"], result.target_cookie["value"], result.target_cookie["max_age"])
    return page


def set_cookie(response: Response, cookie: Cookie) -> None:
    response.set_cookie(cookie["name"], cookie["value"], max_age=cookie["max_age"], httponly=True)


app = Starlette(routes=[Route("/", home)], lifespan=lifespan)
