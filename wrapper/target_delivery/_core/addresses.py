"""IP addresses of visitors, which come from headers and cannot be trusted."""

from __future__ import annotations

import ipaddress

__all__ = ["normal_address"]


def normal_address(text: object) -> str | None:
    """Return an IP address in its normal form, an IPv4-mapped one (``::ffff:1.1.1.1``) as the IPv4 address.

    Returns:
        None when the value is no text, or when the text, apart from white space around it, is not exactly one address.
        A port, brackets, several addresses and a zone (``fe80::1%eth0``) make it invalid: a zone can be any text, even
        a second address.
    """
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
