from __future__ import annotations

from ..model import Members, OpenStrEnum


class LoggingType(OpenStrEnum):
    """Whether the edge or the caller reports to Adobe Analytics."""

    SERVER_SIDE = "server_side"
    CLIENT_SIDE = "client_side"


MEMBERS = Members(LoggingType)
