"""Prepares the request of a call: copies the caller's request, and completes the parts that the caller left out.

The copy is JSON, because it is sent, stored and decided on as JSON. The caller's models are never changed.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

from attrs import evolve

from target_delivery._core import cookies, hosts
from target_delivery._core.addresses import normal_address
from target_delivery._core.clusters import Clusters
from target_delivery._core.prepared import Prepared, is_object
from target_delivery._core.stitching import Stitching
from target_delivery._core.validation import DEFAULT_CONSUMER
from target_delivery.errors import OptionError
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
from target_delivery_api.transport import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.prepared import Json
    from target_delivery._core.validation import CallOptions, MethodName
    from target_delivery_api.models import CustomerId

__all__ = ["RequestPreparer", "require_shape"]

_METRIC_TYPES = ("click", "display")
_CHANNELS = ("web", "mobile")
_PARTS = ("execute", "prefetch")
_PARAMETERS = (("parameters", "parameters"), ("profileParameters", "profile_parameters"))
_NOTHING: Mapping[str, Any] = {}


class RequestPreparer:
    """Prepares the requests of one client.

    Attributes:
        location_hint: the edge cluster for calls that name none: that of the last answer from the edge.
        clusters: the edge clusters that the options or an answer of the edge have named.
    """

    def __init__(self, config: Config, stitching: Stitching, *, clock: Clock, chance: Chance) -> None:
        self.location_hint: str | None = config.target_location_hint
        self.clusters: Clusters = Clusters(config.target_location_hint, fixed=config.server_domain is not None)
        self._config = config
        self._visitor_cookie_names = cookies.visitor_cookie_names(config.organization_id)
        self._stitching = stitching
        self._clock = clock
        self._chance = chance

    def learn(self, cluster: str) -> None:
        """Remember a cluster that an answer of the edge named."""
        self.location_hint = cluster
        self.clusters.learn(cluster)

    def prepare(self, method: MethodName, options: CallOptions, mbox_names: Sequence[str] = ()) -> Prepared:
        """Check the request of a call, and complete the parts that every kind of decision needs.

        Args:
            method: the method that was called.
            options: the options of the call.
            mbox_names: the mboxes that ``get_attributes`` was called with.

        Raises:
            OptionError: the request cannot be sent; the message names the part that is wrong.
        """
        if options.cookies is not None:
            self._read_cookies(options, options.cookies)
        body = _as_json(options.request)
        try:
            return self._completed(body, method, options, mbox_names)
        except (AttributeError, KeyError, TypeError):
            require_shape(body)
            raise

    def _read_cookies(self, options: CallOptions, given: Mapping[str, str]) -> None:
        """Set the options for single cookies from all cookies of a request. A cookie that was given on its own wins."""
        options.target_cookie = _unless_blank(options.target_cookie) or cookies.cookie_of(given, cookies.TARGET_COOKIE)
        options.target_location_hint = _unless_blank(options.target_location_hint) or cookies.cookie_of(
            given, cookies.LOCATION_HINT_COOKIE
        )
        options.visitor_cookie = _unless_blank(options.visitor_cookie) or cookies.cookie_of(
            given, *self._visitor_cookie_names
        )

    def _completed(self, body: Json, method: MethodName, options: CallOptions, mbox_names: Sequence[str]) -> Prepared:
        cookie = cookies.read_target_cookie(options.target_cookie, self._clock.now())
        session_id = cookie.session_id or options.session_id or self._chance.new_id()
        if mbox_names:
            _add_mboxes(body, mbox_names)
        if method == "send_notifications":
            _require_notifications(body)
        _drop_blank(body, _IDS)
        if "requestId" not in body:
            body["requestId"] = self._chance.new_id()
        if self._config.environment_id is not None:
            body.setdefault("environmentId", self._config.environment_id)
        _complete_id(body, cookie.device_id, cookies.read_visitor_cookie(options.visitor_cookie), options.customer_ids)
        self._complete_property(body)
        self._complete_context(body)
        for part in _PARTS:
            if part in body:
                self._complete_part(part, body)
        visitor = body.get("id", _NOTHING)
        if "notifications" in body:
            _complete_notifications(body["notifications"], _visitor(visitor) or session_id)
        cluster = (
            hosts.cluster_of_tnt_id(visitor.get("tntId"))
            or hosts.cluster_of_hint(cookies.read_location_hint_cookie(options.target_location_hint))
            or self.location_hint
        )
        return Prepared(body, session_id, cluster)

    def complete_for_edge(self, prepared: Prepared, options: CallOptions) -> None:
        """Complete the parts that only the edge needs: the impressionId of an execute request, and experienceCloud.

        Raises:
            OptionError: the request cannot be sent; the message names the part that is wrong.
        """
        self._complete_for_edge(prepared, options, self._stitching)

    def as_sent(self, prepared: Prepared, options: CallOptions) -> Json:
        """Return a prepared request as the edge would decode it. No supplementalDataId is remembered.

        Raises:
            OptionError: the request cannot be sent; the message names the part that is wrong.
        """
        try:
            sent: Json = json.loads(encode(prepared.body))
        except (ValueError, RecursionError) as error:
            raise OptionError(f"The request cannot be written as JSON: {error}") from error
        self._complete_for_edge(evolve(prepared, body=sent), options, Stitching(self._chance))
        return sent

    def _complete_for_edge(self, prepared: Prepared, options: CallOptions, stitching: Stitching) -> None:
        try:
            self._completed_for_edge(prepared, options, stitching)
        except (AttributeError, KeyError, TypeError):
            require_shape(prepared.body)
            raise

    def _completed_for_edge(self, prepared: Prepared, options: CallOptions, stitching: Stitching) -> None:
        body = prepared.body
        if "execute" in body and "impressionId" not in body:
            body["impressionId"] = self._chance.new_id()
        experience_cloud = body.setdefault("experienceCloud", {})
        analytics = experience_cloud.setdefault("analytics", {})
        analytics.setdefault("logging", "server_side")
        if "supplementalDataId" in analytics:
            prepared.stitched = True
        else:
            sdid, shared = stitching.supplemental_data_id(prepared.session_id, options.consumer_id)
            analytics["supplementalDataId"] = sdid
            # A caller that sets consumer_id will probably make further calls for the same page.
            prepared.stitched = shared or options.consumer_id != DEFAULT_CONSUMER
        _complete_audience_manager(experience_cloud, cookies.read_visitor_cookie(options.visitor_cookie))

    def _complete_property(self, body: Json) -> None:
        token = self._config.property_token
        given = body["property"].get("token") if "property" in body else None
        if given is None:
            if token is not None:
                body["property"] = {**body.get("property", _NOTHING), "token": token}
            else:
                body.pop("property", None)
        elif token is not None and given != token:
            self._config.logger.debug(
                "The property %s of the request wins over the client's property_token %s.", given, token
            )

    def _complete_context(self, body: Json) -> None:
        context: Json = body.setdefault("context", {})
        if context.get("channel") not in _CHANNELS:
            context["channel"] = "web"
        if "timeOffsetInMinutes" not in context:
            context["timeOffsetInMinutes"] = time.localtime(self._clock.now()).tm_gmtoff // 60
        geo = context.get("geo")
        if is_object(geo) and "ipAddress" in geo:
            address = normal_address(geo["ipAddress"])
            if address is not None:
                geo["ipAddress"] = address
            else:
                self._config.logger.debug("request.context.geo.ip_address is not an IP address and is not sent.")
                del geo["ipAddress"]

    def _complete_part(self, part: str, body: Json) -> None:
        """Drop mboxes without a name; give mboxes without an index their position, or the next free one."""
        asked: Json = body[part]
        if "pageLoad" in asked:
            _require_parameters(asked["pageLoad"], part, "page_load")
        for position, view in enumerate(asked.get("views", ()) if part == "prefetch" else ()):
            _require_parameters(view, part, "views", position)
        named: list[Json] = []
        all_have_index = True
        for position, mbox in enumerate(asked.get("mboxes", ())):
            _require_parameters(mbox, part, "mboxes", position)
            if mbox.get("name", "").strip():
                named.append(mbox)
                all_have_index = all_have_index and "index" in mbox
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
        if all_have_index:
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
    """Raise the OptionError that names the first part that is not a model, which is mostly a plain dict."""
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


_ASKED: Json = {"pageLoad": {}, "mboxes": [{"name": "str", "index": "int"}]}
_SHAPE: Json = {
    "requestId": "str",
    "id": {"tntId": "str", "marketingCloudVisitorId": "str", "customerIds": [{"id": "str", "integrationCode": "str"}]},
    "property": {"token": "str"},
    "context": {},
    "experienceCloud": {"analytics": {"supplementalDataId": "str"}, "audienceManager": {}},
    "execute": _ASKED,
    "prefetch": {**_ASKED, "views": [{}]},
    "notifications": [{"id": "str", "impressionId": "str"}],
    "telemetry": {"entries": [{}]},
}
"""The types that preparing a request relies on."""
_KINDS: dict[str, tuple[Any, str]] = {
    "dict": (dict, "an object"),
    "list": (list, "a list"),
    "str": (str, "a str"),
    "int": (int, "an int"),
}


def require_shape(body: Json) -> None:
    """Check that the parts of a request have the types that the SDK relies on.

    A model accepts JSON of any type and keeps it, so a part can have a wrong one. Checking every request would be
    slow: a request of a caller is checked only after an operation on it failed, a stored one before it is sent.

    Raises:
        OptionError: a part has the wrong type; the message names the part.
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
            if not _is_blank(customer.get("id")):
                customers.setdefault((customer.get("integrationCode"), customer.get("id")), customer)
        if customers:
            id_["customerIds"] = list(customers.values())
        else:
            id_.pop("customerIds", None)
    if not id_:
        del body["id"]


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
        _require_parameters(notification, "notifications", position)
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
    """Derive the impressionId from everything that a notification reports, and from the visitor.

    So the same notification, sent again, is the same impression, and a different notification is a different one. A
    caller may send a notification again, because the answer did not name it or never came. With a random id the edge
    would count that twice.
    """
    try:
        text = _to_json([visitor, _reported(notification)])
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(f"The request cannot be written as JSON: {error}") from error
    return blake2b(text.encode("ascii"), digest_size=16).hexdigest()


_to_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def _reported(notification: Json) -> Json:
    """Return a notification in a form that is equal for all notifications that report the same."""
    reported: Json = _canonical(notification)
    order = reported.get("order")
    if is_object(order) and isinstance(order.get("time"), str):
        order["time"] = _instant(order["time"])
    return reported


def _canonical(value: Any) -> Any:
    """Return JSON in one form: null is absent, and 1.0 is 1."""
    if isinstance(value, str):
        return value
    if is_object(value):
        return {name: _canonical(item) for name, item in value.items() if item is not None}
    if _is_array(value):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _instant(text: str) -> str:
    """Return a time in UTC; a text that is no time with an offset stays as it is."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC).isoformat() if instant.tzinfo is not None else text
    except (ValueError, OverflowError):
        return text


def _visitor(id_: Json) -> str | None:
    visitor: str | None = (
        id_.get("tntId", "").partition(".")[0] or id_.get("marketingCloudVisitorId") or id_.get("thirdPartyId")
    )
    return visitor


def _require_parameters(item: Json, *place: str | int) -> None:
    """Check the parameters of the mbox, view, page load or notification at a place of the request.

    Raises:
        OptionError: a parameter is not a str. The edge would refuse it, and rules on the device would see a value
            that they cannot see through the edge.
    """
    for field, name in _PARAMETERS:
        parameters = item.get(field)
        if parameters is None:
            continue
        if not is_object(parameters):
            raise OptionError(f"{_written(place, name)} must be a mapping of str to str, not {_type(parameters)}.")
        for key, value in parameters.items():
            if not isinstance(key, str):
                raise OptionError(f"{_written(place, name)} must have names of type str, not {key!r}.")
            if not isinstance(value, str):
                raise OptionError(
                    f"{_written(place, name)}[{key!r}] must be a str, not {_type(value)}: parameters are sent as JSON "
                    "strings. Convert the value, or leave the parameter out."
                )


def _written(place: Iterable[str | int], name: str) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return f"request{''.join(steps)}.{name}"


def _type(value: object) -> str:
    return type(value).__name__


def _is_array(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, (list, tuple))


_ID = "id"
_ITEM: Json = {"order": {"id": _ID}, "product": {"id": _ID}}
_ITEMS: Json = {"pageLoad": _ITEM, "mboxes": [_ITEM]}
_SHOWN: Json = {"state": _ID}
_IDS: Json = {
    "requestId": _ID,
    "impressionId": _ID,
    "id": {"tntId": _ID, "thirdPartyId": _ID, "marketingCloudVisitorId": _ID},
    "property": {"token": _ID},
    "preview": {"token": _ID},
    "qaMode": {"token": _ID},
    "experienceCloud": {"analytics": {"supplementalDataId": _ID}, "audienceManager": {"blob": _ID}},
    "execute": _ITEMS,
    "prefetch": {**_ITEMS, "views": [_ITEM]},
    "notifications": [
        {**_ITEM, "impressionId": _ID, "tokens": [_ID], "mbox": _SHOWN, "view": _SHOWN, "pageLoad": _SHOWN},
    ],
}
"""The places of a request with ids and tokens. Blank ids and tokens count as absent."""


def _drop_blank(part: Json, ids: Json) -> None:
    """Remove blank ids and tokens from a part of a request. ``ids`` names the places with ids and tokens."""
    for name in [*part]:
        where = ids.get(name)
        if where is None:
            continue
        value = part[name]
        if where is _ID:
            if _is_blank(value):
                del part[name]
        elif is_object(where):
            if is_object(value):
                _drop_blank(value, where)
        elif _is_array(value):
            (inner,) = where
            if inner is _ID:
                part[name] = [token for token in value if not _is_blank(token)]
            elif all(map(is_object, value)):  # otherwise it is still the caller's object, not a model
                for item in value:
                    _drop_blank(item, inner)


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _unless_blank(value: str | None) -> str | None:
    return None if value is None or not value.strip() else value
