"""Decisions on the device, for a client: what the engine is asked, and what becomes of its answer."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx

from target_delivery._core import hosts
from target_delivery._core.flow import Conversation, Send
from target_delivery._device.keeper import ArtifactKeeper
from target_delivery.decisioning import decide, geo_address, geo_of_headers, notification_request, remote_needs
from target_delivery.events import GeoLocationUpdated, emit
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_delivery._core.request import Prepared
    from target_delivery._core.telemetry import TelemetryStore
    from target_delivery._device.keeper import Flag, Loaded
    from target_delivery.decisioning import Decision, RemoteNeeds
    from target_delivery.decisioning._json import JsonObject, JsonValue
    from target_delivery.options import Config

__all__ = ["OnDevice"]


class OnDevice:
    """Decides for one client with the artifact that its keeper has."""

    def __init__(self, config: Config, telemetry: TelemetryStore | None, ready: Flag) -> None:
        """Take an artifact in hand, if there is one.

        Raises:
            MissingExtraError: the extra ``on-device`` is not installed.
            OptionError: ``artifact_payload`` is no artifact that can be used.
        """
        self._config = config
        self.keeper: ArtifactKeeper = ArtifactKeeper(config, telemetry, ready)

    def remote_needs(self, loaded: Loaded, prepared: Prepared) -> RemoteNeeds:
        """Return what of a request only the edge can decide."""
        return remote_needs(loaded.artifact, prepared.body)

    def decide(self, loaded: Loaded, prepared: Prepared) -> Decision:
        """Decide a request."""
        decision = decide(
            loaded.artifact,
            prepared.body,
            client=self._config.client,
            session_id=prepared.session_id,
            location_hint=prepared.cluster or "",
            now=int(time.time() * 1000),
            source=loaded.source,
        )
        for warning in decision.warnings:
            self._config.logger.error("%s", warning)
        return decision

    def report(self, prepared: Prepared, decision: Decision, telemetry: Sequence[JsonObject]) -> JsonObject | None:
        """Return the request that counts the impressions of a decision; None when there is nothing to send."""
        return notification_request(prepared.body, decision, telemetry)

    def address(self, loaded: Loaded, prepared: Prepared) -> str | None:
        """Return the IP address to look up: rules ask where the visitor is, and only an address is known."""
        return geo_address(loaded.artifact, prepared.body)

    def locate(self, address: str, prepared: Prepared, deadline: float) -> Conversation[None]:
        """Look up where the visitor is, and write it into the request.

        A look-up that fails is logged; the request is decided without it.

        Args:
            address: the visitor's IP address; see address().
            prepared: the request.
            deadline: when the look-up has to be over, monotonic seconds.
        """
        headers = {"accept": "application/json", "x-forwarded-for": address}
        outcome = yield Send(httpx.Request("GET", hosts.geo_url(self._config), headers=headers), deadline)
        geo = _geo_of(outcome) if isinstance(outcome, Answer) and outcome.status_code == 200 else None
        if geo is None:
            why = f"status {outcome.status_code}" if isinstance(outcome, Answer) else type(outcome).__name__
            self._config.logger.error("The visitor could not be located (%s); deciding goes on without.", why)
            return
        given = prepared.body["context"]["geo"]
        prepared.body["context"]["geo"] = {**given, **geo}
        emit(self._config, GeoLocationUpdated(geo_context=geo))


def _geo_of(answer: Answer) -> dict[str, Any] | None:
    found: JsonValue
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    return geo_of_headers(found) if isinstance(found, dict) else None
