"""Faults that a sandbox produces on demand.

The most important property of a fault is whether it hits before or after the edge has processed the request. A
processed request is counted even if its answer never arrives; if it is sent again, its impressionId prevents a second
count. The field `processed` of a fault chooses between the two.
"""

import random
import re
from collections.abc import Callable
from threading import RLock
from types import TracebackType
from typing import Any, Self, get_args

from attrs import Factory, define, field, fields_dict, frozen

from target_delivery.sandbox.requests import ReceivedRequest


@frozen
class Latency:
    """The answer takes ``ms`` milliseconds longer. Can hit together with other faults.

    With processed=False the wait comes before the request is processed, with processed=True after that. In both cases
    the request of a client that gives up meanwhile is counted, because the edge does not notice.
    """

    ms: float
    processed: bool = field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _require(self.ms >= 0, f"a latency of {self.ms} ms is negative")


@frozen
class RefusedConnection:
    """The edge cannot be reached. Nothing is processed.

    Without a limit (times=None, probability=1, no match) the port is closed until the fault is removed: the operating
    system refuses connections, and idle connections are closed. With a limit the edge must read the request before it
    knows whether the fault hits: it then resets the connection before the first byte of an answer.
    """


@frozen
class Reset:
    """The connection is reset (TCP RST) in the middle of the answer.

    ``after_bytes`` bytes of the body are sent first, by default half of it; with 0 not even the status line is sent. If
    the answer is larger than the socket buffers, fewer bytes can arrive. With processed=False nothing is sent.
    """

    after_bytes: int | None = None
    processed: bool = field(default=True, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _require((self.after_bytes or 0) >= 0, f"after_bytes {self.after_bytes} is negative")


@frozen
class TruncatedBody:
    """The connection is closed in the middle of the body, before its Content-Length. The request is processed.

    ``after_bytes`` bytes of the body are sent first, by default half of it.
    """

    after_bytes: int | None = None

    def __attrs_post_init__(self) -> None:
        _require((self.after_bytes or 0) >= 0, f"after_bytes {self.after_bytes} is negative")


@frozen
class Status:
    """The answer is an UnexpectedError with an error status, for example 429 or 503.

    ``retry_after``, in seconds, becomes a Retry-After header.
    """

    code: int
    retry_after: int | None = None
    processed: bool = field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _require(400 <= self.code <= 599, f"status {self.code} is not an error; give one from 400 to 599")
        _require((self.retry_after or 0) >= 0, f"retry_after {self.retry_after} s is negative")


@frozen
class NotJson:
    """The answer is a page of HTML instead of JSON, as from a proxy or a captive portal."""

    content: str = "<html><body><h1>Something else answered</h1></body></html>"
    status: int = 200
    processed: bool = field(default=False, kw_only=True)


@frozen
class OmitNotifications:
    """The answer leaves out ids of notifications. Can hit together with other faults.

    ``ids`` are the ids to leave out; None stands for all. With processed=False the notifications are not counted, and a
    client should send them again. With processed=True they are counted.
    """

    ids: frozenset[str] | None = None
    processed: bool = field(default=False, kw_only=True)

    def covers(self, notification_id: str) -> bool:
        """Whether the answer leaves out this id."""
        return self.ids is None or notification_id in self.ids


Fault = Latency | RefusedConnection | Reset | TruncatedBody | Status | NotJson | OmitNotifications


class ArmedFault:
    """A fault that was added to a sandbox. A with statement removes it at the end."""

    def __init__(
        self,
        faults: "Faults",
        fault: Fault,
        times: int | None,
        probability: float,
        match: Callable[[ReceivedRequest], bool] | None,
    ) -> None:
        self.fault = fault
        self.struck: int = 0
        """Number of requests that it has hit."""
        self._faults = faults
        self._times = times
        self._probability = probability
        self._match = match

    @property
    def closes_port(self) -> bool:
        """Whether the fault refuses every connection, so that the port must be closed."""
        unlimited = self._times is None and self._probability == 1 and self._match is None
        return unlimited and isinstance(self.fault, RefusedConnection)

    def remove(self) -> None:
        """Remove the fault. Does nothing if it was removed before."""
        self._faults.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def strikes(self, request: ReceivedRequest, draw: Callable[[], float]) -> bool:
        """Return whether the fault hits a request, and count the hit.

        Args:
            request: the request.
            draw: returns a random number from 0 to 1; called only if the fault has a probability below 1.
        """
        if self._times is not None and self.struck >= self._times:
            return False
        if not (request.is_delivery if self._match is None else self._match(request)):
            return False
        if self._probability < 1 and draw() >= self._probability:
            return False
        self.struck += 1
        return True


@define
class Strike:
    """The faults that hit one request."""

    ms_before: float = 0
    ms_after: float = 0
    omitted: list[OmitNotifications] = Factory(list[OmitNotifications])
    ending: RefusedConnection | Reset | TruncatedBody | Status | NotJson | None = None
    """The fault that replaces the answer; None if no such fault hits."""

    @property
    def names(self) -> list[str]:
        """The names of the faults, for people."""
        delayed = [Latency.__name__] if self.ms_before or self.ms_after else []
        ended = [type(self.ending).__name__] if self.ending else []
        return delayed + [OmitNotifications.__name__ for _ in self.omitted[:1]] + ended


class Faults:
    """The faults of a sandbox. Safe to use from any thread.

    They are tried on each request in the order in which they were added. Every Latency and OmitNotifications that hits
    takes effect. Of the other faults only the first that hits does; the rest are kept for later requests.
    """

    def __init__(self, seed: int, on_change: Callable[[], None]) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._on_change = on_change
        self._lock = RLock()
        self._armed: list[ArmedFault] = []

    def add(
        self,
        fault: Fault,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        match: Callable[[ReceivedRequest], bool] | None = None,
    ) -> ArmedFault:
        """Add a fault.

        Args:
            fault: the fault.
            times: number of requests that it hits; None hits every request until the fault is removed.
            probability: fraction of the possible requests that it hits, 0 to 1. The same ``fault_seed`` of the sandbox
                gives the same sequence of hits.
            match: returns whether the fault can hit a request. It is called in the sandbox's thread with each request,
                artifact downloads (``GET .../rules.json``) and geo look-ups (``GET /v1/geo``) included. None: the fault
                can hit calls of the Delivery API only (``request.is_delivery``).

        Raises:
            TypeError: fault is not a fault.
            ValueError: times is not positive, or probability is not between 0 and 1.
        """
        if type(fault) not in get_args(Fault):
            raise TypeError(f"{fault!r} is not a fault; a fault is for example Status(503)")
        _require(times is None or times > 0, f"times {times} is not positive; None means without limit")
        _require(0 <= probability <= 1, f"probability {probability} is not between 0 and 1")
        armed = ArmedFault(self, fault, times, probability, match)
        with self._lock:
            self._armed.append(armed)
        self._on_change()
        return armed

    def remove(self, armed: ArmedFault) -> None:
        """Remove one fault. Does nothing if it was removed before."""
        with self._lock:
            self._armed = [other for other in self._armed if other is not armed]
        self._on_change()

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._armed = []
        self._on_change()

    @property
    def port_closed(self) -> bool:
        """Whether a fault requires that the port is closed."""
        with self._lock:
            return any(armed.closes_port for armed in self._armed)

    def strike(self, request: ReceivedRequest) -> Strike:
        """Return the faults that hit a request, and count the hits."""
        strike = Strike()
        with self._lock:
            for armed in list(self._armed):  # a copy, because a match function may add faults
                adds = isinstance(armed.fault, Latency | OmitNotifications)
                if (adds or strike.ending is None) and armed.strikes(request, self._random.random):
                    _apply(armed.fault, strike)
        return strike


def _apply(fault: Fault, strike: Strike) -> None:
    match fault:
        case Latency(ms, processed=True):
            strike.ms_after += ms
        case Latency(ms):
            strike.ms_before += ms
        case OmitNotifications():
            strike.omitted.append(fault)
        case _:
            strike.ending = fault


_BY_NAME: dict[str, tuple[type[Fault], str | None]] = {
    "latency": (Latency, "ms"),
    "refuse": (RefusedConnection, None),
    "reset": (Reset, "after_bytes"),
    "truncate": (TruncatedBody, "after_bytes"),
    "status": (Status, "code"),
    "not-json": (NotJson, None),
    "omit-notifications": (OmitNotifications, None),
}
"""Faults by their name on the command line, with the field that VALUE in NAME=VALUE sets."""

_SYNTAX = re.compile(
    r"(?P<name>[a-z-]+)(=(?P<value>\d+))?(?P<options>(,[a-z-]+(=\d+)?)*)"
    r"(@(?P<probability>\d*\.?\d+))?(x(?P<times>\d+))?"
)


def add_fault(faults: Faults, text: str) -> ArmedFault:
    """Add a fault given as text: ``NAME[=VALUE][,OPTION...][@PROBABILITY][xTIMES]``.

    Raises:
        ValueError: the text does not describe a fault.
    """
    parsed = _SYNTAX.fullmatch(text)
    if parsed is None or parsed["name"] not in _BY_NAME:
        raise ValueError(
            f"{text!r} is not a fault; write NAME[=VALUE][,OPTION...][@PROBABILITY][xTIMES] "
            f"with a NAME of {', '.join(_BY_NAME)}"
        )
    kind, value_field = _BY_NAME[parsed["name"]]
    arguments: dict[str, Any] = {}
    if parsed["value"] is not None:
        _require(value_field is not None, f"{text!r}: {parsed['name']} takes no value")
        arguments[value_field or ""] = int(parsed["value"])
    elif parsed["name"] in ("latency", "status"):
        raise ValueError(f"{text!r}: {parsed['name']} needs a value, as in {parsed['name']}=500")
    for option in filter(None, parsed["options"].split(",")):
        arguments |= _option(text, kind, option)
    times = int(parsed["times"]) if parsed["times"] else None
    return faults.add(kind(**arguments), times=times, probability=float(parsed["probability"] or 1))


def _option(text: str, kind: type[Fault], option: str) -> dict[str, object]:
    name, _, value = option.partition("=")
    arguments: dict[str, object]
    match name:
        case "processed" | "unprocessed" if not value:
            arguments = {"processed": name == "processed"}
        case "retry-after" if value:
            arguments = {"retry_after": int(value)}
        case _:
            raise ValueError(
                f"{text!r}: unknown option {option!r}; known are processed, unprocessed, retry-after=SECONDS"
            )
    _require(arguments.keys() <= fields_dict(kind).keys(), f"{text!r}: {kind.__name__} has no option {name!r}")
    return arguments


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)
