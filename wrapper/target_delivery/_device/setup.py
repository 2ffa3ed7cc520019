"""Sets up the on-device side of a client, of either kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.telemetry import TelemetryStore
    from target_delivery._device.decider import OnDevice

__all__ = ["set_up_device"]


def set_up_device(
    config: Config, end_wait: Callable[[bool], None], *, telemetry: TelemetryStore | None, clock: Clock, chance: Chance
) -> OnDevice | None:
    """Return the on-device side of a client; None for a client that only asks the edge.

    Args:
        config: the checked options of the client.
        end_wait: called once, perhaps before this function returns. The argument is True as soon as the client can
            decide or ``maximum_wait_ready`` has passed, and False when no artifact will come.
        telemetry: gets the timings of artifact downloads.
        clock: tells the time.
        chance: makes ids and jitter.

    Raises:
        MissingExtraError: the client decides on the device, and the extra ``on-device`` is not installed.
        OptionError: the option ``artifact_payload`` is not a usable artifact.
    """
    if config.decisioning_method == "server-side":
        end_wait(True)
        return None
    # Not at the top: these modules need the extra.
    from target_delivery._device.decider import OnDevice
    from target_delivery._device.keeper import ArtifactKeeper

    keeper = ArtifactKeeper(config, end_wait, telemetry=telemetry, clock=clock, chance=chance)
    return OnDevice(config, keeper, clock=clock, chance=chance)
