from __future__ import annotations

from ..model import Members, OpenStrEnum


class OptionType(OpenStrEnum):
    """Type of the content of an option."""

    HTML = "html"
    JSON = "json"
    REDIRECT = "redirect"
    DYNAMIC = "dynamic"
    ACTIONS = "actions"


MEMBERS = Members(OptionType)
