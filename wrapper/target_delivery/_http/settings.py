"""The settings of the SDK's own connections."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypedDict

from attrs import frozen

from target_delivery._http.certificates import Certificates

if TYPE_CHECKING:
    import ssl

    from target_delivery._http.proxies import Proxies

__all__ = ["HttpOptions", "HttpSettings", "read_settings"]


class HttpOptions(TypedDict):
    """Arguments of the SDK's own clients of httpx."""

    http2: bool
    verify: ssl.SSLContext
    proxies: Proxies | None


@frozen
class HttpSettings:
    """The settings of one client's own connections."""

    http2: bool
    """Whether the extra ``http2`` is installed."""
    certificates: Certificates
    proxies: Proxies | None
    """The proxies of the environment; None for none."""

    @property
    def options(self) -> HttpOptions:
        """The arguments of a new client of httpx."""
        return {"http2": self.http2, "verify": self.certificates.context, "proxies": self.proxies}


def read_settings(*, trust_env: bool) -> HttpSettings:
    """Read the settings.

    Args:
        trust_env: whether the environment's proxies and certificates are used.

    Raises:
        OptionError: a proxy or a certificate of the environment cannot be used.
    """
    proxies = None
    if trust_env and _may_have_proxies():
        from target_delivery._http.proxies import read_proxies  # not at the top, because httpx is slow to import

        proxies = read_proxies()
    return HttpSettings(find_spec("h2") is not None, Certificates(trust_env=trust_env), proxies)


def _may_have_proxies() -> bool:
    """Return whether proxies may be set: by a variable, or in the settings of macOS or Windows."""
    return sys.platform in ("darwin", "win32") or any(name.lower().endswith("_proxy") for name in os.environ)
