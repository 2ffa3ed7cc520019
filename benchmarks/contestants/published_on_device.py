"""On-device decisions of target-python-sdk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contestants.published import api, sdk
from benchmarks.payloads import CLIENT, ORGANIZATION, cookies

if TYPE_CHECKING:
    from benchmarks.worker import Run, Setup


def mbox(setup: Setup) -> Run:
    client = sdk.TargetClient.create(
        {
            "client": CLIENT,
            "organization_id": ORGANIZATION,
            "decisioning_method": "on-device",
            "artifact_payload": json.loads(Path(setup["artifact"]).read_bytes()),
            "polling_interval": 0,
            # Without one it asks the edge for it.
            "target_location_hint": "35",
            "telemetry_enabled": False,
        }
    )
    visitors = cookies()

    def once() -> Any:
        mboxes = [api.MboxRequest(name=setup["mbox"], index=0)]
        # Without a place it looks one up over the network, for every call.
        context = api.Context(channel=api.ChannelType.WEB, geo=api.Geo(country_code="US"))
        request = api.DeliveryRequest(context=context, prefetch=api.PrefetchRequest(mboxes=mboxes))
        return client.get_offers({"request": request, "target_cookie": next(visitors)})

    assert once()["response"].prefetch.mboxes[0].options, "There is no offer to decide."

    def run(count: int) -> None:
        for _ in range(count):
            once()

    return run
