from __future__ import annotations

from ..model import Members, OpenStrEnum


class ExecutionMode(OpenStrEnum):
    """ExecutionMode."""

    EDGE = "edge"
    LOCAL = "local"


MEMBERS = Members(ExecutionMode)
