"""The request of a call: a copy of the caller's, completed with all that the caller may leave to the SDK.

The copy is JSON, the form in which it is sent, stored and decided on; the caller's models are never changed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import NAMESPACE_URL, uuid5

from attrs import frozen

from target_delivery import cookies, edge
from target_delivery.errors import OptionError
from target_delivery.ids import new_id
from target_delivery_api.models import (
    Context,
    DeliveryRequest,
    ExecuteRequest,
    ExperienceCloud,
    MboxRequest,
    Notification,
    PrefetchRequest,
    Property,
    VisitorId,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_delivery.memory import Memory
    from target_delivery.options import CallOptions, Config, MethodName
    from target_delivery_api.models import CustomerId

    Json = dict[str, Any]

__all__ = ["Completion", "Prepared"]

_NOTIFICATION_NAMESPACE = uuid5(NAMESPACE_URL, "target-delivery:notification")
_METRIC_TYPES = ("click", "display")
_CHANNELS = ("web", "mobile")


@frozen
class Prepared:
    """A request, ready to be decided or sent: this and nothing else is what a call depends on.

    Attributes:
        body: the request as JSON.
        session_id: the session of the call.
        cluster: the edge cluster of the call; None when no cluster is known.
    """

    body: Json
    session_id: str
    cluster: str | None

    @property
    def device_id(self) -> str | None:
        """The visitor's tntId, as the request has it."""
        device_id: str | None = self.body.get("id", {}).get("tntId")
        return device_id


class Completion:
    """Completes the requests of one client."""

    def __init__(self, config: Config, memory: Memory) -> None:
        self._config = config
        self._memory = memory

    def prepare(self, method: MethodName, options: CallOptions, mbox_names: Sequence[str] = ()) -> Prepared:
        """Check and complete the request of a call, as far as every kind of decision needs it.

        Args:
            method: the method that was called.
            options: its options.
            mbox_names: the mboxes that ``get_attributes`` was asked for.

        Raises:
            OptionError: the request cannot be sent as it is.
        """
        cookie = cookies.read_target_cookie(options.target_cookie, time.time())
        session_id = cookie.session_id or options.session_id or new_id()
        body = _as_json(options.request)
        if mbox_names:
            _add_mboxes(body, mbox_names)
        if method == "send_notifications":
            _require_notifications(body)
        body.setdefault("requestId", new_id())
        if self._config.environment_id is not None:
            body.setdefault("environmentId", self._config.environment_id)
        _complete_id(body, cookie.device_id, cookies.read_visitor_cookie(options.visitor_cookie), options.customer_ids)
        self._complete_property(body)
        _complete_context(body)
        for part in ("execute", "prefetch"):
            if part in body:
                self._complete_part(part, body[part])
        visitor = body.get("id", {})
        if "notifications" in body:
            _complete_notifications(body["notifications"], _visitor(visitor) or session_id)
        cluster = (
            edge.cluster_of_tnt_id(visitor.get("tntId"))
            or edge.cluster_of_hint(options.target_location_hint)
            or self._memory.location_hint
        )
        return Prepared(body, session_id, cluster)

    def complete_for_edge(self, prepared: Prepared, options: CallOptions) -> None:
        """Add what only the edge needs: the impressionId of an execute request, and experienceCloud."""
        body = prepared.body
        if "execute" in body:
            body.setdefault("impressionId", new_id())
        experience_cloud = body.setdefault("experienceCloud", {})
        analytics = experience_cloud.setdefault("analytics", {})
        analytics.setdefault("logging", "server_side")
        if "supplementalDataId" not in analytics:
            analytics["supplementalDataId"] = self._memory.supplemental_data_id(
                prepared.session_id, options.consumer_id
            )
        _complete_audience_manager(experience_cloud, cookies.read_visitor_cookie(options.visitor_cookie))

    def _complete_property(self, body: Json) -> None:
        token = self._config.property_token
        if token is None:
            return
        given = body.setdefault("property", {"token": token})["token"]
        if given != token:
            self._config.logger.debug(
                "The property %s of the request wins over the client's property_token %s.", given, token
            )

    def _complete_part(self, part: str, asked: Json) -> None:
        """Drop mboxes without a name; give those without an index their position, or the next free one."""
        named: list[Json] = []
        for position, mbox in enumerate(asked.get("mboxes", ())):
            name = mbox.get("name", "")
            if not isinstance(name, str):
                raise OptionError(f"request.{part}.mboxes[{position}].name must be a str, not {name!r}.")
            if name.strip():
                named.append(mbox)
            else:
                self._config.logger.error("request.%s.mboxes[%d] has no name and is not sent.", part, position)
        if not named and "pageLoad" not in asked and not asked.get("views"):
            views = ", a view" if part == "prefetch" else ""
            raise OptionError(f"request.{part} asks for nothing: give it a page_load{views} or an mbox with a name.")
        if "mboxes" not in asked:
            return
        asked["mboxes"] = named
        taken = {mbox.get("index") for mbox in named}
        for position, mbox in enumerate(named):
            if "index" not in mbox:
                index = position
                while index in taken:
                    index += 1
                taken.add(index)
                mbox["index"] = index


def _as_json(request: DeliveryRequest | None) -> Json:
    if request is None:
        return {}
    try:
        return request.to_dict()
    except (AttributeError, TypeError, ValueError) as error:
        _refuse_misplaced(request)
        raise OptionError(f"The request cannot be written as JSON: {error}") from error


def _refuse_misplaced(request: DeliveryRequest) -> None:
    """Name what is no model where a model belongs: a plain dict, mostly."""
    places: list[tuple[str, object, type[object]]] = [
        ("id", request.id, VisitorId),
        ("property", request.property, Property),
        ("context", request.context, Context),
        ("experience_cloud", request.experience_cloud, ExperienceCloud),
        ("execute", request.execute, ExecuteRequest),
        ("prefetch", request.prefetch, PrefetchRequest),
    ]
    for part, asked in (("execute", request.execute), ("prefetch", request.prefetch)):
        if isinstance(asked, (ExecuteRequest, PrefetchRequest)):
            places += [(f"{part}.mboxes[{n}]", mbox, MboxRequest) for n, mbox in enumerate(asked.mboxes or ())]
    places += [(f"notifications[{n}]", one, Notification) for n, one in enumerate(request.notifications or ())]
    for place, value, model in places:
        if value is not None and not isinstance(value, model):
            raise OptionError(f"request.{place} must be of type {model.__name__}, not {type(value).__name__}.")


def _add_mboxes(body: Json, names: Iterable[str]) -> None:
    asked = {mbox.get("name") for part in ("execute", "prefetch") for mbox in body.get(part, {}).get("mboxes", ())}
    added = [{"name": name} for name in dict.fromkeys(names) if name not in asked]
    if added:
        body.setdefault("execute", {}).setdefault("mboxes", []).extend(added)


def _require_notifications(body: Json) -> None:
    if not body.get("notifications") and not body.get("telemetry", {}).get("entries"):
        raise OptionError("send_notifications() needs a request with at least one notification.")


def _complete_id(
    body: Json, device_id: str | None, visitor: cookies.VisitorCookie, customer_ids: Sequence[CustomerId]
) -> None:
    id_: Json = body.setdefault("id", {})
    if device_id is not None:
        id_.setdefault("tntId", device_id)
    if visitor.marketing_cloud_visitor_id is not None:
        id_.setdefault("marketingCloudVisitorId", visitor.marketing_cloud_visitor_id)
    customers: dict[tuple[object, object], Json] = {}
    for customer in (*(one.to_dict() for one in customer_ids), *id_.pop("customerIds", ())):
        customers.setdefault((customer.get("integrationCode"), customer.get("id")), customer)
    if customers:
        id_["customerIds"] = list(customers.values())
    if not id_:
        del body["id"]


def _complete_context(body: Json) -> None:
    context: Json = body.setdefault("context", {})
    if context.get("channel") not in _CHANNELS:
        context["channel"] = "web"
    if "timeOffsetInMinutes" not in context:
        context["timeOffsetInMinutes"] = time.localtime().tm_gmtoff // 60


def _complete_audience_manager(experience_cloud: Json, visitor: cookies.VisitorCookie) -> None:
    audience_manager: Json = experience_cloud.setdefault("audienceManager", {})
    if visitor.location_hint is not None:
        audience_manager.setdefault("locationHint", visitor.location_hint)
    if visitor.blob is not None:
        audience_manager.setdefault("blob", visitor.blob)
    if not audience_manager:
        del experience_cloud["audienceManager"]


def _complete_notifications(notifications: list[Json], visitor: str) -> None:
    for position, notification in enumerate(notifications):
        _check_notification(position, notification)
        if "impressionId" not in notification:
            notification["impressionId"] = _impression_id(notification, visitor)


def _check_notification(position: int, notification: Json) -> None:
    def refuse(name: str, need: str) -> NoReturn:
        found = notification.get(name)
        raise OptionError(f"request.notifications[{position}].{name} must be {need}, not {found!r}.")

    id_, timestamp = notification.get("id"), notification.get("timestamp")
    if not isinstance(id_, str) or not id_.strip():
        refuse("id", "a str that is not blank")
    if not isinstance(timestamp, int) or isinstance(timestamp, bool):
        refuse("timestamp", "an int, epoch milliseconds")
    if notification.get("type") not in _METRIC_TYPES:
        refuse("type", "MetricType.CLICK or MetricType.DISPLAY")


def _impression_id(notification: Json, visitor: str) -> str:
    """Derive an id from what happened, so that the same notification given again is the same impression.

    A random id would protect the retries of one call only, and not the caller who sends a notification again
    because an answer did not name it or never came.
    """
    event = (visitor, *(notification.get(name) for name in ("id", "type", "timestamp", "tokens")))
    return uuid5(_NOTIFICATION_NAMESPACE, repr(event)).hex


def _visitor(id_: Json) -> str | None:
    visitor: str | None = (
        id_.get("tntId", "").partition(".")[0] or id_.get("marketingCloudVisitorId") or id_.get("thirdPartyId")
    )
    return visitor
