"""Decisions on the device, for a client: calls the decisioning engine with the artifact in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from target_delivery._core import hosts
from target_delivery._core.emit import emit
from target_delivery._core.flow import Failure, Send
from target_delivery._core.trouble import Trouble
from target_delivery.decisioning import decide, geo_address, geo_of_headers, notification_request, remote_needs
from target_delivery.events import GeoLocationUpdated
from target_delivery_api import transport
from target_delivery_api.errors import ModelError
from target_delivery_api.types import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.flow import Flow
    from target_delivery._core.prepared import Json, Prepared
    from target_delivery._device.keeper import ArtifactKeeper, Loaded
    from target_delivery.decisioning import Decision, RemoteNeeds
    from target_delivery.decisioning._json import JsonValue
    from target_delivery.options import TargetLogger

__all__ = ["OnDevice", "Rules"]

MAX_GEO_BYTES = 2**16
"""Bytes that the answer to a geo lookup may have."""
MAX_WARNINGS = 1000
"""How many different warnings of decisions are logged. An artifact has at most about that many rules."""


class OnDevice:
    """Decides for one client, with the artifact that its keeper has."""

    def __init__(self, config: Config, keeper: ArtifactKeeper, *, clock: Clock, chance: Chance) -> None:
        self._config = config
        self._clock = clock
        self._chance = chance
        self._log = _Log(config.logger)
        self._rules: Rules | None = None
        self.keeper: ArtifactKeeper = keeper

    @property
    def rules(self) -> Rules | None:
        """The rules of the artifact in use; None before the first artifact."""
        rules, loaded = self._rules, self.keeper.loaded
        if loaded is not None and (rules is None or rules.loaded is not loaded):
            rules = self._rules = Rules(loaded, self._config, self._clock, self._chance, self._log)
        return rules


class _Log:
    """Logs each warning once, which would otherwise be logged with every decision."""

    def __init__(self, logger: TargetLogger) -> None:
        self._logger = logger
        self._warned: set[str] = set()
        self.look_up = Trouble(logger, "Visitors can be located")

    def warn(self, warning: str) -> None:
        """Log a warning of a decision, once."""
        if warning not in self._warned and len(self._warned) < MAX_WARNINGS:
            self._warned.add(warning)
            self._logger.error("%s (logged once)", warning)


@define
class Rules:
    """The rules of one artifact.

    Attributes:
        loaded: the artifact.
    """

    loaded: Loaded
    _config: Config
    _clock: Clock
    _chance: Chance
    _log: _Log

    def remote_needs(self, prepared: Prepared) -> RemoteNeeds:
        """Return the mboxes and views of a request that only the edge can decide."""
        return remote_needs(self.loaded.artifact, prepared.body)

    def decide(self, prepared: Prepared) -> Decision:
        """Decide a request, and log the warnings of the decision."""
        decision = decide(
            self.loaded.artifact,
            prepared.body,
            client=self._config.client,
            session_id=prepared.session_id,
            location_hint=prepared.cluster or "",
            now=int(self._clock.now() * 1000),
            source=self.loaded.source,
            new_id=self._chance.new_id,
        )
        for warning in decision.warnings:
            self._log.warn(warning)
        return decision

    def report(self, prepared: Prepared, decision: Decision, telemetry: Sequence[Json]) -> Json | None:
        """Return the request that reports the impressions of a decision; None when there is nothing to report."""
        return notification_request(prepared.body, decision, telemetry)

    def address_to_locate(self, prepared: Prepared) -> str | None:
        """Return the visitor's IP address, if the rules need a location and the request has none."""
        return geo_address(self.loaded.artifact, prepared.body)

    def locate(self, address: str, prepared: Prepared, deadline: float) -> Flow[None]:
        """Look up where the visitor is, and write it into the request.

        When the look-up fails, the failure is logged and the request stays as it is.

        Args:
            address: the visitor's IP address.
            prepared: the request.
            deadline: when the look-up must be over, in monotonic seconds.
        """
        cdn = hosts.cdn_base_url(environment=self._config.cdn_environment, base_path=self._config.cdn_base_path)
        headers = [("accept", "application/json"), ("x-forwarded-for", address)]
        outcome = yield Send(Request("GET", hosts.geo_url(cdn), headers), deadline, MAX_GEO_BYTES)
        assert outcome is not None  # noqa: S101 - a shell sends an outcome back for Send
        geo = _geo_of(outcome) if isinstance(outcome, Answer) and outcome.status_code == 200 else None
        if geo is None:
            why = outcome.name if isinstance(outcome, Failure) else f"status {outcome.status_code}"
            self._log.look_up.failed("A visitor could not be located (%s); the call was decided without.", why)
            return
        self._log.look_up.worked()
        given = prepared.body["context"]["geo"]
        prepared.body["context"]["geo"] = {**given, **geo}
        emit(self._config, GeoLocationUpdated(geo_context=geo))


def _geo_of(answer: Answer) -> dict[str, Any] | None:
    found: JsonValue
    try:
        found = transport.decode(answer)
    except ModelError:
        return None
    return geo_of_headers(found) if isinstance(found, dict) else None
