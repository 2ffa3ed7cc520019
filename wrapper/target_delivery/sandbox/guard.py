"""Refuse requests that a web page makes a browser send, and limit the size of bodies.

Every page that a developer visits can send requests to loopback. The headers Origin and Sec-Fetch-Site show that a page
has another origin. So does the Content-Type of a form, which a page may send without permission. If an attacker points
the name of a page at loopback (DNS rebinding), the page has the sandbox's origin, but its own name in the header Host.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Final

from attrs import frozen
from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_BODY: Final = 1024 * 1024
"""Bytes that the body of a request may have."""
_MAX_DISCARDED: Final = 64 * MAX_BODY
"""Bytes of a longer body that are read and dropped, so that a client that sends all of it first can read the answer."""

_HOST = re.compile(r"(?:\[(?P<address>[0-9a-fA-F:.]+)\]|(?P<name>[^\[\]:@/\s]+))(?::[0-9]*)?")
_SAFE_DOMAINS = (".localhost", ".tt.omtrdc.net", ".adobetarget.com")
"""Domains whose names no attacker can point at loopback. The last two belong to Adobe's edge, for redirected calls."""
_FORMS = frozenset({"text/plain", "multipart/form-data", "application/x-www-form-urlencoded"})


@frozen
class Refusal:
    """Why a request is not served."""

    status: int
    message: str


def refusal(method: str, headers: Mapping[str, str], names: Collection[str], *, remote: bool) -> Refusal | None:
    """Return why a request is refused for its headers; None if it may be served.

    Args:
        method: HTTP method.
        headers: values by name, which is found in any case.
        names: host names, in lower case, that requests may be for, besides those of loopback and of Adobe's edge.
        remote: whether requests may be for any IP address, and not for loopback addresses only.
    """
    host = headers.get("host", "")
    if not _serves(host, names, remote=remote):
        return Refusal(403, f"The sandbox does not serve the host {host[:200]!r}; name it in hosts (--allow-host)")
    origin = headers.get("origin")
    of_other_site = origin is not None and origin.lower().partition("://")[2] != host.lower()
    if of_other_site or (
        # A browser may follow a link to the sandbox.
        headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        and (method != "GET" or headers.get("sec-fetch-mode") != "navigate")
    ):
        return Refusal(403, "The sandbox does not serve web pages of another origin")
    if method == "POST" and headers.get("content-type", "").partition(";")[0].strip().lower() in _FORMS:
        return Refusal(415, "The Content-Type must be application/json")
    return None


def _serves(host: str, names: Collection[str], *, remote: bool) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = (match["address"] or match["name"]).lower().removesuffix(".")
    if name == "localhost" or name.endswith(_SAFE_DOMAINS) or name in names:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return remote or address.is_loopback


async def read_body(request: Request) -> bytes:
    """Read the body of a request.

    Raises:
        HTTPException: it is longer than MAX_BODY. The answer has status 413 and ends the connection.
        ClientDisconnect: the client went away.
    """
    body, length = bytearray(), 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= MAX_BODY:
            body += chunk
        elif length > _MAX_DISCARDED:
            break
    if length > MAX_BODY:
        raise HTTPException(413, f"The body has more than {MAX_BODY} bytes", {"Connection": "close"})
    return bytes(body)
