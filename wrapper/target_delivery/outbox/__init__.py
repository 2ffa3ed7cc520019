"""An outbox keeps notifications until the edge has confirmed them, so that no conversion is lost.

    with NotificationOutbox(client, store=SQLiteStore("outbox.db")) as outbox:
        outbox.send_notifications({"request": request})

``NotificationOutbox`` goes with a TargetClient, ``AsyncNotificationOutbox`` with an AsyncTargetClient. ``SQLiteStore``
is for the processes of one machine, ``RedisStore`` for processes on many machines, ``MemoryStore`` for tests.

Both kinds of outbox also take a ``Store`` of your own; ``target_delivery.outbox.testing`` has tests for it. The option
``outbox`` of a client takes an ``Outbox`` or an ``AsyncOutbox`` of your own: any object that stores a ``Prepared``
request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_delivery._core.prepared import (
        Prepared as Prepared,
    )
    from target_delivery.options import (
        AsyncOutbox as AsyncOutbox,
        Outbox as Outbox,
    )
    from target_delivery.outbox.async_outbox import (
        AsyncNotificationOutbox as AsyncNotificationOutbox,
    )
    from target_delivery.outbox.engine import (
        OutboxStats as OutboxStats,
    )
    from target_delivery.outbox.items import (
        Item as Item,
    )
    from target_delivery.outbox.outbox import (
        NotificationOutbox as NotificationOutbox,
    )
    from target_delivery.outbox.stores.base import (
        LONGEST_WAIT as LONGEST_WAIT,
        Claimed as Claimed,
        Reason as Reason,
        SetAside as SetAside,
        Settlement as Settlement,
        Store as Store,
        StoreStats as StoreStats,
    )
    from target_delivery.outbox.stores.memory import (
        MemoryStore as MemoryStore,
    )
    from target_delivery.outbox.stores.opening import (
        open_store as open_store,
    )
    from target_delivery.outbox.stores.redis import (
        RedisStore as RedisStore,
    )
    from target_delivery.outbox.stores.sqlite import (
        SQLiteStore as SQLiteStore,
    )
else:
    from target_delivery._lazy import lazy

    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "target_delivery._core.prepared": ("Prepared",),
            "target_delivery.options": (
                "AsyncOutbox",
                "Outbox",
            ),
            "target_delivery.outbox.async_outbox": ("AsyncNotificationOutbox",),
            "target_delivery.outbox.engine": ("OutboxStats",),
            "target_delivery.outbox.items": ("Item",),
            "target_delivery.outbox.outbox": ("NotificationOutbox",),
            "target_delivery.outbox.stores.base": (
                "LONGEST_WAIT",
                "Claimed",
                "Reason",
                "SetAside",
                "Settlement",
                "Store",
                "StoreStats",
            ),
            "target_delivery.outbox.stores.memory": ("MemoryStore",),
            "target_delivery.outbox.stores.opening": ("open_store",),
            "target_delivery.outbox.stores.redis": ("RedisStore",),
            "target_delivery.outbox.stores.sqlite": ("SQLiteStore",),
        },
    )
