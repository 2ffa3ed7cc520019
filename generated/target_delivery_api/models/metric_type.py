from __future__ import annotations

from ..model import Members, OpenStrEnum


class MetricType(OpenStrEnum):
    """Whether the content was shown or clicked."""

    CLICK = "click"
    DISPLAY = "display"


MEMBERS = Members(MetricType)
