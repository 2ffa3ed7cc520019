"""A certificate for servers on localhost."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""Also the name of a file to trust, as SSL_CERT_FILE gives it."""


def server_context(*protocols: str) -> ssl.SSLContext:
    """Return the context of a server, which offers the given protocols above TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def client_context() -> ssl.SSLContext:
    """Return the context of a client that trusts the certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))
