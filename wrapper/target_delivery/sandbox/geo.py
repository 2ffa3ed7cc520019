"""The places that the sandbox finds for IP addresses."""

from collections.abc import Mapping
from typing import Final

from target_delivery._core.addresses import normal_address

Place = Mapping[str, str | float]
"""Some of countryCode, stateCode, city, latitude and longitude, as in ``context.geo`` of a DeliveryRequest.

Latitude and longitude are in degrees.
"""

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
        places: place by IP address; ``*`` stands for all other addresses, whose place is Bern by default.

    Raises:
        ValueError: a key is neither an IP address nor ``*``, or a place has an unknown name.
    """

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._elsewhere = DEFAULT_PLACE
        self._places: dict[str, Place] = {}
        for address, place in places.items():
            if unknown := place.keys() - _HEADERS.keys():
                raise ValueError(
                    f"geo[{address!r}] has an unknown name {min(unknown)!r}; known are {', '.join(_HEADERS)}"
                )
            if address == EVERYWHERE_ELSE:
                self._elsewhere = place
            elif (normal := normal_address(address)) is not None:
                self._places[normal] = place
            else:
                raise ValueError(f"geo: {address!r} is neither an IP address nor '*' (all other addresses)")

    def locate(self, address: str) -> dict[str, str | float]:
        """Return the place of an IP address under the names ``x-geo-*`` of a geo look-up."""
        place = self._places.get(normal_address(address) or "", self._elsewhere)
        return {_HEADERS[name]: value for name, value in place.items()}
