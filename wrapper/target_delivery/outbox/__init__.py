"""No conversion lost: an outbox that keeps notifications until the edge has confirmed them.

    with NotificationOutbox(client, store=SQLiteStore("outbox.db")) as outbox:
        outbox.send_notifications({"request": request})

``NotificationOutbox`` goes with a TargetClient, ``AsyncNotificationOutbox`` with an AsyncTargetClient. ``SQLiteStore``
is for the processes of one machine, ``RedisStore`` for those of many, ``MemoryStore`` for tests.

A ``Store`` of your own goes with either of them. The option ``outbox`` of a client takes an ``Outbox``, or an
``AsyncOutbox``, of your own, too: anything that stores a ``Prepared`` request.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_delivery._core.request import (
        Prepared,
    )
    from target_delivery.options import (
        AsyncOutbox,
        Outbox,
    )
    from target_delivery.outbox.async_outbox import (
        AsyncNotificationOutbox,
    )
    from target_delivery.outbox.engine import (
        OutboxStats,
    )
    from target_delivery.outbox.items import (
        Item,
    )
    from target_delivery.outbox.outbox import (
        NotificationOutbox,
    )
    from target_delivery.outbox.stores.base import (
        Claimed,
        Reason,
        SetAside,
        Settlement,
        Store,
        StoreStats,
    )
    from target_delivery.outbox.stores.opening import (
        open_store,
    )
    from target_delivery.outbox.stores.redis import (
        RedisStore,
    )
    from target_delivery.outbox.stores.sqlite import (
        MemoryStore,
        SQLiteStore,
    )

__all__ = [
    "AsyncNotificationOutbox",
    "AsyncOutbox",
    "Claimed",
    "Item",
    "MemoryStore",
    "NotificationOutbox",
    "Outbox",
    "OutboxStats",
    "Prepared",
    "Reason",
    "RedisStore",
    "SQLiteStore",
    "SetAside",
    "Settlement",
    "Store",
    "StoreStats",
    "open_store",
]

_MODULES = {
    "AsyncNotificationOutbox": ".async_outbox",
    "AsyncOutbox": "..options",
    "Claimed": ".stores.base",
    "Item": ".items",
    "MemoryStore": ".stores.sqlite",
    "NotificationOutbox": ".outbox",
    "Outbox": "..options",
    "OutboxStats": ".engine",
    "Prepared": ".._core.request",
    "Reason": ".stores.base",
    "RedisStore": ".stores.redis",
    "SQLiteStore": ".stores.sqlite",
    "SetAside": ".stores.base",
    "Settlement": ".stores.base",
    "Store": ".stores.base",
    "StoreStats": ".stores.base",
    "open_store": ".stores.opening",
}


# Hidden from type checkers, to which a module with __getattr__ has every name, the misspelt ones too.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name], __name__), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
