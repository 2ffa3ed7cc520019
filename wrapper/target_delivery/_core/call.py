"""The pure core of a call: where it is decided, the HTTP request it becomes, and what comes of the outcome.

A call is a conversation (see steps.py) which a shell holds for it; nothing here does I/O.
"""

from __future__ import annotations

import time
from copy import deepcopy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import frozen

from target_delivery._core import cookies, hosts
from target_delivery._core.failure import fail_by_answer, fail_by_status, fail_without_answer
from target_delivery._core.flow import Background, Conversation, Keep, Send, Sleep
from target_delivery._core.ids import new_id
from target_delivery._core.request import Completion, Prepared
from target_delivery._core.retry import Attempts
from target_delivery._core.stitching import Memory
from target_delivery._core.telemetry import TelemetryStore, WireTimes, delivery_entry
from target_delivery._version import __version__
from target_delivery.errors import DeliveryError, NotReadyError, OptionError, TargetError
from target_delivery.events import ClientReady, SendNotificationError, emit
from target_delivery.response import TargetDeliveryResponse
from target_delivery_api.api.delivery import execute as endpoint
from target_delivery_api.errors import ModelError
from target_delivery_api.models import DeliveryRequest, DeliveryResponse, UnexpectedError
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from target_delivery._device.decider import OnDevice
    from target_delivery._device.keeper import Flag, Loaded
    from target_delivery.options import CallOptions, Config, MethodName

Json: TypeAlias = dict[str, Any]
Remote: TypeAlias = tuple[list[str], list[str]]
"""Names of the mboxes and of the views that only the edge can decide."""

__all__ = ["Call", "Core", "whole"]

SDK_NAME = "target-delivery-python"
MAX_REPORTS = 10_000
"""Reports of decisions on the device that wait to be sent; an edge that is down must not use up the memory."""
_NOTHING_REMOTE: Remote = ([], [])


@frozen
class Call:
    """One call to the edge, ready to be sent as often as it takes."""

    prepared: Prepared
    wire: httpx.Request
    attempts: Attempts

    @property
    def request_id(self) -> str:
        """The request's id, as the edge's logs know it."""
        request_id: str = self.prepared.body["requestId"]
        return request_id


class Core:
    """What the calls of one client have in common, whichever way they are sent."""

    def __init__(self, config: Config, ready: Flag, *, outbox: bool) -> None:
        """Set up what the calls share.

        Args:
            config: the checked options.
            ready: raised when decisions can be made.
            outbox: whether there is an outbox for what decisions on the device report.

        Raises:
            MissingExtraError: on-device decisioning was chosen and the extra ``on-device`` is not installed.
            OptionError: the artifact in hand cannot be used.
        """
        self.config = config
        self._outbox = outbox
        self.memory: Memory = Memory(config.target_location_hint)
        self._completion = Completion(config, self.memory)
        self._base_url = hosts.url_maker(client=config.client, server_domain=config.server_domain, secure=config.secure)
        self._headers = {
            "x-exc-sdk": SDK_NAME,
            "x-exc-sdk-version": __version__,
        }
        # By identity: threads can add to a set and discard from it without a lock, but not count up and down.
        self._reports: set[int] = set()
        self._telemetry = TelemetryStore() if config.telemetry_enabled else None
        self.device: OnDevice | None = None
        if config.decisioning_method == "server-side":
            ready.set()
            emit(config, ClientReady())
        else:
            # Only here, since it needs the extra.
            from target_delivery._device.decider import OnDevice

            self.device = OnDevice(config, self._telemetry, ready)

    @property
    def can_decide(self) -> bool:
        """Whether there is all that decisions need: nothing for the edge, an artifact for the device."""
        return self.device is None or self.device.keeper.loaded is not None

    def prepare(self, method: MethodName, options: CallOptions, mbox_names: Sequence[str] = ()) -> Prepared:
        """Check and complete the request of a call; see Completion.prepare.

        Raises:
            OptionError: the request cannot be sent as it is, or the client cannot decide as the call asks.
        """
        if options.decisioning_method not in (None, "server-side") and self.device is None:
            raise OptionError(
                f"decisioning_method {options.decisioning_method!r} needs a client that was created with "
                "'on-device' or 'hybrid', since it has to have an artifact."
            )
        return self._completion.prepare(method, options, mbox_names)

    def offers(self, prepared: Prepared, options: CallOptions, started: float) -> Conversation[TargetDeliveryResponse]:
        """Get the offers of a prepared request, from the device or from the edge.

        Args:
            prepared: the request.
            options: the options of the call.
            started: when the call began, monotonic seconds; its deadline counts from here.

        Raises:
            NotReadyError: it has to be decided on the device and there is no artifact yet.
            DeliveryError: one of its kinds, when the edge was asked and gave no answer.
        """
        method = options.decisioning_method or self.config.decisioning_method
        remote = _NOTHING_REMOTE
        if self.device is not None and method != "server-side":
            loaded = self.device.keeper.loaded
            if loaded is not None:
                if method == "hybrid":
                    remote = self.device.remote_needs(loaded, prepared)
                if not any(remote):
                    address = self.device.address(loaded, prepared)
                    if address is not None:
                        deadline = started + self.config.timeout / 1000
                        yield from self.device.locate(address, prepared, deadline)
                    result, report = self._decide(self.device, loaded, prepared, options, started)
                    if report is not None:
                        yield from self._report_later(report, options)
                    return result
            elif method == "on-device":
                raise NotReadyError(
                    "The first artifact is not here yet, so nothing can be decided on the device: wait_until_ready() "
                    "waits for it, and the event client_ready tells when it is here."
                )
        return (yield from self._ask_edge(prepared, options, started, remote))

    def notifications(
        self, prepared: Prepared, options: CallOptions, started: float
    ) -> Conversation[TargetDeliveryResponse]:
        """Send the notifications of a prepared request; the arguments are those of ``offers``.

        Raises:
            DeliveryError: one of its kinds, when the edge gave no answer.
        """
        if self._telemetry is not None:
            _add_telemetry(prepared.body, self._telemetry.take())
        call = self.edge_call(prepared, options, started)
        response = self._read(call, (yield from self._exchange(call)))
        return self._result(prepared, response, "server-side")

    def _ask_edge(
        self, prepared: Prepared, options: CallOptions, started: float, remote: Remote
    ) -> Conversation[TargetDeliveryResponse]:
        if self._telemetry is not None:
            _add_telemetry(prepared.body, self._telemetry.take())
        call = self.edge_call(prepared, options, started)
        answer = yield from self._exchange(call)
        received = time.monotonic()
        response = self._read(call, answer)
        if self._telemetry is not None:
            self._telemetry.add(
                delivery_entry(
                    prepared.body,
                    {"edgeHost": response.edge_host, "telemetryServerToken": response.telemetry_server_token},
                    decisioning_method=options.decisioning_method or self.config.decisioning_method,
                    timestamp=int(time.time() * 1000),
                    execution=(time.monotonic() - started) * 1000,
                    parsing=(time.monotonic() - received) * 1000,
                    wire=WireTimes(response_size=len(answer.content)),
                )
            )
        return self._result(prepared, response, "server-side", remote)

    def _decide(
        self, device: OnDevice, loaded: Loaded, prepared: Prepared, options: CallOptions, started: float
    ) -> tuple[TargetDeliveryResponse, Prepared | None]:
        """Decide on the device; return the result, and what is to be reported of it."""
        decision = device.decide(loaded, prepared)
        entries: list[Json] = []
        if self._telemetry is not None:
            entry = delivery_entry(
                prepared.body,
                decision.response,
                decisioning_method=options.decisioning_method or self.config.decisioning_method,
                timestamp=int(time.time() * 1000),
                execution=(time.monotonic() - started) * 1000,
            )
            entries = [*self._telemetry.take(), entry]
        body = device.report(prepared, decision, entries)
        report = Prepared(body, prepared.session_id, prepared.cluster) if body is not None else None
        response = DeliveryResponse.from_dict(decision.response)
        return self._result(prepared, response, "on-device", decision.remote), report

    def _report_later(self, report: Prepared, options: CallOptions) -> Conversation[None]:
        if len(self._reports) < MAX_REPORTS:
            self._reports.add(id(report))
            yield Background(self._report(report, options))
        else:
            self._tell(report, DeliveryError(f"{MAX_REPORTS} reports are waiting to be sent already."))

    def _report(self, prepared: Prepared, options: CallOptions) -> Conversation[None]:
        """Send what a decision on the device has to report. Whatever fails is told by an event."""
        # The decision's request has the same object, and is the caller's to read.
        prepared.body["experienceCloud"] = deepcopy(prepared.body.get("experienceCloud", {}))
        prepared.body["requestId"] = new_id()
        try:
            if self._outbox and "notifications" in prepared.body:
                self._completion.complete_for_edge(prepared, options)
                yield Keep(prepared)
                return
            result = yield from self.notifications(prepared, options, time.monotonic())
            processed = {one.id for one in result.response.notifications or ()}
            missing = [one["id"] for one in prepared.body.get("notifications", ()) if one["id"] not in processed]
            if result.response.status == HTTPStatus.NO_CONTENT:
                missing = []  # The answer to a beacon names nothing, and is no refusal.
            if missing:
                raise DeliveryError(
                    f"The edge did not process the notifications {', '.join(missing)}.",
                    request_id=prepared.body["requestId"],
                )
        except TargetError as error:
            self._tell(prepared, error)
        finally:
            self._reports.discard(id(prepared))

    def _tell(self, report: Prepared, error: TargetError) -> None:
        """Tell that a report did not get through."""
        self.config.logger.error("The impressions of a decision on the device could not be reported: %s", error)
        emit(self.config, SendNotificationError(notification=DeliveryRequest.from_dict(report.body), error=error))

    def edge_call(self, prepared: Prepared, options: CallOptions, started: float) -> Call:
        """Make the HTTP request of a prepared request.

        Args:
            prepared: what is sent; it is completed with what only the edge needs.
            options: the options of the call.
            started: when the call began, monotonic seconds; its deadline counts from here.

        Raises:
            OptionError: the request cannot be written as JSON.
        """
        self._completion.complete_for_edge(prepared, options)
        return self.call(prepared, started)

    def completed_notifications(self, options: CallOptions) -> Prepared:
        """Prepare and complete what ``notifications`` would send: what can be stored and sent by ``resend``.

        Raises:
            OptionError: the request cannot be sent as it is.
        """
        prepared = self.prepare("send_notifications", options)
        self._completion.complete_for_edge(prepared, options)
        return prepared

    def resend(self, prepared: Prepared, retries: int | None) -> Conversation[TargetDeliveryResponse]:
        """Send a completed request as it is, with so many retries; None: as many as the client option says.

        Raises:
            OptionError: it is no Delivery API request: what comes from a store is not trusted.
            DeliveryError: one of its kinds, when the edge gave no answer.
        """
        try:
            DeliveryRequest.from_dict(prepared.body)
        except ValueError as error:
            raise OptionError(f"The stored request cannot be written as one of the Delivery API: {error}") from error
        call = self.call(prepared, time.monotonic(), retries)
        response = self._read(call, (yield from self._exchange(call)))
        return self._result(prepared, response, "server-side")

    def call(self, prepared: Prepared, started: float, retries: int | None = None) -> Call:
        """Make the HTTP request of a request that is complete; see edge_call."""
        try:
            wire = endpoint.build_request(
                base_url=self._base_url(prepared.cluster),
                ims_org_id=self.config.organization_id,
                session_id=prepared.session_id,
                version=self.config.version,
                body=prepared.body,
                headers={**self._headers, "x-request-id": new_id()},
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise OptionError(f"The request cannot be written as JSON: {error}") from error
        self.config.logger.debug("Delivery API request %s %s", wire.url, _Text(wire.content))
        deadline = started + self.config.timeout / 1000
        retries = self.config.retries if retries is None else retries
        return Call(prepared, wire, Attempts(retries=retries, started=started, deadline=deadline))

    def _exchange(self, call: Call) -> Conversation[Answer]:
        """Send a call, again if need be, until there is an answer."""
        while True:
            outcome = yield Send(call.wire, call.attempts.deadline)
            assert outcome is not None  # noqa: S101 - what a shell sends back for Send
            wait = call.attempts.after(outcome, time.monotonic())
            if wait is None:
                break
            yield Sleep(wait)
        if not isinstance(outcome, Answer):
            fail_without_answer(call, outcome)
        self.config.logger.debug("Delivery API answer %d %s", outcome.status_code, _Text(outcome.content))
        return outcome

    def _read(self, call: Call, answer: Answer) -> DeliveryResponse:
        try:
            parsed = endpoint.parse(answer)
        except (ValueError, RecursionError) as error:
            if answer.status_code >= 300:
                fail_by_status(call, answer, None)
            why = str(error) if isinstance(error, ModelError) else "not JSON"
            fail_by_answer(call, answer.status_code, answer.content, why)
        if parsed is None:
            return DeliveryResponse(status=answer.status_code)
        if isinstance(parsed, UnexpectedError):
            fail_by_status(call, answer, parsed.message)
        cluster = hosts.cluster_of_edge_host(parsed.edge_host)
        if cluster is not None:
            self.memory.location_hint = cluster
        return parsed

    def _result(
        self,
        prepared: Prepared,
        response: DeliveryResponse,
        method: Literal["server-side", "on-device"],
        remote: Remote = _NOTHING_REMOTE,
    ) -> TargetDeliveryResponse:
        cluster = prepared.cluster or hosts.cluster_of_edge_host(response.edge_host)
        tnt_id = response.id.tnt_id if response.id is not None else None
        return TargetDeliveryResponse(
            response=response,
            target_cookie=cookies.target_cookie(prepared.session_id, tnt_id or prepared.device_id, time.time()),
            target_location_hint_cookie=cookies.location_hint_cookie(cluster),
            meta={"decisioning_method": method, "remote_mboxes": [*remote[0]], "remote_views": [*remote[1]]},
            sent=prepared.body,
        )


def whole(response: TargetDeliveryResponse) -> TargetDeliveryResponse:
    """Finish a call whose result is the whole answer."""
    return response


def _add_telemetry(body: Json, entries: list[Json]) -> None:
    if entries:
        telemetry = body.setdefault("telemetry", {})
        telemetry["entries"] = [*telemetry.get("entries", ()), *entries]


class _Text:
    """Bytes that are decoded only when a log line with them is written."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __str__(self) -> str:
        return self._content.decode("utf-8", "replace")
