"""Faults as the command line writes them."""

from typing import Any

import pytest

from target_delivery.sandbox import (
    Fault,
    Latency,
    NotJson,
    OmitNotifications,
    ReceivedRequest,
    RefusedConnection,
    Reset,
    Sandbox,
    Status,
    TruncatedBody,
)
from target_delivery.sandbox.faults import add_fault

REQUEST = ReceivedRequest("POST", "/rest/v1/delivery", {}, {}, b"{}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("latency=200", Latency(200)),
        ("latency=200,processed", Latency(200, processed=True)),
        ("refuse", RefusedConnection()),
        ("reset", Reset()),
        ("reset=0", Reset(0)),
        ("reset,unprocessed", Reset(processed=False)),
        ("truncate=7", TruncatedBody(7)),
        ("status=503", Status(503)),
        ("status=429,retry-after=2,processed", Status(429, 2, processed=True)),
        ("not-json", NotJson()),
        ("omit-notifications", OmitNotifications()),
        ("omit-notifications,processed", OmitNotifications(processed=True)),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert add_fault(Sandbox().faults, text).fault == fault


@pytest.mark.parametrize(
    ("text", "hits"), [("reset", 1000), ("reset@1", 1000), ("reset@0", 0), ("resetx3", 3), ("status=500@.5x20", 20)]
)
def test_probability_and_times_are_read(text: str, hits: int) -> None:
    faults = Sandbox().faults
    armed = add_fault(faults, text)
    strikes = [faults.strike(REQUEST).ending for _ in range(1000)]
    assert len([strike for strike in strikes if strike]) == armed.struck == hits


def test_a_fault_of_the_command_line_closes_the_port_unless_it_is_limited() -> None:
    for text, closed in (("refuse", True), ("refusex2", False), ("refuse@0.5", False), ("reset", False)):
        faults = Sandbox().faults
        add_fault(faults, text)
        assert faults.port_closed is closed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a fault; write NAME"),
        ("explode", "with a NAME of latency, refuse"),
        ("status=503@high", "is not a fault"),
        ("status", "status needs a value, as in status=500"),
        ("latency@0.5", "latency needs a value"),
        ("status=200", "status 200 is not an error"),
        ("not-json=1", "not-json takes no value"),
        ("reset,retry-after=2", "Reset has no option 'retry-after'"),
        ("truncate,processed", "TruncatedBody has no option 'processed'"),
        ("reset,retry-after", "unknown option 'retry-after'"),
        ("reset,processed=1", "unknown option 'processed=1'"),
        ("reset@2", "probability 2.0 is not between 0 and 1"),
        ("resetx0", "times 0 is not positive"),
    ],
)
def test_text_that_is_not_a_fault_is_explained(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        add_fault(Sandbox().faults, text)


@pytest.mark.parametrize("no_fault", [503, Status, None])
def test_only_faults_can_be_added(no_fault: Any) -> None:
    with pytest.raises(TypeError, match="is not a fault"):
        Sandbox().faults.add(no_fault)


def test_a_strike_names_its_faults() -> None:
    faults = Sandbox().faults
    for fault in (Latency(1), OmitNotifications(), OmitNotifications(), Status(500)):
        faults.add(fault)
    assert faults.strike(REQUEST).names == ["Latency", "OmitNotifications", "Status"]
    assert faults.strike(REQUEST).names == []
