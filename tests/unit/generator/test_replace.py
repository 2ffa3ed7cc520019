"""A fresh package and its specification take the place of the old ones together, or not at all."""

import os
import signal
from pathlib import Path

import pytest

from generator import replace


@pytest.fixture
def target(tmp_path):
    target = tmp_path / "generated" / "package"
    target.mkdir(parents=True)
    (target / "a.py").write_text("old")
    return target


@pytest.fixture
def committed(tmp_path):
    path = tmp_path / "delivery.yaml"
    path.write_text("old")
    return path


def made(directory):
    """Make a fresh package and a fresh specification in a directory."""
    fresh = directory / "package"
    fresh.mkdir()
    (fresh / "a.py").write_text("new")
    specification = directory / "delivery.yaml"
    specification.write_text("new")
    return fresh, specification


def state(target, committed):
    return (target / "a.py").read_text(), committed.read_text()


def left(target):
    return [path.name for path in target.parent.iterdir() if path != target]


def test_both_are_replaced(target, committed):
    with replace.workshop(target) as directory:
        fresh, specification = made(directory)
        replace.replace(fresh, target, specification, committed)

    assert state(target, committed) == ("new", "new")
    assert left(target) == []


def test_a_package_that_is_not_there_yet(tmp_path, committed):
    target = tmp_path / "nowhere" / "package"
    with replace.workshop(target) as directory:
        fresh, _ = made(directory)
        replace.replace(fresh, target, None, committed)

    assert state(target, committed) == ("new", "old")


@pytest.mark.parametrize(("failing", "there"), [(1, True), (2, True), (3, True), (1, False), (2, False)])
def test_a_step_that_fails_undoes_those_before(target, committed, monkeypatch, failing, there):
    if not there:
        (target / "a.py").unlink()
        target.rmdir()
    steps = []

    def fail(function):
        def step(*arguments):
            steps.append(function)
            if len(steps) == failing:
                raise OSError("disk full")
            return function(*arguments)

        return step

    with replace.workshop(target) as directory:
        fresh, specification = made(directory)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", fail(Path.rename))
            patch.setattr(os, "replace", fail(os.replace))
            with pytest.raises(OSError, match="disk full"):
                replace.replace(fresh, target, specification, committed)

    assert target.exists() is there
    assert committed.read_text() == "old"
    assert not there or (target / "a.py").read_text() == "old"
    assert left(target) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_signal_waits_until_both_are_replaced(target, committed, monkeypatch, number, moment):
    steps, arrived = [], []
    before = signal.signal(number, lambda *_: arrived.append(state(target, committed)))

    def signalled(function):
        def step(*arguments):
            steps.append(function)
            if len(steps) == moment:
                signal.raise_signal(number)
            return function(*arguments)

        return step

    try:
        with replace.workshop(target) as directory:
            fresh, specification = made(directory)
            with monkeypatch.context() as patch:
                patch.setattr(Path, "rename", signalled(Path.rename))
                patch.setattr(os, "replace", signalled(os.replace))
                replace.replace(fresh, target, specification, committed)
    finally:
        signal.signal(number, before)

    assert arrived == [("new", "new")]


def test_a_signal_waits_until_the_workshop_is_removed(target, monkeypatch):
    def end(*_):
        raise SystemExit

    remove = replace.shutil.rmtree

    def signalled(*arguments, **options):
        signal.raise_signal(signal.SIGTERM)
        remove(*arguments, **options)

    monkeypatch.setattr(replace.shutil, "rmtree", signalled)
    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(SystemExit), replace.workshop(target) as directory:
            made(directory)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert left(target) == []


def test_what_a_killed_run_left_is_put_back(target, committed):
    """A run that was killed between the two renames has left no package, and the old one in its workshop."""
    killed = target.parent / f"{replace.PREFIX}killed"
    killed.mkdir()
    made(killed)
    target.rename(killed / "package-old")

    with replace.workshop(target):
        assert state(target, committed) == ("old", "old")
    assert left(target) == []


def test_the_workshop_of_a_run_that_goes_on_is_left_alone(target):
    with replace.workshop(target) as directory:
        made(directory)
        with replace.workshop(target):
            assert (directory / "package" / "a.py").exists()


def test_the_workshop_is_removed_when_its_owner_fails(target):
    def fail():
        with replace.workshop(target) as directory:
            made(directory)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert left(target) == []
