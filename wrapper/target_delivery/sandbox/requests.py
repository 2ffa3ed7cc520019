"""Records of what the edge received and answered."""

import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

DELIVERY_PATH: Final = "/rest/v1/delivery"


@frozen
class ReceivedRequest:
    """One HTTP request that the edge received."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Values by header name. Names are in lower case."""
    body: bytes

    @property
    def is_delivery(self) -> bool:
        """Whether it is a call of the Delivery API, not a download of the artifact or a geo look-up."""
        return self.path == DELIVERY_PATH

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@frozen
class Exchange:
    """A request and how the edge answered it."""

    request: ReceivedRequest
    status: int
    """Status of the answer; 0 if the connection ended without one."""
    milliseconds: float
    """Time from the last byte of the request to the first byte of the answer."""
    faults: tuple[str, ...]
    """Names of the faults that hit the request."""
    error: str | None = None
    """Message of an error answer; None for other answers."""
