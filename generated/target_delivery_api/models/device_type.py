from __future__ import annotations

from ..model import Members, OpenStrEnum


class DeviceType(OpenStrEnum):
    """DeviceType."""

    PHONE = "phone"
    TABLET = "tablet"


MEMBERS = Members(DeviceType)
