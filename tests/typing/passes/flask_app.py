"""Cookies in a web app, by the example of Flask."""

from types import MappingProxyType

from flask import Flask, Response, request

from target_delivery import DeliveryRequest, ExecuteRequest, MboxRequest, TargetClient, is_opted_out

ORGANIZATION_ID = "1234567890@AdobeOrg"

target_client = TargetClient.create({"client": "acmeclient", "organization_id": ORGANIZATION_ID})
app = Flask(__name__)


@app.get("/")
def home() -> Response:
    if is_opted_out(request.cookies, ORGANIZATION_ID):
        return Response("home")
    delivery_request = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
    result = target_client.get_offers({"request": delivery_request, "cookies": request.cookies})
    page = Response(str(result.response.execute))
    for cookie in (result.target_cookie, result.target_location_hint_cookie):
        if cookie is not None:
            page.set_cookie(cookie["name"], cookie["value"], max_age=cookie["max_age"])
    return page


def flags(cookies: dict[str, str]) -> object:
    return target_client.get_attributes(["flags"], {"cookies": MappingProxyType(cookies)}).as_object("flags")
