"""What the edge has received."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

DELIVERY_PATH: Final = "/rest/v1/delivery"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it came over the wire."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes

    @property
    def is_delivery(self) -> bool:
        """Whether it is for the Delivery API, and not for an artifact or a geo look-up."""
        return self.path == DELIVERY_PATH

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what became of it."""

    request: ReceivedRequest
    status: int
    """Status of the answer; 0 if the connection ended without one."""
    milliseconds: float
    """From the last byte received to the first byte sent."""
    faults: tuple[str, ...]
    """Names of the faults that struck."""
    error: str | None = None
    """Message of an error answer."""
