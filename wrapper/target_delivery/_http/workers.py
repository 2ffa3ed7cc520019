"""Work in the background: the threads of a TargetClient, and the limits that both clients share."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from target_delivery._core.clock import seconds_left

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CLOSE_TIMEOUT",
    "END_TIME",
    "MAX_DOUBTFUL_WORKERS",
    "MAX_WORKERS",
    "Workers",
    "is_worker",
    "weakly",
]

MAX_WORKERS = 32
"""How many calls with a callback run at the same time, and how many reports. Further ones wait for a free thread."""
MAX_DOUBTFUL_WORKERS = 4
"""How many reports run at the same time to hosts that only a visitor's cookie names, and that may never answer."""
CLOSE_TIMEOUT = 5.0
"""Seconds that ``close`` waits by default: longer than a call with the default timeout."""
END_TIME = 0.25
"""Seconds after its timeout that ``close`` takes at most to end the calls and reports that have not begun."""

T = TypeVar("T")
P = ParamSpec("P")


class _Current(threading.local):
    """The job of a thread."""

    future: Future[Any] | None = None


_current = _Current()
_waiting: set[Future[Any]] = set()
"""Jobs that wait for other jobs. Two of them must not wait for each other."""


def is_worker() -> bool:
    """Whether the caller runs in a job of any Workers. A job must not wait for itself."""
    return _current.future is not None


class Workers:
    """At most ``limit`` daemon threads, started as needed. They end with the object, or after ``stop``.

    Python waits without limit for the threads of a ThreadPoolExecutor when the interpreter ends. It does not wait for
    daemon threads, so the client can decide how long to wait.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._threads: list[threading.Thread] = []
        # All jobs that have not ended. A set, because changing a set needs no lock.
        self._unfinished: set[Future[Any]] = set()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._end = weakref.finalize(self, _end, self._jobs, limit + 1)
        self._end.atexit = False

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function in a thread, in a copy of the caller's context. The caller must hold a lock.

        Raises:
            RuntimeError: there is no thread, and none can be started.
        """
        future: Future[T] = Future()
        job = partial(copy_context().run, partial(_run, future, partial(function, *args, **kwargs)))
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        if len(self._threads) < min(len(self._unfinished), self._limit):
            thread = threading.Thread(
                target=_work, args=(self._jobs,), name=f"{self._name}-{len(self._threads)}", daemon=True
            )
            try:
                thread.start()
                self._threads.append(thread)
            except RuntimeError:  # too many threads, or the interpreter is about to end
                if not self._threads:
                    self._unfinished.discard(future)
                    raise
        self._jobs.put(job)
        return future

    def wait(self, timeout: float | None) -> int:
        """Wait until all jobs that exist now have ended.

        A caller that is a job does not wait for itself, nor for other jobs that wait.

        Args:
            timeout: seconds to wait at most; None: without limit.

        Returns:
            How many of these jobs have not ended.
        """
        own = _current.future
        if own is None:
            return len(wait(self._unfinished.copy(), timeout).not_done)
        _waiting.add(own)  # first, so that of two jobs that begin to wait, one sees the other
        try:
            return len(wait(self._unfinished - _waiting, timeout).not_done)
        finally:
            _waiting.discard(own)

    def finish(self, deadline: float | None) -> None:
        """Run the jobs that have not begun in one more thread, let all threads end, and wait for them.

        Args:
            deadline: when to stop waiting, in ``time.monotonic()`` seconds; None: never. A thread whose job takes
                longer ends after its job.
        """
        threads = self._threads.copy()
        if not self._jobs.empty():
            # Not in this thread, because a job can take any time.
            more = threading.Thread(target=_work, args=(self._jobs,), name=f"{self._name}-end", daemon=True)
            with suppress(RuntimeError):  # No thread can be started.
                more.start()
                threads.append(more)
        self._end()
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(seconds_left(deadline))


def _run(future: Future[T], function: Callable[[], T]) -> None:
    before, _current.future = _current.future, future
    try:
        result = function()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
    finally:
        _current.future = before


def _work(jobs: SimpleQueue[Callable[[], None] | None]) -> None:
    # The thread has no reference to its Workers, so that it ends when they are garbage.
    while (job := jobs.get()) is not None:
        job()
        del job


def _end(jobs: SimpleQueue[Callable[[], None] | None], threads: int) -> None:
    for _ in range(threads):
        jobs.put(None)


def weakly(method: Callable[[bool], None]) -> Callable[[bool], None]:
    """Return a function that calls a method, and does not keep its object alive."""
    reference = weakref.WeakMethod(method)

    def call(value: bool) -> None:
        found = reference()
        if found is not None:
            found(value)

    return call
