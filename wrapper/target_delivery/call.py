"""The pure core of a call: what is sent for what the caller gave, and what comes of the answer.

``prepare`` completes a copy of the caller's request and makes the HTTP request of it; ``interpret`` turns the outcome
into a TargetDeliveryResponse or an error. Neither does I/O, and the caller's objects are never changed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn
from uuid import NAMESPACE_URL, uuid4, uuid5

import httpx
from attrs import evolve, frozen

from target_delivery import cookies, edge
from target_delivery._version import __version__
from target_delivery.errors import (
    DeliveryConnectionError,
    DeliveryStatusError,
    DeliveryTimeoutError,
    InvalidAnswerError,
    OptionError,
)
from target_delivery.memory import Memory
from target_delivery.redact import redact
from target_delivery.response import TargetDeliveryResponse, results_in_order
from target_delivery.retry import Attempts
from target_delivery_api.api.delivery import execute as endpoint
from target_delivery_api.errors import ModelError, TruncatedAnswer
from target_delivery_api.models import (
    AnalyticsRequest,
    AudienceManager,
    ChannelType,
    Context,
    CustomerId,
    DeliveryRequest,
    DeliveryResponse,
    ExecuteRequest,
    ExperienceCloud,
    LoggingType,
    MboxRequest,
    MetricType,
    Notification,
    PrefetchRequest,
    Property,
    UnexpectedError,
    VisitorId,
)
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_delivery.options import CallOptions, Config, MethodName
    from target_delivery.retry import Outcome

__all__ = ["Call", "Core"]

SDK_NAME = "target-delivery-python"
EXCERPT = 200
"""Characters of an answer that an error shows."""
_NOTIFICATION_NAMESPACE = uuid5(NAMESPACE_URL, "target-delivery:notification")


@frozen
class Call:
    """One call, ready to be sent as often as it takes."""

    wire: httpx.Request
    request: DeliveryRequest
    session_id: str
    device_id: str | None
    cluster: str | None
    attempts: Attempts


class Core:
    """What the calls of one client have in common, whichever way they are sent."""

    def __init__(self, config: Config, default_headers: httpx.Headers) -> None:
        """Take the checked options, and the headers that the HTTP client sends with every request."""
        self.config = config
        self.memory: Memory = Memory(config.target_location_hint)
        self._base_url = edge.url_maker(client=config.client, server_domain=config.server_domain, secure=config.secure)
        self._headers = {
            **default_headers,
            "content-type": "application/json",
            "x-exc-sdk": SDK_NAME,
            "x-exc-sdk-version": __version__,
        }

    def prepare(self, method: MethodName, options: CallOptions, mbox_names: Sequence[str] = ()) -> Call:
        """Make the call of what the caller gave.

        Args:
            method: the method that was called.
            options: its options.
            mbox_names: the mboxes that ``get_attributes`` was asked for.

        Raises:
            OptionError: the request cannot be sent as it is.
        """
        started, now = time.monotonic(), time.time()
        cookie = cookies.read_target_cookie(options.target_cookie, now)
        session_id = cookie.session_id or options.session_id or str(uuid4())
        request = options.request or DeliveryRequest()
        _require_models(request)
        if mbox_names:
            request = _with_mboxes(request, mbox_names)
        if method == "send_notifications":
            _require_notifications(request)
        request = self._complete(request, options, session_id, cookie.device_id)
        device_id = request.id.tnt_id if request.id is not None else None
        cluster = (
            edge.cluster_of_tnt_id(device_id)
            or edge.cluster_of_hint(options.target_location_hint)
            or self.memory.location_hint
        )
        wire = self._wire(request, session_id, cluster)
        deadline = started + self.config.timeout / 1000
        attempts = Attempts(retries=self.config.retries, started=started, deadline=deadline)
        return Call(wire, request, session_id, device_id, cluster, attempts)

    def _wire(self, request: DeliveryRequest, session_id: str, cluster: str | None) -> httpx.Request:
        try:
            wire = endpoint.build_request(
                base_url=self._base_url(cluster),
                ims_org_id=self.config.organization_id,
                session_id=session_id,
                version=self.config.version,
                body=request,
                headers={**self._headers, "x-request-id": str(uuid4())},
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise OptionError(f"The request cannot be written as JSON: {error}") from error
        self.config.logger.debug("Delivery API request %s %s", wire.url, _Text(wire.content))
        return wire

    def _complete(
        self, request: DeliveryRequest, options: CallOptions, session_id: str, device_id: str | None
    ) -> DeliveryRequest:
        """Return a copy of the request with all that the caller may leave to the SDK."""
        visitor = cookies.read_visitor_cookie(options.visitor_cookie)
        visitor_id = _visitor_id(request.id, device_id, visitor, options.customer_ids)
        return evolve(
            request,
            request_id=request.request_id or uuid4().hex,
            impression_id=request.impression_id or (uuid4().hex if request.execute is not None else None),
            id=visitor_id,
            environment_id=self.config.environment_id if request.environment_id is None else request.environment_id,
            property=self._property(request.property),
            context=_context(request.context),
            experience_cloud=self._experience_cloud(request.experience_cloud, visitor, session_id, options.consumer_id),
            execute=self._execute(request.execute),
            prefetch=self._prefetch(request.prefetch),
            notifications=_notifications(request.notifications, _visitor(visitor_id) or session_id),
        )

    def _property(self, given: Property | None) -> Property | None:
        token = self.config.property_token
        if given is None:
            return None if token is None else Property(token=token)
        if token is not None and given.token != token:
            self.config.logger.debug(
                "The property %s of the request wins over the client's property_token %s.", given.token, token
            )
        return given

    def _experience_cloud(
        self, given: ExperienceCloud | None, visitor: cookies.VisitorCookie, session_id: str, consumer_id: str
    ) -> ExperienceCloud:
        given = given or ExperienceCloud()
        analytics = given.analytics or AnalyticsRequest()
        sdid = analytics.supplemental_data_id or self.memory.supplemental_data_id(session_id, consumer_id)
        logging = analytics.logging or LoggingType.SERVER_SIDE
        return evolve(
            given,
            analytics=evolve(analytics, supplemental_data_id=sdid, logging=logging),
            audience_manager=_audience_manager(given.audience_manager, visitor),
        )

    def _execute(self, given: ExecuteRequest | None) -> ExecuteRequest | None:
        if given is None:
            return None
        mboxes = self._numbered("execute", given.mboxes)
        if given.page_load is None and not mboxes:
            raise OptionError("request.execute asks for nothing: give it a page_load or an mbox with a name.")
        return evolve(given, mboxes=mboxes)

    def _prefetch(self, given: PrefetchRequest | None) -> PrefetchRequest | None:
        if given is None:
            return None
        mboxes = self._numbered("prefetch", given.mboxes)
        if given.page_load is None and not mboxes and not given.views:
            raise OptionError("request.prefetch asks for nothing: give it a page_load, a view or an mbox with a name.")
        return evolve(given, mboxes=mboxes)

    def _numbered(self, part: str, mboxes: list[MboxRequest] | None) -> list[MboxRequest] | None:
        """Drop mboxes without a name; give those without an index their position, or the next free one."""
        if not mboxes:
            return mboxes
        named: list[MboxRequest] = []
        for position, mbox in enumerate(mboxes):
            if mbox.name and mbox.name.strip():
                named.append(mbox)
            else:
                self.config.logger.error("request.%s.mboxes[%d] has no name and is not sent.", part, position)
        taken = {mbox.index for mbox in named}
        if None not in taken:
            return named
        numbered: list[MboxRequest] = []
        for position, mbox in enumerate(named):
            if mbox.index is None:
                index = position
                while index in taken:
                    index += 1
                taken.add(index)
                mbox = evolve(mbox, index=index)
            numbered.append(mbox)
        return numbered

    def interpret(self, call: Call, outcome: Outcome) -> TargetDeliveryResponse:
        """Make the result of a call of its last outcome.

        Raises:
            DeliveryError: one of its kinds, when there is no Delivery API answer.
        """
        if not isinstance(outcome, Answer):
            self._no_answer(call, outcome)
        self.config.logger.debug("Delivery API answer %d %s", outcome.status_code, _Text(outcome.content))
        response = self._parsed(call, outcome)
        cluster = edge.cluster_of_edge_host(response.edge_host)
        if cluster is not None:
            self.memory.location_hint = cluster
        now = time.time()
        tnt_id = response.id.tnt_id if response.id is not None else None
        results = list(results_in_order(response))
        options = (option for result in results for option in result.options or ())
        return TargetDeliveryResponse(
            response=response,
            target_cookie=cookies.target_cookie(call.session_id, tnt_id or call.device_id, now),
            target_location_hint_cookie=cookies.location_hint_cookie(call.cluster or cluster),
            analytics_details=[r.analytics for r in results if r.analytics is not None] or None,
            trace=[r.trace for r in results if r.trace is not None] or None,
            response_tokens=[o.response_tokens for o in options if o.response_tokens is not None] or None,
            meta={"decisioning_method": "server-side", "remote_mboxes": [], "remote_views": []},
            request=call.request,
        )

    def _parsed(self, call: Call, answer: Answer) -> DeliveryResponse:
        try:
            parsed = endpoint.parse(answer)
        except (ValueError, RecursionError) as error:
            if answer.status_code >= 300:
                self._error_status(call, answer, None)
            why = str(error) if isinstance(error, ModelError) else "not JSON"
            self._invalid_answer(call, answer.status_code, answer.content, why)
        if parsed is None:
            return DeliveryResponse(status=answer.status_code)
        if isinstance(parsed, UnexpectedError):
            self._error_status(call, answer, parsed.message)
        return parsed

    def _error_status(self, call: Call, answer: Answer, message: str | None) -> NoReturn:
        if message is not None:
            message = self._redacted(call, message)
        said = message or self._excerpt(call, answer.content) or "an empty body"
        raise DeliveryStatusError(
            f"The edge answered with status {answer.status_code}: {said} {self._history(call)}",
            request_id=call.request.request_id or "",
            attempts=call.attempts.count,
            status=answer.status_code,
            edge_message=message,
        )

    def _invalid_answer(self, call: Call, status: int, content: bytes, why: str) -> NoReturn:
        excerpt = self._excerpt(call, content)
        raise InvalidAnswerError(
            f"The answer with status {status} is not one of the Delivery API ({why}): {excerpt!r} {self._history(call)}",
            request_id=call.request.request_id or "",
            attempts=call.attempts.count,
            status=status,
            excerpt=excerpt,
        )

    def _no_answer(self, call: Call, failure: httpx.HTTPError | httpx.StreamError) -> NoReturn:
        request_id, count = call.request.request_id or "", call.attempts.count
        elapsed = round((time.monotonic() - call.attempts.started) * 1000)
        if time.monotonic() >= call.attempts.deadline or isinstance(failure, httpx.TimeoutException):
            raise DeliveryTimeoutError(
                f"No answer after {elapsed} ms; the timeout is {self.config.timeout} ms. {self._history(call)}",
                request_id=request_id,
                attempts=count,
                timeout=self.config.timeout,
            ) from failure
        if isinstance(failure, TruncatedAnswer):
            self._invalid_answer(call, failure.status_code, failure.content, "cut off")
        if isinstance(failure, httpx.DecodingError):
            self._invalid_answer(call, 200, b"", "its Content-Encoding is broken")
        raise DeliveryConnectionError(
            f"No answer from {call.wire.url.host} after {elapsed} ms. {self._history(call)}",
            request_id=request_id,
            attempts=count,
        ) from failure

    def _history(self, call: Call) -> str:
        """Say how the call went: the last words of every message."""
        failures = "; ".join(call.attempts.failures) or "none"
        attempts = f"{call.attempts.count} attempt{'s' if call.attempts.count != 1 else ''}"
        return f"[request {call.request.request_id}, {attempts}, failures: {failures}]"

    def _excerpt(self, call: Call, content: bytes) -> str:
        # Redacted before it is cut, and from enough of the text that no secret is cut in two before it is found.
        text = content[: 20 * EXCERPT].decode("utf-8", "replace")
        return self._redacted(call, text)[:EXCERPT]

    def _redacted(self, call: Call, text: str) -> str:
        return redact(text, call.request.to_dict(), call.session_id)


def whole(response: TargetDeliveryResponse) -> TargetDeliveryResponse:
    """Finish a call whose result is the whole answer."""
    return response


class _Text:
    """Bytes that are decoded only when a log line with them is written."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __str__(self) -> str:
        return self._content.decode("utf-8", "replace")


def _visitor_id(
    given: VisitorId | None,
    device_id: str | None,
    visitor: cookies.VisitorCookie,
    customer_ids: Iterable[CustomerId],
) -> VisitorId | None:
    given = given or VisitorId()
    customers: dict[tuple[str, str], CustomerId] = {}
    for customer in (*customer_ids, *(given.customer_ids or ())):
        customers.setdefault((customer.integration_code, customer.id), customer)
    merged = evolve(
        given,
        tnt_id=given.tnt_id or device_id,
        marketing_cloud_visitor_id=given.marketing_cloud_visitor_id or visitor.marketing_cloud_visitor_id,
        customer_ids=list(customers.values()) or None,
    )
    return merged if merged != VisitorId() else None


def _context(given: Context | None) -> Context:
    given = given or Context()
    known = given.channel in (ChannelType.WEB, ChannelType.MOBILE)
    offset = given.time_offset_in_minutes
    return evolve(
        given,
        channel=given.channel if known else ChannelType.WEB,
        time_offset_in_minutes=time.localtime().tm_gmtoff // 60 if offset is None else offset,
    )


def _audience_manager(given: AudienceManager | None, visitor: cookies.VisitorCookie) -> AudienceManager | None:
    given = given or AudienceManager()
    merged = evolve(
        given,
        location_hint=visitor.location_hint if given.location_hint is None else given.location_hint,
        blob=given.blob or visitor.blob,
    )
    return merged if merged != AudienceManager() else None


def _with_mboxes(request: DeliveryRequest, names: Iterable[str]) -> DeliveryRequest:
    execute, prefetch = request.execute or ExecuteRequest(), request.prefetch or PrefetchRequest()
    asked = {mbox.name for mbox in (*(execute.mboxes or ()), *(prefetch.mboxes or ()))}
    added = [MboxRequest(name=name) for name in dict.fromkeys(names) if name not in asked]
    if not added:
        return request
    return evolve(request, execute=evolve(execute, mboxes=[*(execute.mboxes or ()), *added]))


def _require_models(request: DeliveryRequest) -> None:
    """Refuse plain dicts and the like where a model belongs, before something deeper trips over them."""
    for place, value, model in (
        ("id", request.id, VisitorId),
        ("property", request.property, Property),
        ("context", request.context, Context),
        ("experience_cloud", request.experience_cloud, ExperienceCloud),
        ("execute", request.execute, ExecuteRequest),
        ("prefetch", request.prefetch, PrefetchRequest),
    ):
        _require_model(place, value, model)
    for part, asked in (("execute", request.execute), ("prefetch", request.prefetch)):
        for position, mbox in enumerate((asked.mboxes if asked is not None else None) or ()):
            _require_model(f"{part}.mboxes[{position}]", mbox, MboxRequest)
    for position, notification in enumerate(request.notifications or ()):
        _require_model(f"notifications[{position}]", notification, Notification)


def _require_model(place: str, value: object, model: type[object]) -> None:
    if value is not None and not isinstance(value, model):
        raise OptionError(f"request.{place} must be of type {model.__name__}, not {type(value).__name__}.")


def _require_notifications(request: DeliveryRequest) -> None:
    if not request.notifications and (request.telemetry is None or not request.telemetry.entries):
        raise OptionError("send_notifications() needs a request with at least one notification.")


def _notifications(given: list[Notification] | None, visitor: str) -> list[Notification] | None:
    if given is None:
        return None
    return [_checked_notification(position, notification, visitor) for position, notification in enumerate(given)]


def _checked_notification(position: int, notification: Notification, visitor: str) -> Notification:
    def refuse(name: str, need: str, value: object) -> NoReturn:
        raise OptionError(f"request.notifications[{position}].{name} must be {need}, not {value!r}.")

    if not _is_text(notification.id):
        refuse("id", "a str that is not blank", notification.id)
    if not _is_int(notification.timestamp):
        refuse("timestamp", "an int, epoch milliseconds", notification.timestamp)
    if notification.type not in (MetricType.CLICK, MetricType.DISPLAY):
        refuse("type", "MetricType.CLICK or MetricType.DISPLAY", notification.type)
    if notification.impression_id is not None:
        return notification
    return evolve(notification, impression_id=_impression_id(notification, visitor))


# Asked of object, because a caller who checks no types can put anything into a model.
def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _impression_id(notification: Notification, visitor: str) -> str:
    """Derive an id from what happened, so that the same notification given again is the same impression.

    A random id would protect the retries of one call only, and not the caller who sends a notification again
    because an answer did not name it or never came.
    """
    event = (visitor, notification.id, str(notification.type), notification.timestamp, notification.tokens)
    return uuid5(_NOTIFICATION_NAMESPACE, repr(event)).hex


def _visitor(id_: VisitorId | None) -> str | None:
    if id_ is None:
        return None
    return (id_.tnt_id or "").partition(".")[0] or id_.marketing_cloud_visitor_id or id_.third_party_id
