"""IP addresses of visitors, which come from headers and cannot be trusted."""

from __future__ import annotations

import ipaddress
import re

__all__ = ["normal_address"]

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")


def normal_address(text: object) -> str | None:
    """Return an IP address in its normal form, an IPv4-mapped one (``::ffff:1.1.1.1``) as the IPv4 address.

    Returns:
        None when the value is no text, or when the text, apart from white space around it, is not exactly one address.
        A port, brackets, several addresses and a zone (``fe80::1%eth0``) make it invalid: a zone can be any text, even
        a second address.
    """
    if not isinstance(text, str) or "%" in text:
        return None
    if _IPV4.fullmatch(text):  # the most frequent case; the class takes ten times as long
        return text
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
