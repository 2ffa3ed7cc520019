"""The prepared request: everything that a call depends on."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeGuard

from attrs import define

__all__ = ["Json", "Prepared", "is_object"]

Json: TypeAlias = dict[str, Any]
"""A JSON object, with the camelCase names of the Delivery API."""


def is_object(value: object) -> TypeGuard[dict[Any, Any]]:
    """Return whether a value is a JSON object. Its keys are not checked, because a caller can give any."""
    return isinstance(value, dict)


@define
class Prepared:
    """A request that is ready to be decided on the device, sent to the edge, or stored in an outbox.

    Attributes:
        body: the request as JSON.
        session_id: the session of the call.
        cluster: the edge cluster of the call; None when no cluster is known.
        stitched: whether other calls have, or may get, the same supplementalDataId.
    """

    body: Json
    session_id: str
    cluster: str | None
    stitched: bool = False

    @property
    def device_id(self) -> str | None:
        """The visitor's tntId in the request; None when it has none."""
        device_id: str | None = self.body.get("id", {}).get("tntId")
        return device_id
