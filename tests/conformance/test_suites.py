"""Run each case through the engine, as a client would."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from target_delivery._core.telemetry import artifact_entry, delivery_entry
from target_delivery.decisioning import (
    decide,
    geo_address,
    geo_of_headers,
    load_artifact,
    notification_request,
    remote_needs,
    with_geo,
)

if TYPE_CHECKING:
    from tests.conformance.conftest import Case

ABSENT = "expect.absent()"
"""Says that a member is absent. Only this project's suites have it: the published format cannot say so."""

ANY = {
    "expect.any(String)": lambda value: isinstance(value, str),
    "expect.any(Number)": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "expect.any(Object)": lambda value: isinstance(value, dict),
    "expect.any(Boolean)": lambda value: isinstance(value, bool),
    "expect.any(Array)": lambda value: isinstance(value, list),
}


def test_case(case: Case) -> None:
    test, conf = case.test, case.conf
    source = case.artifact.read_bytes()
    artifact = load_artifact(source, organization_id=conf.get("organizationId", ""))
    request = {"requestId": "a request of the suite", **test["input"]["request"]}
    if geo_address(artifact, request) is not None:
        request = with_geo(request, geo_of_headers(test.get("mockGeo", {})))
    token = conf.get("propertyToken")
    if token and "property" not in request:
        request["property"] = {"token": token}
    decision = decide(
        artifact,
        request,
        client=conf["client"],
        session_id=test["input"].get("sessionId", ""),
        location_hint=test["input"].get("locationHint", ""),
        now=clock(test.get("mockDate")),
    )
    assert remote_needs(artifact, request) == decision.remote
    assert not decision.warnings
    check_contained(decision.response, test.get("output", {}), "response")
    check_contained(meta_of(decision), test.get("meta", {}), "meta")
    if "notificationOutput" in test:
        sent = notification_request(request, decision, telemetry(conf, request, decision))
        if test["notificationOutput"] is None:
            assert sent is None
        else:
            check_contained({"request": sent}, test["notificationOutput"], "notification")


def meta_of(decision: Any) -> dict[str, Any]:
    return {
        "decisioning_method": "on-device",
        "remote_mboxes": decision.remote.mboxes,
        "remote_views": decision.remote.views,
    }


def telemetry(conf: dict[str, Any], request: dict[str, Any], decision: Any) -> list[Any]:
    if not conf.get("telemetryEnabled", True):
        return []
    method = conf.get("decisioningMethod", "on-device")
    return [
        artifact_entry(timestamp=0, execution=1.0),
        delivery_entry(request, decision.response, decisioning_method=method, timestamp=0, execution=1.0, parsing=0.5),
    ]


def clock(date: dict[str, int] | None) -> int | None:
    if date is None:
        return None
    moment = datetime(
        date["year"],
        date["month"] + 1,
        date["date"],
        date.get("hours", 0),
        date.get("minutes", 0),
        tzinfo=UTC,
    )
    return int(moment.timestamp() * 1000)


def check_contained(actual: Any, expected: Any, path: str) -> None:
    """Check that actual has the listed keys and values. Arrays must match element by element."""
    if isinstance(expected, str) and expected in ANY:
        assert ANY[expected](actual), f"{path} is {actual!r}, not {expected}"
    elif isinstance(expected, dict):
        assert isinstance(actual, dict), f"{path} is {actual!r}, not an object"
        for key, value in expected.items():
            if value == ABSENT:
                assert key not in actual, f"{path} has {key!r}"
                continue
            assert key in actual, f"{path} has no {key!r}, only {sorted(actual)}"
            check_contained(actual[key], value, f"{path}.{key}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), f"{path} is {actual!r}, not an array"
        assert len(actual) == len(expected), f"{path} has {len(actual)} elements, not {len(expected)}: {actual!r}"
        for at, value in enumerate(expected):
            check_contained(actual[at], value, f"{path}[{at}]")
    else:
        assert actual == expected, f"{path} is {actual!r}, not {expected!r}"
        assert isinstance(actual, bool) == isinstance(expected, bool), f"{path} is {actual!r}, not {expected!r}"
