from __future__ import annotations

from ..model import Members, OpenStrEnum


class ChannelType(OpenStrEnum):
    """Where the experience is shown."""

    MOBILE = "mobile"
    WEB = "web"


MEMBERS = Members(ChannelType)
