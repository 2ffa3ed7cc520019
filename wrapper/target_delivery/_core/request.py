"""The request of a call: a copy of the caller's, completed with all that the caller may leave to the SDK.

The copy is JSON, the form in which it is sent, stored and decided on; the caller's models are never changed.
"""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import define

from target_delivery._core import cookies, hosts
from target_delivery._core.ids import new_id
from target_delivery.errors import OptionError
from target_delivery.options import DEFAULT_CONSUMER
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
    from collections.abc import Iterable, Mapping, Sequence

    from target_delivery._core.stitching import Memory
    from target_delivery.options import CallOptions, Config, MethodName
    from target_delivery_api.models import CustomerId

    Json = dict[str, Any]

__all__ = ["Completion", "Prepared", "require_shape"]

_METRIC_TYPES = ("click", "display")
_CHANNELS = ("web", "mobile")
_PARTS = ("execute", "prefetch")
_NOTHING: Mapping[str, Any] = {}


@define
class Prepared:
    """A request, ready to be decided or sent: this and nothing else is what a call depends on.

    Attributes:
        body: the request as JSON.
        session_id: the session of the call.
        cluster: the edge cluster of the call; None when no cluster is known.
        stitched: whether its supplementalDataId is, or may be, that of other calls as well.
    """

    body: Json
    session_id: str
    cluster: str | None
    stitched: bool = False

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
        body = _as_json(options.request)
        try:
            return self._completed(body, method, options, mbox_names)
        except (AttributeError, KeyError, TypeError):
            require_shape(body)
            raise

    def _completed(self, body: Json, method: MethodName, options: CallOptions, mbox_names: Sequence[str]) -> Prepared:
        cookie = cookies.read_target_cookie(options.target_cookie, time.time())
        session_id = cookie.session_id or options.session_id or new_id()
        if mbox_names:
            _add_mboxes(body, mbox_names)
        if method == "send_notifications":
            _require_notifications(body)
        if "requestId" not in body:
            body["requestId"] = new_id()
        if self._config.environment_id is not None:
            body.setdefault("environmentId", self._config.environment_id)
        _complete_id(body, cookie.device_id, cookies.read_visitor_cookie(options.visitor_cookie), options.customer_ids)
        self._complete_property(body)
        _complete_context(body)
        for part in _PARTS:
            if part in body:
                self._complete_part(part, body)
        visitor = body.get("id", _NOTHING)
        if "notifications" in body:
            _complete_notifications(body["notifications"], _visitor(visitor) or session_id)
        cluster = (
            hosts.cluster_of_tnt_id(visitor.get("tntId"))
            or hosts.cluster_of_hint(options.target_location_hint)
            or self._memory.location_hint
        )
        return Prepared(body, session_id, cluster)

    def complete_for_edge(self, prepared: Prepared, options: CallOptions) -> None:
        """Add what only the edge needs: the impressionId of an execute request, and experienceCloud."""
        try:
            self._completed_for_edge(prepared, options)
        except (AttributeError, KeyError, TypeError):
            require_shape(prepared.body)
            raise

    def _completed_for_edge(self, prepared: Prepared, options: CallOptions) -> None:
        body = prepared.body
        if "execute" in body and "impressionId" not in body:
            body["impressionId"] = new_id()
        experience_cloud = body.setdefault("experienceCloud", {})
        analytics = experience_cloud.setdefault("analytics", {})
        analytics.setdefault("logging", "server_side")
        if "supplementalDataId" in analytics:
            prepared.stitched = True
        else:
            sdid, shared = self._memory.supplemental_data_id(prepared.session_id, options.consumer_id)
            analytics["supplementalDataId"] = sdid
            # Who names a consumer has others as well, whose calls may be yet to come.
            prepared.stitched = shared or options.consumer_id != DEFAULT_CONSUMER
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

    def _complete_part(self, part: str, body: Json) -> None:
        """Drop mboxes without a name; give those without an index their position, or the next free one."""
        asked: Json = body[part]
        named: list[Json] = []
        for position, mbox in enumerate(asked.get("mboxes", ())):
            if mbox.get("name", "").strip():
                named.append(mbox)
            else:
                self._config.logger.error("request.%s.mboxes[%d] has no name and is not sent.", part, position)
        if not named and "pageLoad" not in asked and not asked.get("views"):
            del body[part]
            if asked.get("mboxes") and any(other in body for other in _PARTS):
                return
            views = ", a view" if part == "prefetch" else ""
            raise OptionError(f"request.{part} asks for nothing: give it a page_load{views} or an mbox with a name.")
        if "mboxes" not in asked:
            return
        asked["mboxes"] = named
        if all("index" in mbox for mbox in named):
            return
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
    _require_model("id", request.id, VisitorId)
    _require_model("property", request.property, Property)
    _require_model("context", request.context, Context)
    _require_model("experience_cloud", request.experience_cloud, ExperienceCloud)
    _require_model("execute", request.execute, ExecuteRequest)
    _require_model("prefetch", request.prefetch, PrefetchRequest)
    _require_models("notifications", request.notifications, Notification)
    for part, asked in (("execute", request.execute), ("prefetch", request.prefetch)):
        _require_models(f"{part}.mboxes", asked.mboxes if asked is not None else None, MboxRequest)


def _require_models(place: str, values: Any, model: type[object]) -> None:
    if values is None:
        return
    if type(values) not in (list, tuple):
        raise OptionError(f"request.{place} must be a list of {model.__name__}, not {type(values).__name__}.")
    for position, value in enumerate(values):
        _require_model(f"{place}[{position}]", value, model)


def _require_model(place: str, value: object, model: type[object]) -> None:
    if value is not None and not isinstance(value, model):
        raise OptionError(f"request.{place} must be of type {model.__name__}, not {type(value).__name__}.")


_MBOXES: Json = {"mboxes": [{"name": "str", "index": "int"}]}
_SHAPE: Json = {
    "requestId": "str",
    "id": {"tntId": "str", "marketingCloudVisitorId": "str", "customerIds": [{"id": "str", "integrationCode": "str"}]},
    "property": {"token": "str"},
    "context": {},
    "experienceCloud": {"analytics": {"supplementalDataId": "str"}, "audienceManager": {}},
    "execute": _MBOXES,
    "prefetch": _MBOXES,
    "notifications": [{"id": "str", "impressionId": "str"}],
    "telemetry": {"entries": [{}]},
}
"""What completing a request takes for granted."""
_KINDS: dict[str, tuple[Any, str]] = {
    "dict": (dict, "an object"),
    "list": (list, "a list"),
    "str": (str, "a str"),
    "int": (int, "an int"),
}


def require_shape(body: Json) -> None:
    """Refuse a request that completing, sending or reading the answer would trip over.

    A model keeps JSON of another type as it came. Called when something did trip, since hardly any request does; and
    for what comes from a store, before it is sent.

    Raises:
        OptionError: naming the place.
    """
    _refuse_misshapen("request", body, _SHAPE)


def _refuse_misshapen(place: str, value: Any, shape: Any) -> None:
    kind, need = _KINDS[_kind_of(shape)]
    if not isinstance(value, kind):
        raise OptionError(f"{place} must be {need}, not {type(value).__name__}.")
    if kind is dict:
        for name in shape.keys() & value.keys():
            _refuse_misshapen(f"{place}.{name}", value[name], shape[name])
    elif kind is list:
        for position, item in enumerate(value):
            _refuse_misshapen(f"{place}[{position}]", item, shape[0])


def _kind_of(shape: object) -> str:
    return shape if isinstance(shape, str) else type(shape).__name__


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
    if customer_ids or "customerIds" in id_:
        customers: dict[tuple[object, object], Json] = {}
        for customer in (*(one.to_dict() for one in customer_ids), *id_.get("customerIds", ())):
            customers.setdefault((customer.get("integrationCode"), customer.get("id")), customer)
        if customers:
            id_["customerIds"] = list(customers.values())
        else:
            id_.pop("customerIds", None)
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
    told = notification.get
    event = (visitor, told("id"), told("type"), told("timestamp"), told("tokens"), told("mbox"), told("view"))
    text = repr((*event, told("pageLoad")))
    return blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


def _visitor(id_: Json) -> str | None:
    visitor: str | None = (
        id_.get("tntId", "").partition(".")[0] or id_.get("marketingCloudVisitorId") or id_.get("thirdPartyId")
    )
    return visitor
