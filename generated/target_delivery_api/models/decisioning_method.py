from __future__ import annotations

from ..model import Members, OpenStrEnum


class DecisioningMethod(OpenStrEnum):
    """DecisioningMethod."""

    SERVER_SIDE = "server-side"
    ON_DEVICE = "on-device"
    HYBRID = "hybrid"


MEMBERS = Members(DecisioningMethod)
