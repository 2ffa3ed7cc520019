from __future__ import annotations

from ..model import Members, OpenStrEnum


class LoggingType(OpenStrEnum):
    """Who reports to Adobe Analytics: the edge, or the caller."""

    SERVER_SIDE = "server_side"
    CLIENT_SIDE = "client_side"


MEMBERS = Members(LoggingType)
