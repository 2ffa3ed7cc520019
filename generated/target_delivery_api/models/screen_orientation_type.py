from __future__ import annotations

from ..model import Members, OpenStrEnum


class ScreenOrientationType(OpenStrEnum):
    """How a device is held."""

    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"


MEMBERS = Members(ScreenOrientationType)
