"""Sockets that are being connected: their options, and the time that each address gets."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from target_delivery._http.names import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ConnectFailed", "connect", "connect_async"]

TICK = 0.002
"""Seconds that the wait for an address may last beyond its end, for event loops that count whole milliseconds."""
SHORTEST_CONNECT = 0.25
"""Seconds that an address gets to answer, at least, before the next address is tried. RFC 8305 advises this value."""


class ConnectFailed(Exception):
    """No connection was made. The text says why."""


def connect(host: str, port: int, left: Callable[[], float | None]) -> socket.socket:
    """Connect to the first address of a host that answers.

    Args:
        host: a name or an address.
        port: the port.
        left: returns the seconds that remain, None for no limit, or raises an exception when none remain.

    Raises:
        ConnectFailed: the name cannot be looked up, or no address can be connected to.
        TimeoutError: the look-up, or the last address, took too long.
    """
    limit = left()
    try:
        found = NAMES.look_up(host, port).result(limit)
    except TimeoutError:
        raise TimeoutError("The deadline passed during the look-up of the host name.") from None
    except Exception as error:
        raise ConnectFailed(str(error)) from error
    failure: Exception | None = None
    for tried, (family, address) in enumerate(found):
        limit = _share_of(left(), len(found) - tried)
        try:
            connection = _new_socket(family)
            try:
                connection.settimeout(limit)
                connection.connect(address)
            except BaseException:
                connection.close()
                raise
            return connection
        except TimeoutError as error:
            failure = error
        except OSError as error:
            failure = ConnectFailed(str(error))
    raise failure or ConnectFailed(f"{host} has no address.")


async def connect_async(
    host: str, port: int, left: Callable[[], float | None], under_way: set[socket.socket]
) -> socket.socket:
    """Do the same as connect() in an event loop. The socket does not block.

    A call that is cancelled leaves no socket behind. The socket that is being connected is in the set ``under_way``, so
    that it can be closed even if the event loop ends meanwhile.
    """
    import asyncio  # here, because asyncio is slow to import

    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(left()):
            found = await asyncio.wrap_future(NAMES.look_up(host, port))
    except TimeoutError:
        raise TimeoutError("The deadline passed during the look-up of the host name.") from None
    except Exception as error:
        raise ConnectFailed(str(error)) from error
    failure: Exception | None = None
    for tried, (family, address) in enumerate(found):
        limit = _share_of(left(), len(found) - tried)
        try:
            connection = _new_socket(family)
            under_way.add(connection)
            try:
                connection.setblocking(False)
                # Not before the deadline, where an event loop counts whole milliseconds: that would be no late call.
                async with asyncio.timeout(None if limit is None else limit + TICK):
                    await loop.sock_connect(connection, address)
            except BaseException:
                connection.close()
                raise
            finally:
                under_way.discard(connection)
            return connection
        except TimeoutError as error:
            failure = error
        except OSError as error:
            failure = ConnectFailed(str(error))
    raise failure or ConnectFailed(f"{host} has no address.")


def _new_socket(family: socket.AddressFamily) -> socket.socket:
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


def _share_of(seconds: float | None, addresses: int) -> float | None:
    """Return the seconds that the next address gets to answer, so that time is left for the others.

    Args:
        seconds: the time for all remaining addresses together; None for no limit.
        addresses: how many addresses have not been tried.
    """
    if seconds is None:
        return None
    return min(seconds, max(seconds / addresses, SHORTEST_CONNECT))
