"""Deciding for 100 000 different visitors, and 200 000 calls, do not make a process grow.

CALLS are the calls over each wire. The promise is for 200 000; by default there are fewer, so that the tests end soon.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.drivers import OWN_WIRES, WireKind, every_wire
from tests.slow_edge import running

PROGRAM = """
import gc, resource, sys
from target_delivery import *

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{}.0.{}.1 Safari/537.36"
condition = {"and": [
    {"in": ["/offer", {"var": "page.path"}]},
    {"==": [{"var": "user.browserType"}, "chrome"]},
    {"==": [{"var": "page.domain"}, "example.com"]},
    {"<": [{"var": "allocation"}, 50]},
]}
rule = {"ruleKey": "1", "activityId": 1, "meta": {"activity.id": 1, "experience.id": 0, "audience.ids": []},
        "condition": condition,
        "consequence": {"name": "home", "options": [{"type": "html", "content": "x"}], "metrics": []}}
artifact = {"version": "1.0.0", "meta": {"clientCode": "demo", "environment": "production"},
            "localMboxes": ["home"], "rules": {"mboxes": {"home": [rule]}, "views": {}}}
client = TargetClient.create({
    "client": "demo", "organization_id": "o@AdobeOrg", "decisioning_method": "on-device",
    "artifact_payload": artifact, "polling_interval": 0, "telemetry_enabled": False,
})

def decide(start, count):
    shown = 0
    for number in range(start, start + count):
        address = Address(url=f"https://shop{number}.example.com/offer/{number}?q={number}")
        context = Context(address=address, user_agent=AGENT.format(number % 999, number))
        result = client.get_offers({"request": DeliveryRequest(
            id=VisitorId(tnt_id=f"visitor-{number}"), context=context,
            prefetch=PrefetchRequest(mboxes=[MboxRequest(name="home")]),
        )})
        shown += bool(result.response.prefetch.mboxes[0].options)
    gc.collect()
    return shown

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

decide(0, 10_000)
before = resident()
shown = decide(10_000, 100_000)
print(resident() - before, shown)
client.close()
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the size of the process from /proc")
def test_a_hundred_thousand_decisions_take_less_than_five_mebibytes() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    grown, shown = map(int, run.stdout.split())
    assert grown < 5 * 2**20
    assert 49_000 < shown < 51_000


CALLS = {"threads-sockets": 20_000, "threads-httpx": 10_000, "asyncio-aiohttp": 20_000, "asyncio-httpx": 10_000}
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the size of the process from /proc")
@every_wire(among=OWN_WIRES)
def test_calls_take_less_than_five_mebibytes_and_leave_no_descriptor(wire_kind: WireKind) -> None:
    calls = int(os.environ.get("CALLS", CALLS[wire_kind.name]))
    with running("quick") as address:
        command = [sys.executable, "-m", "tests.chaos.many_calls", wire_kind.name, address, str(calls)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    grown, descriptors = map(int, run.stdout.split())
    print(f"{wire_kind}: {calls} calls, {grown / 2**20:.2f} MiB, {descriptors} descriptors")
    assert grown < 5 * 2**20
    assert descriptors <= 0
