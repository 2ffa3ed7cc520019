from __future__ import annotations

from ..model import Members, OpenStrEnum


class OptionType(OpenStrEnum):
    """What an option's content is."""

    HTML = "html"
    JSON = "json"
    REDIRECT = "redirect"
    DYNAMIC = "dynamic"
    ACTIONS = "actions"


MEMBERS = Members(OptionType)
