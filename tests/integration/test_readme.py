"""The README does what it says: its commands are where they belong, and every Python block runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from target_delivery import TargetClient
from target_delivery.sandbox import Sandbox

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
TESTS = [code for code in PYTHON if code.startswith("# test_")]


@pytest.fixture
def account(edge: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    """Bring what is meant for a real account to the embedded edge, at the wire."""
    monkeypatch.chdir(tmp_path)  # for the files the README makes

    def moved(request: httpx.Request) -> httpx.Request:
        assert request.url.host.endswith((".tt.omtrdc.net", ".adobetarget.com"))
        host, port = edge.server_domain.split(":")
        request.url = request.url.copy_with(scheme="http", host=host, port=int(port))
        return request

    handle, handle_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda self, request: handle(self, moved(request)))
    monkeypatch.setattr(
        httpx.AsyncHTTPTransport, "handle_async_request", lambda self, request: handle_async(self, moved(request))
    )
    return edge


def test_every_python_block_runs(account: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": "readme"}
    try:
        for code in PYTHON:
            if code not in TESTS:
                exec(compile(code, "README.md", "exec"), namespace)
    finally:
        target_client = namespace["target_client"]
        assert isinstance(target_client, TargetClient)
        target_client.close()
    printed = capsys.readouterr().out
    for expected in (
        "stored 0 confirmed ",
        "home html",
        "status 200",
        "checkout on one page",
        "decided ",
        "request.execute asks for nothing",
    ):
        assert expected in printed
    assert namespace["again"] == [], "every displayed notification was processed"
    assert account.ledger.notifications
    assert len(account.requests) > 7


def test_the_tests_of_the_readme_pass(tmp_path: Path) -> None:
    assert TESTS
    for number, code in enumerate(TESTS):
        (tmp_path / f"test_readme_{number}.py").write_text(code, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout


def test_the_first_two_commands_are_one_line_each() -> None:
    demo, checks = [code for language, code in BLOCKS if language == "sh"][:2]
    assert demo.count("\n") == checks.count("\n") == 1
    assert demo.endswith("target-delivery demo\n")
    assert checks.endswith("nox\n")
