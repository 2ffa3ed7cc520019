from __future__ import annotations

from ..model import Members, OpenStrEnum


class DecisioningMethod(OpenStrEnum):
    """Where decisions are made: at the edge, on the device from a rule artifact, or both (hybrid)."""

    SERVER_SIDE = "server-side"
    ON_DEVICE = "on-device"
    HYBRID = "hybrid"


MEMBERS = Members(DecisioningMethod)
