"""The counts are exact while many clients call at the same time."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from target_delivery.sandbox import Reset, Sandbox, Status, TruncatedBody
from tests.integration.sandbox.exchanges import URL, connect, mboxes, poster


def test_threads_are_counted_exactly(edge: Sandbox) -> None:
    def visit(number: int) -> None:
        with connect(edge) as client:
            for _ in range(3):
                answer = poster(client)(session=str(number), execute=mboxes("home"), impressionId=str(number))
                assert answer.status_code == 200

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(visit, range(64)))
    assert edge.ledger.impressions.total() == 64
    assert edge.ledger.duplicates == 64 * 2
    assert edge.ledger.visitors == 64
    assert edge.ledger.requests == 64 * 3


async def ask_for_home(edge: Sandbox, visitor: int) -> tuple[int, dict[str, Any]]:
    """Send one request on a connection of its own, and return status and body. An HTTP client would be slower."""
    host, _, port = edge.server_domain.rpartition(":")
    body = json.dumps({"context": {"channel": "web"}, "execute": mboxes("home"), "impressionId": str(visitor)})
    head = (
        f"POST {URL}?imsOrgId=S@AdobeOrg&sessionId={visitor} HTTP/1.1\r\n"
        f"Host: {edge.server_domain}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write((head + body).encode())
        answered, _, content = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    answer: dict[str, Any] = json.loads(content)
    return int(answered.split()[1]), answer


def test_500_tasks_at_once_are_counted_exactly(edge: Sandbox) -> None:
    async def visit_all() -> list[tuple[int, dict[str, Any]]]:
        return await asyncio.gather(*(ask_for_home(edge, visitor) for visitor in range(500)))

    assert {status for status, _ in asyncio.run(visit_all())} == {200}
    assert edge.ledger.impressions.total() == 500


def test_retries_through_faults_at_a_fifth_of_the_calls_count_once_each(edge: Sandbox) -> None:
    """Calls fail before or after they are processed, and each task sends its request again until it is answered."""
    faults = (Status(503), Status(504, processed=True), Reset(), Reset(processed=False), TruncatedBody())
    for fault in faults:
        edge.faults.add(fault, times=None, probability=0.04)
    attempts = 0

    async def visit(visitor: int) -> None:
        nonlocal attempts
        for _ in range(20):
            attempts += 1
            try:
                status, _ = await ask_for_home(edge, visitor)
            except (ConnectionResetError, json.JSONDecodeError):
                continue
            if status == 200:
                return
        raise AssertionError("20 attempts failed at a fifth of the calls")

    async def visit_all() -> None:
        await asyncio.gather(*(visit(visitor) for visitor in range(500)))

    asyncio.run(visit_all())
    assert attempts > 520
    assert edge.ledger.duplicates > 10
    assert edge.ledger.impressions.total() == 500
    assert edge.ledger.visitors == 500
