"""The options of a client and of its calls: their types, and the one place where they are checked."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, Protocol, Required, TypedDict, TypeGuard, get_args

from attrs import field, frozen

from target_delivery._core.cookies import is_session_id
from target_delivery._core.hosts import MAX_LABEL, cluster_of_hint, is_cdn_base, is_http_url, is_server_domain
from target_delivery.errors import OptionError
from target_delivery.events import EventName
from target_delivery_api import models

if TYPE_CHECKING:
    import httpx

    from target_delivery._core.request import Prepared
    from target_delivery.events import EventHandlers
    from target_delivery.response import AttributesProvider, TargetDeliveryResponse
    from target_delivery_api.models import CustomerId, DecisioningMethod, DeliveryRequest

__all__ = [
    "AsyncClientOptions",
    "AsyncOutbox",
    "AttributesCallbackOptions",
    "AttributesOptions",
    "ClientOptions",
    "DecisioningMethodName",
    "NotificationsCallbackOptions",
    "NotificationsOptions",
    "OffersCallbackOptions",
    "OffersOptions",
    "Outbox",
    "TargetLogger",
]

DecisioningMethodName = Literal["server-side", "on-device", "hybrid"]
DEFAULT_CONSUMER = "target-global-mbox"

MethodName = Literal["get_offers", "get_attributes", "send_notifications"]


class TargetLogger(Protocol):
    """What the option ``logger`` has to offer; a ``logging.Logger`` does."""

    def debug(self, msg: str, /, *args: object) -> object:
        """Log a request or an answer; the only level that shows tokens and visitor ids."""

    def error(self, msg: str, /, *args: object) -> object:
        """Log what went wrong without failing a call."""


class Outbox(Protocol):
    """What the option ``outbox`` of a TargetClient has to offer; a NotificationOutbox does."""

    def send_prepared(self, prepared: Prepared, /) -> None:
        """Store a prepared request, to be sent in the background."""
        ...


class AsyncOutbox(Protocol):
    """What the option ``outbox`` of an AsyncTargetClient has to offer; an AsyncNotificationOutbox does."""

    async def send_prepared(self, prepared: Prepared, /) -> None:
        """Store a prepared request, to be sent in the background."""
        ...


class _CommonClientOptions(TypedDict, total=False):
    client: Required[str]
    """Client code: 1 to 128 letters, digits, ``-`` and ``_``."""
    organization_id: Required[str]
    """Experience Cloud organization id, such as ``1234567890@AdobeOrg``."""
    timeout: int | None
    """Milliseconds for a whole call, every retry included. Default 3000."""
    retries: int | None
    """How often a call that failed on the way is sent again. Default 2."""
    server_domain: str | None
    """Host with an optional ``:port`` that is called instead of ``{client}.tt.omtrdc.net`` and of any edge cluster."""
    secure: bool | None
    """False: http instead of https. Default True."""
    logger: TargetLogger | None
    """Gets ``debug()`` with every request and answer, and ``error()``. Default: the logger ``adobe.target``."""
    target_location_hint: str | None
    """Edge cluster to start with: 1 to 5 digits."""
    property_token: str | None
    """Property of every call whose request names none."""
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where decisions are made: ``server-side`` (the default), ``on-device``, or ``hybrid``: on the device what can be
    decided there, the rest by the edge. The latter two need the extra ``on-device``."""
    polling_interval: int | None
    """Milliseconds between artifact downloads: 0 (never) or at least 300000, the default. On-device decisioning."""
    maximum_wait_ready: int | None
    """Milliseconds to wait for the first artifact. Default: for ever. On-device decisioning."""
    artifact_location: str | None
    """URL of the artifact, ``rules.json`` or ``rules.bin``. On-device decisioning."""
    artifact_payload: Mapping[str, Any] | None
    """An artifact in hand, used instead of a first download. On-device decisioning."""
    environment_id: int | None
    """``environmentId`` of every request that has none."""
    environment: str | None
    """Environment of the artifact. Default ``production``. On-device decisioning."""
    cdn_environment: str | None
    """Environment of the CDN the artifact comes from. Default ``production``. On-device decisioning."""
    cdn_base_path: str | None
    """Host, or URL with a scheme, that stands in for the CDN of artifacts and geo look-ups. On-device decisioning."""
    telemetry_enabled: bool | None
    """Whether the SDK reports its own timings to the edge. Default True."""
    version: str | None
    """``version`` parameter of every call."""
    events: EventHandlers | None
    """Handlers by the name of the event; each is called with the event."""


class ClientOptions(_CommonClientOptions, total=False):
    """Options of ``TargetClient.create``. ``None`` stands for the default."""

    http_client: httpx.Client | None
    """Your own client: proxies, mTLS, instrumentation, test transports. It is never closed by the SDK."""
    outbox: Outbox | None
    """A NotificationOutbox, made with another client: what decisions on the device report goes through it."""


class AsyncClientOptions(_CommonClientOptions, total=False):
    """Options of ``AsyncTargetClient.create``. ``None`` stands for the default."""

    http_client: httpx.AsyncClient | None
    """Your own client: proxies, mTLS, instrumentation, test transports. It is never closed by the SDK."""
    outbox: AsyncOutbox | None
    """An AsyncNotificationOutbox, made with another client: what decisions on the device report goes through it."""


class _VisitorOptions(TypedDict, total=False):
    target_cookie: str | None
    """Value of the visitor's ``mbox`` cookie."""
    target_location_hint: str | None
    """Value of the visitor's ``mboxEdgeCluster`` cookie."""
    visitor_cookie: str | None
    """Value of the visitor's ``AMCV_{organization_id}`` cookie."""
    consumer_id: str | None
    """Tells calls apart that are stitched into one Analytics hit. Default ``target-global-mbox``."""
    customer_ids: Sequence[CustomerId] | None
    """Customer ids that are added to those of the request."""
    session_id: str | None
    """Links several requests: 1 to 128 printable characters without space, ``?`` and ``/``. The cookie's wins."""


class _RequestOptions(_VisitorOptions, total=False):
    request: Required[DeliveryRequest]
    """What is sent; the SDK completes a copy of it."""


class _OffersOptions(_RequestOptions, total=False):
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where this call's decisions are made."""


class _AttributesOptions(_VisitorOptions, total=False):
    request: DeliveryRequest | None
    """What else is sent; the SDK completes a copy of it."""
    decisioning_method: DecisioningMethodName | DecisioningMethod | None
    """Where this call's decisions are made."""


class _WithoutCallback(TypedDict, total=False):
    # Named here so that options with a callback are no special case of options without one: what the call returns
    # would be unknown.
    callback: None
    err_callback: None


class _WithErrCallback(TypedDict, total=False):
    err_callback: Callable[[BaseException], object] | None
    """Called instead of ``callback`` when the call fails."""


class NotificationsOptions(_RequestOptions, _WithoutCallback, total=False):
    """Options of ``send_notifications``."""


class NotificationsCallbackOptions(_RequestOptions, _WithErrCallback, total=False):
    """Options of ``send_notifications`` that make it return an AsyncResult at once."""

    callback: Required[Callable[[TargetDeliveryResponse], object]]
    """Called with the answer, in a thread of the client."""


class OffersOptions(_OffersOptions, _WithoutCallback, total=False):
    """Options of ``get_offers``."""


class OffersCallbackOptions(_OffersOptions, _WithErrCallback, total=False):
    """Options of ``get_offers`` that make it return an AsyncResult at once."""

    callback: Required[Callable[[TargetDeliveryResponse], object]]
    """Called with the answer, in a thread of the client."""


class AttributesOptions(_AttributesOptions, _WithoutCallback, total=False):
    """Options of ``get_attributes``."""


class AttributesCallbackOptions(_AttributesOptions, _WithErrCallback, total=False):
    """Options of ``get_attributes`` that make it return an AsyncResult at once."""

    callback: Required[Callable[[AttributesProvider], object]]
    """Called with the attributes, in a thread of the client."""


@frozen(kw_only=True)
class Config:
    """Client options, checked and with their defaults."""

    client: str
    organization_id: str
    timeout: int = 3000
    retries: int = 2
    server_domain: str | None = None
    secure: bool = True
    logger: TargetLogger = field(factory=lambda: logging.getLogger("adobe.target"))
    target_location_hint: str | None = None
    property_token: str | None = None
    decisioning_method: DecisioningMethodName = "server-side"
    polling_interval: int = 300_000
    maximum_wait_ready: int | None = None
    artifact_location: str | None = None
    artifact_payload: Mapping[str, Any] | None = None
    environment_id: int | None = None
    environment: str = "production"
    cdn_environment: str = "production"
    cdn_base_path: str | None = None
    telemetry_enabled: bool = True
    version: str | None = None
    events: Mapping[str, Callable[[Any], object]] = field(factory=dict[str, Any])


class CallOptions(NamedTuple):
    """Options of one call, checked. A tuple, since every call makes one."""

    target_cookie: str | None = None
    target_location_hint: str | None = None
    visitor_cookie: str | None = None
    consumer_id: str = DEFAULT_CONSUMER
    customer_ids: Sequence[CustomerId] = ()
    session_id: str | None = None
    decisioning_method: DecisioningMethodName | None = None
    request: DeliveryRequest | None = None
    callback: Callable[[Any], object] | None = None
    err_callback: Callable[[BaseException], object] | None = None


_Check = Callable[[str, Any], Any]
"""Takes the name and the value of an option; raises OptionError or returns the value."""


def _refuse(name: str, value: object, need: str) -> NoReturn:
    shown = repr(value) if isinstance(value, (bool, int, float)) else f"a value of type {type(value).__name__}"
    raise OptionError(f"Option {name!r} must be {need}, not {shown}.")


def _text(name: str, value: object) -> object:
    if not isinstance(value, str):
        _refuse(name, value, "a str")
    return value


def _non_empty(name: str, value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        _refuse(name, value, "a str that is not blank")
    return value


def _flag(name: str, value: object) -> object:
    if not isinstance(value, bool):
        _refuse(name, value, "True or False")
    return value


def _integer(need: str, accepts: Callable[[int], bool]) -> _Check:
    def check(name: str, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool) or not accepts(value):
            _refuse(name, value, need)
        return value

    return check


def _matching(need: str, accepts: Callable[[str], object]) -> _Check:
    def check(name: str, value: object) -> object:
        if not isinstance(value, str):
            _refuse(name, value, f"a str: {need}")
        if not accepts(value):
            raise OptionError(f"Option {name!r} must be {need}, not {value[:200]!r}.")
        return value

    return check


def _secret_matching(need: str, accepts: Callable[[str], bool]) -> _Check:
    """As _matching, for values that may not appear in an error."""

    def check(name: str, value: object) -> object:
        if not isinstance(value, str) or not accepts(value):
            raise OptionError(f"Option {name!r} must be a str: {need}.")
        return value

    return check


def _one_of(*values: str) -> _Check:
    check = _matching(f"one of {', '.join(map(repr, values))}", values.__contains__)
    return lambda name, value: str(check(name, value))


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    # A dict is one of them, and known as such at once; of an abstract class that has to be asked for.
    return isinstance(value, (dict, Mapping))


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _mapping(name: str, value: object) -> Mapping[Any, Any]:
    if not _is_mapping(value):
        _refuse(name, value, "a mapping")
    return value


def _logger(name: str, value: object) -> object:
    if not (callable(getattr(value, "debug", None)) and callable(getattr(value, "error", None))):
        _refuse(name, value, "a logger with debug() and error()")
    return value


def _callable(name: str, value: object) -> object:
    if not callable(value):
        _refuse(name, value, "callable")
    return value


def _request(name: str, value: object) -> object:
    # By name: the models are not imported before they are used, and this is used by every call.
    if not isinstance(value, models.DeliveryRequest):
        _refuse(name, value, "a DeliveryRequest (DeliveryRequest.from_dict() makes one of a dict)")
    return value


def _events(name: str, value: object) -> object:
    handlers = _mapping(name, value)
    for event, handler in handlers.items():
        if event not in get_args(EventName):
            raise OptionError(f"Option {name!r}: unknown event {event!r}.{_closest(event, get_args(EventName))}")
        if not callable(handler):
            _refuse(f"{name}[{event!r}]", handler, "callable")
    return dict(handlers)


def _customer_ids(name: str, value: object) -> object:
    from target_delivery_api.models import CustomerId

    if not _is_list(value):
        _refuse(name, value, "a list of CustomerId")
    for position, item in enumerate(value):
        if not isinstance(item, CustomerId):
            _refuse(f"{name}[{position}]", item, "a CustomerId")
    return tuple(value)


_CLIENT_CODE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_COUNT = _integer("an int of at least 0", lambda value: value >= 0)
_DAY = 86_400_000
_MILLISECONDS = _integer("an int of milliseconds greater than 0, at most a day", lambda value: 0 < value <= _DAY)
_METHOD = _one_of(*get_args(DecisioningMethodName))

_CLIENT_CHECKS: dict[str, _Check] = {
    "client": _matching("1 to 128 letters, digits, '-' and '_'", _CLIENT_CODE.fullmatch),
    "organization_id": _non_empty,
    "timeout": _MILLISECONDS,
    "retries": _COUNT,
    "server_domain": _matching("a host with an optional ':port', without scheme, user or path", is_server_domain),
    "secure": _flag,
    "logger": _logger,
    "target_location_hint": _matching("an edge cluster, 1 to 5 digits", cluster_of_hint),
    "property_token": _non_empty,
    "decisioning_method": _METHOD,
    "polling_interval": _integer(
        "an int of milliseconds: 0 (never poll) or at least 300000, at most a day",
        lambda value: value == 0 or 300_000 <= value <= _DAY,
    ),
    "maximum_wait_ready": _integer("an int of milliseconds, at most a day", lambda value: 0 <= value <= _DAY),
    "artifact_location": _matching("an http or https URL", is_http_url),
    "artifact_payload": _mapping,
    "environment_id": _integer("an int", lambda _: True),
    "environment": _non_empty,
    "cdn_environment": _non_empty,
    "cdn_base_path": _matching("a host, or an http or https URL", is_cdn_base),
    "telemetry_enabled": _flag,
    "version": _text,
    "events": _events,
}

_VISITOR_CHECKS: dict[str, _Check] = {
    "target_cookie": _text,
    "target_location_hint": _text,
    "visitor_cookie": _text,
    "consumer_id": _text,
    "customer_ids": _customer_ids,
    "session_id": _secret_matching("1 to 128 printable characters without space, '?' and '/'", is_session_id),
}
_CALLBACK_CHECKS: dict[str, _Check] = {"callback": _callable, "err_callback": _callable}
_NOTIFICATIONS_CHECKS = {"request": _request, **_VISITOR_CHECKS, **_CALLBACK_CHECKS}
_OFFERS_CHECKS = {**_NOTIFICATIONS_CHECKS, "decisioning_method": _METHOD}
_CALL_CHECKS: dict[MethodName, dict[str, _Check]] = {
    "get_offers": _OFFERS_CHECKS,
    "get_attributes": _OFFERS_CHECKS,
    "send_notifications": _NOTIFICATIONS_CHECKS,
}


def read_client_options(options: object, http_client_type: type[object]) -> Config:
    """Check the options of a client.

    Args:
        options: what the caller gave.
        http_client_type: what the option ``http_client`` must be an instance of.

    Raises:
        OptionError: naming the option and what it must be.
    """
    if not _is_mapping(options):
        _refuse_options(options, "create()")
    given = dict(options)
    http_client = given.pop("http_client", None)
    if http_client is not None and not isinstance(http_client, http_client_type):
        _refuse("http_client", http_client, f"an httpx.{http_client_type.__name__}")
    outbox = given.pop("outbox", None)
    if outbox is not None and not callable(getattr(outbox, "send_prepared", None)):
        _refuse("outbox", outbox, "an outbox, such as a NotificationOutbox")
    for name in ("client", "organization_id"):
        if given.get(name) is None:
            raise OptionError(f"create() needs the option {name!r}.")
    config = Config(**_checked(given, _CLIENT_CHECKS, "http_client", "outbox"))
    if config.server_domain is None and len(config.client) > MAX_LABEL:
        raise OptionError(
            f"Option 'client' has {len(config.client)} characters, and a host name can hold {MAX_LABEL} of them: "
            "give the option 'server_domain'."
        )
    return config


def require_config(config: object) -> None:
    """Refuse options where checked ones belong.

    Raises:
        OptionError: a client was not made by its method ``create``.
    """
    if not isinstance(config, Config):
        raise OptionError("A client is made of its options by its method create().")


def read_call_options(options: object, method: MethodName, *, callbacks: bool) -> CallOptions:
    """Check the options of a call.

    Args:
        options: what the caller gave.
        method: the method that was called.
        callbacks: whether the options ``callback`` and ``err_callback`` are known.

    Raises:
        OptionError: naming the option and what it must be.
    """
    if not _is_mapping(options):
        _refuse_options(options, f"{method}()")
    if not callbacks and (options.get("callback") is not None or options.get("err_callback") is not None):
        raise OptionError("An AsyncTargetClient has no callbacks: await the call, or make a task of it.")
    call = CallOptions(**_checked(options, _CALL_CHECKS[method]))
    if call.request is None and method != "get_attributes":
        raise OptionError(f"{method}() needs the option 'request', a DeliveryRequest.")
    if call.err_callback is not None and call.callback is None:
        raise OptionError("Option 'err_callback' needs the option 'callback': a call without it raises its errors.")
    return call


def read_mbox_names(names: object) -> tuple[str, ...]:
    """Check the mbox names given to ``get_attributes``.

    Raises:
        OptionError: they are not a list of names, or one is blank.
    """
    if not _is_list(names):
        raise OptionError(f"mbox_names must be a list of mbox names, not {type(names).__name__}.")
    for position, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise OptionError(f"mbox_names[{position}] must be a str that is not blank, not {name!r}.")
    return tuple(names)


def _refuse_options(options: object, where: str) -> NoReturn:
    raise OptionError(f"{where} needs its options as one mapping, not {type(options).__name__}.")


def _checked(given: Mapping[str, Any], checks: Mapping[str, _Check], *also: str) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in given.items():
        check = checks.get(name)
        if check is None:
            raise OptionError(f"Unknown option {name!r}.{_closest(name, [*checks, *also])}")
        if value is not None:
            checked[name] = check(name, value)
    return checked


def _closest(name: object, known: Sequence[str]) -> str:
    matches = difflib.get_close_matches(str(name), known, n=1, cutoff=0)
    return f" Did you mean {matches[0]!r}?" if matches else ""
