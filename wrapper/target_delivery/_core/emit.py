"""Calling the handlers of the option ``events``."""

from __future__ import annotations

from contextlib import suppress
from inspect import signature
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_delivery._core.config import Config
    from target_delivery.events import Event

__all__ = ["emit"]


def _takes_event(handler: Callable[..., object]) -> bool:
    try:
        parameters = signature(handler)
    except (TypeError, ValueError):  # a callable without a signature, such as some functions written in C
        return True
    with suppress(TypeError):
        parameters.bind(None)
        return True
    with suppress(TypeError):
        parameters.bind()
        return False
    return True


def emit(config: Config, event: Event) -> None:
    """Call the handler of the event, if the options have one. A handler that raises is logged.

    A handler that takes no argument is called without the event.
    """
    handler = config.events.get(event.type)
    if handler is None:
        return
    try:
        if _takes_event(handler):
            handler(event)
        else:
            handler()
    except BaseException as error:
        config.logger.error("The handler of the event %s raised %s.", event.type, type(error).__name__)
        config.logger.debug("The handler of the event %s raised %r", event.type, error)
