"""Sockets that are being connected: their options, and the time that each address gets."""

from __future__ import annotations

import socket

__all__ = ["new_socket", "share_of"]

SHORTEST_CONNECT = 0.25
"""Seconds that an address gets to answer, at least, before the next address is tried. RFC 8305 advises this value."""


def new_socket(family: socket.AddressFamily) -> socket.socket:
    """Return a TCP socket that is not connected.

    Raises:
        OSError: the system has no more sockets, or does not know the family.
    """
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        connection.close()
        raise
    return connection


def share_of(seconds: float | None, addresses: int) -> float | None:
    """Return the seconds that the next address gets to answer, so that time is left for the others.

    Args:
        seconds: the time for all remaining addresses together; None for no limit.
        addresses: how many addresses have not been tried.
    """
    if seconds is None:
        return None
    return min(seconds, max(seconds / addresses, SHORTEST_CONNECT))
