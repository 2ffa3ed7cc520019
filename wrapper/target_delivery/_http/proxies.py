"""Choose the proxy for each request, as the environment says.

The variables are those of other programs: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in capital or small letters;
on Windows and macOS also the settings of the system. An entry of NO_PROXY, which are separated by commas, is:

======================================  ================================================================
``*``                                   every host
``example.com``                         this host and all hosts below it
``.example.com``, ``*.example.com``     all hosts below it
``192.0.2.1``, ``::1``, ``[::1]``       this address
``192.0.2.0/24``, ``fd00::/8``          all addresses of this network
any of these with ``:port`` at its end  the same, at this port only; an IPv6 address then needs brackets
any of these after ``http://``          the same, for http only; likewise with ``https://`` and ``all://``
======================================  ================================================================

An entry of another form has no effect.
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.request import getproxies

import httpx
from attrs import frozen

from target_delivery.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

__all__ = ["AsyncRoutes", "Proxies", "Routes", "read_proxies"]

SCHEMES = ("http", "https", "socks5", "socks5h")
"""Schemes of the URLs of proxies. ``socks`` counts as ``socks5``, as desktops set it."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


@frozen
class _Exempt:
    """An entry of NO_PROXY.

    Attributes:
        scheme: the scheme of the URLs that it is for; None for both.
        port: the port that it is for; None for all.
        network: the addresses that it is for; None when it is for names.
        name: the name that it is for; empty when it is only for the names below a name.
        below: the end of the other names that it is for, with a leading dot.
    """

    scheme: str | None
    port: int | None
    network: IPv4Network | IPv6Network | None
    name: str
    below: str

    def covers(self, url: httpx.URL) -> bool:
        """Return whether requests to a URL go to no proxy."""
        if self.scheme not in (None, url.scheme):
            return False
        if self.port not in (None, url.port or _DEFAULT_PORTS.get(url.scheme)):
            return False
        host = url.host.lower().rstrip(".")
        address = _address(host)
        if self.network is not None:
            return address is not None and address in self.network
        names = (host, url.raw_host.decode("ascii").lower().rstrip("."))
        return address is None and any(name == self.name or name.endswith(self.below) for name in names)


@frozen(eq=False)
class Proxies:
    """The proxies of the environment."""

    _by_scheme: Mapping[str, httpx.Proxy]
    _exempt: tuple[_Exempt, ...]

    @property
    def all(self) -> set[httpx.Proxy | None]:
        """Every proxy that ``of`` can return."""
        return {None, *self._by_scheme.values()}

    def of(self, url: httpx.URL) -> httpx.Proxy | None:
        """Return the proxy for requests to a URL; None when they go directly to the host."""
        proxy = self._by_scheme.get(url.scheme) or self._by_scheme.get("all")
        return None if proxy is None or any(one.covers(url) for one in self._exempt) else proxy

    def of_origin(self, origin: str) -> httpx.Proxy | None:
        """Return the proxy for requests to a scheme, host and port, such as ``https://demo.tt.omtrdc.net``."""
        return _of_origin(self, origin)


@lru_cache(maxsize=256)
def _of_origin(proxies: Proxies, origin: str) -> httpx.Proxy | None:
    return proxies.of(httpx.URL(origin))


def read_proxies() -> Proxies | None:
    """Read the proxies of the environment; return None when it has none.

    Raises:
        OptionError: a proxy cannot be used; the message names its variable.
    """
    found = getproxies()
    exempt = found.get("no", "").replace(",", " ").split()
    schemes = [scheme for scheme in ("http", "https") if found.get(scheme)]
    if len(schemes) < 2 and found.get("all"):
        schemes.append("all")  # ALL_PROXY is for URLs whose scheme has no proxy of its own.
    if not schemes or "*" in exempt:
        return None
    return Proxies(
        {scheme: _proxy(found[scheme], scheme) for scheme in schemes},
        tuple(one for one in map(_exempt, exempt) if one is not None),
    )


def _proxy(text: str, scheme: str) -> httpx.Proxy:
    variable = _variable(f"{scheme}_proxy")
    text = text.strip() if "://" in text else f"http://{text.strip()}"
    kind, _, rest = text.partition("://")
    kind = "socks5" if kind.lower() == "socks" else kind.lower()
    if kind not in SCHEMES:
        raise OptionError(
            f"{variable} names a proxy with the scheme {kind[:20]!r}, which cannot be used; write one of "
            f"{', '.join(SCHEMES)}."
        )
    if kind.startswith("socks") and find_spec("socksio") is None:
        raise OptionError(f"{variable} names a SOCKS proxy; pip install 'target-delivery[socks]' to use it.")
    # The value is not shown, because it can contain a password.
    wrong = f"{variable} is not the URL of a proxy, such as http://proxy.example:3128."
    try:
        url = httpx.URL(f"{kind}://{rest}")
        if not url.host or (url.port is not None and not 0 < url.port < 65536):
            raise OptionError(wrong)
        return httpx.Proxy(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise OptionError(wrong) from (None if isinstance(error, OptionError) else error)


def _variable(name: str) -> str:
    """Return the name of a setting for errors: its variable, in the case in which it is set."""
    written = next((one for one in (name, name.upper()) if os.environ.get(one)), None)
    return f"The environment variable {written}" if written else f"The system's setting of {name}"


def _exempt(entry: str) -> _Exempt | None:
    """Read an entry of NO_PROXY; return None for an entry that has no effect."""
    scheme, _, rest = entry.lower().rpartition("://")
    if rest.startswith("["):
        host, closed, port = rest[1:].rstrip("/").partition("]")
        if not closed:
            return None
        if port.startswith("/"):
            host, port = host + port, ""
    elif rest.count(":") == 1:
        host, _, port = rest.rstrip("/").partition(":")
    else:
        host, port = rest.rstrip("/"), ""
    port = port.removeprefix(":")
    if not host or (port and not (port.isascii() and port.isdigit() and len(port) < 6)):
        return None
    try:
        network = ip_network(host, strict=False)
    except ValueError:
        network = None
    host = host.removeprefix("*").rstrip(".")
    name = "" if host.startswith(".") else host
    return _Exempt(
        None if scheme in ("", "all") else scheme, int(port) if port else None, network, name, "." + host.lstrip(".")
    )


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, an IPv4-mapped one as IPv4; None for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class Routes(httpx.BaseTransport):
    """Sends each request through its proxy, or directly.

    Args:
        proxies: the proxies.
        make: makes the transport that uses a proxy, or no proxy for None.
    """

    def __init__(self, proxies: Proxies, make: Callable[[httpx.Proxy | None], httpx.BaseTransport]) -> None:
        self._proxies = proxies
        self._transports = {proxy: make(proxy) for proxy in proxies.all}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer as soon as its head has arrived."""
        return self._transports[self._proxies.of(request.url)].handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()


class AsyncRoutes(httpx.AsyncBaseTransport):
    """The asyncio twin of Routes."""

    def __init__(self, proxies: Proxies, make: Callable[[httpx.Proxy | None], httpx.AsyncBaseTransport]) -> None:
        self._proxies = proxies
        self._transports = {proxy: make(proxy) for proxy in proxies.all}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer as soon as its head has arrived."""
        return await self._transports[self._proxies.of(request.url)].handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()
