"""Errors of on-device decisioning.

Deciding raises none of them: an artifact is checked when it is loaded, and a rule that cannot be evaluated does not
apply.
"""

from __future__ import annotations

from target_delivery.errors import TargetError

__all__ = ["ArtifactError", "DecisioningError", "MissingExtraError"]


class DecisioningError(TargetError):
    """The base class of the errors of on-device decisioning."""


class ArtifactError(DecisioningError, ValueError):
    """A given or downloaded artifact cannot be used. The message says why."""


class MissingExtraError(DecisioningError, ImportError):
    """On-device decisioning was asked for, but a package of the extra ``on-device`` is not installed."""

    def __init__(self, message: str = "", *, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name
