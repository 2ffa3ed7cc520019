from __future__ import annotations

from ..model import Members, OpenStrEnum


class MobilePlatformType(OpenStrEnum):
    """Operating system of a mobile device."""

    ANDROID = "android"
    IOS = "ios"


MEMBERS = Members(MobilePlatformType)
