from __future__ import annotations

from ..model import Members, OpenStrEnum


class ScreenOrientationType(OpenStrEnum):
    """ScreenOrientationType."""

    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"


MEMBERS = Members(ScreenOrientationType)
