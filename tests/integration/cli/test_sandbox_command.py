"""`target-delivery sandbox`, run as a user runs it."""

import io
import json
import os
import queue
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from target_delivery._cli.main import main
from target_delivery.sandbox import demo_artifact
from tests.integration.sandbox.exchanges import QUERY, URL, poster


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Run the command, and yield its process and a client for the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "target_delivery", "sandbox", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        try:
            found = re.search(r"Edge at (http://127\.0\.0\.1:\d+)\.", process.stdout.readline())
            assert found, process.communicate()
            with httpx.Client(base_url=found[1], verify=False, trust_env=False) as client:
                yield process, client
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_reports_and_stops_cleanly(number: signal.Signals) -> None:
    with command("--fault", "status=503,retry-after=2x1") as (process, client):
        failed = poster(client)(requestId="1")
        assert (failed.status_code, failed.headers["retry-after"]) == (503, "2")
        assert poster(client)(execute={"mboxes": [{"index": 0, "name": "home"}]}).status_code == 200
        assert client.get("/ledger").json()["impressions"]["total"] == 1
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stderr is not None
        options, ledger, first, second, stopped = process.stdout.read().splitlines()
        assert process.stderr.read() == ""
        assert process.wait(5) == 0
    assert f"'server_domain': '{client.base_url.host}:{client.base_url.port}', 'secure': False" in options
    assert ledger.endswith(f"{client.base_url}/ledger".replace("//ledger", "/ledger"))
    assert re.fullmatch(r"\d\d:\d\d:\d\d  503 +[\d.]+ ms  -  \[Status\]  Service Unavailable", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d  200 +[\d.]+ ms  execute home", second)
    assert stopped == "Stopped."


def test_it_ends_when_nobody_reads_its_output() -> None:
    with command() as (process, client):
        assert process.stdout is not None
        process.stdout.close()
        assert poster(client)().status_code == 200
        assert process.wait(5) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


class Output(io.TextIOBase):
    """An output whose lines another thread can wait for."""

    def __init__(self) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self.lines.put(line)
        return len(text)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"context": {"channel": "web"}}, "200  -"),
        ({"context": {"channel": "web", "beacon": True}}, "204  -"),
        (
            {
                "context": {"channel": "web"},
                "execute": {"pageLoad": {}, "mboxes": [{"index": 0, "name": "a"}, {"index": 1, "name": "b"}]},
                "prefetch": {"views": [{}, {"name": "c"}]},
                "notifications": [{"id": "n[1]", "type": "display", "timestamp": 1}],
            },
            "200  execute pageLoad, a, b; prefetch all views, c; notifications n[1]",
        ),
        ([1], "400  -  Invalid request: the body must be an object, not an array"),
        (
            {"context": {"channel": "web"}, "execute": 1, "notifications": [1], "prefetch": {"mboxes": 1}},
            "400  -  Invalid request: execute must be an object, not an integer; prefetch.mboxes must be an array, "
            "not an integer; notifications[0] must be an object, not an integer",
        ),
        ({"execute": {}}, "400  execute  Invalid request: context is required"),
    ],
)
def test_a_line_shows_the_request_and_its_answer(body: object, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output()
    monkeypatch.setattr(sys, "stdout", output)

    def use_it() -> str:
        try:
            url = output.lines.get(timeout=5).split()[2].rstrip(".")
            for _ in ("client", "ledger"):
                output.lines.get(timeout=5)
            httpx.post(url + URL, params=QUERY, json=body, verify=False, trust_env=False)
            return output.lines.get(timeout=5)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    with ThreadPoolExecutor(1) as pool:
        line = pool.submit(use_it)
        assert main(["sandbox", "--port", "0"]) == 0
    _, status, _, rest = re.split(r"  +", line.result(), maxsplit=3)
    assert f"{status}  {rest}" == expected
    assert output.lines.get_nowait() == "Stopped."


def test_options_reach_the_sandbox(tmp_path: Path) -> None:
    artifact = demo_artifact()
    artifact["rules"]["mboxes"]["start"] = artifact["rules"]["mboxes"].pop("home")
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(artifact))
    arguments = ["--artifact", str(file), "--cluster", "28", "--secret", "s", "--host", "127.0.0.1"]
    tokens: set[str] = set()
    for _ in range(2):
        with command(*arguments) as (_, client):
            answer = poster(client)(prefetch={"mboxes": [{"index": 0, "name": "start"}]}).json()
            assert answer["edgeHost"] == "mboxedge28.tt.omtrdc.net"
            tokens.add(answer["prefetch"]["mboxes"][0]["options"][0]["eventToken"])
    assert len(tokens) == 1


def test_a_request_cannot_change_what_the_terminal_shows() -> None:
    with command() as (process, client):
        poster(client)(execute={"mboxes": [{"index": 0, "name": "\x1b[2J\nforged\x9b"}]})
        client.post(URL, params=QUERY, content="[" * 100_000)
        client.get("/%1b%5b2J/production/v1/rules.json")
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 6
    assert lines[2].endswith(r"execute \x1b[2J\nforged\x9b")
    assert " 400 " in lines[3]
    assert r"/\x1b[2J/production/v1/rules.json" in lines[4]
