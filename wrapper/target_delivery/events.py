"""Events a client tells its owner about, through the option ``events``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_delivery.options import Config, EventName

__all__ = ["Event"]


class Event(Mapping[str, object]):
    """What happened, readable as attributes and as a mapping; ``type`` is the name of the event.

    ========================== =============================================
    type                       also holds
    ========================== =============================================
    ``client_ready``           nothing: the client can be used from now on
    ``notification_set_aside`` ``notification`` (None when it is unreadable),
                               ``reason``, ``message``: an outbox tries it no
                               more, and keeps it
    ========================== =============================================
    """

    __slots__ = ("_details", "type")

    def __init__(self, type: EventName, /, **details: object) -> None:  # noqa: A002 - the documented name
        self.type: EventName = type
        self._details: dict[str, object] = {"type": type, **details}

    def __getitem__(self, key: str) -> object:
        return self._details[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._details)

    def __len__(self) -> int:
        return len(self._details)

    def __getattr__(self, name: str) -> object:
        try:
            return self._details[name]
        except KeyError:
            raise AttributeError(f"A {self.type} event has no {name!r}; it has {', '.join(self)}.") from None

    def __repr__(self) -> str:
        return f"Event({', '.join(f'{key}={value!r}' for key, value in self.items())})"


def emit(config: Config, event: Event) -> None:
    """Call the owner's handler of the event, if there is one; a handler that raises is logged."""
    handler = config.events.get(event.type)
    if handler is None:
        return
    try:
        handler(event)
    except Exception as error:
        config.logger.error("The handler of the event %s raised %s: %s", event.type, type(error).__name__, error)
