"""Errors of on-device decisioning.

A decision itself raises none of them: what is wrong with a rule is found when its artifact is loaded, and a rule
that cannot be evaluated does not apply.
"""

from __future__ import annotations

from target_delivery.errors import TargetError

__all__ = ["ArtifactError", "DecisioningError", "MissingExtraError"]


class DecisioningError(TargetError):
    """The root of the errors of on-device decisioning."""


class ArtifactError(DecisioningError, ValueError):
    """What was given or downloaded is not a rule artifact that this SDK can use. The text says what is wrong."""


class MissingExtraError(DecisioningError, ImportError):
    """On-device decisioning was chosen and the packages of the extra ``on-device`` are not installed."""
