"""Hosts: the only module that makes host names, from edge clusters and client options.

Visitors' cookies, location hints and answers name edge clusters, and cannot be trusted. A cluster is one to five ASCII
digits. Anything else is treated as absent, so that none of them can choose the host of a call.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MAX_LABEL",
    "artifact_url",
    "cdn_base_url",
    "cluster_of_edge_host",
    "cluster_of_hint",
    "cluster_of_tnt_id",
    "geo_url",
    "is_cdn_base",
    "is_http_url",
    "is_server_domain",
    "url_maker",
]

MAX_LABEL = 63
"""Characters of one part of a host name (RFC 1035)."""

_CLUSTER = re.compile(r"[0-9]{1,5}")
_EDGE_HOST = re.compile(r"mboxedge([0-9]{1,5})\.")
_SERVER_DOMAIN = re.compile(
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
)
_IPV4_LIKE = re.compile(r"[0-9]+(?:\.[0-9]+){3}")


def cluster_of_hint(hint: str | None) -> str | None:
    """Return the cluster in a location hint, or None when the hint is not a cluster."""
    return hint if hint and _CLUSTER.fullmatch(hint) else None


def cluster_of_tnt_id(tnt_id: str | None) -> str | None:
    """Return the cluster in a tntId such as ``32440324234-2343423.28_0`` (here ``28``), or None."""
    if not tnt_id or tnt_id.count(".") != 1:
        return None
    return cluster_of_hint(tnt_id.partition(".")[2].partition("_")[0])


def cluster_of_edge_host(edge_host: str | None) -> str | None:
    """Return the cluster in an ``edgeHost`` such as ``mboxedge28.tt.omtrdc.net`` (here ``28``), or None."""
    match = _EDGE_HOST.match(edge_host) if edge_host else None
    return match[1] if match else None


def is_server_domain(text: str) -> bool:
    """Return whether the text is only a host name or an address, with an optional ``:port``."""
    match = _SERVER_DOMAIN.fullmatch(text)
    if match is None or (match["port"] is not None and not 0 < int(match["port"]) < 65536):
        return False
    host = match["host"]
    try:
        if host.startswith("["):
            IPv6Address(host[1:-1])
        elif _IPV4_LIKE.fullmatch(host):
            IPv4Address(host)
        elif "xn--" in host.lower():
            import httpx  # see is_http_url

            # httpx decodes the host only when it is asked for, and a label such as xn--a has no decoded form.
            _ = httpx.URL(f"https://{host}").host
    except ValueError:
        return False
    return all(0 < len(label) <= MAX_LABEL for label in host.split("."))


def is_http_url(text: str) -> bool:
    """Return whether the text is an ``http`` or ``https`` URL with a host."""
    import httpx  # not at the top, because it is slow to import, and most clients have no such option

    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host) and not re.search(r"\s", text)


def is_cdn_base(text: str) -> bool:
    """Return whether the text is a host, or an ``http`` or ``https`` URL, perhaps with a path."""
    return is_http_url(_with_scheme(text))


def _with_scheme(host_or_url: str) -> str:
    return host_or_url if "://" in host_or_url else f"https://{host_or_url}"


def cdn_base_url(*, environment: str, base_path: str | None) -> str:
    """Return the base URL of the CDN that serves artifacts and geo look-ups.

    Args:
        environment: the option ``cdn_environment``.
        base_path: the option ``cdn_base_path``, already validated; it wins over the environment.
    """
    if base_path is not None:
        return _with_scheme(base_path).rstrip("/")
    staging = environment.lower() in ("staging", "development")
    return "https://assets.staging.adobetarget.com" if staging else "https://assets.adobetarget.com"


def artifact_url(cdn: str, *, client: str, environment: str, property_token: str | None) -> str:
    """Return the URL of an artifact; ``cdn`` is the CDN's base URL."""
    parts = [client, environment.lower(), "v1", property_token, "rules.json"]
    return "/".join([cdn, *(quote(part, safe="") for part in parts if part)])


def geo_url(cdn: str) -> str:
    """Return the URL that looks up an IP address; ``cdn`` is the CDN's base URL."""
    return f"{cdn}/v1/geo"


def url_maker(*, client: str, server_domain: str | None, secure: bool) -> Callable[[str | None], str]:
    """Return a function that takes a cluster, or None, and returns the base URL of the edge to call.

    Args:
        client: client code, already validated.
        server_domain: the host to call instead of any cluster, already validated.
        secure: whether the URL begins with https; else with http.
    """
    scheme = "https" if secure else "http"
    fixed = server_domain or f"{client}.tt.omtrdc.net"

    def base_url(cluster: str | None) -> str:
        if cluster is None or server_domain is not None:
            return f"{scheme}://{fixed}"
        return f"{scheme}://mboxedge{cluster}.tt.omtrdc.net"

    return base_url
