"""TargetClient: the shell for threads. It runs flows, and performs their steps with blocking I/O."""

from __future__ import annotations

import atexit
import sys
import threading
import time
import warnings
import weakref
from contextlib import suppress
from functools import cache, partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, overload

from target_delivery._core import checks
from target_delivery._core.call import Core
from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK, deadline_after, seconds_left, system_deadline
from target_delivery._core.emit import emit
from target_delivery._core.flag import Flag
from target_delivery._core.flow import AwaitReady, Enqueue, Send, Wait, run
from target_delivery._core.telemetry import TelemetryStore
from target_delivery._core.validation import read_client_options, require_config
from target_delivery._device.poller import Poller
from target_delivery._device.setup import set_up_device
from target_delivery._http import forks
from target_delivery._http.wires import new_wire
from target_delivery._http.workers import (
    CLOSE_TIMEOUT,
    END_TIME,
    MAX_DOUBTFUL_WORKERS,
    MAX_WORKERS,
    Workers,
    is_worker,
    weakly,
)
from target_delivery._printable import printable
from target_delivery.async_result import AsyncResult
from target_delivery.errors import CLOSED, ClientClosedError
from target_delivery.events import ClientReady

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from target_delivery._core.call import Call
    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.flow import Outcome, Spawn, Step
    from target_delivery._core.prepared import Prepared
    from target_delivery._http.wires import Wire
    from target_delivery.options import (
        AttributesCallbackOptions,
        AttributesOptions,
        ClientOptions,
        NotificationsCallbackOptions,
        NotificationsOptions,
        OffersCallbackOptions,
        OffersOptions,
        Outbox,
    )
    from target_delivery.response import AttributesProvider, TargetDeliveryResponse
    from target_delivery_api.clients import HttpClient

__all__ = ["TargetClient"]

T = TypeVar("T")
P = ParamSpec("P")


class TargetClient(forks.Watched):
    """A client of the Delivery API, to be created once with ``TargetClient.create`` and shared by all threads.

    It is a context manager, which calls ``close()`` at the end.
    """

    def __init__(
        self,
        config: Config,
        http_client: HttpClient | None = None,
        outbox: Outbox | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        require_config(config)
        self._outbox = outbox
        self._clock = clock
        self._lock = threading.RLock()  # reentrant, because a signal handler may interrupt its holder
        self._ready = Flag()
        self._created: SimpleQueue[object] = SimpleQueue()
        self._created_when: weakref.ref[_Frame] | None = None
        self._closed = False
        self._closer: int | None = None
        self._end = Flag()
        self._exit_registered = False
        self._at_exit = partial(_close_at_exit, weakref.ref(self))
        self._set_up_workers()
        self._wire = new_wire(http_client, trust_env=config.trust_env)
        self._send: Callable[[Send], Outcome] = partial(_send, self._wire, clock)
        telemetry = TelemetryStore() if config.telemetry_enabled else None
        self._config = config
        self._device = set_up_device(config, weakly(self._end_wait), telemetry=telemetry, clock=clock, chance=chance)
        self._core = Core(
            config, clock=clock, chance=chance, device=self._device, telemetry=telemetry, outbox=outbox is not None
        )
        # The poller has no reference to the client, so that a client that nobody uses any more is garbage.
        self._poller = (
            Poller(self._device.keeper, partial(_send, self._wire, clock)) if self._device is not None else None
        )
        forks.watch(self, self._lock)
        forks.watch(self._core.stitching, self._core.stitching.lock)

    def _set_up_workers(self) -> None:
        self._callers = Workers(MAX_WORKERS, "target-delivery")
        self._reporters = Workers(MAX_WORKERS, "target-delivery-report")
        self._doubtful_reporters = Workers(MAX_DOUBTFUL_WORKERS, "target-delivery-doubtful")

    @classmethod
    def create(cls, options: ClientOptions) -> Self:
        """Create a client.

        Raises:
            OptionError: an option is missing, unknown or unusable.
            MissingExtraError: ``decisioning_method`` needs the extra ``on-device``, which is not installed.
        """
        client = cls(read_client_options(options, "Client"), options.get("http_client"), options.get("outbox"))
        # When this method returns, `frame` is deleted, and then client_ready can be emitted. Only C code runs from then
        # until the caller has assigned the client to a name, which a handler may use.
        frame = _Frame()
        client._created_when = weakref.ref(frame, client._created.put)
        return client

    @overload
    def get_offers(self, options: OffersOptions) -> TargetDeliveryResponse: ...
    @overload
    def get_offers(self, options: OffersCallbackOptions) -> AsyncResult[TargetDeliveryResponse]: ...
    def get_offers(
        self, options: OffersOptions | OffersCallbackOptions
    ) -> TargetDeliveryResponse | AsyncResult[TargetDeliveryResponse]:
        """Ask for offers.

        An ``execute`` request counts the visitor's impression at once. A ``prefetch`` request does not:
        ``send_notifications`` counts it after the offer was displayed.

        Returns:
            The result. With the option ``callback``: an AsyncResult, at once.

        Raises:
            OptionError: the call is wrong; nothing was sent.
            ClientClosedError: the client is closed.
            NotReadyError: the call must be decided on the device, and no artifact came before the end of its timeout,
                or of ``maximum_wait_ready``.
            DeliveryError: the call failed. Its subclasses tell how. With a callback, NotReadyError and DeliveryError
                go to ``err_callback``.
        """
        return self._start(self._core.get_offers(options, callbacks=True))

    @overload
    def send_notifications(self, options: NotificationsOptions) -> TargetDeliveryResponse: ...
    @overload
    def send_notifications(self, options: NotificationsCallbackOptions) -> AsyncResult[TargetDeliveryResponse]: ...
    def send_notifications(
        self, options: NotificationsOptions | NotificationsCallbackOptions
    ) -> TargetDeliveryResponse | AsyncResult[TargetDeliveryResponse]:
        """Report displays and clicks.

        ``response.notifications`` of the result has the ids that the edge processed. Send a notification again when
        its id is missing there. That is safe, because the same notification of the same visitor always carries the
        same ``impressionId``, which the edge counts once.

        Returns:
            The result. With the option ``callback``: an AsyncResult, at once.

        Raises:
            OptionError: the call or a notification is wrong; nothing was sent.
            ClientClosedError: the client is closed.
            DeliveryError: the call failed. Its subclasses tell how. With a callback it goes to ``err_callback``.
        """
        return self._start(self._core.send_notifications(options, callbacks=True))

    @overload
    def get_attributes(
        self, mbox_names: Sequence[str], options: AttributesOptions | None = None
    ) -> AttributesProvider: ...
    @overload
    def get_attributes(
        self, mbox_names: Sequence[str], options: AttributesCallbackOptions
    ) -> AsyncResult[AttributesProvider]: ...
    def get_attributes(
        self, mbox_names: Sequence[str], options: AttributesOptions | AttributesCallbackOptions | None = None
    ) -> AttributesProvider | AsyncResult[AttributesProvider]:
        """Ask for the JSON offers of mboxes, and return them as attributes.

        Args:
            mbox_names: mboxes to execute. A mbox that the request already asks for is not added again.
            options: as for ``get_offers``, but the option ``request`` may be left out.

        Returns:
            The attributes. With the option ``callback``: an AsyncResult, at once.

        Raises:
            OptionError: the call is wrong; nothing was sent.
            ClientClosedError: the client is closed.
            NotReadyError: the call must be decided on the device, and no artifact came before the end of its timeout,
                or of ``maximum_wait_ready``.
            DeliveryError: the call failed. Its subclasses tell how. With a callback, NotReadyError and DeliveryError
                go to ``err_callback``.
        """
        return self._start(self._core.get_attributes(mbox_names, options, callbacks=True))

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        """Wait until the client can be used. On-device decisioning needs a first artifact.

        Args:
            timeout: seconds to wait at most; None: as long as the option ``maximum_wait_ready`` says.

        Returns:
            Whether there is an artifact to decide with. Always True for a ``server-side`` client.

        Raises:
            OptionError: ``timeout`` is not a number of seconds of at least 0.
        """
        limit = checks.seconds("timeout", timeout)
        if self._poller is not None:
            self._poller.start()
        return self._ready.wait(limit) and self._core.can_decide

    @property
    def config(self) -> Config:
        """The options of the client, checked and with their defaults."""
        return self._config

    def knows_cluster(self, cluster: str) -> bool:
        """Return whether the options or an answer of the edge have named an edge cluster.

        A cluster that only a visitor's cookie has named may not exist. An outbox sends few calls to such clusters at
        the same time.
        """
        return self._core.clusters.know(cluster)

    def prepare_notifications(self, options: NotificationsOptions) -> Prepared:
        """Return the request that ``send_notifications`` would send, checked and complete, and send nothing.

        An outbox stores such a request; ``send_prepared`` sends it.

        Raises:
            OptionError: the call or a notification is wrong.
        """
        return self._core.prepare_notifications(options)

    def send_prepared(self, prepared: Prepared, *, retries: int | None = None) -> TargetDeliveryResponse:
        """Send a prepared request, which may have been prepared by another process.

        Args:
            prepared: the request. It is sent unchanged.
            retries: how many times it may be sent again; None: as many times as the client option says.

        Raises:
            OptionError: the request is not a Delivery API request; nothing was sent.
            ClientClosedError: the client is closed.
            DeliveryError: the call failed. Its subclasses tell how.
        """
        self._require_open()
        return run(self._core.resend(prepared, retries), self._perform)

    def flush(self, timeout: float | None = None) -> int:
        """Wait until the reports of all decisions on the device so far are sent, have failed, or are in the outbox.

        A process that may be frozen between calls, as in serverless functions, calls it before it answers.

        Args:
            timeout: seconds to wait at most; None: until the last report ends, which it does at the deadline of its
                call.

        Returns:
            How many reports are still unsent. A report that failed is not among them: the event
            ``send_notification_error`` told of it. The handler of an event does not wait for its own report.

        Raises:
            OptionError: ``timeout`` is not a number of seconds of at least 0.
        """
        deadline = deadline_after(checks.seconds("timeout", timeout))
        return sum(one.wait(seconds_left(deadline)) for one in (self._reporters, self._doubtful_reporters))

    def close(self, timeout: float | None = CLOSE_TIMEOUT) -> None:
        """Wait for calls with a callback and for reports, then end the rest and close all connections.

        Calls of other threads that are under way end normally, but are not sent again. After the timeout, calls with a
        callback that have not begun fail with ClientClosedError, and the event ``send_notification_error`` tells of
        every report that is unsent. A second call waits until the first has ended. The caller's own ``http_client``
        stays open.

        Args:
            timeout: seconds to wait at most; None: without limit.

        Raises:
            OptionError: ``timeout`` is not a number of seconds of at least 0.
        """
        deadline = deadline_after(checks.seconds("timeout", timeout))
        with self._lock:
            first, self._closed = not self._closed, True
        if not first:
            # A callback that closes its own client must not wait for itself. Nor must a signal handler that interrupts
            # close().
            if not is_worker() and self._closer != threading.get_ident():
                self._end.wait(seconds_left(deadline))
            return
        self._closer = threading.get_ident()
        workers = (self._callers, self._reporters, self._doubtful_reporters)
        try:
            atexit.unregister(self._at_exit)
            self._ready.set()
            self._created.put(None)
            if self._poller is not None:
                self._poller.stop()
            for one in workers:
                one.wait(seconds_left(deadline))
        finally:  # A signal handler may raise an exception here, as Ctrl-C does.
            self._finish(workers)

    def _finish(self, workers: tuple[Workers, ...]) -> None:
        """End the work that close() did not wait for, and close the connections."""
        try:
            self._wire.close()
            # From here on, every call fails at once, so the jobs end soon. Reports can still go into an outbox.
            grace = deadline_after(END_TIME)
            for one in workers:
                one.finish(grace)
        finally:
            try:
                self._core.reports.end_all(ClientClosedError("The client was closed before the report was sent."))
            finally:
                self._end.set()

    def after_fork_in_child(self) -> None:
        """Forget the threads, because a fork does not copy them. The child starts its own when it needs them."""
        self._set_up_workers()
        self._core.reports.forget()
        if self._exit_registered:
            atexit.unregister(self._at_exit)
            self._exit_registered = False
        self._end, ready = Flag(), self._ready
        self._ready = Flag()
        if ready.is_set() or self._core.can_decide:
            self._ready.set()
        if self._poller is not None:
            self._poller.after_fork_in_child()

    def __repr__(self) -> str:
        return f"<TargetClient {self._config.describe()}{' closed' if self._closed else ''}>"

    def __del__(self) -> None:
        poller = getattr(self, "_poller", None)
        if poller is not None and not self._closed:
            poller.stop(wait=False)
            self._wire.close()
            warnings.warn(f"{self!r} was not closed; close() ends its downloads.", ResourceWarning, 2, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise ClientClosedError(CLOSED)

    def _start(self, call: Call[T]) -> T | AsyncResult[T]:
        """Run a call in this thread, or start a call with a callback in another thread."""
        self._require_open()
        if self._poller is not None:
            self._poller.start()
        if call.callback is None:
            return run(call.flow, self._perform)
        with self._lock:
            self._require_open()
            self._register_exit()
            return AsyncResult(self._callers.submit(self._run_and_tell, call))

    def _run_and_tell(self, call: Call[T]) -> T:
        try:
            result = run(call.flow, self._perform)
        except BaseException as error:
            self._tell(call.err_callback, error)
            raise
        self._tell(call.callback, result)
        return result

    def _tell(self, callback: Callable[[Any], object] | None, outcome: object) -> None:
        logger = self._config.logger
        if callback is None:
            logger.error("A call with a callback failed: %s", printable(outcome))
            return
        try:
            callback(outcome)
        except BaseException as error:
            logger.error("A callback raised %s.", type(error).__name__)
            logger.debug("A callback raised %r", error)

    def _end_wait(self, ready: bool) -> None:
        """End the wait for the first artifact. Tell the event client_ready in a thread of the client."""
        self._ready.set()
        if ready and "client_ready" in self._config.events:
            try:
                with self._lock:
                    self._callers.submit(self._tell_ready)
            except RuntimeError as error:
                self._config.logger.error("There is no thread for the handler of the event client_ready: %s", error)

    def _tell_ready(self) -> None:
        with suppress(Empty):  # A debugger may keep the frame of create().
            self._created.get(timeout=LONGEST_CREATE)
        emit(self._config, ClientReady())

    def _perform(self, step: Step) -> Outcome | None:
        if isinstance(step, Send):
            return self._send(step)
        if isinstance(step, Wait):
            time.sleep(step.seconds)
        elif isinstance(step, AwaitReady):
            self._ready.wait(seconds_left(system_deadline(step.deadline, self._clock)))
            self._require_open()
        elif isinstance(step, Enqueue):
            if self._outbox is not None:
                self._outbox.send_prepared(step.prepared)
        else:
            self._spawn(step)
        return None

    def _spawn(self, step: Spawn) -> None:
        workers = self._doubtful_reporters if step.doubtful else self._reporters
        try:
            with self._lock:
                self._require_open()
                self._register_exit()
                workers.submit(self._report, step)
        except RuntimeError:
            # The client was closed meanwhile, or no thread can be started, so report in this thread.
            run(step.flow, self._perform)

    def _report(self, step: Spawn) -> None:
        try:
            run(step.flow, self._perform)
        except BaseException as error:  # such as gevent.Timeout: no Exception, so the flow does not end the report
            step.abandon(error)
            raise

    def _register_exit(self) -> None:
        """Make the end of the interpreter wait for background work. A second call does nothing."""
        if not self._exit_registered:
            self._exit_registered = True
            atexit.register(self._at_exit)
            if "multiprocessing.util" in sys.modules:
                from multiprocessing import parent_process, util

                if parent_process() is not None:  # A child of multiprocessing does not call the functions of atexit.
                    util.Finalize(None, self._at_exit, exitpriority=0)


LONGEST_CREATE = 1.0
"""Seconds that client_ready waits for create() to return, at most."""


class _Frame:
    """Lives as long as a call of a function whose only reference to it is a local variable."""


def _send(
    wire: Wire, clock: Clock, step: Send, on_connect: Callable[[socket.socket], None] | None = None, /
) -> Outcome:
    return wire.exchange(step.request, system_deadline(step.deadline, clock), step.max_bytes, on_connect)


def _close_at_exit(reference: weakref.ref[TargetClient]) -> None:
    client = reference()
    if client is not None:
        client.close(seconds_left(_exit_deadline()))


@cache
def _exit_deadline() -> float:
    """Return the deadline for closing all clients of a process, which are closed one after the other."""
    return SYSTEM_CLOCK.monotonic() + CLOSE_TIMEOUT
