"""The cookies of a visitor's browser, read and written: ``mbox``, ``mboxEdgeCluster`` and ``AMCV_{org}``.

Reading never raises. A cookie comes from a browser and cannot be trusted, so a malformed part is treated as absent.
"""

from __future__ import annotations

import re
from typing import TypedDict
from urllib.parse import quote, unquote

from attrs import frozen

__all__ = [
    "Cookie",
    "TargetCookie",
    "VisitorCookie",
    "is_session_id",
    "location_hint_cookie",
    "read_target_cookie",
    "read_visitor_cookie",
    "target_cookie",
]

TARGET_COOKIE = "mbox"
LOCATION_HINT_COOKIE = "mboxEdgeCluster"
SESSION_MAX_AGE = 1860
"""Seconds that a session lasts after a call: 31 minutes."""
DEVICE_ID_MAX_AGE = 63_244_800
"""Seconds that a device id lasts after a call: 732 days."""

_SECONDS = re.compile(r"[0-9]{1,15}")
_VERSION = re.compile(r"-?[0-9]+")
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")


class Cookie(TypedDict):
    """A cookie to set in the visitor's browser."""

    name: str
    value: str
    max_age: int
    """Seconds."""


@frozen
class TargetCookie:
    """The content of a visitor's ``mbox`` cookie."""

    session_id: str | None = None
    device_id: str | None = None


@frozen
class VisitorCookie:
    """The content of a visitor's ``AMCV_{organization_id}`` cookie."""

    marketing_cloud_visitor_id: str | None = None
    location_hint: int | None = None
    blob: str | None = None


_NO_TARGET_COOKIE = TargetCookie()
_NO_VISITOR_COOKIE = VisitorCookie()


def is_session_id(text: str) -> bool:
    """Return whether the text is 1 to 128 printable characters without space, ``?`` and ``/``."""
    return _is_plain(text, 128) and " " not in text and "?" not in text and "/" not in text


def read_target_cookie(value: str | None, now: float) -> TargetCookie:
    """Read the value of an ``mbox`` cookie.

    Args:
        value: parts ``name#value#expires`` joined by ``|``, name and value percent-encoded, expires in epoch
            seconds.
        now: epoch seconds. A part that expired earlier is ignored.
    """
    if not value:
        return _NO_TARGET_COOKIE
    parts: dict[str, str] = {}
    for part in value.split("|"):
        fields = part.split("#")
        if len(fields) != 3:
            continue
        name, text, expires = fields
        if expires.isdigit() and expires.isascii() and len(expires) <= 15 and int(expires) >= now:
            if "%" in part:
                name, text = unquote(name), unquote(text)
            parts[name] = text
    session_id, device_id = parts.get("session"), parts.get("PC")
    return TargetCookie(
        session_id if session_id and is_session_id(session_id) else None,
        device_id if device_id and _is_plain(device_id, 128) else None,
    )


def target_cookie(session_id: str, device_id: str | None, now: float) -> Cookie:
    """Return the ``mbox`` cookie; ``now`` is in epoch seconds."""
    value = f"session#{_encoded(session_id)}#{int(now) + SESSION_MAX_AGE}"
    if device_id is None:
        return {"name": TARGET_COOKIE, "value": value, "max_age": SESSION_MAX_AGE}
    value += f"|PC#{_encoded(device_id)}#{int(now) + DEVICE_ID_MAX_AGE}"
    return {"name": TARGET_COOKIE, "value": value, "max_age": DEVICE_ID_MAX_AGE}


def location_hint_cookie(cluster: str | None) -> Cookie | None:
    """Return the ``mboxEdgeCluster`` cookie; None when there is no cluster."""
    if cluster is None:
        return None
    return {"name": LOCATION_HINT_COOKIE, "value": cluster, "max_age": SESSION_MAX_AGE}


def read_visitor_cookie(value: str | None) -> VisitorCookie:
    """Read the value of an ``AMCV_{organization_id}`` cookie.

    Args:
        value: alternating keys and values, joined by ``|`` and percent-encoded as a whole. A leading number is the
            version of the cookie. ``MCMID`` is the Experience Cloud id, ``MCAAMLH-{time}`` the Audience Manager
            location hint, ``MCAAMB-{time}`` its blob.
    """
    if not value:
        return _NO_VISITOR_COOKIE
    entries = unquote(value).split("|")
    if _VERSION.fullmatch(entries[0]):
        del entries[0]
    found: dict[str, str] = {}
    for key, entry in zip(entries[::2], entries[1::2], strict=False):
        found.setdefault(key.partition("-")[0] if key.startswith("MCAAM") else key, entry)
    visitor_id, hint, blob = found.get("MCMID"), found.get("MCAAMLH"), found.get("MCAAMB")
    return VisitorCookie(
        visitor_id if visitor_id and _is_plain(visitor_id, 128) else None,
        int(hint) if hint and _SECONDS.fullmatch(hint) and int(hint) >= 1 else None,
        blob if blob and _is_plain(blob, 1024) else None,
    )


def _is_plain(text: str, max_length: int) -> bool:
    return 0 < len(text) <= max_length and text.isprintable()


def _encoded(text: str) -> str:
    """Percent-encode a text. It may contain lone surrogates, because an answer can contain any text.

    Nearly all ids need no encoding, and the regular expression finds that out faster than ``quote`` does.
    """
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="", errors="replace")
