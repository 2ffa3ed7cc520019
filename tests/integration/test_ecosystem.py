"""Mocks and instrumentation of httpx see the calls of a client with an ``http_client``, which may be one of httpx2."""

from __future__ import annotations

import contextvars
import logging
import queue
import socket
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import httpx
import pytest
import respx
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_httpx import HTTPXMock

from target_delivery import (
    DeliveryConnectionError,
    DeliveryRequest,
    DeliveryStatusError,
    ExecuteRequest,
    MboxRequest,
    TargetClient,
)
from target_delivery.sandbox import Sandbox, Status
from tests.integration.drivers import GIVEN_WIRES, AsyncDriver, Driver, WireKind, every_wire
from tests.integration.rules import artifact, rule

REQUEST = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
URL = "https://demo.tt.omtrdc.net/rest/v1/delivery"
ANSWER = {"status": 200, "requestId": "mocked"}
SOON = 10

httpx_wires = every_wire(among=[wire for wire in GIVEN_WIRES if wire.given == "httpx"])


# --- mocks


@httpx_wires
def test_respx_mocks_the_edge(make: Callable[..., Driver]) -> None:
    with respx.mock() as mocked:
        route = mocked.post(url__startswith=URL).respond(json=ANSWER)
        assert make().get_offers({"request": REQUEST, "session_id": "s"}).response.request_id == "mocked"
        assert route.call_count == 1
        assert route.calls.last.request.url.params["sessionId"] == "s"


@httpx_wires
def test_respx_lets_the_edge_fail(make: Callable[..., Driver]) -> None:
    with respx.mock() as mocked:
        route = mocked.post(url__startswith=URL).mock(side_effect=httpx.ConnectError("unreachable"))
        with pytest.raises(DeliveryConnectionError, match="ConnectError"):
            make(retries=1).get_offers({"request": REQUEST})
        assert route.call_count == 2
        route.mock(side_effect=[httpx.Response(503), httpx.Response(200, json=ANSWER)])
        assert make().get_offers({"request": REQUEST}).response.request_id == "mocked"


@httpx_wires
def test_pytest_httpx_mocks_the_edge(httpx_mock: HTTPXMock, make: Callable[..., Driver]) -> None:
    httpx_mock.add_response(method="POST", json=ANSWER)
    assert make().get_offers({"request": REQUEST}).response.request_id == "mocked"
    (sent,) = httpx_mock.get_requests()
    assert (sent.url.host, sent.url.path) == ("demo.tt.omtrdc.net", "/rest/v1/delivery")


def test_mocks_of_httpx_do_not_see_the_calls_of_a_client_without_an_http_client(edge: Sandbox) -> None:
    with respx.mock(assert_all_called=False) as mocked, TargetClient.create(edge.client_options()) as client:
        route = mocked.route().respond(json=ANSWER)
        assert client.get_offers({"request": REQUEST}).response.request_id != "mocked"
        assert route.call_count == 0


# --- traces


@pytest.fixture
def spans() -> Iterator[Callable[[], list[ReadableSpan]]]:
    """Instrument httpx. Return a function that returns the spans that have ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield lambda: list(exporter.get_finished_spans())
    finally:
        instrumentor.uninstrument()
        provider.shutdown()


TRACER = TracerProvider().get_tracer("shop")


def parents(spans: list[ReadableSpan]) -> list[int | None]:
    return [span.parent.span_id if span.parent is not None else None for span in spans]


@httpx_wires
def test_each_attempt_is_a_span_below_the_span_of_the_caller(
    spans: Callable[[], list[ReadableSpan]], edge: Sandbox, make: Callable[..., Driver]
) -> None:
    edge.faults.add(Status(503), times=1)
    client = make(edge)
    with TRACER.start_as_current_span("page") as page:
        client.get_offers({"request": REQUEST})
    assert [span.attributes["http.status_code"] for span in spans() if span.attributes] == [503, 200]
    assert parents(spans()) == [page.get_span_context().span_id] * 2
    assert {span.context.trace_id for span in spans() if span.context} == {page.get_span_context().trace_id}


def test_the_span_of_a_call_with_a_callback_is_below_the_span_of_its_caller(
    spans: Callable[[], list[ReadableSpan]], edge: Sandbox
) -> None:
    current: list[int] = []
    callers: list[int] = []
    with httpx.Client() as http_client:
        options: Any = {**edge.client_options(), "http_client": http_client}
        with TargetClient.create(options) as client:
            for number in range(2):
                with TRACER.start_as_current_span(f"page {number}") as page:
                    callers.append(page.get_span_context().span_id)
                    result = client.get_offers({
                        "request": REQUEST,
                        "callback": lambda _: current.append(trace.get_current_span().get_span_context().span_id),
                    })  # fmt: skip
                result.get(SOON)
    assert parents(spans()) == callers
    assert current == callers


@httpx_wires
def test_the_span_of_a_report_is_below_the_span_of_the_decision(
    spans: Callable[[], list[ReadableSpan]], edge: Sandbox, make: Callable[..., Driver]
) -> None:
    client = make(edge, decisioning_method="on-device", artifact_payload=artifact(rule("home")), polling_interval=0)
    callers: list[int] = []
    for name in ("one", "two"):
        with TRACER.start_as_current_span(name) as page:
            callers.append(page.get_span_context().span_id)
            client.get_offers({"request": REQUEST})
    client.close()
    assert set(parents(spans())) == set(callers)


# --- context


VISIT: contextvars.ContextVar[str] = contextvars.ContextVar("visit", default="none")


@every_wire()
def test_an_event_handler_runs_in_the_context_of_the_call_that_it_is_told_of(
    edge: Sandbox, make: Callable[..., Driver]
) -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    edge.faults.add(Status(403), times=None)
    client = make(
        edge,
        decisioning_method="on-device",
        artifact_payload=artifact(rule("home")),
        polling_interval=0,
        events={"send_notification_error": lambda _: told.put(VISIT.get())},
    )
    token = VISIT.set("mine")
    client.get_offers({"request": REQUEST})
    VISIT.reset(token)
    client.close()
    assert told.get(timeout=SOON) == "mine"


@every_wire()
def test_an_artifact_is_polled_in_the_context_in_which_the_client_was_made(
    edge: Sandbox, make: Callable[..., Driver]
) -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    token = VISIT.set("made")
    client = make(
        **edge.client_options("on-device"),
        events={"artifact_download_succeeded": lambda _: told.put(VISIT.get())},
    )
    VISIT.reset(token)
    assert client.wait_until_ready(SOON)
    assert told.get(timeout=SOON) == "made"


# --- httpx2


@every_wire(among=GIVEN_WIRES)
def test_the_errors_of_the_library_of_an_http_client_have_one_name(make: Callable[..., Driver], edge: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(DeliveryConnectionError, match="failures: ConnectError") as caught:
        make(server_domain=address, secure=False, retries=0).get_offers({"request": REQUEST})
    assert "httpx" not in str(caught.value)
    edge.faults.add(Status(403), times=1)
    with pytest.raises(DeliveryStatusError, match="status 403"):
        make(edge).get_offers({"request": REQUEST})


@every_wire(among=GIVEN_WIRES)
def test_an_event_hook_that_refuses_an_answer_is_an_error_status(
    wire_kind: WireKind, make: Callable[..., Driver], edge: Sandbox
) -> None:
    def refuse(response: Any) -> None:
        response.raise_for_status()

    async def refuse_async(response: Any) -> None:
        response.raise_for_status()

    hook = refuse_async if wire_kind.kind == "asyncio" else refuse
    http_client = wire_kind.new_http_client(event_hooks={"response": [hook]})
    edge.faults.add(Status(403), times=1)
    client = make(edge, http_client=http_client)
    with pytest.raises(DeliveryStatusError, match="status 403"):
        client.get_offers({"request": REQUEST})
    assert client.get_offers({"request": REQUEST}).response.status == 200
    client.run(http_client.aclose()) if isinstance(client, AsyncDriver) else http_client.close()


@every_wire(among=GIVEN_WIRES)
def test_the_log_lines_of_the_library_show_no_session(
    wire_kind: WireKind, make: Callable[..., Driver], edge: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        make(edge).get_offers({"request": REQUEST, "session_id": "session-3b2d"})
    lines = [record.getMessage() for record in caplog.records if record.name == wire_kind.given]
    assert len(lines) == 1
    assert "/rest/v1/delivery" in lines[0]
    assert "session-3b2d" not in caplog.text


@every_wire(among=GIVEN_WIRES)
def test_the_mock_transport_of_the_library_answers(wire_kind: WireKind, make: Callable[..., Driver]) -> None:
    library = import_module(wire_kind.given)
    transport = library.MockTransport(lambda _: library.Response(200, json=ANSWER))
    http_client = wire_kind.new_http_client(transport=transport)
    client = make(http_client=http_client)
    assert client.get_offers({"request": REQUEST}).response.request_id == "mocked"
    client.run(http_client.aclose()) if isinstance(client, AsyncDriver) else http_client.close()
