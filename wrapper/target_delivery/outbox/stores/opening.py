"""Open a store by its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from target_delivery.errors import OptionError

if TYPE_CHECKING:
    from target_delivery.outbox.stores.base import Store

__all__ = ["open_store"]


def open_store(url: str, *, create: bool = True) -> Store:
    """Return the store that a URL names.

    Args:
        url: ``sqlite:///outbox.db`` (a relative path), ``sqlite:////var/lib/outbox.db`` or a plain path;
            ``redis://host:port/db``, ``rediss://`` or ``unix://``, with ``#name`` for an outbox of another name.
        create: create the store if there is none.

    Raises:
        OptionError: the URL names no store.
        StoreError: the store cannot be opened.
    """
    scheme, separator, rest = url.partition("://")
    if scheme in ("redis", "rediss", "unix") and separator:
        from target_delivery.outbox.stores.redis import RedisStore

        address, _, name = url.partition("#")
        if not name:
            return RedisStore(address, create=create)
        return RedisStore(address, name=unquote(name), create=create)
    from target_delivery.outbox.stores.sqlite import SQLiteStore

    if not separator and url:
        return SQLiteStore(url, create=create)
    path = unquote(urlsplit(url).path[1:])
    if scheme != "sqlite" or not rest.startswith("/") or not path:
        raise OptionError(
            f"{url!r} names no store. Write sqlite:///outbox.db, sqlite:////var/lib/outbox.db, a path, "
            "or redis://host:6379/0."
        )
    return SQLiteStore(path, create=create)
