"""An app's own tests, against the embedded edge."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import assert_type

from target_delivery import (
    AsyncClientOptions,
    AsyncTargetClient,
    ClientOptions,
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    TargetClient,
)
from target_delivery.sandbox import Counts, Latency, ReceivedRequest, Sandbox, Status

request = DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name="home")]))


@contextmanager
def edge() -> Generator[Sandbox]:
    with Sandbox(port=0, cluster=28) as sandbox:
        assert_type(sandbox, Sandbox)
        yield sandbox


with edge() as sandbox:
    assert_type(sandbox.client_options(), ClientOptions)
    assert_type(sandbox.async_client_options(), AsyncClientOptions)
    assert_type(sandbox.requests, list[ReceivedRequest])
    sandbox.faults.add(Status(503), times=1)
    sandbox.faults.add(Latency(20), probability=0.5)
    with TargetClient.create({**sandbox.client_options(), "timeout": 500}) as client:
        client.get_offers({"request": request})
    assert_type(sandbox.ledger.impressions, Counts)
    assert_type(sandbox.ledger.impressions["302740", "1"], int)


async def main() -> None:
    with Sandbox() as sandbox:
        async with AsyncTargetClient.create(sandbox.async_client_options()) as client:
            await client.get_offers({"request": request})
