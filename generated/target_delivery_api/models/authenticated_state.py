from __future__ import annotations

from ..model import Members, OpenStrEnum


class AuthenticatedState(OpenStrEnum):
    """AuthenticatedState."""

    UNKNOWN = "unknown"
    AUTHENTICATED = "authenticated"
    LOGGED_OUT = "logged_out"


MEMBERS = Members(AuthenticatedState)
