from __future__ import annotations

from ..model import Members, OpenStrEnum


class MobilePlatformType(OpenStrEnum):
    """MobilePlatformType."""

    ANDROID = "android"
    IOS = "ios"


MEMBERS = Members(MobilePlatformType)
