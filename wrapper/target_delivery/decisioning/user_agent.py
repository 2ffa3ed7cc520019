"""Browser and platform by the names that rules use: docs/on-device.md#user.

Rules know six browsers and six platforms, so a few patterns are enough. A browser without a name of its own counts as
the browser that it is built on and names in its user agent, which is mostly Chrome. Opera is ``unknown``, because
Target's audiences tell it from Chrome.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from target_delivery.decisioning._json import as_text

if TYPE_CHECKING:
    from target_delivery.decisioning._json import JsonObject

__all__ = ["user_of"]

_LONGEST = 1024
"""How many characters of a user agent or client hint are read. Real ones have a few hundred."""

_BEFORE = r"(?:\A|\))(?>[^)]*?"
"""The beginning of a pattern of several words. Its words stand in this order without a ``)`` between them.

The pattern tries only the first occurrence of a word (``(?>`` does not go back), and only once for each ``)``. So the
time grows only with the length of the user agent, however often a visitor repeats the words.
"""

# The first match counts: Edge also names Chrome and Safari, Chrome names Safari, and phones name each other.
_BROWSERS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("edge", r"\b(?:Edge|EdgA|EdgiOS|Edg)/([0-9]{1,9})"),
        ("unknown", r"\b(?:OPR|OPiOS|OPT|OPX|Opera)(?:/|\b)()"),
        ("ie", r"\bMSIE ([0-9]{1,9})"),
        ("ie", rf"{_BEFORE}\bTrident/)[^)]*\brv:([0-9]{{1,9}})"),
        ("firefox", r"\b(?:Firefox|FxiOS)/([0-9]{1,9})"),
        ("chrome", r"(?:\bChrome|\bChromium|\bCriOS|\bHeadlessChrome)/([0-9]{1,9})"),
        ("mobile safari", rf"{_BEFORE}\bVersion/([0-9]{{1,9}}))(?>[^)]*?\bMobile\b)[^)]*\bSafari/"),
        ("safari", rf"{_BEFORE}\bVersion/([0-9]{{1,9}}))[^)]*\bSafari/"),
        ("safari", r"\bSafari/()"),
    )
)

_PLATFORMS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("windows", r"Windows Phone"),
        ("iOS", r"iPhone|iPad|iPod"),
        ("Android", r"Android"),
        ("windows", r"Windows|Win(?:32|64|NT|95|98)"),
        ("mac", r"Mac"),
        ("linux", r"Linux|CrOS"),
        ("Unix", r"X11|BSD|SunOS|Solaris|AIX|HP-UX|Unix"),
    )
)

_HINT_BROWSERS = (
    ("microsoft edge", "edge"),
    ("opera", "unknown"),
    ("google chrome", "chrome"),
    ("headlesschrome", "chrome"),
    ("firefox", "firefox"),
    ("safari", "safari"),
    ("chromium", "chrome"),
)

_HINT_PLATFORMS = {
    "windows": "windows",
    "macos": "mac",
    "mac os x": "mac",
    "linux": "linux",
    "chrome os": "linux",
    "chromium os": "linux",
    "chromeos": "linux",
    "android": "Android",
    "ios": "iOS",
    "freebsd": "Unix",
    "openbsd": "Unix",
    "netbsd": "Unix",
    "unix": "Unix",
}

_BRAND = re.compile(r'"([^"]*)"\s*;\s*v\s*=\s*"([0-9]{1,9})')


def user_of(context: JsonObject) -> JsonObject:
    """Return the section ``user``. Client hints win over the user agent, field by field.

    Do not change the object: it is cached.
    """
    hints = context.get("clientHints")
    agent = as_text(context.get("userAgent"))[:_LONGEST]
    if not isinstance(hints, dict):
        return _user(agent, "", "")
    brands = as_text(hints.get("browserUAWithMajorVersion")) or as_text(hints.get("browserUAWithFullVersion"))
    return _user(agent, brands[:_LONGEST], as_text(hints.get("platform"))[:_LONGEST])


@lru_cache(maxsize=512)
def _user(agent: str, brands: str, platform: str) -> JsonObject:
    browser, version = _browser_of_brands(brands) or _browser_of_agent(agent)
    hinted = platform.strip(' "').lower()
    return {
        "browserType": browser,
        "platform": _HINT_PLATFORMS.get(hinted, "unknown")
        if hinted not in ("", "unknown")
        else _platform_of_agent(agent),
        "locale": "en",
        "browserVersion": version,
    }


def _browser_of_agent(agent: str) -> tuple[str, int]:
    for name, pattern in _BROWSERS:
        if match := pattern.search(agent):
            return name, int(match[1] or -1)
    return "unknown", -1


def _browser_of_brands(brands: str) -> tuple[str, int] | None:
    versions = {brand.lower(): int(version) for brand, version in _BRAND.findall(brands)}
    for brand, name in _HINT_BROWSERS:
        if brand in versions:
            return name, versions[brand] if name != "unknown" else -1
    return None


def _platform_of_agent(agent: str) -> str:
    return next((name for name, pattern in _PLATFORMS if pattern.search(agent)), "unknown")
