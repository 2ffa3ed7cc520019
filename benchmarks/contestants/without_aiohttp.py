"""This SDK as it is installed without its extra `aiohttp`."""

from __future__ import annotations

import sys

sys.modules["aiohttp"] = None  # type: ignore[assignment]  # None makes importing it fail, as if it were not installed.

from benchmarks.contestants.delivery import get_offers_in_tasks as get_offers_in_tasks  # noqa: E402
