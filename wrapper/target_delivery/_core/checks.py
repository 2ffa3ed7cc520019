"""Checks of single values that callers give. Each takes the name and the value of an option.

A check returns the value, or raises an OptionError that says what the value must be.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from inspect import iscoroutinefunction, signature
from typing import Any, NoReturn, TypeAlias, TypeGuard, get_args

from target_delivery.errors import OptionError
from target_delivery.events import EventName
from target_delivery_api import models

__all__ = [
    "Check",
    "a_callable",
    "a_flag",
    "a_logger",
    "a_mapping",
    "a_request",
    "a_text",
    "an_integer",
    "closest",
    "customer_ids",
    "events",
    "is_list",
    "is_mapping",
    "matching",
    "non_blank",
    "one_of",
    "refuse",
    "secret_matching",
    "unless_blank",
]

Check: TypeAlias = Callable[[str, Any], Any]


def refuse(name: str, value: object, need: str) -> NoReturn:
    """Raise the OptionError for a value of the wrong type or range.

    Only numbers and flags are shown: a text could be a secret.
    """
    shown = repr(value) if isinstance(value, (bool, int, float)) else f"a value of type {type(value).__name__}"
    raise OptionError(f"Option {name!r} must be {need}, not {shown}.")


def a_text(name: str, value: object) -> object:
    """Accept any str."""
    if not isinstance(value, str):
        refuse(name, value, "a str")
    return value


def non_blank(name: str, value: object) -> object:
    """Accept a str with at least one character that is not white space."""
    if not isinstance(value, str) or not value.strip():
        refuse(name, value, "a str that is not blank")
    return value


LONGEST_WAIT = 1e9
"""Seconds. A longer wait counts as a wait without limit."""


def unless_blank(check: Check) -> Check:
    """Return a check that takes a blank str as absent: it returns None for one."""
    return lambda name, value: None if isinstance(value, str) and not value.strip() else check(name, value)


def a_flag(name: str, value: object) -> object:
    """Accept True and False, and not what merely counts as true or false."""
    if not isinstance(value, bool):
        refuse(name, value, "True or False")
    return value


def an_integer(need: str, accepts: Callable[[int], bool]) -> Check:
    """Return a check for an int that ``accepts`` accepts; ``need`` describes it in the error."""

    def check(name: str, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool) or not accepts(value):
            refuse(name, value, need)
        return value

    return check


def matching(need: str, accepts: Callable[[str], object]) -> Check:
    """Return a check for a str that ``accepts`` accepts; the error shows the first 200 characters of another."""

    def check(name: str, value: object) -> object:
        if not isinstance(value, str):
            refuse(name, value, f"a str: {need}")
        if not accepts(value):
            raise OptionError(f"Option {name!r} must be {need}, not {value[:200]!r}.")
        return value

    return check


def secret_matching(need: str, accepts: Callable[[str], bool]) -> Check:
    """Return a check like that of ``matching``, whose error does not show the value."""

    def check(name: str, value: object) -> object:
        if not isinstance(value, str) or not accepts(value):
            raise OptionError(f"Option {name!r} must be a str: {need}.")
        return value

    return check


def one_of(*values: str) -> Check:
    """Return a check for one of the values, given as a str or as a member of a str enum; it returns a plain str."""
    check = matching(f"one of {', '.join(map(repr, values))}", values.__contains__)
    return lambda name, value: str(check(name, value))


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Return whether the value is a mapping."""
    # A dict is recognised at once; the check against the abstract class is slow.
    return isinstance(value, (dict, Mapping))


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Return whether the value is a sequence of items, and not a str."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def a_mapping(name: str, value: object) -> Mapping[Any, Any]:
    """Accept any mapping."""
    if not is_mapping(value):
        refuse(name, value, "a mapping")
    return value


def a_logger(name: str, value: object) -> object:
    """Accept an object with the methods of TargetLogger, which take a message and any number of arguments for it."""
    for method in ("debug", "error"):
        if not callable(function := getattr(value, method, None)):
            refuse(name, value, "a logger with debug() and error()")
        try:
            parameters = signature(function)
        except ValueError:  # a function without a signature, such as some functions written in C
            continue
        try:
            parameters.bind("a %s, and %s %s", 1, 2, 3)
        except TypeError as error:
            raise OptionError(
                f"Option {name!r}: {method}() of {type(value).__name__} must take a message and any number of "
                f"arguments for it, as that of logging.Logger does: {error}."
            ) from error
    return value


def a_callable(name: str, value: object) -> object:
    """Accept a callable that is no coroutine function, because the SDK does not await its result."""
    if not callable(value):
        refuse(name, value, "callable")
    if iscoroutinefunction(value) or iscoroutinefunction(getattr(value, "__call__", None)):  # noqa: B004 - not a check for callable
        raise OptionError(
            f"Option {name!r} must be an ordinary function, not a coroutine function, because nothing awaits it. It "
            "may start a task with asyncio.create_task()."
        )
    return value


def a_request(name: str, value: object) -> object:
    """Accept a DeliveryRequest."""
    # models.DeliveryRequest, because importing the name at the top would load the models with this module.
    if not isinstance(value, models.DeliveryRequest):
        refuse(name, value, "a DeliveryRequest (DeliveryRequest.from_dict() makes one of a dict)")
    return value


def events(name: str, value: object) -> object:
    """Accept a mapping from names of events to callables; return it as a dict of callables that take the event."""
    handlers = a_mapping(name, value)
    for event, handler in handlers.items():
        if event not in get_args(EventName):
            raise OptionError(f"Option {name!r}: unknown event {event!r}.{closest(event, get_args(EventName))}")
        a_callable(f"{name}[{event!r}]", handler)
    return {event: _with_event(handler) for event, handler in handlers.items()}


def _with_event(handler: Callable[..., object]) -> Callable[..., object]:
    """Return a handler that takes the event, for a handler that may take no argument."""
    # signature() is called here once, because in Python 3.11 it can fail in threads for a builtin function.
    try:
        parameters = signature(handler)
    except (TypeError, ValueError):  # a callable without a signature, such as some functions written in C
        return handler

    def without_event(_: object) -> object:
        return handler()

    with suppress(TypeError):
        parameters.bind(None)
        return handler
    with suppress(TypeError):
        parameters.bind()
        return without_event
    return handler


def seconds(name: str, value: object) -> float | None:
    """Accept None, and a number of seconds of at least 0; return infinity as None.

    Raises:
        OptionError: the value is something else.
    """
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0:
        raise OptionError(f"{name} must be a number of seconds of at least 0, or None, not {value!r}.")
    # A lock cannot wait longer than about 292 years.
    return float(value) if value < LONGEST_WAIT else None


def customer_ids(name: str, value: object) -> object:
    """Accept a sequence of CustomerId; return it as a tuple."""
    if not is_list(value):
        refuse(name, value, "a list of CustomerId")
    for position, item in enumerate(value):
        if not isinstance(item, models.CustomerId):
            refuse(f"{name}[{position}]", item, "a CustomerId")
    return tuple(value)


def closest(name: object, known: Sequence[str]) -> str:
    """Return the sentence that suggests the known name that is probably meant; empty when none is close."""
    matches = difflib.get_close_matches(str(name)[:100].lower(), known, n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""
