"""Checks of everything that callers give: the options of clients and of calls, and mbox names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from attrs import define, field, fields

from target_delivery._core import checks
from target_delivery._core.config import CHECK, DECISIONING_METHOD, RETRIES, TIMEOUT, Config
from target_delivery._core.cookies import is_session_id
from target_delivery._core.hosts import MAX_LABEL
from target_delivery.errors import OptionError
from target_delivery_api.clients import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_delivery._core.checks import Check
    from target_delivery.options import DecisioningMethodName
    from target_delivery_api.models import CustomerId, DeliveryRequest

__all__ = [
    "DEFAULT_CONSUMER",
    "CallOptions",
    "MethodName",
    "read_call_options",
    "read_client_options",
    "read_mbox_names",
    "require_config",
]

MethodName = Literal["get_offers", "get_attributes", "send_notifications"]
DEFAULT_CONSUMER = "target-global-mbox"


@define(kw_only=True)
class CallOptions:
    """The options of one call, checked and with their defaults.

    Not frozen, like the other records that every call makes: a frozen one takes three times as long to make.
    """

    request: DeliveryRequest | None = field(default=None, metadata={CHECK: checks.a_request})
    cookies: Mapping[str, str] | None = field(default=None, metadata={CHECK: checks.a_mapping})
    target_cookie: str | None = field(default=None, metadata={CHECK: checks.a_text})
    target_location_hint: str | None = field(default=None, metadata={CHECK: checks.a_text})
    visitor_cookie: str | None = field(default=None, metadata={CHECK: checks.a_text})
    consumer_id: str = field(default=DEFAULT_CONSUMER, metadata={CHECK: checks.unless_blank(checks.a_text)})
    customer_ids: Sequence[CustomerId] = field(default=(), metadata={CHECK: checks.customer_ids})
    session_id: str | None = field(
        default=None,
        metadata={
            CHECK: checks.unless_blank(
                checks.secret_matching("1 to 128 printable characters without space, '?' and '/'", is_session_id)
            )
        },
    )
    callback: Callable[[Any], object] | None = field(default=None, metadata={CHECK: checks.a_callable})
    err_callback: Callable[[BaseException], object] | None = field(default=None, metadata={CHECK: checks.a_callable})
    decisioning_method: DecisioningMethodName | None = field(default=None, metadata={CHECK: DECISIONING_METHOD})
    timeout: int | None = field(default=None, metadata={CHECK: TIMEOUT})
    retries: int | None = field(default=None, metadata={CHECK: RETRIES})


_CLIENT_CHECKS: dict[str, Check] = {one.name: one.metadata[CHECK] for one in fields(Config)}
_OFFERS_CHECKS: dict[str, Check] = {one.name: one.metadata[CHECK] for one in fields(CallOptions)}
_CALL_CHECKS: dict[MethodName, dict[str, Check]] = {
    "get_offers": _OFFERS_CHECKS,
    "get_attributes": _OFFERS_CHECKS,
    # Notifications always go to the edge.
    "send_notifications": {name: check for name, check in _OFFERS_CHECKS.items() if name != "decisioning_method"},
}


def read_client_options(options: object, http_client_type: Literal["Client", "AsyncClient"]) -> Config:
    """Check the options of a client.

    Args:
        options: the value that the caller gave.
        http_client_type: name of the class of httpx or httpx2 that the option ``http_client`` must be an instance of.

    Raises:
        OptionError: an option is missing, unknown or unusable; the message names it and says what it must be.
    """
    if not checks.is_mapping(options):
        _refuse_options(options, "create()")
    given = dict(options)
    http_client = given.pop("http_client", None)
    if http_client is not None and not isinstance(http_client, _http_types(http_client_type)):
        checks.refuse("http_client", http_client, f"an httpx.{http_client_type} or an httpx2.{http_client_type}")
    outbox = given.pop("outbox", None)
    if outbox is not None and not callable(getattr(outbox, "send_prepared", None)):
        checks.refuse("outbox", outbox, "an outbox, such as a NotificationOutbox")
    for name in ("client", "organization_id"):
        if given.get(name) is None:
            raise OptionError(f"create() needs the option {name!r}.")
    config = Config(**_checked(given, _CLIENT_CHECKS, "http_client", "outbox"))
    if config.server_domain is None and len(config.client) > MAX_LABEL:
        raise OptionError(
            f"Option 'client' has {len(config.client)} characters, but a host name can hold only {MAX_LABEL} of them: "
            "give the option 'server_domain'."
        )
    return config


def _http_types(name: str) -> tuple[type[object], ...]:
    """Return a class of httpx and its twin of httpx2, as far as they are imported."""
    return tuple(getattr(sys.modules[library], name) for library in LIBRARIES if library in sys.modules)


def require_config(config: object) -> None:
    """Check that a client was made by its method ``create``.

    Raises:
        OptionError: the argument is not a Config.
    """
    if not isinstance(config, Config):
        raise OptionError("Make a client with its method create(), which takes the options.")


def read_call_options(options: object, method: MethodName, *, callbacks: bool) -> CallOptions:
    """Check the options of a call.

    Args:
        options: the value that the caller gave.
        method: the method that was called.
        callbacks: whether the options ``callback`` and ``err_callback`` are allowed.

    Raises:
        OptionError: an option is missing, unknown or unusable; the message names it and says what it must be.
    """
    if not checks.is_mapping(options):
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
        OptionError: the argument is not a list of names, or a name is blank.
    """
    if not checks.is_list(names):
        raise OptionError(f"mbox_names must be a list of mbox names, not {type(names).__name__}.")
    for position, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise OptionError(f"mbox_names[{position}] must be a str that is not blank, not {name!r}.")
    return tuple(names)


def _refuse_options(options: object, where: str) -> NoReturn:
    raise OptionError(f"{where} needs its options as one mapping, not {type(options).__name__}.")


def _checked(given: Mapping[str, Any], known: Mapping[str, Check], *also_known: str) -> dict[str, Any]:
    """Check each option that is not None. Leave out an option if its check returns None."""
    checked: dict[str, Any] = {}
    for name, value in given.items():
        check = known.get(name)
        if check is None:
            raise OptionError(f"Unknown option {name!r}.{checks.closest(name, [*known, *also_known])}")
        if value is not None and (value := check(name, value)) is not None:
            checked[name] = value
    return checked
