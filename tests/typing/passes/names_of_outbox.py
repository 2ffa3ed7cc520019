"""Every public name of target_delivery.outbox."""

from target_delivery.outbox import (
    LONGEST_WAIT as LONGEST_WAIT,
    AsyncNotificationOutbox as AsyncNotificationOutbox,
    AsyncOutbox as AsyncOutbox,
    Claimed as Claimed,
    Item as Item,
    MemoryStore as MemoryStore,
    NotificationOutbox as NotificationOutbox,
    Outbox as Outbox,
    OutboxStats as OutboxStats,
    Prepared as Prepared,
    Reason as Reason,
    RedisStore as RedisStore,
    SetAside as SetAside,
    Settlement as Settlement,
    SQLiteStore as SQLiteStore,
    Store as Store,
    StoreStats as StoreStats,
    open_store as open_store,
)
