from __future__ import annotations

from ..model import Members, OpenStrEnum


class AuthenticatedState(OpenStrEnum):
    """Whether a customer is known to be who the id says."""

    UNKNOWN = "unknown"
    AUTHENTICATED = "authenticated"
    LOGGED_OUT = "logged_out"


MEMBERS = Members(AuthenticatedState)
