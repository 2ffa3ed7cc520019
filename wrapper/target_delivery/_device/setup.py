"""Sets up the on-device side of a client, of either kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_delivery._core.emit import emit
from target_delivery.events import ClientReady

if TYPE_CHECKING:
    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.telemetry import TelemetryStore
    from target_delivery._device.decider import OnDevice
    from target_delivery._device.keeper import Flag

__all__ = ["set_up_device"]


def set_up_device(
    config: Config, ready: Flag, *, telemetry: TelemetryStore | None, clock: Clock, chance: Chance
) -> OnDevice | None:
    """Return the on-device side of a client; None for a client that only asks the edge, which is ready at once.

    Args:
        config: the checked options of the client.
        ready: set as soon as the client can decide.
        telemetry: gets the timings of artifact downloads.
        clock: tells the time.
        chance: makes ids and jitter.

    Raises:
        MissingExtraError: the client decides on the device, and the extra ``on-device`` is not installed.
        OptionError: the option ``artifact_payload`` is not a usable artifact.
    """
    if config.decisioning_method == "server-side":
        ready.set()
        emit(config, ClientReady())
        return None
    # Not at the top: these modules need the extra.
    from target_delivery._device.decider import OnDevice
    from target_delivery._device.keeper import ArtifactKeeper

    keeper = ArtifactKeeper(config, ready, telemetry=telemetry, clock=clock, chance=chance)
    return OnDevice(config, keeper, clock=clock, chance=chance)
