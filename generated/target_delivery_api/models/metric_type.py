from __future__ import annotations

from ..model import Members, OpenStrEnum


class MetricType(OpenStrEnum):
    """MetricType."""

    CLICK = "click"
    DISPLAY = "display"


MEMBERS = Members(MetricType)
