"""A run that is interrupted leaves the old tree or the new one, whenever that happens."""

import copy
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from generator import bundle
from generator.tree import schemas

from .conftest import copied, hash_of

MOMENTS = 10


def evolved(document):
    known = schemas(document)
    known["Option"]["properties"]["priority"] = {"type": "integer"}
    del known["Browser"]["properties"]["webGLRenderer"]
    return document


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory, _house, _published):
    """Return a new specification, the hash of the tree that it leads to, and the seconds that the run took."""
    place = tmp_path_factory.mktemp("whole")
    specification = place / "new.yaml"
    specification.write_text(bundle.dump(evolved(copy.deepcopy(_published))), encoding="utf-8")
    house = copied(shutil.copytree(_house, place / "house"), "generator")
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "generator", "--spec", specification], cwd=house, check=True)
    return specification, hash_of(house), time.monotonic() - began


def interrupted(house, environment, specification, wait):
    """Start a run, call `wait` with the process, send it SIGTERM, and return its exit status."""
    process = subprocess.Popen(
        [sys.executable, "-m", "generator", "--spec", str(specification)],
        cwd=house,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process.returncode


def seen(house, old, status):
    """Check the tree after an interrupted run."""
    new = hash_of(house) != old
    # At first Python has no handler of ours yet, and the signal itself ends the process.
    assert status in ((0, 143) if new else (143, -signal.SIGTERM))
    assert not list((house / "generated").glob(".new-*"))
    return new


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_signal_at_any_moment(house, environment, whole_run, moment):
    specification, expected, seconds = whole_run
    old = hash_of(house)

    status = interrupted(house, environment, specification, lambda _: time.sleep(seconds * moment / MOMENTS))

    if seen(house, old, status):
        assert hash_of(house) == expected


@pytest.mark.parametrize("lines", [1, 3])
def test_a_signal_while_the_report_is_printed(house, environment, whole_run, lines):
    specification, expected, _ = whole_run
    old = hash_of(house)

    status = interrupted(house, environment, specification, lambda run: [run.stdout.readline() for _ in range(lines)])

    if seen(house, old, status):
        assert hash_of(house) == expected


FULL = """
import json, shutil, subprocess, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.regeneration.conftest import hash_of
disk, room = Path(sys.argv[1]), int(sys.argv[2])
shutil.copytree({house!r}, disk / "house")
house = disk / "house"
before = hash_of(house)
with open(disk / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(1024))
    except OSError:
        pass
    filler.truncate(max(0, filler.tell() - room * 1024))
command = [sys.executable, "-m", "generator", "--spec", sys.argv[3]]
run = subprocess.run(command, cwd=house, capture_output=True, text=True)
left = [path.name for path in (house / "generated").glob(".new-*")]
print(json.dumps([run.returncode, hash_of(house) == before, hash_of(house), left, run.stderr]))
"""


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_disk_with_too_little_room(house, environment, whole_run, tmp_path, moment):
    """A disk in a name space of its own, with a little more room in each case, in which a run needs about 900 kB."""
    specification, expected, _ = whole_run
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        probe = subprocess.run(["unshare", "-rm", "sh", "-c", f"mount -t tmpfs none {disk}"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    if probe.returncode:
        pytest.skip("this system does not let tests mount a disk")
    program = FULL.format(root=str(Path(__file__).parents[2]), house=str(house))
    script = 'mount -t tmpfs -o size=8m none "$1" && exec "$2" -c "$5" "$1" "$3" "$4"'
    room = str(90 * moment)
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(disk), sys.executable, room, str(specification), program]

    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    assert ran.returncode == 0, ran.stderr
    status, same, after, left, said = json.loads(ran.stdout)
    assert left == []
    if status:
        assert status == 2
        assert same
        assert said.splitlines()[-1].startswith("generator: ")
        assert "Traceback" not in said
        assert "No space left on device" in said
    else:
        assert after == expected
