from __future__ import annotations

from ..model import Members, OpenStrEnum


class ScreenOrientationType(OpenStrEnum):
    """Whether a device is held in portrait or in landscape orientation."""

    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"


MEMBERS = Members(ScreenOrientationType)
