"""What people see of an outbox: the subcommand, and the metrics."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from target_delivery import TargetClient
from target_delivery.cli import main
from target_delivery.outbox import NotificationOutbox, RedisStore, SQLiteStore
from target_delivery.sandbox import Sandbox

from .world import Make, notification, options


def test_metrics(edge: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = pytest.importorskip("opentelemetry.sdk.metrics")
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    reader = export.InMemoryMetricReader()
    provider = metrics.MeterProvider(metric_readers=[reader])
    monkeypatch.setattr("opentelemetry.metrics.get_meter", provider.get_meter)
    outbox = make()
    outbox.send_notifications(options(notification("good"), notification("bad", "nobody's")))
    assert outbox.flush(10) == 0

    def read() -> dict[str, float]:
        data = reader.get_metrics_data()
        scopes = data.resource_metrics[0].scope_metrics if data is not None and data.resource_metrics else []
        return {
            metric.name: point.value
            for scope in scopes
            for metric in scope.metrics
            for point in metric.data.data_points
        }

    assert read() == {
        "target_delivery.outbox.pending": 0,
        "target_delivery.outbox.in_flight": 0,
        "target_delivery.outbox.confirmed": 1,
        "target_delivery.outbox.set_aside": 1,
        "target_delivery.outbox.oldest_age": 0,
    }
    outbox.close()
    assert read() == {}
    provider.shutdown()


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_the_command(
    edge: Sandbox, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    url = f"sqlite:///{tmp_path / 'outbox.db'}" if kind == "sqlite" else request.getfixturevalue("redis").url()

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["outbox", arguments[0], "--store", url, *arguments[1:]])
        output = capsys.readouterr()
        return code, output.out, output.err

    with TargetClient.create(edge.client_options()) as client:
        store = SQLiteStore(tmp_path / "outbox.db") if kind == "sqlite" else RedisStore(url)
        with NotificationOutbox(client, store=store) as outbox:
            for number in range(3):
                outbox.send_notifications(options(notification(f"bad{number}", "[/red]"), visitor=f"visitor{number}"))
            outbox.send_notifications(options(notification("good")))
            assert outbox.flush(10) == 0
            refs = [one.ref for one in outbox.list_set_aside()]
    code, out, _ = run("status")
    assert code == 0
    assert [line.split()[-2] for line in out.splitlines()[3:7]] == ["0", "0", "1", "3"]
    code, out, _ = run("list", "--limit", "2")
    assert code == 0
    assert out.count("unknown event token") == 2
    assert "bad" in out
    assert "1 more" in out
    assert run("replay")[0] == run("purge")[0] == 2
    assert run("purge", refs[0])[1] == "1 forgotten.\n"
    code, out, err = run("purge", refs[0])
    assert (code, out) == (1, "0 forgotten.\n")
    assert "1 of 1 were not set aside" in err
    code, out, _ = run("replay", "--all")
    assert code == 0
    assert "2/2" in out
    assert "2 put back" in out
    assert run("list")[1] == "Nothing is set aside.\n"
    assert "The oldest is" in run("status")[1]


def test_the_command_needs_a_store_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outbox", "status", "--store", str(tmp_path / "none.db")]) == 1
    assert "There is no outbox" in capsys.readouterr().err
    assert main(["outbox", "status", "--store", "ftp://x"]) == 1
    assert "names no store" in capsys.readouterr().err


@pytest.mark.parametrize(("module", "extra"), [("redis", "redis"), ("rich", "cli")])
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, module: str, extra: str
) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == module or name == "target_delivery.outbox.command":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    url = "redis://127.0.0.1/0" if module == "redis" else str(tmp_path / "outbox.db")
    assert main(["outbox", "status", "--store", url]) == 1
    assert f"target-delivery[{extra}]" in capsys.readouterr().err
