"""gunicorn --preload: the application, and so the client, is made in the parent, and its workers are forks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from target_delivery.sandbox import Sandbox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork, and no gunicorn")

APPLICATION = """
import os
from flask import Flask
from target_delivery import DeliveryRequest, ExecuteRequest, MboxRequest, TargetClient

client = TargetClient.create({options!r})
app = Flask(__name__)

@app.get("/")
def page():
    request = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))
    result = client.get_offers({{"request": request}})
    return {{"worker": os.getpid(), "method": result.meta["decisioning_method"]}}
"""
STARTS = int(os.environ.get("GUNICORN_STARTS", "1"))
REQUESTS = 400


@contextmanager
def served(folder: Path, options: object) -> Iterator[str]:
    (folder / "shop.py").write_text(APPLICATION.format(options=options))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "4", "-b", f"127.0.0.1:{port}", "shop:app"]
    log = folder / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT) as server,
    ):
        try:
            deadline = time.monotonic() + 20
            while log.read_text().count("Booting worker") < 4:
                assert time.monotonic() < deadline, log.read_text()
                assert server.poll() is None, log.read_text()
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("method", ["on-device", "server-side"])
def test_workers_that_are_forked_from_a_loaded_application_answer_every_request(
    edge: Sandbox, tmp_path: Path, method: str
) -> None:
    edge_options = edge.client_options("on-device" if method == "on-device" else "server-side")
    for _ in range(STARTS):
        with (
            served(tmp_path, {**edge_options, "timeout": 5000}) as url,
            httpx.Client(timeout=20, headers={"connection": "close"}) as browser,
            ThreadPoolExecutor(8) as browsers,
        ):
            answers = list(browsers.map(lambda _: browser.get(url), range(REQUESTS)))
            assert {answer.status_code for answer in answers} == {200}
            assert {answer.json()["method"] for answer in answers} == {method}
            assert len({answer.json()["worker"] for answer in answers}) > 1
