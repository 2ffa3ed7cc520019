"""The command in a process of its own: terminals, pipes and signals."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from generator.tree import schemas
from tests.unit.generator.conftest import ROOT
from tests.unit.generator.test_command import new_version

# Runs the command, in the project that its first argument names, without the checks of a new package.
QUICK = """
import sys
from pathlib import Path
from generator import __main__ as command
from generator.verify import NOTHING
command.verify = lambda *_: NOTHING
sys.exit(command.main(sys.argv[2:], root=Path(sys.argv[1])))
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_cannot_show_every_character(house, write, published, encoding):
    schemas(published)["Option"]["properties"]["日本"] = {"type": "string", "description": "日本"}
    ran = subprocess.run(
        [sys.executable, "-c", QUICK, str(house), "--spec", str(write("new.yaml", published))],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "Option." in ran.stdout


@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_a_report_that_cannot_be_printed(house, tree, write, published, output):
    before = tree(house)
    quick = [sys.executable, "-c", QUICK, str(house), "--spec", str(write("new.yaml", new_version(published)))]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}

    ran = subprocess.run(
        ["sh", "-c", f'exec "$@" {output}', "sh", *quick],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 2
    assert all(line.startswith("generator: ") for line in ran.stderr.splitlines())
    assert tree(house) == before


def test_a_closed_error_output_leaves_the_report_alone(house, git):
    ran = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", QUICK, str(house), "--against=v1", "--format=json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
    )

    assert ran.returncode == 0
    assert json.loads(ran.stdout)["changes"] == []


def test_a_signal_that_is_ignored_stays_ignored():
    """nohup starts commands so."""
    run = subprocess.Popen(
        [sys.executable, "-m", "generator", "--check"],
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    deadline = time.monotonic() + 60
    while run.poll() is None and time.monotonic() < deadline:
        run.send_signal(signal.SIGHUP)
        time.sleep(0.1)

    with run:
        assert run.wait(1) == 0


def test_an_interruption_while_modules_are_imported(tmp_path):
    (tmp_path / "httpx.py").write_text("import signal, time\nsignal.raise_signal(signal.SIGINT)\ntime.sleep(9)\n")
    run = subprocess.run(
        [sys.executable, "-m", "generator", "--check"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )

    assert run.returncode == -signal.SIGINT
    assert run.stderr == b""


def test_a_reader_that_ends_early(house, tree, write, published):
    """The report cannot be printed, so nothing is put in place."""
    before = tree(house)
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-c", QUICK, str(house), "--spec", str(write("new.yaml", new_version(published)))],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)

    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith("generator: a file cannot be read or written: ")
    assert "Exception" not in ran.stderr
    assert tree(house) == before
