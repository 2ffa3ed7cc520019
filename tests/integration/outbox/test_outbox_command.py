"""What people see of an outbox: the subcommand, and the metrics."""

from __future__ import annotations

import itertools
import json
import sys
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from target_delivery import TargetClient
from target_delivery._cli.main import main
from target_delivery.outbox import (
    Item,
    MemoryStore,
    NotificationOutbox,
    RedisStore,
    SetAside,
    Settlement,
    SQLiteStore,
    Store,
    StoreStats,
)
from target_delivery.sandbox import Sandbox
from tests.integration.outbox.conftest import Redis
from tests.integration.outbox.world import Make, notification, options

Run = Callable[..., tuple[int, str, str]]
Collect = Callable[[], dict[str, dict[str, float]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the subcommand; return its exit code and what it wrote."""

    def command(action: str, url: object, *arguments: str) -> tuple[int, str, str]:
        code = main(["outbox", action, "--store", str(url), *arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return command


def set_aside(store: Store, *contents: bytes, message: str = "no", when: float | None = None) -> None:
    """Put items into a store, and set aside all that it holds."""
    now = time.time()
    if contents:
        store.append([Item("group", "", data, now, now) for data in contents])
    groups = store.claim(now + 1, groups=1, size=1000, linger=0.0, closed=())
    settlement = Settlement(aside=[(one, "refused", message) for group in groups for one in group])
    store.settle(settlement, now if when is None else when)


def item(**notification: object) -> bytes:
    return json.dumps({"request": {"notifications": [notification]}}).encode()


# --- the subcommand


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_the_command(edge: Sandbox, tmp_path: Path, request: pytest.FixtureRequest, run: Run, kind: str) -> None:
    url = f"sqlite:///{tmp_path / 'outbox.db'}" if kind == "sqlite" else request.getfixturevalue("redis").url()
    with TargetClient.create(edge.client_options()) as client:
        store = SQLiteStore(tmp_path / "outbox.db") if kind == "sqlite" else RedisStore(url)
        with NotificationOutbox(client, store=store) as outbox:
            for number in range(3):
                outbox.send_notifications(options(notification(f"bad{number}", "[/red]"), visitor=f"visitor{number}"))
            outbox.send_notifications(options(notification("good")))
            assert outbox.flush(10) == 0
            refs = [one.ref for one in outbox.list_set_aside()]
    code, out, _ = run("status", url)
    assert code == 0
    assert [line.split()[-2] for line in out.splitlines()[3:7]] == ["0", "0", "1", "3"]
    code, out, _ = run("list", url, "--limit", "2")
    assert code == 0
    assert out.count("unknown event token") == 2
    assert "bad" in out
    assert "1 more" in out
    assert run("purge", url, refs[0])[1] == "1 forgotten.\n"
    code, out, err = run("purge", url, refs[0])
    assert (code, out) == (1, "0 forgotten.\n")
    assert "1 of 1 refs are not set aside" in err
    code, out, _ = run("replay", url, "--all")
    assert code == 0
    assert "2/2" in out
    assert "2 put back" in out
    assert run("list", url)[1] == "Nothing is set aside.\n"
    assert "The oldest is" in run("status", url)[1]


def test_the_command_needs_a_store_that_is_there(tmp_path: Path, run: Run) -> None:
    code, _, err = run("status", tmp_path / "none.db")
    assert (code, "There is no outbox" in err) == (1, True)
    code, _, err = run("status", "ftp://x")
    assert (code, "names no store" in err) == (1, True)


@pytest.mark.parametrize(
    ("action", "arguments", "words"),
    [
        ("replay", [], "name the notifications to replay by their ref, or give --all"),
        ("purge", [], "name the notifications to purge by their ref, or give --all"),
        ("purge", ["1", "--all"], "name the notifications to purge by their ref, or give --all"),
        ("list", ["--limit", "0"], "--limit"),
        ("list", ["--limit", "-1"], "--limit"),
    ],
)
def test_the_command_refuses_what_can_be_meant_in_two_ways(
    tmp_path: Path, run: Run, action: str, arguments: list[str], words: str
) -> None:
    path = tmp_path / "outbox.db"
    store = SQLiteStore(path)
    set_aside(store, b"{}", b"{}")
    code, out, err = run(action, path, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert store.stats(time.time()).set_aside == 2
    store.close()


@pytest.mark.parametrize(("module", "extra"), [("redis", "redis"), ("rich", "cli")])
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run, module: str, extra: str
) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == module or name == "target_delivery._cli.outbox":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("target_delivery._cli.outbox", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    code, _, err = run("status", "redis://127.0.0.1/0" if module == "redis" else tmp_path / "outbox.db")
    assert code == 1
    assert f"target-delivery[{extra}]" in err


@pytest.mark.parametrize(
    "data",
    [b"[" * 100_000, b'{"request":' * 100_000, b"\xff", b"1" * 5000, b"null", b'{"request": {"notifications": []}}'],
)
def test_an_unreadable_item_is_listed_among_the_others(tmp_path: Path, run: Run, data: bytes) -> None:
    path = tmp_path / "outbox.db"
    store = SQLiteStore(path)
    set_aside(store, data, item(id="readable", type="click"))
    store.close()
    code, out, _ = run("list", path)
    assert code == 0
    unreadable, readable = (line.split("│") for line in out.splitlines() if "refused" in line)
    assert [cell.strip() for cell in unreadable[2:4]] == ["?", "?"]
    assert [cell.strip() for cell in readable[2:4]] == ["readable", "click"]


@pytest.mark.parametrize("when", [1e18, -1e18, float("inf")])
def test_a_time_beyond_the_calendar_is_listed(tmp_path: Path, run: Run, when: float) -> None:
    store = SQLiteStore(tmp_path / "outbox.db")
    set_aside(store, item(id="late", type="click"), when=when)
    store.close()
    code, out, _ = run("list", tmp_path / "outbox.db")
    assert (code, "late" in out) == (0, True)


def test_what_a_terminal_would_obey_is_shown(tmp_path: Path, run: Run) -> None:
    store = SQLiteStore(tmp_path / "outbox.db")
    # A title, a cleared screen, the other direction of writing, a new line, half a character.
    set_aside(store, item(id="\x1b]0;title\x07\x1b[2J", type="\u202e\ud800"), message="a\n\x9b31mb [red] :smile: äöü")
    store.close()
    code, out, _ = run("list", tmp_path / "outbox.db")
    assert code == 0
    assert [one for one in out if not one.isprintable() and one != "\n"] == []
    for shown in (r"\x1b]0;title\x07\x1b[2J", r"\u202e\ud800", r"a\n\x9b31mb [red] :smile: äöü"):
        assert shown in out


class Busy(MemoryStore):
    """A store whose outbox is at work: what is put back is set aside again at once."""

    def __init__(self, *contents: bytes) -> None:
        super().__init__()
        self.calls: list[tuple[str, object]] = []
        set_aside(self, *contents)

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        self.calls.append(("list", limit))
        return super().list_aside(limit)

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        self.calls.append(("replay", refs))
        replayed = super().replay(refs, now)
        set_aside(self)
        return replayed

    def purge(self, refs: Collection[str] | None) -> int:
        self.calls.append(("purge", refs))
        return super().purge(refs)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Busy:
    """Five that are set aside, and a command that takes two at a time."""
    store = Busy(*(item(id=str(number), type="click") for number in range(5)))
    monkeypatch.setattr("target_delivery._cli.outbox.open_store", lambda url, create: store)
    monkeypatch.setattr("target_delivery._cli.outbox.STEP", 2)
    return store


def test_all_are_put_back_once_some_at_a_time(busy: Busy, run: Run) -> None:
    code, out, _ = run("replay", "busy", "--all")
    assert code == 0
    assert "5/5" in out
    assert "5 put back" in out
    steps = [(2, ["1", "2"]), (2, ["3", "4"]), (1, ["5"])]
    assert busy.calls == [call for limit, refs in steps for call in (("list", limit), ("replay", refs))]


def test_named_ones_are_put_back_some_at_a_time(busy: Busy, run: Run) -> None:
    code, out, err = run("replay", "busy", "5", "1", "5", "77")
    assert code == 1
    assert "3/3" in out
    assert "2 put back" in out
    assert "1 of 3 refs are not set aside" in err
    assert busy.calls == [("replay", ["5", "1"]), ("replay", ["77"])]


def test_all_are_forgotten_without_being_read(busy: Busy, run: Run) -> None:
    assert run("purge", "busy", "--all")[:2] == (0, "5 forgotten.\n")
    assert busy.calls == [("purge", None)]


# --- metrics


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collect]:
    """Collect the metrics of a process that starts here: the values of each by the name of the store."""
    metrics = pytest.importorskip("opentelemetry.sdk.metrics")
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    reader = export.InMemoryMetricReader()
    provider = metrics.MeterProvider(metric_readers=[reader])
    once = [provider.get_meter]
    monkeypatch.setattr("opentelemetry.metrics.get_meter", lambda name: once.pop()(name))
    monkeypatch.setattr("target_delivery.outbox.metrics._numbers", itertools.count(1))
    monkeypatch.setattr("target_delivery.outbox.metrics._stores", weakref.WeakKeyDictionary())

    def read() -> dict[str, dict[str, float]]:
        data = reader.get_metrics_data()
        scopes = data.resource_metrics[0].scope_metrics if data is not None and data.resource_metrics else []
        return {
            metric.name.removeprefix("target_delivery.outbox."): {
                point.attributes["store"]: point.value for point in metric.data.data_points
            }
            for scope in scopes
            for metric in scope.metrics
        }

    yield read
    provider.shutdown()


def test_metrics(make: Make, collect: Collect) -> None:
    outbox = make()
    outbox.send_notifications(options(notification("good"), notification("bad", "nobody's")))
    assert outbox.flush(10) == 0
    assert collect() == {
        "pending": {"MemoryStore:1": 0},
        "in_flight": {"MemoryStore:1": 0},
        "confirmed": {"MemoryStore:1": 1},
        "set_aside": {"MemoryStore:1": 1},
        "oldest_age": {"MemoryStore:1": 0},
    }
    outbox.send_notifications(options(notification("better")))
    assert outbox.flush(10) == 0
    assert collect()["confirmed"] == {"MemoryStore:1": 2}
    outbox.close()
    assert not any(collect().values())


def with_aside(count: int, store: Store) -> Store:
    set_aside(store, *[b"{}"] * count)
    return store


def test_metrics_tell_the_stores_of_a_process_apart(
    make: Make, collect: Collect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis: Redis
) -> None:
    monkeypatch.chdir(tmp_path)
    make(with_aside(1, MemoryStore()))
    make(with_aside(2, MemoryStore()))
    make(with_aside(3, SQLiteStore("some.db")))
    address = redis.url().removeprefix("redis://")
    make(with_aside(4, RedisStore(f"redis://default:@{address}")))
    make(with_aside(5, RedisStore(redis.url(), name="shop")))
    assert collect()["set_aside"] == {
        "MemoryStore:1": 1,
        "MemoryStore:2": 2,
        str(tmp_path / "some.db"): 3,
        f"redis://{address}#target-outbox": 4,
        f"redis://{address}#shop": 5,
    }


def test_metrics_count_a_store_once(make: Make, collect: Collect, tmp_path: Path) -> None:
    first, second = make(SQLiteStore(tmp_path / "outbox.db")), make(SQLiteStore(tmp_path / "outbox.db"))
    first.send_notifications(options(notification("one")))
    assert first.flush(10) == 0
    assert collect()["confirmed"] == {str(tmp_path / "outbox.db"): 1}
    first.close()
    assert collect()["confirmed"] == {str(tmp_path / "outbox.db"): 1}
    second.close()


def test_metrics_read_a_store_once_for_a_collection(make: Make, collect: Collect, tmp_path: Path) -> None:
    read: list[str] = []

    class Recorded(SQLiteStore):
        def stats(self, now: float) -> StoreStats:
            read.append(Path(self.where or "").name)
            return super().stats(now)

    for name in ("one.db", "shared.db", "shared.db"):
        make(Recorded(tmp_path / name))
    for _ in range(3):
        assert len(collect()) == 5
        assert sorted(read) == ["one.db", "shared.db"]
        read.clear()


def test_metrics_leave_out_a_store_that_fails(make: Make, collect: Collect) -> None:
    class Failing(MemoryStore):
        def stats(self, now: float) -> Any:
            raise RuntimeError("no idea")

    make(Failing())
    make()
    assert collect()["pending"] == {"MemoryStore:2": 0}
