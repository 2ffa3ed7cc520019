"""Calling the handlers of the option ``events``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_delivery._core.config import Config
    from target_delivery.events import Event

__all__ = ["emit"]


def emit(config: Config, event: Event) -> None:
    """Call the handler of the event, if the options have one. A handler that raises is logged."""
    handler = config.events.get(event.type)
    if handler is None:
        return
    try:
        handler(event)
    except BaseException as error:
        config.logger.error("The handler of the event %s raised %s.", event.type, type(error).__name__)
        config.logger.debug("The handler of the event %s raised %r", event.type, error)
