"""The certificates that the SDK's own HTTP clients trust: certifi's, or those that the environment names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx

from target_delivery.errors import OptionError

if TYPE_CHECKING:
    import ssl

__all__ = ["tls_context"]

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""The variables that httpx and Python's ssl read."""


def tls_context(*, trust_env: bool) -> ssl.SSLContext:
    """Return a context for TLS connections.

    Args:
        trust_env: whether SSL_CERT_FILE, or without it SSL_CERT_DIR, replaces the certificates of certifi.

    Raises:
        OptionError: a variable names a file that cannot be used; the message names both.
    """
    if trust_env:
        folder = os.environ.get("SSL_CERT_DIR")
        # OpenSSL ignores a folder that does not exist, and then trusts no certificate.
        if folder and not os.environ.get("SSL_CERT_FILE") and not any(map(os.path.isdir, folder.split(os.pathsep))):
            raise OptionError(f"The environment variable SSL_CERT_DIR names {folder!r}, which is no folder.")
    try:
        return httpx.create_ssl_context(trust_env=trust_env)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError.
        named = [f"{name} names {os.environ[name]!r}" for name in VARIABLES if os.environ.get(name)]
        raise OptionError(
            f"TLS certificates cannot be loaded: {type(error).__name__}: {error}. "
            f"The environment variables: {'; '.join(named) or 'none of ' + ', '.join(VARIABLES)}."
        ) from error
