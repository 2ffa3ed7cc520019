from __future__ import annotations

from ..model import Members, OpenStrEnum


class AuthenticatedState(OpenStrEnum):
    """Whether the visitor is logged in as the customer."""

    UNKNOWN = "unknown"
    AUTHENTICATED = "authenticated"
    LOGGED_OUT = "logged_out"


MEMBERS = Members(AuthenticatedState)
