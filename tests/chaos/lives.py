"""Processes that use an outbox until they are killed.

As a script, this module is a nursery: it imports everything once, and then forks a process for each line of JSON that
it reads. A forked process is ready within a millisecond.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from target_delivery import (
    DeliveryRequest,
    MetricType,
    Notification,
    NotificationMbox,
    StoreError,
    TargetClient,
    TargetError,
)
from target_delivery.outbox import MemoryStore, NotificationOutbox, RedisStore, SQLiteStore, Store

LEASE = 1.3
CLIENT = {"timeout": 300}
PER_LIFE = 40
"""How many notifications a process stores. After them it only sends."""


def open_store(url: str) -> Store:
    return RedisStore(url, lease=LEASE) if url.startswith("redis") else SQLiteStore(url, lease=LEASE)


def displayed(id_: str, session_id: str) -> Any:
    """Return the options of a call that reports a display."""
    one = Notification(
        id=id_,
        type=MetricType.DISPLAY,
        timestamp=1_700_000_000_000,
        mbox=NotificationMbox(name="home"),
        tokens=["demo-1001-0-display"],
    )
    return {"request": DeliveryRequest(notifications=[one]), "session_id": session_id}


def live(url: str, client: Any, name: str, log: str) -> None:
    """Store and send notifications until the process is killed, and log the id of each one that was stored."""
    while True:
        try:
            store = open_store(url)
        except StoreError:  # the test is restarting Redis
            continue
        break
    outbox = NotificationOutbox(TargetClient.create({**client, **CLIENT}), store=store, linger=0.01, parallel=4)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(PER_LIFE):
        id_ = f"{name}-{number}"
        while True:
            try:
                outbox.send_notifications(displayed(id_, f"{name}-{number % 3}"))
            except StoreError:
                continue
            break
        os.write(file, f"{id_}\n".encode())
    while True:
        signal.pause()


class Nursery:
    """A nursery in a process of its own; `start` makes it fork."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._read() == "ready"
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def start(self, url: str, client: Any, name: str, log: Path) -> int:
        """Fork a process that calls `live`, and return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([url, client, name, str(log)]) + "\n")
        self._process.stdin.flush()
        return int(self._read())


def import_everything() -> None:
    """Use each part once that imports something at its first use."""
    nowhere = {"client": "demo", "organization_id": "demo@AdobeOrg", "server_domain": "127.0.0.1:1", "secure": False}
    client = TargetClient.create({**nowhere, "retries": 0})  # type: ignore[typeddict-item]  # a plain dict
    with client, contextlib.suppress(TargetError):
        client.send_notifications(displayed("none", "none"))
    MemoryStore().close()
    with contextlib.suppress(StoreError):
        RedisStore("redis://127.0.0.1:1/0?socket_connect_timeout=0.1")


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # leave no zombies
    import_everything()
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.close(0)
            live(*json.loads(line))
        print(pid, flush=True)


if __name__ == "__main__":
    main()
