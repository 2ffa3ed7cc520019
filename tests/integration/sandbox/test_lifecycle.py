"""The start and the stop of a sandbox, its arguments, and the hosts that it listens on."""

import asyncio
import gc
import logging
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from target_delivery.sandbox import Exchange, Sandbox, Status, demo_artifact
from target_delivery.sandbox.server import Server
from tests.integration.sandbox.exchanges import connect, mboxes, poster


def test_it_starts_and_stops_at_once_and_leaves_nothing_behind() -> None:
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    started = time.perf_counter()
    for _ in range(5):
        with Sandbox() as edge, connect(edge) as client:
            assert poster(client)().status_code == 200
    assert time.perf_counter() - started < 1.5
    gc.collect()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_it_stops_though_connections_are_open(edge: Sandbox) -> None:
    with connect(edge) as client:
        poster(client)()
        started = time.perf_counter()
        edge.stop()
        assert time.perf_counter() - started < 0.5
        with pytest.raises(httpx.ConnectError):
            poster(client)()


def test_several_run_side_by_side_and_count_apart() -> None:
    with Sandbox() as first, Sandbox() as second:
        assert first.url != second.url
        with connect(first) as client:
            poster(client)(execute=mboxes("home"))
        assert first.ledger.impressions.total() == 1
        assert second.ledger.impressions.total() == 0


def test_it_can_be_started_again_on_the_same_port_and_goes_on_counting() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    edge = Sandbox(port=port)
    for count in (1, 2):
        with edge, connect(edge) as client:
            assert edge.url == f"http://127.0.0.1:{port}"
            poster(client)(execute=mboxes("home"))
        assert edge.ledger.impressions.total() == count


def test_stop_can_be_called_at_any_time() -> None:
    edge = Sandbox()
    edge.stop()
    edge.start()
    edge.stop()
    edge.stop()


def test_start_twice_is_an_error(edge: Sandbox) -> None:
    with pytest.raises(RuntimeError, match=f"running already at {edge.url}"):
        edge.start()


def test_without_a_start_there_is_no_address() -> None:
    edge = Sandbox()
    for ask in (lambda: edge.url, lambda: edge.server_domain, edge.client_options):
        with pytest.raises(RuntimeError, match="not running: use it in a with statement, or call start"):
            ask()


def test_a_port_that_is_taken_is_named(edge: Sandbox) -> None:
    host, _, port = edge.server_domain.rpartition(":")
    with pytest.raises(OSError, match=f"cannot listen on {host}:{port}: Address already in use"):
        Sandbox(port=int(port)).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com", ""])
def test_a_host_that_others_can_reach_must_be_allowed(host: str) -> None:
    with pytest.raises(ValueError, match=r"is not a loopback address.*allow_remote=True"):
        Sandbox(host=host)


@pytest.mark.parametrize(
    ("host", "domain"), [("0.0.0.0", "127.0.0.1:"), ("localhost", "127.0.0.1:"), ("::1", "[::1]:")]
)
def test_every_host_gives_an_address_to_connect_to(host: str, domain: str) -> None:
    try:
        edge = Sandbox(host=host, allow_remote=True).start()
    except OSError as error:
        pytest.skip(f"this machine has no {host}: {error}")
    try:
        assert edge.server_domain.startswith((domain, "[::1]:"))
        with connect(edge) as client:
            assert poster(client)().status_code == 200
    finally:
        edge.stop()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"port": 65536}, "port 65536 is not between 0 and 65535"),
        ({"cluster": -1}, "cluster -1 is not between 0 and 99999"),
        ({"cluster": 100_000}, "cluster 100000 is not between 0 and 99999"),
        ({"client": "a b"}, "client 'a b' is not 1 to 128 letters"),
        ({"organization_id": "acme"}, "organization_id 'acme' is not of the form 1234567890@AdobeOrg"),
    ],
)
def test_malformed_arguments_are_refused(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Sandbox(**arguments)


def test_an_invalid_artifact_is_refused_with_the_place_of_the_mistake(tmp_path: Path) -> None:
    def broken(**rules: Any) -> dict[str, Any]:
        return {**demo_artifact(), "rules": {"mboxes": {"home": [{**home, **rules}]}}}

    home = demo_artifact()["rules"]["mboxes"]["home"][0]
    file = tmp_path / "rules.json"
    file.write_text("{")
    cases: list[tuple[Any, str]] = [
        (file, f"{file} is not a rule artifact, because it is not JSON"),
        ({}, "the artifact has version None"),
        ({**demo_artifact(), "version": "2.0.0"}, "the artifact has version '2.0.0'; the sandbox reads"),
        ({**demo_artifact(), "rules": []}, "rules of the artifact must be a JSON object, not list"),
        ({**demo_artifact(), "rules": {"views": {"a": {}}}}, "views of the artifact\\['a'\\] must be a list of rules"),
        (broken(meta={}), "must name activity.id and experience.id"),
        (broken(consequence=None), "consequence of .* must be a JSON object, not NoneType"),
    ]
    for artifact, why in cases:
        with pytest.raises(ValueError, match=why):
            Sandbox(artifact)
    with pytest.raises(FileNotFoundError):
        Sandbox(tmp_path / "missing.json")


def test_on_exchange_is_called_with_each_request_and_its_answer() -> None:
    exchanges: list[Exchange] = []
    with Sandbox(on_exchange=exchanges.append) as edge, connect(edge) as client:
        edge.faults.add(Status(503))
        poster(client)(requestId="one")
        poster(client)(requestId=2)
        poster(client)()
    failed, invalid, fine = exchanges
    assert (failed.status, failed.faults, failed.error) == (503, ("Status",), "Service Unavailable")
    assert failed.request.json["requestId"] == "one"
    assert (invalid.status, invalid.faults) == (400, ())
    assert invalid.error == "Invalid request: requestId must be a string, not an integer"
    assert (fine.status, fine.error) == (200, None)
    assert fine.milliseconds > 0


def test_it_makes_no_noise(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    loggers = {name: logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")}
    before = {name: (logger.level, list(logger.handlers), logger.propagate) for name, logger in loggers.items()}
    with caplog.at_level(logging.INFO), Sandbox() as edge, connect(edge) as client:
        poster(client)()
        client.get("/nowhere")
    assert [record for record in caplog.records if not record.name.startswith("http")] == []
    assert capfd.readouterr() == ("", "")
    after = {name: (logger.level, list(logger.handlers), logger.propagate) for name, logger in loggers.items()}
    assert after == before


def test_a_failure_at_the_start_reaches_the_caller_and_leaves_nothing_behind() -> None:
    def fail() -> bool:
        raise ArithmeticError

    threads = threading.active_count()
    with pytest.raises(ArithmeticError):
        Server(Starlette(), "127.0.0.1", 0, fail)
    assert threading.active_count() == threads


def test_it_runs_within_an_event_loop() -> None:
    async def ask() -> int:
        with Sandbox() as edge:
            async with httpx.AsyncClient(base_url=edge.url, verify=False, trust_env=False) as client:
                return (await client.get("/ledger")).status_code

    assert asyncio.run(ask()) == 200
