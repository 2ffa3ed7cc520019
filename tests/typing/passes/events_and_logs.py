"""Handlers of events, and loggers."""

import logging
from typing import assert_type

from target_delivery import AsyncTargetClient, Event, EventHandlers, EventName, TargetClient, TargetLogger


def ready(event: Event) -> None:
    assert_type(event.type, EventName)
    assert_type(event["type"], object)
    assert_type(dict(event), dict[str, object])
    if event.type == "artifact_download_failed":
        print(event)


class Ready:
    """Has a method as a handler."""

    def __init__(self) -> None:
        self.done = False

    def __call__(self, event: Event) -> bool:
        self.done = True
        return self.done


class Silent:
    """Logs what a logger has to log, and nothing else."""

    def debug(self, msg: str, /, *args: object) -> None: ...

    def error(self, msg: str, /, *args: object) -> None: ...


handlers: EventHandlers = {"client_ready": ready}
handlers["artifact_download_failed"] = Ready()

TargetClient.create(
    {
        "client": "acmeclient",
        "organization_id": "1234567890@AdobeOrg",
        "events": {"client_ready": ready, "artifact_download_succeeded": print, "send_notification_error": Ready()},
        "logger": logging.getLogger("shop.target"),
    }
)
AsyncTargetClient.create(
    {
        "client": "acmeclient",
        "organization_id": "1234567890@AdobeOrg",
        "events": handlers,
        "logger": logging.LoggerAdapter(logging.getLogger(), {"shop": 1}),
    }
)

logger: TargetLogger = Silent()
TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "logger": logger})
