"""The parts of a URL as rules see them: docs/on-device.md#page-and-referring."""

from __future__ import annotations

import re
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

__all__ = ["page_of", "reads_hosts", "warm_up"]

_LONGEST_CACHED_URL = 4096  # the longest that the Delivery API accepts
_URL = re.compile(
    r"(?:[^:/?#]+:)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.S,
)
_PORT = re.compile(r":[0-9]*$")
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_HOST_PARTS = ("domain", "subdomain", "topLevelDomain")


def page_of(url: str) -> dict[str, str]:
    """Return the parts of a URL, each also in lower case. Do not change the object: it is cached."""
    return _page(url) if len(url) <= _LONGEST_CACHED_URL else _page.__wrapped__(url)


@lru_cache(maxsize=512)
def _page(url: str) -> dict[str, str]:
    match = _URL.match(url)
    parts = match.groupdict("") if match else {}
    host = _PORT.sub("", parts.get("authority", "").rpartition("@")[2])
    domain, subdomain, top_level_domain = _host(host) if len(host) <= 255 else (host, "", "")
    page = {
        "url": url,
        "path": parts.get("path", ""),
        "query": parts.get("query", ""),
        "fragment": parts.get("fragment", ""),
        "domain": domain,
        "subdomain": subdomain,
        "topLevelDomain": top_level_domain,
    }
    return page | {f"{name}_lc": value.lower() for name, value in page.items()}


@lru_cache(maxsize=1024)
def _host(host: str) -> tuple[str, str, str]:
    """Return registrable domain, subdomain and public suffix. A host without a registrable domain is its own domain."""
    name = host.removesuffix(".")
    if not name:
        return "", "", ""
    suffixes = _suffixes()
    if "." not in name or _IPV4.fullmatch(name) or name.startswith("["):
        return name, "", suffixes.publicsuffix(name, accept_unknown=False) or ""
    domain = suffixes.privatesuffix(name, keep_case=True)
    suffix = suffixes.publicsuffix(name, keep_case=True) or ""
    if domain is None:
        return name, "", suffix
    subdomain = name[: -len(domain)].removesuffix(".")
    if subdomain.lower() == "www" or subdomain.lower().startswith("www."):
        subdomain = subdomain[4:]
    return domain, subdomain, suffix


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    """Load the list that the package publicsuffixlist brings along. Never fetch one."""
    return PublicSuffixList()


def reads_hosts(names: set[str]) -> bool:
    """Whether conditions that read these variables need the public suffix list."""
    return any(name in ("page", "referring") or name.partition(".")[2].startswith(_HOST_PARTS) for name in names)


def warm_up() -> None:
    """Load the public suffix list now (about 30 ms), so that no decision waits for it."""
    _suffixes()
