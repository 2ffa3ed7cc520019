from __future__ import annotations

from ..model import Members, OpenStrEnum


class ChannelType(OpenStrEnum):
    """ChannelType."""

    MOBILE = "mobile"
    WEB = "web"


MEMBERS = Members(ChannelType)
