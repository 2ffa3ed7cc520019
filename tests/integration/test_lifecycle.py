"""The life of a client: becoming ready, work in the background, flush, close, and the end of the process."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import logging
import queue
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from target_delivery import (
    AsyncTargetClient,
    ClientClosedError,
    DeliveryRequest,
    DeliveryTimeoutError,
    MboxRequest,
    MetricType,
    Notification,
    NotReadyError,
    OptionError,
    PrefetchRequest,
    SendNotificationError,
    TargetClient,
    TargetError,
    VisitorId,
)
from target_delivery._http.workers import MAX_DOUBTFUL_WORKERS, MAX_WORKERS
from target_delivery.options import DecisioningMethodName
from target_delivery.sandbox import Sandbox
from target_delivery.sandbox.faults import Latency, Status
from tests.integration.drivers import (
    OPTIONS,
    OWN_WIRES,
    AsyncDriver,
    Driver,
    Wire,
    WireKind,
    every_wire,
    is_asyncio,
    is_threads,
)
from tests.integration.test_on_device import ARTIFACT, EDGE, asks, contents

REQUEST = DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))
NOTIFY = DeliveryRequest(notifications=[Notification(id="n", type=MetricType.DISPLAY, timestamp=1, tokens=["t"])])
ON_DEVICE: dict[str, Any] = {
    "decisioning_method": "on-device",
    "artifact_payload": ARTIFACT,
    "polling_interval": 0,
    "telemetry_enabled": False,
}
SOON = 10.0


def processed(request: httpx.Request) -> httpx.Response:
    """Answer as the edge does when it has processed every notification."""
    ids = [one["id"] for one in json_of(request).get("notifications", ())]
    return httpx.Response(200, json={**EDGE, "notifications": [{"id": one} for one in ids]})


def json_of(request: httpx.Request) -> Any:
    return json.loads(request.content or b"{}")


class Gate:
    """A wire whose answers wait until the test opens the gate, for hosts that it chooses."""

    def __init__(self, kind: str, stuck: Callable[[httpx.Request], bool] = lambda request: True) -> None:
        self.kind = kind
        self.stuck = stuck
        self.opened = threading.Event()
        self.arrived: queue.SimpleQueue[httpx.Request] = queue.SimpleQueue()
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()
        transport = httpx.MockTransport(self._wait if kind == "threads" else self._await)  # type: ignore[arg-type]  # of either kind
        self.http_client: Any = (
            httpx.Client(transport=transport) if kind == "threads" else httpx.AsyncClient(transport=transport)
        )

    def _count(self, change: int) -> None:
        with self._lock:
            self.inside += change
            self.most = max(self.most, self.inside)

    def _wait(self, request: httpx.Request) -> httpx.Response:
        self.arrived.put(request)
        if self.stuck(request):
            self._count(1)
            self.opened.wait(SOON)
            self._count(-1)
        return processed(request)

    async def _await(self, request: httpx.Request) -> httpx.Response:
        self.arrived.put(request)
        if self.stuck(request):
            self._count(1)
            while not self.opened.is_set():  # noqa: ASYNC110 - a thread may open it
                await asyncio.sleep(0.01)
            self._count(-1)
        return processed(request)


def run_in(driver: Driver, seconds: float) -> None:
    """Let an asyncio driver work for some time; threads work by themselves."""
    if isinstance(driver, AsyncDriver):
        driver.run(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


def until(driver: Driver, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        run_in(driver, 0.01)


# --- ready


def late_artifact(kind: str) -> tuple[Any, threading.Event]:
    """Return an http_client whose artifact comes when the test says so."""
    opened = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=ARTIFACT) if request.method == "GET" else processed(request)

    def blocking(request: httpx.Request) -> httpx.Response:
        opened.wait(SOON)
        return answer(request)

    async def awaiting(request: httpx.Request) -> httpx.Response:
        while not opened.is_set():  # noqa: ASYNC110 - a thread may open it
            await asyncio.sleep(0.01)
        return answer(request)

    if kind == "threads":
        return httpx.Client(transport=httpx.MockTransport(blocking)), opened
    return httpx.AsyncClient(transport=httpx.MockTransport(awaiting)), opened


def test_an_on_device_call_waits_for_the_first_artifact(kind: str, make: Callable[..., Driver]) -> None:
    http_client, come = late_artifact(kind)
    driver = make(http_client=http_client, decisioning_method="on-device", polling_interval=0)
    threading.Timer(0.2, come.set).start()
    assert contents(driver.get_offers({"request": asks(prefetch=["home"])})) == ["welcome"]


def test_the_wait_for_the_first_artifact_ends_with_the_timeout_of_the_call(
    kind: str, make: Callable[..., Driver]
) -> None:
    http_client, come = late_artifact(kind)
    driver = make(http_client=http_client, decisioning_method="on-device", polling_interval=0, timeout=60_000)
    started = time.monotonic()
    with pytest.raises(NotReadyError):
        driver.get_offers({"request": REQUEST, "timeout": 200})
    assert 0.2 <= time.monotonic() - started < 0.2 + 0.25
    come.set()


def test_close_ends_the_wait_for_the_first_artifact() -> None:
    http_client, come = late_artifact("threads")
    client = TargetClient.create({**OPTIONS, "http_client": http_client, "decisioning_method": "on-device"})  # type: ignore[typeddict-item]  # OPTIONS is a dict
    result = client.get_offers({"request": REQUEST, "callback": print, "timeout": 5000})
    started = time.monotonic()
    come.set()
    client.close()
    assert isinstance(result._future.exception(SOON), ClientClosedError | None)
    assert time.monotonic() - started < 2


PROGRAM = """
import sys, threading, time
from target_delivery import DeliveryRequest, MboxRequest, PrefetchRequest, TargetClient
sys.setswitchinterval(1e-6)
told = threading.Event()

def ready({parameter}):
    client.get_offers({{"request": DeliveryRequest(prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]))}})
    told.set()

for _ in range(30):
    told.clear()
    client = TargetClient.create({{**{options!r}, "events": {{"client_ready": ready}}}})
    assert told.wait(10)
    client.close()
    del client
"""


@pytest.mark.parametrize("parameter", ["event", ""])
@pytest.mark.parametrize("method", ["server-side", "on-device", "payload"])
def test_client_ready_is_told_after_create_has_returned(edge: Sandbox, method: str, parameter: str) -> None:
    options: dict[str, Any] = {**edge.client_options("server-side" if method == "server-side" else "on-device")}
    if method == "payload":
        options |= {"artifact_payload": ARTIFACT}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(options=options, parameter=parameter)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_client_ready_is_told_once_in_asyncio(edge: Sandbox) -> None:
    seen: list[str] = []

    async def main(method: DecisioningMethodName) -> None:
        def ready() -> None:
            seen.append(client.config.client)

        options: dict[str, Any] = {**edge.async_client_options(method)}
        client = AsyncTargetClient.create({**options, "events": {"client_ready": ready}})  # type: ignore[typeddict-item]  # a plain dict
        async with client:
            assert not seen, "create() has to return first"
            assert await client.wait_until_ready(SOON)
            await client.get_offers({"request": REQUEST})
            await client.get_offers({"request": REQUEST})
        assert len(seen) == 1
        seen.clear()

    asyncio.run(main("server-side"))
    asyncio.run(main("on-device"))


async def never_awaited(_: object = None) -> None:
    raise AssertionError


class NeverAwaited:
    async def __call__(self, _: object = None) -> None:
        raise AssertionError


@pytest.mark.parametrize("handler", [never_awaited, NeverAwaited()])
def test_a_handler_that_would_have_to_be_awaited_is_refused(make: Callable[..., Driver], handler: Any) -> None:
    with pytest.raises(OptionError, match="must be an ordinary function, not a coroutine function"):
        make(events={"client_ready": handler})
    with TargetClient.create({"client": "demo", "organization_id": "o"}) as client:
        for option in ("callback", "err_callback"):
            with pytest.raises(OptionError, match="coroutine function"):
                client.get_offers({"request": REQUEST, "callback": print, option: handler})  # type: ignore[typeddict-item, misc]  # the mistake


# --- more than one event loop


def test_a_client_is_used_in_one_event_loop_after_the_other(edge: Sandbox) -> None:
    client = AsyncTargetClient.create({**edge.async_client_options("on-device")})

    async def call() -> None:
        result = await client.get_offers({"request": asks(execute=["home"])})
        assert result.meta["decisioning_method"] == "on-device"
        assert await client.flush(SOON) == 0
        await client.get_offers({"request": REQUEST, "decisioning_method": "server-side"})

    for _ in range(3):
        asyncio.run(call())
    asyncio.run(client.close())
    assert edge.ledger.impressions.total() == 3


# --- context


REQUEST_ID: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


def test_a_callback_runs_in_the_context_of_its_caller(edge: Sandbox) -> None:
    seen: list[str] = []
    with TargetClient.create(edge.client_options()) as client:
        for name in ("one", "two"):
            REQUEST_ID.set(name)
            client.get_offers({"request": REQUEST, "callback": lambda _: seen.append(REQUEST_ID.get())}).get(SOON)
            REQUEST_ID.set("none")
    assert seen == ["one", "two"]


def test_a_report_runs_in_the_context_of_its_caller(make: Callable[..., Driver], wire: Wire) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(REQUEST_ID.get())
        return processed(request)

    wire.answer = answer
    driver = make(http_client=wire.http_client, **ON_DEVICE)
    for name in ("one", "two"):
        token = REQUEST_ID.set(name)
        driver.get_offers({"request": asks(execute=["home"])})
        REQUEST_ID.reset(token)
        driver.close() if name == "two" else until(driver, lambda: len(seen) == 1)
    assert seen == ["one", "two"] if not isinstance(driver, AsyncDriver) else len(seen) == 2


def test_a_report_in_asyncio_runs_in_the_context_of_its_caller(edge: Sandbox) -> None:
    seen: list[str] = []

    async def hook(_: httpx.Request) -> None:
        seen.append(REQUEST_ID.get())

    async def main() -> None:
        async with httpx.AsyncClient(event_hooks={"request": [hook]}) as http_client:
            options: dict[str, Any] = {**edge.async_client_options(), **ON_DEVICE, "http_client": http_client}
            async with AsyncTargetClient.create(options) as client:  # type: ignore[arg-type]  # a plain dict
                for name in ("one", "two"):
                    REQUEST_ID.set(name)
                    await client.get_offers({"request": asks(execute=["home"])})
                    REQUEST_ID.set("none")

    asyncio.run(main())
    assert sorted(seen) == ["one", "two"]


# --- garbage


def test_a_client_that_nobody_closes_stops_its_poller_when_it_is_garbage(edge: Sandbox) -> None:
    threads = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(40):
            handlers: dict[str, Any] = {}
            client = TargetClient.create({**edge.client_options("on-device"), "events": handlers})  # type: ignore[typeddict-item]  # a plain dict
            # A handler that refers to its client makes a circle.
            client.config.events["artifact_download_failed"] = lambda event, client=client: None  # type: ignore[index]  # a dict
            assert client.wait_until_ready(SOON)
            client.get_offers({"request": REQUEST, "callback": lambda _: None}).get(SOON)
        del client
        deadline = time.monotonic() + SOON
        while set(threading.enumerate()) - threads:
            assert time.monotonic() < deadline, set(threading.enumerate()) - threads
            time.sleep(0.01)
            gc.collect()
        told = [str(one.message) for one in caught]
        caught.clear()  # A warning refers to its client.
        gc.collect()
    assert len([one for one in told if "TargetClient" in one]) == 40


def test_an_async_client_that_nobody_closes_stops_its_poller_when_it_is_garbage(edge: Sandbox) -> None:
    async def main() -> None:
        for _ in range(5):
            client = AsyncTargetClient.create(edge.async_client_options("on-device"))
            assert await client.wait_until_ready(SOON)
            del client
        gc.collect()
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
        told = [str(one.message) for one in caught]
        caught.clear()  # A warning refers to its client.
        gc.collect()
    assert len([one for one in told if "AsyncTargetClient" in one]) == 5


# --- reports


@pytest.mark.parametrize("raised", [OSError("x"), KeyError("x"), PermissionError("x"), httpx.InvalidURL("x")])
def test_a_report_that_fails_in_any_way_is_told_and_logged_once(
    make: Callable[..., Driver], wire: Wire, caplog: pytest.LogCaptureFixture, raised: Exception
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    wire.answer = fail
    seen: list[SendNotificationError] = []
    driver = make(http_client=wire.http_client, events={"send_notification_error": seen.append}, **ON_DEVICE)
    assert contents(driver.get_offers({"request": asks(execute=["home"])}), "execute") == ["welcome"]
    driver.close()
    (event,) = seen
    assert event.error is raised
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert type(raised).__name__ in record.getMessage()


def test_a_report_that_its_event_loop_cuts_off_is_told(edge: Sandbox) -> None:
    seen: list[SendNotificationError] = []
    gate = Gate("asyncio")
    options: dict[str, Any] = {**OPTIONS, **ON_DEVICE, "http_client": gate.http_client}
    options["events"] = {"send_notification_error": seen.append}
    client = AsyncTargetClient.create(options)  # type: ignore[arg-type]  # a plain dict

    async def main() -> None:
        await client.get_offers({"request": asks(execute=["home"])})

    asyncio.run(main())
    assert len(seen) == 1
    assert "its client or event loop ended" in str(seen[0].error)
    asyncio.run(client.close())
    assert len(seen) == 1


def test_flush_waits_for_reports_and_counts_those_that_are_unsent(kind: str, make: Callable[..., Driver]) -> None:
    gate = Gate(kind)
    driver = make(http_client=gate.http_client, **ON_DEVICE)
    assert flush(driver) == 0
    for _ in range(3):
        driver.get_offers({"request": asks(execute=["home"])})
    assert flush(driver, 0) == 3
    started = time.monotonic()
    assert flush(driver, 0.2) == 3
    assert 0.2 <= time.monotonic() - started < 1
    threading.Timer(0.1, gate.opened.set).start()
    assert flush(driver) == 0
    for wrong in (-1, "1", True, float("nan")):
        with pytest.raises(OptionError, match="timeout must be a number of seconds"):
            flush(driver, wrong)


def flush(driver: Any, *arguments: Any) -> int:
    count: int = (
        driver.run(driver.client.flush(*arguments)) if isinstance(driver, AsyncDriver) else driver.flush(*arguments)
    )
    return count


def close(driver: Any, *arguments: Any) -> None:
    if isinstance(driver, AsyncDriver):
        driver.run(driver.client.close(*arguments))
    else:
        driver.close(*arguments)


def test_a_handler_that_flushes_does_not_wait_for_its_own_report(edge: Sandbox) -> None:
    edge.faults.add(Status(400))
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    options: dict[str, Any] = {**edge.client_options(), **ON_DEVICE}
    options["events"] = {"send_notification_error": lambda event: told.put(client.flush())}
    with TargetClient.create(options) as client:  # type: ignore[arg-type]  # a plain dict
        client.get_offers({"request": asks(execute=["home"])})
        assert told.get(timeout=SOON) == 0


def is_named_by_a_cookie(request: httpx.Request) -> bool:
    return request.url.host.startswith("mboxedge9")


def test_one_visitor_cannot_hold_up_the_reports_of_all_others(kind: str, make: Callable[..., Driver]) -> None:
    gate = Gate(kind, is_named_by_a_cookie)
    driver = make(http_client=gate.http_client, timeout=60_000, **ON_DEVICE)
    for number in range(200):
        driver.get_offers({"target_location_hint": f"9{number:03}", **visitor("")})
    until(driver, lambda: gate.inside == MAX_DOUBTFUL_WORKERS)
    seen: list[str] = []
    for _ in range(20):
        driver.get_offers(visitor(""))
    until(driver, lambda: sum(not host.startswith("mboxedge9") for host in collect(gate, seen)) == 20)
    assert gate.most == MAX_DOUBTFUL_WORKERS
    gate.opened.set()


def visitor(cluster: str) -> dict[str, Any]:
    request = asks(execute=["home"])
    request.id = VisitorId(tnt_id=f"someone.{cluster}_0" if cluster else "someone")
    return {"request": request}


def collect(gate: Gate, seen: list[str]) -> list[str]:
    while not gate.arrived.empty():
        seen.append(gate.arrived.get().url.host)
    return seen


def test_few_reports_run_at_the_same_time(kind: str, make: Callable[..., Driver]) -> None:
    gate = Gate(kind)
    driver = make(http_client=gate.http_client, server_domain="edge.example", timeout=60_000, **ON_DEVICE)
    for _ in range(200):
        driver.get_offers({"request": asks(execute=["home"])})
    until(driver, lambda: gate.inside == MAX_WORKERS)
    run_in(driver, 0.1)
    assert gate.most == MAX_WORKERS
    gate.opened.set()


def test_thousands_of_failed_reports_are_two_log_lines(
    make: Callable[..., Driver], wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[SendNotificationError] = []

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    wire.answer = refuse
    driver = make(
        http_client=wire.http_client,
        retries=0,
        events={"send_notification_error": seen.append},
        **{**ON_DEVICE, "telemetry_enabled": True},
    )
    for _ in range(300):
        driver.get_offers({"request": asks(prefetch=["home"])})
    assert flush(driver) == 0
    assert seen == [], "no impression is lost with a prefetch"
    assert not [record for record in caplog.records if record.levelno == logging.ERROR]
    for _ in range(300):
        driver.get_offers({"request": asks(execute=["home"])})
    assert flush(driver) == 0
    assert len(seen) == 300
    wire.answer = processed
    driver.get_offers({"request": asks(execute=["home"])})
    assert flush(driver) == 0
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(lines) == 2
    assert "ConnectError" in lines[0]
    assert "reach the edge again; failures until now: 300" in lines[1]


# --- close


def test_close_is_bounded_and_tells_of_every_report_that_is_unsent(kind: str, make: Callable[..., Driver]) -> None:
    gate = Gate(kind)
    seen: list[SendNotificationError] = []
    driver = make(
        http_client=gate.http_client, timeout=500, events={"send_notification_error": seen.append}, **ON_DEVICE
    )
    for _ in range(2000):
        driver.get_offers({"request": asks(execute=["home"])})
    started = time.monotonic()
    close(driver, 0.2)
    assert time.monotonic() - started < 5, "all reports one after the other take 32 s"
    assert len(seen) == 2000
    gate.opened.set()
    run_in(driver, 0.1)
    assert len(seen) == 2000, "nothing is told twice"


def test_close_ends_calls_with_a_callback_that_have_not_begun() -> None:
    gate = Gate("threads")
    client = TargetClient.create({**OPTIONS, "http_client": gate.http_client, "timeout": 60_000})  # type: ignore[typeddict-item]  # OPTIONS is a dict
    failed: list[BaseException] = []
    results = [
        client.get_offers({"request": REQUEST, "callback": print, "err_callback": failed.append})
        for _ in range(MAX_WORKERS + 10)
    ]
    client.close(0.1)
    assert len(failed) == 10
    for result in results[MAX_WORKERS:]:
        with pytest.raises(ClientClosedError):
            result.get(0)
    gate.opened.set()
    for result in results[:MAX_WORKERS]:
        assert result.get(SOON).response.status == 200, "a call under way ends normally"


@every_wire(but=is_asyncio)
def test_calls_that_are_under_way_during_close_end_normally(edge: Sandbox, make: Callable[..., TargetClient]) -> None:
    edge.faults.add(Latency(300), times=None)
    client = make(edge)
    outcomes: list[Any] = []

    def call() -> None:
        try:
            outcomes.append(client.get_offers({"request": REQUEST}).response.status)
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(edge.requests) == 8)
    client.close()
    for thread in threads:
        thread.join()
    assert outcomes == [200] * 8


@every_wire(but=is_threads)
def test_async_calls_that_are_under_way_during_close_end_normally(
    edge: Sandbox, make: Callable[..., AsyncDriver]
) -> None:
    edge.faults.add(Latency(300), times=None)
    driver = make(edge)

    async def main() -> None:
        calls = [asyncio.create_task(driver.client.get_offers({"request": REQUEST})) for _ in range(8)]
        while len(edge.requests) < 8:  # noqa: ASYNC110 - the edge runs outside this event loop
            await asyncio.sleep(0.01)
        await driver.client.close()
        assert [result.response.status for result in await asyncio.gather(*calls)] == [200] * 8

    driver.run(main())


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.01)


EXIT = """
import time
from target_delivery import DeliveryRequest, ExecuteRequest, MboxRequest, TargetClient
import socket
listener = socket.create_server(("127.0.0.1", 0), backlog=2000)
told = []
client = TargetClient.create({{
    "client": "demo", "organization_id": "demo@AdobeOrg", "decisioning_method": "on-device", "secure": False,
    "artifact_payload": {artifact!r}, "polling_interval": 0, "timeout": 500, "retries": 0,
    "server_domain": f"127.0.0.1:{{listener.getsockname()[1]}}",
    "events": {{"send_notification_error": told.append}},
}})
for _ in range(2000):
    client.get_offers({{"request": DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))}})
import atexit
atexit._run_exitfuncs()
print(len(told))
"""


def test_the_end_of_the_interpreter_is_bounded() -> None:
    started = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-c", EXIT.format(artifact=ARTIFACT)], capture_output=True, text=True, timeout=60, check=True
    )
    assert time.monotonic() - started < 20
    assert ran.stdout == "2000\n"


def test_the_end_of_the_interpreter_waits_for_reports(edge: Sandbox) -> None:
    program = """
        from target_delivery import DeliveryRequest, ExecuteRequest, MboxRequest, TargetClient
        client = TargetClient.create({options!r})
        for _ in range(50):
            client.get_offers({{"request": DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))}})
    """
    options = {**edge.client_options("on-device")}
    text = textwrap.dedent(program).format(options=options)
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60)
    assert edge.ledger.impressions.total() == 50


# --- options of one call


def test_a_call_has_a_timeout_of_its_own(edge: Sandbox, make: Callable[..., Driver]) -> None:
    edge.faults.add(Latency(5000), times=None)
    driver = make(edge, timeout=60_000)
    for call in (driver.get_offers, driver.send_notifications):
        started = time.monotonic()
        with pytest.raises(DeliveryTimeoutError, match="the timeout is 200 ms"):
            call({"request": REQUEST if call == driver.get_offers else NOTIFY, "timeout": 200})
        assert time.monotonic() - started < 1
    with pytest.raises(DeliveryTimeoutError):
        driver.get_attributes(["home"], {"timeout": 200})


def test_a_call_has_retries_of_its_own(make: Callable[..., Driver], wire: Wire) -> None:
    wire.answer = lambda _: httpx.Response(503)
    driver = make(http_client=wire.http_client, retries=1)
    for options, attempts in (({}, 2), ({"retries": 0}, 1), ({"retries": None}, 2), ({"retries": 3}, 4)):
        wire.sent.clear()
        with pytest.raises(TargetError):
            driver.get_offers({"request": REQUEST, **options})
        assert len(wire.sent) == attempts


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"timeout": "1"}, {"timeout": True}, {"retries": -1}, {"retries": 1.0}]
)
def test_a_wrong_option_of_a_call_is_refused(client: Driver, wire: Wire, options: dict[str, Any]) -> None:
    for call in (client.get_offers, client.send_notifications):
        with pytest.raises(OptionError, match=next(iter(options))):
            call({"request": REQUEST if call == client.get_offers else NOTIFY, **options})
    assert wire.sent == []


# --- signal handlers


@pytest.fixture
def alarms() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Return a function that has a signal handler call something every millisecond."""
    before = signal.getsignal(signal.SIGALRM)

    def start(work: Callable[[], object]) -> None:
        def handle(*_: object) -> None:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            work()
            signal.signal(signal.SIGALRM, handle)

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)

    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no SIGALRM")
@every_wire(but=is_asyncio)
def test_a_call_in_a_signal_handler_never_waits_for_the_call_that_it_interrupts(
    edge: Sandbox,
    make: Callable[..., TargetClient],
    wire_kind: WireKind,
    alarms: Callable[[Callable[[], object]], None],
) -> None:
    interrupting: list[Any] = []
    client = make(edge)

    def handle() -> None:
        try:
            interrupting.append(client.get_offers({"request": REQUEST}).response.status)
        except TargetError as error:
            interrupting.append(str(error))

    alarms(handle)
    for _ in range(200):
        assert client.get_offers({"request": REQUEST}).response.status == 200
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert interrupting
    if not wire_kind.given:
        assert set(interrupting) == {200}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no SIGALRM")
@every_wire(but=is_asyncio)
def test_a_signal_handler_may_close_the_client_that_it_interrupts(
    edge: Sandbox, make: Callable[..., TargetClient], alarms: Callable[[Callable[[], object]], None]
) -> None:
    client = make(edge)
    alarms(client.close)
    with pytest.raises(ClientClosedError):
        call_without_end(client)


def call_without_end(client: TargetClient) -> None:
    while True:
        client.get_offers({"request": REQUEST})


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no SIGALRM")
@every_wire(but=is_asyncio, among=OWN_WIRES)
def test_a_call_in_a_signal_handler_does_not_change_the_deadline_of_the_call_that_it_interrupts(
    make: Callable[..., TargetClient],
) -> None:
    interrupted = threading.Event()

    def serve(listener: socket.socket) -> None:
        first, _ = listener.accept()
        first.recv(65536)
        interrupted.wait(SOON)
        first.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n")
        time.sleep(0.05)
        first.sendall(b'{"status": 200}')
        first.close()

    def handle(*_: object) -> None:
        with pytest.raises(DeliveryTimeoutError):
            client.get_offers({"request": REQUEST, "timeout": 50, "retries": 0})
        interrupted.set()

    before = signal.signal(signal.SIGALRM, handle)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        domain = f"127.0.0.1:{listener.getsockname()[1]}"
        client = make(server_domain=domain, secure=False, trust_env=False)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        assert client.get_offers({"request": REQUEST, "timeout": 5000, "retries": 0}).response.status == 200
        server.join()
    signal.signal(signal.SIGALRM, before)


# --- handlers that wait, block, interrupt


def test_handlers_that_flush_at_the_same_time_do_not_wait_for_each_other() -> None:
    flushed: queue.SimpleQueue[int] = queue.SimpleQueue()
    together = threading.Barrier(2)

    def handle() -> None:
        together.wait(SOON)
        flushed.put(client.flush())

    def fail(request: httpx.Request) -> httpx.Response:
        raise OSError

    http_client = httpx.Client(transport=httpx.MockTransport(fail))
    options: dict[str, Any] = {**OPTIONS, **ON_DEVICE, "http_client": http_client}
    client = TargetClient.create({**options, "events": {"send_notification_error": handle}})  # type: ignore[typeddict-item]  # a plain dict
    for _ in range(2):
        client.get_offers({"request": asks(execute=["home"])})
    for _ in range(2):
        flushed.get(timeout=SOON)
    client.close()


def test_an_outbox_that_blocks_does_not_hold_up_close() -> None:
    opened = threading.Event()

    class Blocked:
        def send_prepared(self, prepared: object) -> None:
            opened.wait(SOON)

    options: dict[str, Any] = {**OPTIONS, **ON_DEVICE, "outbox": Blocked()}
    told: list[SendNotificationError] = []
    client = TargetClient.create({**options, "events": {"send_notification_error": told.append}})  # type: ignore[typeddict-item]  # a plain dict
    for _ in range(MAX_WORKERS + 2):
        client.get_offers({"request": asks(execute=["home"])})
    started = time.monotonic()
    client.close(0.1)
    assert time.monotonic() - started < SOON / 2
    assert len(told) == MAX_WORKERS + 2
    opened.set()


class Interruption(BaseException):
    """Raised by a signal handler, or by a library such as gevent."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no SIGALRM")
def test_a_close_that_a_signal_interrupts_still_closes(alarms: Callable[[Callable[[], object]], None]) -> None:
    gate = Gate("threads")
    options: dict[str, Any] = {**OPTIONS, **ON_DEVICE, "http_client": gate.http_client}
    told: list[SendNotificationError] = []
    client = TargetClient.create({**options, "events": {"send_notification_error": told.append}})  # type: ignore[typeddict-item]  # a plain dict
    client.get_offers({"request": asks(execute=["home"])})
    gate.arrived.get(timeout=SOON)

    def interrupt() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise Interruption

    alarms(interrupt)
    with pytest.raises(Interruption):
        client.close(None)
    assert len(told) == 1
    again = threading.Thread(target=client.close, args=(None,), daemon=True)
    again.start()
    again.join(SOON)
    assert not again.is_alive()
    gate.opened.set()


@pytest.mark.parametrize("error", [Interruption, SystemExit, asyncio.CancelledError])
def test_a_report_that_ends_with_an_exception_that_is_no_exception_is_told_at_once(error: type[BaseException]) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    http_client = httpx.Client(transport=httpx.MockTransport(fail))
    told: queue.SimpleQueue[object] = queue.SimpleQueue()
    options: dict[str, Any] = {**OPTIONS, **ON_DEVICE, "http_client": http_client}
    client = TargetClient.create({**options, "events": {"send_notification_error": told.put}})  # type: ignore[typeddict-item]  # a plain dict
    client.get_offers({"request": asks(execute=["home"])})
    assert told.get(timeout=SOON)
    client.close()
    assert told.empty()


def test_a_download_that_ends_with_an_exception_that_is_no_exception_is_tried_again() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise Interruption
        return httpx.Response(200, json=ARTIFACT) if request.method == "GET" else processed(request)

    options: dict[str, Any] = {**OPTIONS, "http_client": httpx.Client(transport=httpx.MockTransport(answer))}
    with TargetClient.create({**options, "decisioning_method": "on-device"}) as client:  # type: ignore[typeddict-item]  # a plain dict
        assert client.wait_until_ready(SOON)


def test_a_client_works_when_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return processed(request)

    options: dict[str, Any] = {**OPTIONS, **ON_DEVICE, "polling_interval": 300_000}
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        client = TargetClient.create(
            {**options, "http_client": httpx.Client(transport=httpx.MockTransport(answer))}  # type: ignore[typeddict-item]  # a plain dict
        )
        assert contents(client.get_offers({"request": asks(execute=["home"])}), "execute") == ["welcome"]
    assert len(sent) == 1
    client.close()


def test_the_end_of_the_interpreter_is_bounded_for_all_clients_together() -> None:
    program = """
        import threading, httpx
        from target_delivery import TargetClient
        from tests.integration.test_lifecycle import ON_DEVICE, OPTIONS, asks
        stuck = httpx.Client(transport=httpx.MockTransport(lambda request: threading.Event().wait()))
        clients = [TargetClient.create({**OPTIONS, **ON_DEVICE, "http_client": stuck}) for _ in range(4)]
        for client in clients:
            client.get_offers({"request": asks(execute=["home"])})
        """
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60, capture_output=True)
    assert time.monotonic() - started < 15, "one after the other, they take more than 20 s"


@pytest.mark.parametrize("timeout", [-1, float("nan"), "1", True])
def test_wait_until_ready_refuses_a_wrong_timeout(make: Callable[..., Driver], timeout: Any) -> None:
    with pytest.raises(OptionError):
        make(**ON_DEVICE).wait_until_ready(timeout)


def test_wait_until_ready_takes_any_length(make: Callable[..., Driver]) -> None:
    assert make(**ON_DEVICE).wait_until_ready(float("inf"))


def test_a_handler_with_a_keyword_only_parameter_is_called(make: Callable[..., Driver]) -> None:
    called: list[str] = []

    def handle(*, name: str = "default") -> None:
        called.append(name)

    driver = make(**ON_DEVICE, events={"client_ready": handle})
    assert driver.wait_until_ready(SOON)
    until(driver, lambda: bool(called))
    assert called == ["default"]
