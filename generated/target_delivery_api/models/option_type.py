from __future__ import annotations

from ..model import Members, OpenStrEnum


class OptionType(OpenStrEnum):
    """OptionType."""

    HTML = "html"
    JSON = "json"
    REDIRECT = "redirect"
    DYNAMIC = "dynamic"
    ACTIONS = "actions"


MEMBERS = Members(OptionType)
