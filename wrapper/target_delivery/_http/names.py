"""Look host names up in threads, because nothing can interrupt a look-up of the operating system."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import copy_context
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

from target_delivery._http import forks

__all__ = ["NAMES", "Address", "LookUpRefused", "Names"]

MAX_LOOK_UPS = 32
"""How many host names are looked up at the same time, at most, each in a thread."""

Address: TypeAlias = "tuple[socket.AddressFamily, tuple[str | int, ...] | tuple[int, bytes]]"
"""A family of addresses, and an address to connect to."""


class LookUpRefused(OSError):
    """A name is not looked up, because too many others are."""


class Names(forks.Watched):
    """The look-ups under way. Calls that need the same name at the same time share one look-up, and so one thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant, because a signal handler may interrupt its holder
        self._under_way: dict[tuple[str, int], Future[list[Address]]] = {}
        forks.watch(self, self._lock)

    def look_up(self, host: str, port: int) -> Future[list[Address]]:
        """Start to look up a host, or join the look-up under way. Return its future, which cannot be cancelled.

        The future has an exception when the name cannot be looked up, or when too many others are being looked up.
        """
        with self._lock:
            future = self._under_way.get((host, port))
            if future is not None:
                return future
            future = Future[list[Address]]()
            future.set_running_or_notify_cancel()
            literal = _literal(host, port)
            if literal is not None:
                future.set_result([literal])
            elif len(self._under_way) >= MAX_LOOK_UPS:
                future.set_exception(LookUpRefused(f"{MAX_LOOK_UPS} other host names are being looked up."))
            else:
                # A daemon, so that a look-up that hangs does not delay the end of the interpreter.
                thread = threading.Thread(
                    target=copy_context().run,
                    args=(self._resolve, host, port, future),
                    name="target-delivery-names",
                    daemon=True,
                )
                try:
                    self._under_way[host, port] = future
                    thread.start()
                except BaseException as error:
                    # Nobody may join this look-up: perhaps there is no thread that ends it. A signal handler can raise
                    # an exception here, for example to limit the time of a task.
                    self._under_way.pop((host, port), None)
                    if not isinstance(error, RuntimeError):
                        raise
                    # The system has no more threads, or the interpreter is about to end.
                    future.set_exception(error)
            return future

    def after_fork_in_child(self) -> None:
        """Forget the look-ups under way, because a fork does not copy their threads."""
        self._under_way = {}

    def _resolve(self, host: str, port: int, future: Future[list[Address]]) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as error:  # an OSError, or a UnicodeError when the name is not valid
            outcome: list[Address] | Exception = error
        else:
            outcome = [(family, address) for family, *_, address in found]
        with self._lock:
            self._under_way.pop((host, port), None)
        with suppress(InvalidStateError):  # An interruption of look_up() has ended the future.
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


def _literal(host: str, port: int) -> Address | None:
    """Return the address that a host is, so that it need not be looked up. None for a name."""
    with suppress(ValueError):
        match ip_address(host):
            case IPv4Address():
                return socket.AF_INET, (host, port)
            case IPv6Address(scope_id=None):
                return socket.AF_INET6, (host, port, 0, 0)
            case _:
                pass  # The zone is the name of a network interface, so the operating system must look it up.
    return None


NAMES = Names()
"""The look-ups of this process."""
