"""TargetClient: the shell for threads. It runs flows, and performs their steps with blocking I/O."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, overload

import httpx

from target_delivery._core.call import Core
from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK, system_deadline
from target_delivery._core.flow import Enqueue, Send, Wait, run
from target_delivery._core.telemetry import TelemetryStore
from target_delivery._core.validation import read_client_options, require_config
from target_delivery._device.poller import Poller
from target_delivery._device.setup import set_up_device
from target_delivery._http import forks
from target_delivery._http.pool import CookielessClient, Pool
from target_delivery.async_result import AsyncResult
from target_delivery.errors import CLOSED, HTTP_CLIENT_CLOSED, ClientClosedError
from target_delivery_api import transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from target_delivery._core.call import Call
    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.flow import Outcome, Step
    from target_delivery._core.prepared import Prepared
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

__all__ = ["TargetClient"]

T = TypeVar("T")
P = ParamSpec("P")

MAX_WORKERS = 32
"""Calls with a callback that run at the same time. Further calls wait for a free thread."""


class TargetClient(forks.Watched):
    """A client of the Delivery API, to be created once with ``TargetClient.create`` and shared by all threads.

    It is a context manager, which calls ``close()`` at the end.
    """

    def __init__(
        self,
        config: Config,
        http_client: httpx.Client | None = None,
        outbox: Outbox | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        require_config(config)
        self._outbox = outbox
        self._clock = clock
        self._pool: Pool[httpx.Client] = Pool(CookielessClient, http_client)
        self._ready = threading.Event()
        telemetry = TelemetryStore() if config.telemetry_enabled else None
        device = set_up_device(config, self._ready, telemetry=telemetry, clock=clock, chance=chance)
        self._core = Core(
            config, clock=clock, chance=chance, device=device, telemetry=telemetry, outbox=outbox is not None
        )
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._closed = False
        self._workers: ThreadPoolExecutor | None = None
        self._worker = threading.local()
        self._poller = Poller(device.keeper, self._send) if device is not None else None
        forks.watch(self, self._lock)
        forks.watch(self._core.stitching, self._core.stitching.lock)

    @classmethod
    def create(cls, options: ClientOptions) -> Self:
        """Create a client.

        Raises:
            OptionError: an option is missing, unknown or unusable.
            MissingExtraError: ``decisioning_method`` needs the extra ``on-device``, which is not installed.
        """
        return cls(read_client_options(options, httpx.Client), options.get("http_client"), options.get("outbox"))

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
            NotReadyError: the call must be decided on the device, and there is no artifact yet.
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
            NotReadyError: the call must be decided on the device, and there is no artifact yet.
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
        """
        if self._poller is not None:
            self._poller.start()
        return self._ready.wait(timeout) and self._core.can_decide

    @property
    def config(self) -> Config:
        """The options of the client, checked and with their defaults."""
        return self._core.config

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
        if self._closed:
            raise ClientClosedError(CLOSED)
        return run(self._core.resend(prepared, retries), self._perform)

    def close(self) -> None:
        """Wait for calls with a callback and for reports that are under way, then close all connections.

        A second call waits until the first has ended. The caller's own ``http_client`` stays open.
        """
        in_worker = getattr(self._worker, "running", False)
        with self._lock:
            first, self._closed = not self._closed, True
            workers, self._workers = self._workers, None
        if not first:
            if not in_worker:
                self._end.wait()
            return
        if self._poller is not None:
            self._poller.stop()
        self._ready.set()
        if workers is not None:
            # A callback that closes its own client cannot wait for itself.
            workers.shutdown(wait=not in_worker)
        if self._pool.owned:
            for http_client in self._pool.clients:
                http_client.close()
        self._end.set()

    def after_fork_in_child(self) -> None:
        """Forget the threads, because a fork does not copy them. The child starts its own when it needs them."""
        self._workers = None
        self._end = threading.Event()
        if self._poller is not None:
            self._poller.after_fork_in_child()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def _start(self, call: Call[T]) -> T | AsyncResult[T]:
        """Run a call in this thread; a call with a callback in another, without waiting for it."""
        if self._closed:
            raise ClientClosedError(CLOSED)
        if self._poller is not None:
            self._poller.start()
        if call.callback is None:
            return run(call.flow, self._perform)
        return AsyncResult(self._submit(self._run_and_tell, call))

    def _submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with self._lock:
            if self._closed:
                raise ClientClosedError(CLOSED)
            if self._workers is None:
                mark = partial(setattr, self._worker, "running", True)
                self._workers = ThreadPoolExecutor(MAX_WORKERS, "target-delivery", initializer=mark)
            return self._workers.submit(function, *args, **kwargs)

    def _run_and_tell(self, call: Call[T]) -> T:
        try:
            result = run(call.flow, self._perform)
        except BaseException as error:
            self._tell(call.err_callback, error)
            raise
        self._tell(call.callback, result)
        return result

    def _tell(self, callback: Callable[[Any], object] | None, outcome: object) -> None:
        logger = self._core.config.logger
        if callback is None:
            logger.error("A call with a callback failed: %s", outcome)
            return
        try:
            callback(outcome)
        except BaseException as error:
            logger.error("A callback raised %s.", type(error).__name__)
            logger.debug("A callback raised %r", error)

    def _perform(self, step: Step) -> Outcome | None:
        if isinstance(step, Send):
            return self._send(step)
        if isinstance(step, Wait):
            time.sleep(step.seconds)
        elif isinstance(step, Enqueue):
            if self._outbox is not None:
                self._outbox.send_prepared(step.prepared)
        else:
            try:
                self._submit(run, step.flow, self._perform)
            except RuntimeError:
                # The client was closed meanwhile, or the interpreter is about to end, so there is no other thread.
                run(step.flow, self._perform)
        return None

    def _send(self, step: Send) -> Outcome:
        deadline = system_deadline(step.deadline, self._clock)
        try:
            with self._pool.lane() as http_client:
                try:
                    return transport.sync(http_client, step.request, deadline=deadline, max_bytes=step.max_bytes)
                except RuntimeError:
                    if http_client.is_closed:
                        raise ClientClosedError(CLOSED if self._pool.owned else HTTP_CLIENT_CLOSED) from None
                    raise
        except (httpx.HTTPError, httpx.StreamError) as failure:
            return failure
