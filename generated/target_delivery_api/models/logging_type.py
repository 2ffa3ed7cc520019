from __future__ import annotations

from ..model import Members, OpenStrEnum


class LoggingType(OpenStrEnum):
    """LoggingType."""

    SERVER_SIDE = "server_side"
    CLIENT_SIDE = "client_side"


MEMBERS = Members(LoggingType)
