from __future__ import annotations

from ..model import Members, OpenStrEnum


class MetricType(OpenStrEnum):
    """What happened to content: it was shown, or it was clicked."""

    CLICK = "click"
    DISPLAY = "display"


MEMBERS = Members(MetricType)
