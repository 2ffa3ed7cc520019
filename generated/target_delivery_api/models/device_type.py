from __future__ import annotations

from ..model import Members, OpenStrEnum


class DeviceType(OpenStrEnum):
    """Kind of mobile device."""

    PHONE = "phone"
    TABLET = "tablet"


MEMBERS = Members(DeviceType)
