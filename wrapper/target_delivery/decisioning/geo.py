"""The visitor's place: when to look it up, and how to read the answer (docs/on-device.md#geo).

The client does the look-up. This module uses no network.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from target_delivery._core.addresses import normal_address
from target_delivery.decisioning._json import as_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from target_delivery.decisioning._json import AnyObject, JsonObject, JsonValue
    from target_delivery.decisioning.artifact import Artifact

__all__ = ["geo_address", "geo_of_headers", "with_geo"]

_KNOWN = ("latitude", "longitude", "countryCode", "stateCode", "city")
_TEXTS = {"x-geo-country-code": "countryCode", "x-geo-region-code": "stateCode", "x-geo-city": "city"}
_NUMBERS = {"x-geo-latitude": "latitude", "x-geo-longitude": "longitude"}


def geo_address(artifact: Artifact, request: AnyObject) -> str | None:
    """Return the IP address to look up before a request is decided.

    Returns:
        None when no rule uses geo, the request has the visitor's place already, or it has no valid IP address. An
        IPv4-mapped address is returned as the IPv4 address.
    """
    if not artifact.geo_targeting_enabled:
        return None
    geo = as_object(as_object(request.get("context")).get("geo"))
    if "ipAddress" not in geo or any(geo.get(name) is not None for name in _KNOWN):
        return None
    return normal_address(geo["ipAddress"])


def geo_of_headers(headers: Mapping[str, Any]) -> AnyObject:
    """Return the headers ``x-geo-*``, or an object with the same names, in the form of ``context.geo`` of a request.

    Blank texts are left out, and so are coordinates that are not finite numbers.
    """
    geo: JsonObject = {}
    for header, value in headers.items():
        name = header.lower()
        if name in _TEXTS and isinstance(value, str) and value.strip():
            geo[_TEXTS[name]] = value.strip()
        elif name in _NUMBERS and (number := _coordinate(value)) is not None:
            geo[_NUMBERS[name]] = number
    return geo


def with_geo(request: AnyObject, geo: AnyObject) -> AnyObject:
    """Return a copy of a request with the members of geo added to its ``context.geo``."""
    context = as_object(request.get("context"))
    return {**request, "context": {**context, "geo": {**as_object(context.get("geo")), **geo}}}


def _coordinate(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
