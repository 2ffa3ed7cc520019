"""Where IP addresses are."""

import ipaddress
from collections.abc import Mapping
from typing import Final

Place = Mapping[str, str | float]
"""Some of countryCode, stateCode, city, latitude and longitude, as in ``context.geo`` of a DeliveryRequest."""

EVERYWHERE_ELSE: Final = "*"
DEFAULT_PLACE: Final[Place] = {
    "countryCode": "CH",
    "stateCode": "BE",
    "city": "Bern",
    "latitude": 46.95,
    "longitude": 7.45,
}

_HEADERS: Final = {
    "latitude": "x-geo-latitude",
    "longitude": "x-geo-longitude",
    "countryCode": "x-geo-country-code",
    "stateCode": "x-geo-region-code",
    "city": "x-geo-city",
}


class GeoTable:
    """Places by IP address.

    Args:
        places: place by IP address; that of ``*`` is for all other addresses, by default it is Bern.

    Raises:
        ValueError: a key is no IP address, or a place has an unknown name.
    """

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._elsewhere = DEFAULT_PLACE
        self._places: dict[str, Place] = {}
        for address, place in places.items():
            if unknown := place.keys() - _HEADERS.keys():
                raise ValueError(f"geo[{address!r}] has no {min(unknown)!r}; there are {', '.join(_HEADERS)}")
            if address == EVERYWHERE_ELSE:
                self._elsewhere = place
            elif (normal := _normal(address)) is not None:
                self._places[normal] = place
            else:
                raise ValueError(f"geo: {address!r} is neither an IP address nor '*', which is for all others")

    def locate(self, address: str) -> dict[str, str | float]:
        """Return where an IP address is, by the names ``x-geo-*`` of a geo look-up."""
        place = self._places.get(_normal(address) or "", self._elsewhere)
        return {_HEADERS[name]: value for name, value in place.items()}


def _normal(address: str) -> str | None:
    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        return None
