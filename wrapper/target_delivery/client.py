"""TargetClient: the shell that sends calls and waits in threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, overload

import httpx

from target_delivery._core.call import Core, whole
from target_delivery._core.flow import Keep, Send, Sleep
from target_delivery._device.poller import Poller
from target_delivery._http import forks
from target_delivery._http.pool import Pool, punctual_client
from target_delivery.async_result import AsyncResult
from target_delivery.errors import CLOSED, HTTP_CLIENT_CLOSED, ClientClosedError
from target_delivery.options import read_call_options, read_client_options, read_mbox_names, require_config
from target_delivery.response import AttributesProvider, TargetDeliveryResponse
from target_delivery_api import transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from target_delivery._core.flow import Conversation, Step
    from target_delivery._core.request import Prepared
    from target_delivery._core.retry import Outcome
    from target_delivery.options import (
        AttributesCallbackOptions,
        AttributesOptions,
        CallOptions,
        ClientOptions,
        Config,
        NotificationsCallbackOptions,
        NotificationsOptions,
        OffersCallbackOptions,
        OffersOptions,
        Outbox,
    )

__all__ = ["TargetClient"]

T = TypeVar("T")
P = ParamSpec("P")

MAX_WORKERS = 32
"""Calls with a callback that are under way at once; further ones wait for their turn."""


class TargetClient(forks.Watched):
    """A client of the Delivery API, to be created once with ``TargetClient.create`` and shared by all threads.

    A context manager; ``close()`` ends it otherwise.
    """

    def __init__(self, config: Config, http_client: httpx.Client | None = None, outbox: Outbox | None = None) -> None:
        require_config(config)
        self._outbox = outbox
        self._pool: Pool[httpx.Client] = Pool(punctual_client, http_client)
        self._ready = threading.Event()
        self._core = Core(config, self._ready, outbox=outbox is not None)
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._closed = False
        self._workers: ThreadPoolExecutor | None = None
        self._worker = threading.local()
        self._poller = Poller(self._core.device.keeper, self._send) if self._core.device is not None else None
        forks.watch(self, self._lock)

    @classmethod
    def create(cls, options: ClientOptions) -> Self:
        """Make a client of its options.

        Raises:
            OptionError: an option is missing, unknown or unusable.
        """
        return cls(read_client_options(options, httpx.Client), options.get("http_client"), options.get("outbox"))

    @overload
    def get_offers(self, options: OffersOptions) -> TargetDeliveryResponse: ...
    @overload
    def get_offers(self, options: OffersCallbackOptions) -> AsyncResult[TargetDeliveryResponse]: ...
    def get_offers(
        self, options: OffersOptions | OffersCallbackOptions
    ) -> TargetDeliveryResponse | AsyncResult[TargetDeliveryResponse]:
        """Ask for offers: an ``execute`` request counts the visitor's impression at once, a ``prefetch`` does not.

        Returns:
            The answer; with the option ``callback`` at once an AsyncResult.

        Raises:
            OptionError: the call is wrong; nothing was sent.
            ClientClosedError: the client is closed.
            DeliveryError: one of its kinds, when the call failed. With a callback it goes to ``err_callback``.
        """
        call = read_call_options(options, "get_offers", callbacks=True)
        prepared = self._core.prepare("get_offers", call)
        return self._run(self._core.offers(prepared, call, time.monotonic()), call, whole)

    @overload
    def send_notifications(self, options: NotificationsOptions) -> TargetDeliveryResponse: ...
    @overload
    def send_notifications(self, options: NotificationsCallbackOptions) -> AsyncResult[TargetDeliveryResponse]: ...
    def send_notifications(
        self, options: NotificationsOptions | NotificationsCallbackOptions
    ) -> TargetDeliveryResponse | AsyncResult[TargetDeliveryResponse]:
        """Report what was displayed and clicked.

        The answer's ``notifications`` name the ids that were processed; one that is missing was not, and should
        be sent again. That is safe: the same notification of the same visitor carries the same ``impressionId``.

        Returns:
            The answer; with the option ``callback`` at once an AsyncResult.

        Raises:
            OptionError: the call or a notification is wrong; nothing was sent.
            ClientClosedError: the client is closed.
            DeliveryError: one of its kinds, when the call failed. With a callback it goes to ``err_callback``.
        """
        call = read_call_options(options, "send_notifications", callbacks=True)
        prepared = self._core.prepare("send_notifications", call)
        return self._run(self._core.notifications(prepared, call, time.monotonic()), call, whole)

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
        """Ask for the JSON offers of mboxes, and read them as attributes.

        Args:
            mbox_names: mboxes to execute, unless the request asks for them already.
            options: as for ``get_offers``; the request may be left out.

        Returns:
            The attributes; with the option ``callback`` at once an AsyncResult.

        Raises:
            OptionError: the call is wrong; nothing was sent.
            ClientClosedError: the client is closed.
            DeliveryError: one of its kinds, when the call failed. With a callback it goes to ``err_callback``.
        """
        call = read_call_options(options or {}, "get_attributes", callbacks=True)
        prepared = self._core.prepare("get_attributes", call, read_mbox_names(mbox_names))
        return self._run(self._core.offers(prepared, call, time.monotonic()), call, AttributesProvider)

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        """Wait until the client can be used: on-device decisioning needs its first artifact.

        Args:
            timeout: seconds to wait; None waits as long as the option ``maximum_wait_ready`` says.

        Returns:
            Whether there is an artifact to decide with; always True for a ``server-side`` client.
        """
        if self._poller is not None:
            self._poller.start()
        return self._ready.wait(timeout) and self._core.can_decide

    @property
    def config(self) -> Config:
        """The options, checked and with their defaults."""
        return self._core.config

    def prepare_notifications(self, options: NotificationsOptions) -> Prepared:
        """Check and complete what ``send_notifications`` would send, and send nothing: what an outbox stores.

        Raises:
            OptionError: the call or a notification is wrong.
        """
        return self._core.completed_notifications(read_call_options(options, "send_notifications", callbacks=False))

    def send_prepared(self, prepared: Prepared, *, retries: int | None = None) -> TargetDeliveryResponse:
        """Send what was prepared, now or in another process.

        Args:
            prepared: what is sent, as it is.
            retries: instead of the client option of that name.

        Raises:
            OptionError: it cannot be sent; nothing was.
            ClientClosedError: the client is closed.
            DeliveryError: one of its kinds, when the call failed.
        """
        if self._closed:
            raise ClientClosedError(CLOSED)
        return self._hold(self._core.resend(prepared, retries))

    def close(self) -> None:
        """Wait for the calls with a callback that are under way, and close all connections.

        A second time waits for the first. An ``http_client`` of the caller's stays open.
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
        """Leave the threads to the process that has them; here they start when they are needed."""
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

    def _run(
        self,
        conversation: Conversation[TargetDeliveryResponse],
        call: CallOptions,
        finish: Callable[[TargetDeliveryResponse], T],
    ) -> T | AsyncResult[T]:
        if self._closed:
            raise ClientClosedError(CLOSED)
        if self._poller is not None:
            self._poller.start()
        if call.callback is None:
            return finish(self._hold(conversation))
        return AsyncResult(self._submit(self._hold_and_tell, conversation, call, finish))

    def _submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with self._lock:
            if self._closed:
                raise ClientClosedError(CLOSED)
            if self._workers is None:
                mark = partial(setattr, self._worker, "running", True)
                self._workers = ThreadPoolExecutor(MAX_WORKERS, "target-delivery", initializer=mark)
            return self._workers.submit(function, *args, **kwargs)

    def _hold_and_tell(
        self,
        conversation: Conversation[TargetDeliveryResponse],
        call: CallOptions,
        finish: Callable[[TargetDeliveryResponse], T],
    ) -> T:
        try:
            result = finish(self._hold(conversation))
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

    def _hold(self, conversation: Conversation[T]) -> T:
        try:
            step = next(conversation)
            while True:
                try:
                    outcome = self._take(step)
                except Exception as error:  # of a transport or a hook of the caller's, or of a client that is closed
                    step = conversation.throw(error)
                else:
                    step = conversation.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result

    def _take(self, step: Step) -> Outcome | None:
        if isinstance(step, Send):
            return self._send(step)
        if isinstance(step, Sleep):
            time.sleep(step.seconds)
        elif isinstance(step, Keep):
            if self._outbox is not None:
                self._outbox.send_prepared(step.prepared)
        else:
            try:
                self._submit(self._hold, step.conversation)
            except RuntimeError:
                # The client was closed meanwhile, or the interpreter is about to end: no thread is left for it.
                self._hold(step.conversation)
        return None

    def _send(self, step: Send) -> Outcome:
        with self._pool.lane() as http_client:
            try:
                return transport.sync(http_client, step.request, deadline=step.deadline)
            except (httpx.HTTPError, httpx.StreamError) as failure:
                return failure
            except RuntimeError:
                if http_client.is_closed:
                    raise ClientClosedError(CLOSED if self._pool.owned else HTTP_CLIENT_CLOSED) from None
                raise
