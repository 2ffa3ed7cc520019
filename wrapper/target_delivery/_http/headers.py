"""The headers that the SDK's own connections add to a request."""

from __future__ import annotations

from typing import Final

from target_delivery._version import __version__
from target_delivery_api.body import ACCEPTED_ENCODINGS

__all__ = ["OWN_HEADERS", "USER_AGENT"]

USER_AGENT: Final = f"target-delivery-python/{__version__}"
OWN_HEADERS: Final = (("accept-encoding", ACCEPTED_ENCODINGS), ("user-agent", USER_AGENT))
