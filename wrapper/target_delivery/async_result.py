"""The result of a call with a callback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["AsyncResult"]

T_co = TypeVar("T_co", covariant=True)


class AsyncResult(Generic[T_co]):
    """What a call with a callback will return, as the AsyncResult of ``multiprocessing.pool`` gives it.

    It is ready when the callback has returned.
    """

    __slots__ = ("_future",)

    def __init__(self, future: Future[T_co]) -> None:
        self._future = future

    def get(self, timeout: float | None = None) -> T_co:
        """Wait for the result and return it, or raise what the call raised.

        Args:
            timeout: seconds to wait; None waits until the call ends, which it does by its deadline.

        Raises:
            TimeoutError: the call has not ended in that time.
        """
        return self._future.result(timeout)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the call has ended, at most ``timeout`` seconds; raises nothing."""
        try:
            self._future.exception(timeout)
        except TimeoutError:
            return

    def ready(self) -> bool:
        """Tell whether the call has ended."""
        return self._future.done()

    def successful(self) -> bool:
        """Tell whether the call ended without an error.

        Raises:
            ValueError: the call has not ended.
        """
        if not self._future.done():
            raise ValueError("The call has not ended; wait() for it first.")
        return self._future.exception() is None
