"""The parts of URLs."""

from __future__ import annotations

import re

__all__ = ["split"]

_ORIGIN = re.compile(r"[^:]+://[^/?#]*")


def split(url: str) -> tuple[str, str]:
    """Return the origin of a URL, such as ``https://demo.tt.omtrdc.net``, and its path with the query.

    Raises:
        ValueError: the URL has no scheme.
    """
    match = _ORIGIN.match(url)
    if match is None:
        raise ValueError(f"{url[:100]!r} is no absolute URL.")
    target = url[match.end() :].partition("#")[0]
    return match[0], target if target.startswith("/") else f"/{target}"
