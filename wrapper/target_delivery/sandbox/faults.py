"""Faults that a sandbox shows on request.

What matters most about a fault is whether it strikes before or after the edge has processed the request. A request
that was processed is counted even when its answer never arrives; when it is sent again, its impressionId keeps it
from being counted twice. `processed` on a fault says which of the two it is.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from threading import RLock
from types import TracebackType
from typing import Any, Self, get_args

from target_delivery.sandbox.requests import ReceivedRequest


@dataclass(frozen=True, slots=True)
class Latency:
    """The answer takes longer. Adds to other faults.

    With processed=False the wait is before the request is processed, with processed=True after it. A client that
    gives up meanwhile has been counted, or will be: the edge does not notice.
    """

    ms: float
    processed: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        _require(self.ms >= 0, f"a latency of {self.ms} ms is negative")


@dataclass(frozen=True, slots=True)
class RefusedConnection:
    """Nobody listens; nothing is processed.

    Added without a limit (times=None, probability=1, no match), the port is really closed until the fault is
    removed: the operating system refuses connections, and idle ones are closed. Otherwise the edge cannot know
    which connection to refuse before it has a request: it then resets the connection when the request is there,
    before the first byte of an answer.
    """


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset (TCP RST) in the middle of the answer.

    after_bytes counts bytes of the body, by default half of it; with 0 not even the status line is sent. Of an answer
    larger than the socket buffers less can arrive. With processed=False there is no answer yet, so nothing is sent.
    """

    after_bytes: int | None = None
    processed: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        _require((self.after_bytes or 0) >= 0, f"after_bytes {self.after_bytes} is negative")


@dataclass(frozen=True, slots=True)
class TruncatedBody:
    """The connection is closed in the middle of the body, short of its Content-Length; the request is processed.

    after_bytes counts bytes of the body, by default half of it.
    """

    after_bytes: int | None = None

    def __post_init__(self) -> None:
        _require((self.after_bytes or 0) >= 0, f"after_bytes {self.after_bytes} is negative")


@dataclass(frozen=True, slots=True)
class Status:
    """An error status with the API's UnexpectedError, for example 429 or 503.

    retry_after, in seconds, becomes a Retry-After header.
    """

    code: int
    retry_after: int | None = None
    processed: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        _require(400 <= self.code <= 599, f"status {self.code} is no error; give one of 400 to 599")
        _require((self.retry_after or 0) >= 0, f"retry_after {self.retry_after} s is negative")


@dataclass(frozen=True, slots=True)
class NotJson:
    """A page in place of JSON, as proxies and captive portals send it."""

    content: str = "<html><body><h1>Something else answered</h1></body></html>"
    status: int = 200
    processed: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class OmitNotifications:
    """Notifications are left out of the answer. Adds to other faults.

    ids names those that are; None is all. With processed=False they are not counted, and a client should send them
    again; with processed=True they were counted and only the answer hides it.
    """

    ids: frozenset[str] | None = None
    processed: bool = field(default=False, kw_only=True)

    def covers(self, notification_id: str) -> bool:
        """Whether a notification is left out."""
        return self.ids is None or notification_id in self.ids


Fault = Latency | RefusedConnection | Reset | TruncatedBody | Status | NotJson | OmitNotifications


class ArmedFault:
    """A fault in wait. Used as a context manager, it is removed at the end."""

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
        """How many requests it has struck."""
        self._faults = faults
        self._times = times
        self._probability = probability
        self._match = match

    @property
    def closes_port(self) -> bool:
        """Whether it refuses every connection, which only a closed port does."""
        unlimited = self._times is None and self._probability == 1 and self._match is None
        return unlimited and isinstance(self.fault, RefusedConnection)

    def remove(self) -> None:
        """Take the fault away. Does nothing when it is gone."""
        self._faults.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def strikes(self, request: ReceivedRequest, draw: Callable[[], float]) -> bool:
        """Decide whether it strikes a request, and take note if so."""
        if self._times is not None and self.struck >= self._times:
            return False
        if not (request.is_delivery if self._match is None else self._match(request)):
            return False
        if self._probability < 1 and draw() >= self._probability:
            return False
        self.struck += 1
        return True


@dataclass(slots=True)
class Strike:
    """What strikes one request."""

    ms_before: float = 0
    ms_after: float = 0
    omitted: list[OmitNotifications] = field(default_factory=list[OmitNotifications])
    ending: RefusedConnection | Reset | TruncatedBody | Status | NotJson | None = None
    """The fault that takes the place of the answer."""

    @property
    def names(self) -> list[str]:
        """The faults' names, for people."""
        delayed = [Latency.__name__] if self.ms_before or self.ms_after else []
        ended = [type(self.ending).__name__] if self.ending else []
        return delayed + [OmitNotifications.__name__ for _ in self.omitted[:1]] + ended


class Faults:
    """The faults in wait for requests. Safe to use from any thread.

    Each request meets them in the order they were added. Latency and OmitNotifications add to whatever else
    happens; of the others the first that strikes decides, and the rest are kept for later requests.
    """

    def __init__(self, seed: int, on_change: Callable[[], None]) -> None:
        self._random = random.Random(seed)  # noqa: S311  # repeatable on purpose, guards nothing
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
        """Arm a fault.

        Args:
            fault: what shall happen.
            times: how many requests it strikes; None: every one until it is removed.
            probability: chance to strike a request that it could strike, 0 to 1. The sequence of hits is the same
                for the same seed of the sandbox.
            match: called with each request, also those for an artifact (``GET .../rules.json``) and for a geo look-up
                (``GET /v1/geo``); says whether the fault can strike it. Runs on the sandbox's thread. None: the fault
                strikes requests to the Delivery API (``request.is_delivery``).

        Raises:
            TypeError: fault is none.
            ValueError: times is not positive or probability not in 0 to 1.
        """
        if type(fault) not in get_args(Fault):
            raise TypeError(f"{fault!r} is no fault, such as Status(503)")
        _require(times is None or times > 0, f"times {times} is not positive; None is without limit")
        _require(0 <= probability <= 1, f"probability {probability} is not in 0 to 1")
        armed = ArmedFault(self, fault, times, probability, match)
        with self._lock:
            self._armed.append(armed)
        self._on_change()
        return armed

    def remove(self, armed: ArmedFault) -> None:
        """Take one fault away. Does nothing when it is gone."""
        with self._lock:
            self._armed = [other for other in self._armed if other is not armed]
        self._on_change()

    def clear(self) -> None:
        """Take all faults away."""
        with self._lock:
            self._armed = []
        self._on_change()

    @property
    def port_closed(self) -> bool:
        """Whether a fault keeps the port closed."""
        with self._lock:
            return any(armed.closes_port for armed in self._armed)

    def strike(self, request: ReceivedRequest) -> Strike:
        """Return what strikes a request, and use it up."""
        strike = Strike()
        with self._lock:
            for armed in list(self._armed):  # a match function may add faults
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
"""Faults of the command line, with the field that NAME=VALUE sets."""

_SYNTAX = re.compile(
    r"(?P<name>[a-z-]+)(=(?P<value>\d+))?(?P<options>(,[a-z-]+(=\d+)?)*)"
    r"(@(?P<probability>\d*\.?\d+))?(x(?P<times>\d+))?"
)


def add_fault(faults: Faults, text: str) -> ArmedFault:
    """Arm a fault written as on the command line: ``NAME[=VALUE][,OPTION...][@PROBABILITY][xTIMES]``.

    Raises:
        ValueError: the text is no fault.
    """
    parsed = _SYNTAX.fullmatch(text)
    if parsed is None or parsed["name"] not in _BY_NAME:
        raise ValueError(
            f"{text!r} is no fault; write NAME[=VALUE][,OPTION...][@PROBABILITY][xTIMES] "
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
            raise ValueError(f"{text!r}: unknown option {option!r}; there are processed, unprocessed, retry-after=S")
    allowed = {field.name for field in fields(kind)}
    _require(arguments.keys() <= allowed, f"{text!r}: {kind.__name__} has no option {name!r}")
    return arguments


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)
