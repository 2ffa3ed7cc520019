"""The certificates that the SDK's own HTTP clients trust: certifi's, or those that the environment names."""

from __future__ import annotations

import os
import ssl
from contextlib import nullcontext

import certifi

from target_delivery._http import forks
from target_delivery.errors import OptionError

__all__ = ["Certificates"]

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""The variables that httpx and Python's ssl read."""


class Certificates(forks.Watched):
    """The trusted certificates of one client, in a context for TLS connections."""

    def __init__(self, *, trust_env: bool) -> None:
        """Load the certificates.

        Args:
            trust_env: whether SSL_CERT_FILE, or without it SSL_CERT_DIR, replaces the certificates of certifi.

        Raises:
            OptionError: a variable names a file that cannot be used; the message names both.
        """
        self._trust_env = trust_env
        self._context: ssl.SSLContext | None = _tls_context(trust_env=trust_env)
        forks.watch(self, nullcontext())

    @property
    def context(self) -> ssl.SSLContext:
        """The context for new connections."""
        if self._context is None:
            self._context = _tls_context(trust_env=self._trust_env)
        return self._context

    def after_fork_in_child(self) -> None:
        """Load the certificates again: a thread of the parent may have held a lock of OpenSSL in its context."""
        self._context = None


def _tls_context(*, trust_env: bool) -> ssl.SSLContext:
    file = (os.environ.get("SSL_CERT_FILE") if trust_env else None) or None
    folder = os.environ.get("SSL_CERT_DIR") if trust_env and file is None else None
    # OpenSSL ignores a folder that does not exist, and then trusts no certificate.
    if folder and not any(map(os.path.isdir, folder.split(os.pathsep))):
        raise OptionError(f"The environment variable SSL_CERT_DIR names {folder!r}, which is no folder.")
    try:
        return ssl.create_default_context(cafile=file if file or folder else certifi.where(), capath=folder or None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError.
        named = [f"{name} names {os.environ[name]!r}" for name in VARIABLES if os.environ.get(name)]
        raise OptionError(
            f"TLS certificates cannot be loaded: {type(error).__name__}: {error}. "
            f"The environment variables: {'; '.join(named) or 'none of ' + ', '.join(VARIABLES)}."
        ) from error
