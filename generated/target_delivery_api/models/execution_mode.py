from __future__ import annotations

from ..model import Members, OpenStrEnum


class ExecutionMode(OpenStrEnum):
    """Where a decision was made: by the edge, or locally on the device."""

    EDGE = "edge"
    LOCAL = "local"


MEMBERS = Members(ExecutionMode)
