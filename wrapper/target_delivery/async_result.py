"""The result of a call with a callback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["AsyncResult"]

T_co = TypeVar("T_co", covariant=True)


class AsyncResult(Generic[T_co]):
    """The future result of a call with a callback. It has the methods of ``multiprocessing.pool.AsyncResult``.

    It is ready when the callback has returned.
    """

    __slots__ = ("_future",)

    def __init__(self, future: Future[T_co]) -> None:
        self._future = future

    def get(self, timeout: float | None = None) -> T_co:
        """Wait for the result and return it, or raise the error of the call.

        Args:
            timeout: seconds to wait at most; None: until the call ends, which it does at its deadline.

        Raises:
            TimeoutError: the call did not end within ``timeout``.
        """
        return self._future.result(timeout)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the call has ended, at most ``timeout`` seconds. Never raises."""
        try:
            self._future.exception(timeout)
        except TimeoutError:
            return

    def ready(self) -> bool:
        """Return whether the call has ended."""
        return self._future.done()

    def successful(self) -> bool:
        """Return whether the call ended without an error.

        Raises:
            ValueError: the call has not ended.
        """
        if not self._future.done():
            raise ValueError("The call has not ended yet: call wait() first.")
        return self._future.exception() is None
