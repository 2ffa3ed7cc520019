from __future__ import annotations

from ..model import Members, OpenStrEnum


class ChannelType(OpenStrEnum):
    """Whether the experience is shown on the web or in a mobile app."""

    MOBILE = "mobile"
    WEB = "web"


MEMBERS = Members(ChannelType)
