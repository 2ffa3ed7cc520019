"""The cookies of a visitor's browser, read and written: ``mbox``, ``mboxEdgeCluster`` and ``AMCV_{org}``.

Reading never raises. A cookie comes from a browser and cannot be trusted, so a malformed part is treated as absent.
Browsers often send a value percent-encoded as a whole, and most web frameworks do not decode it. A value is read in
either form, and also in double quotes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import quote, unquote

from attrs import define, frozen

from target_delivery.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Cookie",
    "TargetCookie",
    "VisitorCookie",
    "cookie_of",
    "is_opted_out",
    "is_session_id",
    "location_hint_cookie",
    "read_location_hint_cookie",
    "read_target_cookie",
    "read_visitor_cookie",
    "target_cookie",
    "visitor_cookie_names",
]

TARGET_COOKIE = "mbox"
LOCATION_HINT_COOKIE = "mboxEdgeCluster"
SESSION_MAX_AGE = 1860
"""Seconds that a session lasts after a call: 31 minutes."""
DEVICE_ID_MAX_AGE = 63_244_800
"""Seconds that a device id lasts after a call: 732 days."""

MAX_LENGTH = 8192
"""How many characters the value of a cookie may have. A longer value is treated as absent; browsers keep 4096 bytes."""

_USUAL_TARGET_COOKIE = re.compile(
    r"session#([A-Za-z0-9._~-]{1,128})#([0-9]{1,15})(?:\|PC#([A-Za-z0-9._~-]{1,128})#([0-9]{1,15}))?"
)
_SECONDS = re.compile(r"[0-9]{1,15}")
_VERSION = re.compile(r"-?[0-9]+")
_QUOTED = re.compile(r'(?:"|%22)(.*)(?:"|%22)', re.DOTALL)
_PART = re.compile(r"((?:(?!%23)[^#])*+)(?:#|%23)([^#]*)(?:#|%23)([0-9]{1,15})")
_PARTS_IN_VALUE = re.compile(r"%23[0-9]{1,15}%7[Cc][A-Za-z-]+%23")
_END_OF_PART = re.compile(r"((?:#|%23)[0-9]{1,15})%7[Cc]")
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")


class Cookie(TypedDict):
    """A cookie to set in the visitor's browser."""

    name: str
    value: str
    max_age: int
    """Seconds."""


@define
class TargetCookie:
    """The content of a visitor's ``mbox`` cookie. Every call makes one. A frozen class would be slower to make."""

    session_id: str | None = None
    device_id: str | None = None


@frozen
class VisitorCookie:
    """The content of a visitor's ``AMCV_{organization_id}`` cookie."""

    marketing_cloud_visitor_id: str | None = None
    location_hint: int | None = None
    blob: str | None = None
    opted_out: bool = False
    """Whether the visitor opted out of the Experience Cloud. The cookie then gives no id, hint or blob."""


_NO_TARGET_COOKIE = TargetCookie()
_NO_VISITOR_COOKIE = VisitorCookie()
_OPTED_OUT = VisitorCookie(opted_out=True)


def visitor_cookie_names(organization_id: str) -> tuple[str, ...]:
    """Return the names under which browsers send the visitor cookie: with ``@`` or, mostly, percent-encoded."""
    name = f"AMCV_{organization_id}"
    encoded = quote(name, safe="")
    return name, encoded, re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)


def cookie_of(cookies: Mapping[str, object], *names: str) -> str | None:
    """Return the first cookie with one of the names that is not blank; None when there is none.

    Raises:
        OptionError: the value is not a str.
    """
    for name in names:
        value = cookies.get(name)
        if value is not None and not isinstance(value, str):
            raise OptionError(f"Option 'cookies': {name!r} must be a str, not a value of type {type(value).__name__}.")
        if value and not value.isspace():
            return value
    return None


def is_opted_out(cookies: Mapping[str, str], organization_id: str) -> bool:
    """Return whether the visitor cookie says that the visitor opted out of the Experience Cloud.

    A call for such a visitor uses neither the Experience Cloud id nor the Audience Manager data of the cookie.

    Args:
        cookies: the cookies of the visitor's request, by name.
        organization_id: Experience Cloud organization id, such as ``1234567890@AdobeOrg``.

    Raises:
        OptionError: the value of the cookie is not a str.
    """
    return read_visitor_cookie(cookie_of(cookies, *visitor_cookie_names(organization_id))).opted_out


def is_session_id(text: str) -> bool:
    """Return whether the text is 1 to 128 printable characters without space, ``?`` and ``/``."""
    return _is_plain(text, 128) and " " not in text and "?" not in text and "/" not in text


def read_target_cookie(value: str | None, now: float) -> TargetCookie:
    """Read the value of an ``mbox`` cookie.

    Args:
        value: parts ``name#value#expires`` joined by ``|``, name and value percent-encoded, expires in epoch
            seconds. The whole value, or some of its separators, may be percent-encoded once more.
        now: epoch seconds. A part that expired earlier is ignored.
    """
    if value is None:
        return TargetCookie(None, None)
    # Nearly all cookies have this form. The code below gives the same result, but takes three times as long.
    if usual := _USUAL_TARGET_COOKIE.fullmatch(value):
        session_id, session_expires, device_id, device_expires = usual.groups()
        return TargetCookie(
            session_id if int(session_expires) >= now else None,
            device_id if device_id is not None and int(device_expires) >= now else None,
        )
    parts: dict[str, str] = {}
    for name, text, expires in _parts(_bare(value)):
        if int(expires) >= now:
            if "%" in text or "%" in name:
                name, text = unquote(name), unquote(text)
            parts[name] = text
    session_id, device_id = parts.get("session"), parts.get("PC")
    return TargetCookie(
        session_id if session_id and is_session_id(session_id) else None,
        device_id if device_id and _is_plain(device_id, 128) else None,
    )


def _parts(value: str) -> list[list[str]]:
    """Return name, value and expires of each well-formed part of a target cookie; name and value are still encoded."""
    parts: list[list[str]] = []
    for text in value.split("|"):
        if "%" not in text or _is_plain_part(text):
            parts.append(text.split("#"))
        elif "#" not in text:  # encoded as a whole
            parts += [part.split("#") for part in unquote(text).split("|")]
        else:  # some separators are encoded
            matches = map(_PART.fullmatch, _END_OF_PART.sub(r"\1|", text).split("|"))
            parts += [[*match.groups()] for match in matches if match]
    return [part for part in parts if len(part) == 3 and _SECONDS.fullmatch(part[2])]


def _is_plain_part(text: str) -> bool:
    """Return whether a part is encoded in its name and value only, and not in its separators."""
    name, *rest = text.split("#")
    if len(rest) != 2 or "%" in name or not _SECONDS.fullmatch(rest[1]):
        return False
    return not _PARTS_IN_VALUE.search(rest[0])


def target_cookie(session_id: str, device_id: str | None, now: float) -> Cookie:
    """Return the ``mbox`` cookie; ``now`` is in epoch seconds."""
    now = int(now)
    value = f"session#{_encoded(session_id)}#{now + SESSION_MAX_AGE}"
    if device_id is None:
        return {"name": TARGET_COOKIE, "value": value, "max_age": SESSION_MAX_AGE}
    value += f"|PC#{_encoded(device_id)}#{now + DEVICE_ID_MAX_AGE}"
    return {"name": TARGET_COOKIE, "value": value, "max_age": DEVICE_ID_MAX_AGE}


def location_hint_cookie(cluster: str | None) -> Cookie | None:
    """Return the ``mboxEdgeCluster`` cookie; None when there is no cluster."""
    if cluster is None:
        return None
    return {"name": LOCATION_HINT_COOKIE, "value": cluster, "max_age": SESSION_MAX_AGE}


def read_location_hint_cookie(value: str | None) -> str | None:
    """Return the decoded text of an ``mboxEdgeCluster`` cookie, which may be percent-encoded. It can be any text."""
    return None if value is None else unquote(_bare(value)) or None


def read_visitor_cookie(value: str | None) -> VisitorCookie:
    """Read the value of an ``AMCV_{organization_id}`` cookie.

    Args:
        value: alternating keys and values, joined by ``|`` and percent-encoded as a whole. A leading number is the
            version of the cookie. ``MCMID`` is the Experience Cloud id, ``MCAAMLH-{time}`` the Audience Manager
            location hint, ``MCAAMB-{time}`` its blob, ``MCOPTOUT-{time}`` the visitor's opt-out: ``NONE`` for none.
    """
    if value is None or not (value := _bare(value)):
        return _NO_VISITOR_COOKIE
    entries = unquote(value).split("|")
    if _VERSION.fullmatch(entries[0]):
        del entries[0]
    found: dict[str, str] = {}
    for key, entry in zip(entries[::2], entries[1::2], strict=False):
        found.setdefault(key.partition("-")[0] if key.startswith(("MCAAM", "MCOPTOUT")) else key, entry)
    if found.get("MCOPTOUT", "NONE").strip().upper() not in ("NONE", ""):
        return _OPTED_OUT
    visitor_id, hint, blob = found.get("MCMID"), found.get("MCAAMLH"), found.get("MCAAMB")
    return VisitorCookie(
        visitor_id if visitor_id and _is_plain(visitor_id, 128) else None,
        int(hint) if hint and _SECONDS.fullmatch(hint) and int(hint) >= 1 else None,
        blob if blob and _is_plain(blob, 1024) else None,
    )


def _bare(value: str | None) -> str:
    """Return the value of a cookie without double quotes around it; empty when it is absent or too long."""
    if not value or len(value) > MAX_LENGTH:
        return ""
    quoted = _QUOTED.fullmatch(value) if value[0] in '"%' else None
    return quoted[1] if quoted else value


def _is_plain(text: str, max_length: int) -> bool:
    return 0 < len(text) <= max_length and text.isprintable() and not text.isspace()


def _encoded(text: str) -> str:
    """Percent-encode a text. It may contain lone surrogates, because an answer can contain any text.

    Nearly all ids need no encoding, and the regular expression finds that out faster than ``quote`` does. An id with a
    separator is encoded letter by letter, so that nothing in it looks like the end of a part.
    """
    if _UNRESERVED.fullmatch(text):
        return text
    if "#" in text or "|" in text:
        return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
    return quote(text, safe="", errors="replace")
