"""Threads of an outbox import nothing, and an outbox ends in bounded time while the edge hangs."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from target_delivery.sandbox import Sandbox
from tests.integration.outbox.world import Make, notification, options

RECORDING = """
import sys, threading
imported = []
class Recorder:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            imported.append(name)
sys.meta_path.insert(0, Recorder())
sys.path.insert(0, {root!r})
import asyncio
from target_delivery import *
from target_delivery.outbox import *
def given(number):
    notification = Notification(
        id=f"n{{number}}", type=MetricType.DISPLAY, timestamp=1, mbox=NotificationMbox(name="home"),
        tokens=["demo-1001-0-display" if number % 2 else "nobody's"],
    )
    return {{"request": DeliveryRequest(notifications=[notification]), "session_id": f"s{{number}}"}}
def run_in_threads(store):
    with TargetClient.create({client!r}) as client, NotificationOutbox(client, store=store) as outbox:
        for number in range(6):
            outbox.send_notifications(given(number))
        assert outbox.flush(10) == 0
        assert outbox.stats().set_aside == 3
        assert outbox.replay() == 3
async def run_in_tasks(store):
    async with AsyncTargetClient.create({client!r}) as client:
        async with AsyncNotificationOutbox(client, store=store) as outbox:
            for number in range(6):
                await outbox.send_notifications(given(number))
            assert await outbox.flush(10) == 0
            assert (await outbox.stats()).set_aside == 3
            assert await outbox.replay() == 3
store = SQLiteStore({path!r})
{run}
print(imported)
"""


@pytest.mark.parametrize("run", ["run_in_threads(store)", "asyncio.run(run_in_tasks(store))"])
def test_threads_import_nothing(edge: Sandbox, tmp_path: Path, run: str) -> None:
    """A child that is forked during an import of another thread could never import that module."""
    program = RECORDING.format(
        root=str(Path(__file__).parents[3]), client=edge.client_options(), path=str(tmp_path / "outbox.db"), run=run
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the address of an edge that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_close_while_the_edge_hangs_takes_its_timeout(make: Make, silent: str) -> None:
    outbox = make(client={"server_domain": silent, "timeout": 2500, "retries": 0}, linger=0.0)
    outbox.send_all(options(notification(f"n{number}"), visitor=f"visitor{number}") for number in range(2000))
    started = time.monotonic()
    assert outbox.close(1.0) == 2000
    assert time.monotonic() - started < 4.0
