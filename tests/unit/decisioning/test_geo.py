"""When the visitor's place is looked up, and how the answer is read."""

from __future__ import annotations

from typing import Any

import pytest

from target_delivery.decisioning import geo_address, geo_of_headers, load_artifact, with_geo
from tests.unit.decisioning.artifacts import artifact


@pytest.mark.parametrize(
    ("geo", "address"),
    [
        ({"ipAddress": "203.0.113.9"}, "203.0.113.9"),
        ({"ipAddress": "2001:DB8::0001"}, "2001:db8::1"),
        ({"ipAddress": "203.0.113.9", "zip": "1"}, "203.0.113.9"),
        ({"ipAddress": "203.0.113.9", "city": None}, "203.0.113.9"),
        ({"ipAddress": "203.0.113.9", "city": "ULM"}, None),
        ({"ipAddress": "203.0.113.9", "latitude": 0}, None),
        ({"ipAddress": "203.0.113.999"}, None),
        ({"ipAddress": "203.0.113.9\r\nx-evil: 1"}, None),
        ({"ipAddress": "@203.0.113.9/"}, None),
        ({"ipAddress": 5}, None),
        ({}, None),
        ("no object", None),
    ],
)
def test_which_address_is_looked_up(geo: Any, address: str | None) -> None:
    asked = {"context": {"geo": geo}}
    assert geo_address(load_artifact(artifact()), asked) == address
    assert geo_address(load_artifact(artifact(geoTargetingEnabled=False)), asked) is None


def test_headers() -> None:
    assert geo_of_headers(
        {
            "X-Geo-Latitude": "37.75",
            "x-geo-longitude": -122.4,
            "x-geo-country-code": "US",
            "x-geo-region-code": " CA ",
            "x-geo-city": "SAN FRANCISCO",
            "etag": "x",
        }
    ) == {"latitude": 37.75, "longitude": -122.4, "countryCode": "US", "stateCode": "CA", "city": "SAN FRANCISCO"}


@pytest.mark.parametrize("value", ["", "north", "nan", "inf", True, None, [], 10**400])
def test_values_that_are_not_coordinates(value: Any) -> None:
    assert geo_of_headers({"x-geo-latitude": value}) == {}
    if not isinstance(value, str) or not value:
        assert geo_of_headers({"x-geo-city": value}) == {}


def test_the_request_is_copied() -> None:
    asked: Any = {"context": {"channel": "web", "geo": {"ipAddress": "203.0.113.9"}}}
    told = with_geo(asked, {"city": "ULM"})
    assert told == {"context": {"channel": "web", "geo": {"ipAddress": "203.0.113.9", "city": "ULM"}}}
    assert asked == {"context": {"channel": "web", "geo": {"ipAddress": "203.0.113.9"}}}
    assert with_geo({}, {"city": "ULM"}) == {"context": {"geo": {"city": "ULM"}}}
