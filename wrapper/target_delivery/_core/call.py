"""How a call is decided: on the device or by the edge; and how its result is made.

A call is a flow (see flow.py): a generator that yields I/O steps. A shell runs it.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeAlias, TypeVar

from attrs import define

from target_delivery._core import cookies, hosts
from target_delivery._core.exchange import Exchange
from target_delivery._core.flow import AwaitReady, Enqueue, Spawn
from target_delivery._core.prepared import Prepared
from target_delivery._core.reports import Reports
from target_delivery._core.request import RequestPreparer
from target_delivery._core.stitching import Stitching
from target_delivery._core.telemetry import WireTimes, delivery_entry
from target_delivery._core.validation import read_call_options, read_mbox_names
from target_delivery._printable import printable
from target_delivery._version import __version__
from target_delivery.errors import DeliveryError, NotReadyError, OptionError
from target_delivery.response import AttributesProvider, TargetDeliveryResponse
from target_delivery_api.api.delivery import execute as endpoint
from target_delivery_api.errors import ModelError
from target_delivery_api.models import DeliveryRequest, DeliveryResponse, UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.clusters import Clusters
    from target_delivery._core.config import Config
    from target_delivery._core.device import Device, Rules
    from target_delivery._core.flow import Flow
    from target_delivery._core.limits import Refusal
    from target_delivery._core.prepared import Json
    from target_delivery._core.telemetry import TelemetryStore
    from target_delivery._core.validation import CallOptions, MethodName
    from target_delivery.decisioning.engine import RemoteNeeds
    from target_delivery_api.types import Answer

__all__ = ["Call", "Core"]

T = TypeVar("T")
Method: TypeAlias = Literal["server-side", "on-device"]

SDK_NAME: Final = "target-delivery-python"


@define
class Call(Generic[T]):
    """A call that was checked and prepared. A shell runs the flow and then calls the callback, if there is one.

    Attributes:
        flow: makes the result of the call.
        callback: called with the result; None when the caller waits for the result.
        err_callback: called with the error, when there is a callback and the call fails.
    """

    flow: Flow[T]
    callback: Callable[[T], object] | None
    err_callback: Callable[[BaseException], object] | None


class Core:
    """The part of a client that does no I/O.

    Attributes:
        config: the checked options of the client.
        stitching: the memory of supplementalDataIds. A shell must hold its lock during a fork.
        reports: the reports that wait to be sent.
        clusters: the edge clusters that the options or an answer of the edge have named.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        chance: Chance,
        device: Device | None,
        telemetry: TelemetryStore | None,
        outbox: bool,
    ) -> None:
        """Set up the state that calls share.

        Args:
            config: the checked options of the client.
            clock: tells the time.
            chance: makes ids and jitter.
            device: decides on the device; None for a client that was created with ``server-side``.
            telemetry: keeps timings for the next call; None when telemetry is switched off.
            outbox: whether the shell has an outbox for reports.
        """
        self.config = config
        self.stitching: Stitching = Stitching(chance)
        self._clock = clock
        self._chance = chance
        self._device = device
        self._telemetry = telemetry
        self._outbox = outbox
        self._preparer = RequestPreparer(config, self.stitching, clock=clock, chance=chance)
        self.clusters: Clusters = self._preparer.clusters
        self._base_url = hosts.url_maker(client=config.client, server_domain=config.server_domain, secure=config.secure)
        self._headers = {"x-exc-sdk": SDK_NAME, "x-exc-sdk-version": __version__}
        self.reports: Reports = Reports(config)
        self._refusal = _load_limits(config) if config.validate_requests else None

    @property
    def can_decide(self) -> bool:
        """Whether the client can decide: always with the edge, with an artifact on the device."""
        return self._device is None or self._device.rules is not None

    # --- calls: checked at once, run by a shell later. The deadline counts from here.

    def get_offers(self, options: object, *, callbacks: bool) -> Call[TargetDeliveryResponse]:
        """Check and prepare a call of ``get_offers``; ``callbacks`` tells whether the shell has callbacks.

        Raises:
            OptionError: the call is wrong.
        """
        checked = read_call_options(options, "get_offers", callbacks=callbacks)
        prepared = self._prepare("get_offers", checked)
        flow = self._offers(prepared, checked, self._clock.monotonic())
        return Call(flow, checked.callback, checked.err_callback)

    def get_attributes(self, mbox_names: object, options: object, *, callbacks: bool) -> Call[AttributesProvider]:
        """Check and prepare a call of ``get_attributes``; ``callbacks`` tells whether the shell has callbacks.

        Raises:
            OptionError: the call is wrong.
        """
        checked = read_call_options(options or {}, "get_attributes", callbacks=callbacks)
        prepared = self._prepare("get_attributes", checked, read_mbox_names(mbox_names))
        flow = self._attributes(self._offers(prepared, checked, self._clock.monotonic()))
        return Call(flow, checked.callback, checked.err_callback)

    def send_notifications(self, options: object, *, callbacks: bool) -> Call[TargetDeliveryResponse]:
        """Check and prepare a call of ``send_notifications``; ``callbacks`` tells whether the shell has callbacks.

        Raises:
            OptionError: the call or a notification is wrong.
        """
        checked = read_call_options(options, "send_notifications", callbacks=callbacks)
        prepared = self._prepare("send_notifications", checked)
        flow = self._notifications(prepared, checked, self._clock.monotonic(), checked.timeout, checked.retries)
        return Call(flow, checked.callback, checked.err_callback)

    def prepare_notifications(self, options: object) -> Prepared:
        """Check and complete the request that ``send_notifications`` would send, so that ``resend`` can send it.

        Raises:
            OptionError: the call or a notification is wrong.
        """
        checked = read_call_options(options, "send_notifications", callbacks=False)
        if checked.timeout is not None or checked.retries is not None:
            raise OptionError(
                "The options 'timeout' and 'retries' are for a call that is sent now. A request that is sent later has "
                "the timeout and the retries of the client that sends it."
            )
        prepared = self._prepare("send_notifications", checked)
        self._preparer.complete_for_edge(prepared, checked)
        return prepared

    def resend(self, prepared: Prepared, retries: int | None) -> Flow[TargetDeliveryResponse]:
        """Send a complete request unchanged.

        Args:
            prepared: the request. It may come from a store, which is not trusted.
            retries: how many times it may be sent again; None: as many times as the client option says.

        Raises:
            OptionError: the request is not a Delivery API request.
            DeliveryError: the edge gave no answer.
        """
        try:
            DeliveryRequest.from_dict(prepared.body)
        except ValueError as error:
            raise OptionError(f"The stored request is not a Delivery API request: {error}") from error
        exchange = self._exchange(prepared, self._clock.monotonic(), None, retries)
        response = self._read(exchange, (yield from self._answer(exchange)))
        return self._result(prepared, response, "server-side")

    # --- flows

    def _prepare(self, method: MethodName, options: CallOptions, mbox_names: Sequence[str] = ()) -> Prepared:
        if options.decisioning_method not in (None, "server-side") and self._device is None:
            raise OptionError(
                f"decisioning_method {options.decisioning_method!r} needs a client that was created with "
                "'on-device' or 'hybrid', because only such a client downloads an artifact."
            )
        prepared = self._preparer.prepare(method, options, mbox_names)
        if self._refusal is not None:
            # Also for a decision on the device: its report to the edge has parts of this request.
            refused = self._refusal(self._preparer.as_sent(prepared, options))
            if refused is not None:
                where = f" ({', '.join(refused.attributes)})" if refused.attributes else ""
                raise OptionError(f"The Delivery API would refuse this request{where}: {refused.reason}")
        return prepared

    def _offers(self, prepared: Prepared, options: CallOptions, started: float) -> Flow[TargetDeliveryResponse]:
        """Get the offers of a prepared request, from the device or from the edge."""
        method = options.decisioning_method or self.config.decisioning_method
        remote: RemoteNeeds | None = None
        if self._device is not None and method != "server-side":
            rules = self._device.rules
            if rules is None and method == "on-device":
                yield AwaitReady(started + self._timeout(options))
                rules = self._device.rules
            if rules is not None:
                if method == "hybrid":
                    remote = rules.remote_needs(prepared)
                if remote is None or not (remote.mboxes or remote.views):
                    address = rules.address_to_locate(prepared)
                    if address is not None:
                        yield from rules.locate(address, prepared, started + self._timeout(options))
                    result, report = self._decide(rules, prepared, options, started)
                    if report is not None:
                        yield from self._report_later(report, options)
                    return result
            elif method == "on-device":
                raise NotReadyError(
                    "There is no artifact yet, so nothing can be decided on the device. The call waited for it until "
                    "its timeout or maximum_wait_ready; the log and the event artifact_download_failed say why none "
                    "came."
                )
        return (yield from self._ask_edge(prepared, options, started, remote))

    def _attributes(self, offers: Flow[TargetDeliveryResponse]) -> Flow[AttributesProvider]:
        return AttributesProvider((yield from offers))

    def _notifications(
        self,
        prepared: Prepared,
        options: CallOptions,
        started: float,
        timeout: int | None = None,
        retries: int | None = None,
    ) -> Flow[TargetDeliveryResponse]:
        """Send the notifications of a prepared request; see ``_exchange`` for ``timeout`` and ``retries``."""
        if self._telemetry is not None:
            _add_telemetry(prepared.body, self._telemetry.take())
        self._preparer.complete_for_edge(prepared, options)
        exchange = self._exchange(prepared, started, timeout, retries)
        response = self._read(exchange, (yield from self._answer(exchange)))
        return self._result(prepared, response, "server-side")

    def _ask_edge(
        self, prepared: Prepared, options: CallOptions, started: float, remote: RemoteNeeds | None
    ) -> Flow[TargetDeliveryResponse]:
        if self._telemetry is not None:
            _add_telemetry(prepared.body, self._telemetry.take())
        self._preparer.complete_for_edge(prepared, options)
        exchange = self._exchange(prepared, started, options.timeout, options.retries)
        answer = yield from self._answer(exchange)
        received = self._clock.monotonic()
        response = self._read(exchange, answer)
        if self._telemetry is not None:
            now = self._clock.monotonic()
            self._telemetry.add(
                delivery_entry(
                    prepared.body,
                    {"edgeHost": response.edge_host, "telemetryServerToken": response.telemetry_server_token},
                    decisioning_method=options.decisioning_method or self.config.decisioning_method,
                    timestamp=int(self._clock.now() * 1000),
                    execution=(now - started) * 1000,
                    parsing=(now - received) * 1000,
                    wire=WireTimes(response_size=len(answer.content)),
                )
            )
        return self._result(prepared, response, "server-side", remote)

    def _decide(
        self, rules: Rules, prepared: Prepared, options: CallOptions, started: float
    ) -> tuple[TargetDeliveryResponse, Prepared | None]:
        """Decide on the device; return the result, and the report to send, if there is one."""
        decision = rules.decide(prepared)
        entries: list[Json] = []
        if self._telemetry is not None:
            entry = delivery_entry(
                prepared.body,
                decision.response,
                decisioning_method=options.decisioning_method or self.config.decisioning_method,
                timestamp=int(self._clock.now() * 1000),
                execution=(self._clock.monotonic() - started) * 1000,
            )
            entries = [*self._telemetry.take(), entry]
        body = rules.report(prepared, decision, entries)
        report = Prepared(body, prepared.session_id, prepared.cluster) if body is not None else None
        response = DeliveryResponse.from_dict(decision.response)
        return self._result(prepared, response, "on-device", decision.remote), report

    # --- reports: notifications of decisions on the device, sent in the background

    def _report_later(self, report: Prepared, options: CallOptions) -> Flow[None]:
        doubtful = not self.clusters.know(report.cluster)
        if self.reports.add(report, doubtful=doubtful):
            yield Spawn(self._report(report, options), doubtful, partial(self.reports.give_up, report))

    def _report(self, prepared: Prepared, options: CallOptions) -> Flow[None]:
        """Send a report, or put it into the outbox. An event tells when that fails."""
        # The decided request, which the caller can read, shares this object.
        prepared.body["experienceCloud"] = deepcopy(prepared.body.get("experienceCloud", {}))
        prepared.body["requestId"] = self._chance.new_id()
        try:
            if self._outbox and "notifications" in prepared.body:
                self._preparer.complete_for_edge(prepared, options)
                yield Enqueue(prepared)
            else:
                result = yield from self._notifications(prepared, options, self._clock.monotonic())
                _require_processed(prepared.body, result.response)
        except Exception as error:  # from the edge, or from the caller's http_client or outbox
            self.reports.end(prepared, error)
        else:
            self.reports.end(prepared, None)

    # --- the edge

    def _timeout(self, options: CallOptions) -> float:
        """Return the seconds that a call may take."""
        return (self.config.timeout if options.timeout is None else options.timeout) / 1000

    def _exchange(self, prepared: Prepared, started: float, timeout: int | None, retries: int | None) -> Exchange:
        """Make the HTTP request of a complete request.

        Args:
            prepared: the request.
            started: when the call began, in monotonic seconds.
            timeout: milliseconds for the whole call; None: as the client option says.
            retries: how many times it may be sent again; None: as many times as the client option says.

        Raises:
            OptionError: the request cannot be written as JSON.
        """
        try:
            request = endpoint.build_request(
                base_url=self._base_url(prepared.cluster),
                ims_org_id=self.config.organization_id,
                session_id=prepared.session_id,
                version=self.config.version,
                body=prepared.body,
                headers={**self._headers, "x-request-id": self._chance.new_id()},
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise OptionError(f"The request cannot be written as JSON: {error}") from error
        self.config.logger.debug("Delivery API request %s %s", request.url, _Text(request.content))
        return Exchange(
            prepared=prepared,
            request=request,
            retries=self.config.retries if retries is None else retries,
            max_bytes=self.config.max_answer_bytes,
            started=started,
            deadline=started + (self.config.timeout if timeout is None else timeout) / 1000,
            clock=self._clock,
            chance=self._chance,
        )

    def _answer(self, exchange: Exchange) -> Flow[Answer]:
        answer = yield from exchange.answer()
        self.config.logger.debug("Delivery API answer %d %s", answer.status_code, _Text(answer.content))
        return answer

    def _read(self, exchange: Exchange, answer: Answer) -> DeliveryResponse:
        """Read an answer, and remember the edge cluster that it came from.

        Raises:
            DeliveryStatusError: the answer has an error status.
            InvalidAnswerError: the answer is not a Delivery API answer.
        """
        try:
            parsed = endpoint.parse(answer)
        except (ValueError, RecursionError) as error:
            if answer.status_code >= 300:
                exchange.fail_by_status(answer, None)
            why = str(error) if isinstance(error, ModelError) else "not JSON"
            exchange.fail_by_content(answer.status_code, answer.content, why)
        if parsed is None:
            return DeliveryResponse(status=answer.status_code)
        if isinstance(parsed, UnexpectedError):
            exchange.fail_by_status(answer, parsed.message)
        cluster = hosts.cluster_of_edge_host(parsed.edge_host)
        if cluster is not None:
            self._preparer.learn(cluster)
        return parsed

    def _result(
        self, prepared: Prepared, response: DeliveryResponse, method: Method, remote: RemoteNeeds | None = None
    ) -> TargetDeliveryResponse:
        cluster = prepared.cluster or hosts.cluster_of_edge_host(response.edge_host)
        tnt_id = response.id.tnt_id if response.id is not None else None
        return TargetDeliveryResponse(
            response=response,
            target_cookie=cookies.target_cookie(prepared.session_id, tnt_id or prepared.device_id, self._clock.now()),
            target_location_hint_cookie=cookies.location_hint_cookie(cluster),
            meta={
                "decisioning_method": method,
                "remote_mboxes": [*remote.mboxes] if remote is not None else [],
                "remote_views": [*remote.views] if remote is not None else [],
            },
            sent=prepared.body,
        )


def _load_limits(config: Config) -> Callable[[Json], Refusal | None]:
    """Return the function that checks a request against the published limits.

    Raises:
        OptionError: jsonschema is not installed, or every request would be refused for its organization id.
    """
    try:
        from target_delivery._core.limits import organization_refusal, refusal  # needs the extra
    except ImportError as error:
        raise OptionError(
            f"Option 'validate_requests' needs the package 'jsonschema', which cannot be imported ({error}): "
            "pip install 'target-delivery[validation]'"
        ) from error
    refused = organization_refusal(config.organization_id)
    if refused is not None:
        raise OptionError(
            "Option 'organization_id' must be an Experience Cloud organization id, such as '1234567890@AdobeOrg'. The "
            f"Delivery API would refuse every request: {refused}"
        )
    return refusal


def _require_processed(report: Json, answer: DeliveryResponse) -> None:
    """Check that the edge processed each notification of a report.

    Raises:
        DeliveryError: an id is missing in the answer.
    """
    if answer.status == HTTPStatus.NO_CONTENT:
        return  # The answer to a beacon names no notifications, although it processed them.
    processed = {one.id for one in answer.notifications or ()}
    missing = [one["id"] for one in report.get("notifications", ()) if one["id"] not in processed]
    if missing:
        raise DeliveryError(
            f"The edge did not process the notifications {', '.join(missing)}.", request_id=report["requestId"]
        )


def _add_telemetry(body: Json, entries: list[Json]) -> None:
    if entries:
        telemetry = body.setdefault("telemetry", {})
        telemetry["entries"] = [*telemetry.get("entries", ()), *entries]


class _Text:
    """Bytes that are decoded only when a log line with them is written."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __str__(self) -> str:
        return printable(self._content.decode("utf-8", "replace"))
