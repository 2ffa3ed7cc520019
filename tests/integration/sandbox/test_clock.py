"""A sandbox reads the clock that it is handed, and no other."""

from typing import Any

import pytest

from target_delivery.sandbox import Exchange, ReceivedRequest, Sandbox, Status, demo_artifact
from tests.integration.sandbox.exchanges import connect, mboxes, poster
from tests.virtual import VirtualTime

MONDAY_NOON = 1_700_481_600.0  # 2023-11-20, 12:00 UTC


def test_rules_see_the_time_of_the_clock() -> None:
    document = demo_artifact()
    for rule in document["rules"]["mboxes"]["home"]:
        rule["condition"] = {"==": [{"var": "current_day"}, 1]}
    time = VirtualTime(MONDAY_NOON)

    with Sandbox(document, clock=time.clock, chance=time.chance) as edge, connect(edge) as client:

        def home() -> dict[str, Any]:
            answer: dict[str, Any] = poster(client)(execute=mboxes("home")).json()["execute"]["mboxes"][0]
            return answer

        assert "options" in home()
        time.advance(24 * 3600)
        assert "options" not in home()


def test_an_exchange_is_timed_with_the_clock() -> None:
    time = VirtualTime()
    exchanges: list[Exchange] = []

    def let_a_quarter_second_pass(request: ReceivedRequest) -> bool:
        time.advance(0.25)
        return True

    with Sandbox(clock=time.clock, on_exchange=exchanges.append) as edge, connect(edge) as client:
        edge.faults.add(Status(503), match=let_a_quarter_second_pass)
        assert poster(client)().status_code == 503
    assert [exchange.milliseconds for exchange in exchanges] == [pytest.approx(250)]


def test_request_ids_come_from_the_chance() -> None:
    time = VirtualTime()
    with Sandbox(chance=time.chance) as edge, connect(edge) as client:
        ids = [poster(client)().json()["requestId"] for _ in range(2)]
    assert ids == sorted(set(ids))
    assert all(id_.startswith("00000000-0000-4000-8000-") for id_ in ids)
