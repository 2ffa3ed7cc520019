"""The on-device side of a client, as the core sees it. The core is handed one, and imports none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_delivery._core.flow import Flow
    from target_delivery._core.prepared import Json, Prepared
    from target_delivery.decisioning.engine import Decision, RemoteNeeds

__all__ = ["Device", "Rules"]


class Device(Protocol):
    """Keeps the rules of a client up to date."""

    @property
    def rules(self) -> Rules | None:
        """The rules to decide with now; None before the first artifact."""
        ...


class Rules(Protocol):
    """The rules of one artifact. A call uses the same rules from start to end, also when a new artifact arrives."""

    def remote_needs(self, prepared: Prepared) -> RemoteNeeds:
        """Return the mboxes and views of a request that only the edge can decide."""
        ...

    def address_to_locate(self, prepared: Prepared) -> str | None:
        """Return the visitor's IP address if the rules need to know where it is; None if they do not."""
        ...

    def locate(self, address: str, prepared: Prepared, deadline: float) -> Flow[None]:
        """Look up where the visitor is, and write it into the request.

        Args:
            address: the visitor's IP address.
            prepared: the request.
            deadline: when the look-up must be over, in monotonic seconds.
        """
        ...

    def decide(self, prepared: Prepared) -> Decision:
        """Decide a request."""
        ...

    def report(self, prepared: Prepared, decision: Decision, telemetry: Sequence[Json]) -> Json | None:
        """Return the request that reports the impressions of a decision; None when there is nothing to report."""
        ...
