"""A flag that threads wait for."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from target_delivery._core.flag import Flag


def test_a_thread_waits_until_the_flag_is_set() -> None:
    flag = Flag()
    assert flag.wait(0) is False
    assert flag.wait(0.01) is False
    threading.Timer(0.05, flag.set).start()
    assert flag.wait() is True
    assert flag.is_set()
    assert flag.wait(0) is True


@pytest.fixture
def handler() -> Iterator[list[Flag]]:
    flags: list[Flag] = []
    before = signal.signal(signal.SIGALRM, lambda *_: flags[-1].set())
    yield flags
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no SIGALRM")
def test_a_signal_handler_sets_the_flag_that_the_thread_is_about_to_wait_for(handler: list[Flag]) -> None:
    flag = Flag()
    handler.append(flag)
    # The handler runs while this thread holds the lock of the flag.
    with flag._condition:
        signal.raise_signal(signal.SIGALRM)
    assert flag.is_set()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no SIGALRM")
def test_a_storm_of_signals_blocks_no_wait(handler: list[Flag]) -> None:
    handler.append(Flag())
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    started = time.monotonic()
    for _ in range(2000):
        handler.append(Flag())
        assert handler[-1].wait(10)
    assert time.monotonic() - started < 30
