from __future__ import annotations

from ..model import Members, OpenStrEnum


class DecisioningMethod(OpenStrEnum):
    """Where decisions are made: by the edge, by the caller from a rule artifact, or by either."""

    SERVER_SIDE = "server-side"
    ON_DEVICE = "on-device"
    HYBRID = "hybrid"


MEMBERS = Members(DecisioningMethod)
