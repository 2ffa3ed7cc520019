from __future__ import annotations

from ..model import Members, OpenStrEnum


class ExecutionMode(OpenStrEnum):
    """Whether a decision was made at the edge or on the device."""

    EDGE = "edge"
    LOCAL = "local"


MEMBERS = Members(ExecutionMode)
