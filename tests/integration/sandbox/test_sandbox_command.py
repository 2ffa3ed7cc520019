"""`target-delivery sandbox`, run as a user runs it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from target_delivery.sandbox import demo_artifact

from .exchanges import poster


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """The running command, and a client for the address it prints."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "target_delivery.cli", "sandbox", "--port", "0", *arguments],
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
