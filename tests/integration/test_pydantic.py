"""The models as fields of pydantic models, and in FastAPI over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest
from attrs import define, field
from fastapi import Body, FastAPI
from pydantic import BaseModel, TypeAdapter, ValidationError

from target_delivery import (
    DeliveryRequest,
    DeliveryResponse,
    ExecuteRequest,
    MboxRequest,
    Option,
    OptionType,
    TargetClient,
    TargetDeliveryResponse,
)
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.server import Server
from target_delivery_api import models
from target_delivery_api.model import Model

ANSWER: dict[str, Any] = {
    "status": 200,
    "requestId": "r",
    "newerThanWe": {"x": [1, None]},
    "execute": {"mboxes": [{"index": 0, "name": "home", "options": [{"type": "html", "content": "<b>"}]}]},
}
REQUEST = {"execute": {"mboxes": [{"name": "home"}]}}


class Page(BaseModel):
    answer: DeliveryResponse
    kind: OptionType | None = None
    requests: list[DeliveryRequest] = []
    by_name: dict[str, Option] = {}


def test_a_field_takes_a_model_or_its_json_and_is_written_as_the_json_of_the_api() -> None:
    response = DeliveryResponse.from_dict(ANSWER)
    given = Page(answer=response, kind=OptionType.HTML, requests=[DeliveryRequest.from_dict(REQUEST)])
    assert given.answer is response
    read = Page.model_validate({"answer": ANSWER, "kind": "html", "requests": [REQUEST]})
    assert read == given
    assert read.answer.execute is not None
    assert Page.model_validate_json(read.model_dump_json()) == given
    assert read.model_dump(exclude_unset=True) == {"answer": ANSWER, "kind": "html", "requests": [REQUEST]}
    assert read.model_dump_json(exclude_unset=True) == json.dumps(
        {"answer": response.to_dict(), "kind": "html", "requests": [REQUEST]}, separators=(",", ":")
    )
    assert Page.model_validate({"answer": {}, "kind": "of tomorrow"}).model_dump()["kind"] == "of tomorrow"


@pytest.mark.parametrize("wrong", [None, 5, "x", [], [ANSWER], object()])
def test_what_is_no_json_object_is_a_validation_error(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="DeliveryResponse must be read from a JSON object"):
        Page(answer=wrong)
    with pytest.raises(ValidationError, match=r"by_name\.b"):
        Page(answer=DeliveryResponse(), by_name={"a": Option(), "b": wrong})


def test_a_field_that_is_required_and_absent_is_a_validation_error() -> None:
    with pytest.raises(ValidationError, match=r"CustomerId\.id must be"):
        TypeAdapter(models.CustomerId).validate_python({"integrationCode": "crm"})


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("name", models.__all__)
def test_every_model_and_enum_has_a_json_schema(name: str, mode: Any) -> None:
    schema = TypeAdapter(getattr(models, name)).json_schema(mode=mode)
    if issubclass(getattr(models, name), Model):
        assert schema["type"] == "object"
        assert schema["title"] == name
        assert schema["description"]
        assert set(schema["properties"]) == set(getattr(models, name)._JSON_NAMES)
    else:
        assert schema["enum"]


def test_a_json_schema_has_types_references_and_required_fields() -> None:
    definitions = Page.model_json_schema()["$defs"]
    assert definitions["ExecuteResponse"]["properties"]["mboxes"] == {
        "type": "array",
        "title": "Mboxes",
        "items": {"$ref": "#/$defs/MboxResponse"},
    }
    assert definitions["DeliveryResponse"]["properties"]["status"]["type"] == "integer"
    assert "required" not in definitions["DeliveryResponse"]
    assert definitions["CustomerId"]["required"] == ["id", "integrationCode", "authenticatedState"]
    assert definitions["Order"]["properties"]["time"]["format"] == "date-time"
    assert definitions["MboxRequest"]["properties"]["parameters"]["additionalProperties"] == {"type": "string"}


@define(kw_only=True, eq=False, repr=False)
class Tree(Model):
    _JSON_NAMES = {"name": "name", "children": "children"}  # noqa: RUF012  # as in a generated class
    name: str | None = None
    children: list[Tree] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])


def test_a_model_that_holds_itself_has_a_json_schema() -> None:
    schema = TypeAdapter(list[Tree]).json_schema()
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


def app_of(client: TargetClient) -> FastAPI:
    app = FastAPI()

    def offers(name: str = "home") -> TargetDeliveryResponse:
        request = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name=name)]))
        return client.get_offers({"request": request})

    @app.get("/model", response_model=DeliveryResponse)
    def _model() -> Any:
        return offers().response

    @app.get("/json", response_model=DeliveryResponse)
    def _json() -> Any:
        return offers().response.to_dict()

    @app.get("/plain")
    def _plain():  # type: ignore[no-untyped-def]  # a return type would be a response model
        return offers().response

    @app.get("/page")
    def _page() -> Page:
        return Page(answer=offers().response)

    @app.get("/result")
    def _result() -> TargetDeliveryResponse:
        return offers()

    @app.get("/plain-result")
    def _plain_result():  # type: ignore[no-untyped-def]  # a return type would be a response model
        return offers()

    @app.post("/request")
    def _request(request: Annotated[DeliveryRequest, Body()]) -> DeliveryResponse | None:
        return client.get_offers({"request": request}).response

    return app


@pytest.fixture
def app(edge: Sandbox) -> Iterator[httpx.Client]:
    with TargetClient.create(edge.client_options()) as client:
        server = Server(app_of(client), "127.0.0.1", 0, lambda: False)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{server.address[1]}", trust_env=False) as browser:
                yield browser
        finally:
            server.close()


@pytest.mark.parametrize("path", ["/model", "/json", "/plain", "/page", "/result", "/plain-result"])
def test_fastapi_answers_with_the_json_of_the_api(app: httpx.Client, path: str) -> None:
    answer = app.get(path).raise_for_status().json()
    response = answer.get("answer") or answer.get("response") or answer
    assert response["execute"]["mboxes"][0]["options"][0]["type"] == "html"
    assert "edgeHost" in response
    assert ("target_cookie" in answer) is path.endswith("result")


def test_fastapi_reads_a_request(app: httpx.Client) -> None:
    assert app.post("/request", json=REQUEST).json()["execute"]["mboxes"][0]["name"] == "home"
    assert app.post("/request", json=[]).status_code == 422


def test_fastapi_describes_the_models(app: httpx.Client) -> None:
    document = app.get("/openapi.json").raise_for_status().json()
    answer = document["paths"]["/model"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/DeliveryResponse"}
    assert {"DeliveryRequest", "Option", "Context"} <= set(document["components"]["schemas"])


def test_pydantic_is_imported_for_those_who_use_it_only() -> None:
    program = (
        "import sys, target_delivery; from target_delivery import DeliveryResponse, TargetClient;"
        "DeliveryResponse.from_dict({'status': 200}).to_dict();"
        "assert not [name for name in sys.modules if name.startswith('pydantic')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
