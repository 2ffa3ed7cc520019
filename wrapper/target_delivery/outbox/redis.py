"""RedisStore: an outbox on Redis Streams, shared by the processes of many machines.

One stream for each edge, read by one consumer group. A claimed item is a pending entry of its consumer; XAUTOCLAIM
takes over what is idle for longer than the lease. An item that waits to be sent again belongs to the consumer WAITING,
with an idle time that reaches the lease when it is due.
"""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from target_delivery.errors import OptionError, OutboxFullError, StoreError
from target_delivery.ids import new_id
from target_delivery.outbox.stores import Claimed, SetAside, StoreStats, require_limits, require_room

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_delivery.outbox.items import Item
    from target_delivery.outbox.stores import Settlement

__all__ = ["RedisStore"]

SCHEMA_VERSION = 1
GROUP = "senders"
WAITING = "waiting"
SOON_MS = 500
"""Waiting items that are due within this are looked at to find out when the next one is."""
RETRIES = 6
"""How often a command is tried again when the connection fails, with up to 0.5 s between."""
SOCKET_TIMEOUT = 5.0
"""Seconds."""

_PREPARE = """
-- KEYS: totals. ARGV: schema version. Returns the version that is there.
redis.call('HSETNX', KEYS[1], 'schema', ARGV[1])
return redis.call('HGET', KEYS[1], 'schema')
"""

_APPEND = """
-- KEYS: totals, routes. ARGV: max_items, max_bytes, size of all data, stream prefix, group, then route, group of the
-- item, added, data of each. Returns what is held when there is no room.
local held = tonumber(redis.call('HGET', KEYS[1], 'items') or 0)
local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or 0)
local count = (#ARGV - 5) / 4
if held + count > tonumber(ARGV[1]) or bytes + tonumber(ARGV[3]) > tonumber(ARGV[2]) then
    return {held, bytes}
end
for n = 6, #ARGV, 4 do
    local stream = ARGV[4] .. ARGV[n]
    if redis.call('SADD', KEYS[2], ARGV[n]) == 1 then
        redis.call('XGROUP', 'CREATE', stream, ARGV[5], '0', 'MKSTREAM')
    end
    redis.call('XADD', stream, '*', 'g', ARGV[n + 1], 'a', ARGV[n + 2], 'd', ARGV[n + 3])
end
redis.call('HINCRBY', KEYS[1], 'items', count)
redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[3])
return false
"""

_CLAIM = """
-- KEYS: stream. ARGV: group, consumer, lease ms, linger ms, count. Returns {id, attempts, fields} of each.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = tonumber(ARGV[5])
local entries, cursor = {}, '0-0'
repeat
    local found = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], cursor, 'COUNT', count - #entries)
    cursor = found[1]
    for _, entry in ipairs(found[2]) do
        local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
        entries[#entries + 1] = {entry[1], pending[1][4] - 1, entry[2]}
    end
until cursor == '0-0' or #entries >= count
local last = '0-0'
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for n = 1, #info, 2 do
        if info[n] == 'last-delivered-id' then last = info[n + 1] end
    end
end
local fresh = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1)[1]
if fresh and #entries < count and tonumber(string.match(fresh[1], '%d+')) + tonumber(ARGV[4]) <= now then
    local read = redis.call(
        'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', count - #entries, 'STREAMS', KEYS[1], '>')
    for _, entry in ipairs(read and read[1][2] or {}) do
        entries[#entries + 1] = {entry[1], 0, entry[2]}
    end
end
return entries
"""

_SETTLE = """
-- KEYS: totals, stream, aside. ARGV: group, consumer, waiting consumer, route, settlement as JSON.
local settlement = cjson.decode(ARGV[5])
local removed, bytes = 0, 0
local function remove(id, size)
    -- Whoever has it now: what the edge has confirmed is done with.
    if redis.call('XACK', KEYS[2], ARGV[1], id) == 0 then return false end
    redis.call('XDEL', KEYS[2], id)
    removed, bytes = removed + 1, bytes + size
    return true
end
local function ours(id)
    return #redis.call('XPENDING', KEYS[2], ARGV[1], id, id, 1, ARGV[2]) > 0
end
for _, one in ipairs(settlement.confirmed) do
    if remove(one[1], one[2]) then redis.call('HINCRBY', KEYS[1], 'confirmed', 1) end
end
for _, one in ipairs(settlement.waiting) do
    if ours(one[1]) then
        redis.call('XCLAIM', KEYS[2], ARGV[1], ARGV[3], 0, one[1], 'IDLE', one[2], 'RETRYCOUNT', one[3], 'JUSTID')
    end
end
for _, id in ipairs(settlement.extended) do
    if ours(id) then redis.call('XCLAIM', KEYS[2], ARGV[1], ARGV[2], 0, id, 'JUSTID') end
end
for _, one in ipairs(settlement.aside) do
    local entry = redis.call('XRANGE', KEYS[2], one[1], one[1])[1]
    if entry and remove(one[1], one[2]) then
        redis.call('XADD', KEYS[3], '*', 'r', ARGV[4], 'reason', one[3], 'message', one[4], unpack(entry[2]))
    end
end
redis.call('HINCRBY', KEYS[1], 'items', 0 - removed)
redis.call('HINCRBY', KEYS[1], 'bytes', 0 - bytes)
"""

_DUE = """
-- KEYS: stream. ARGV: group, lease ms, linger ms, soon ms. Returns the ms until the next item is due; -1: none soon.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = -1
local function at(wait)
    if wait < 0 then wait = 0 end
    if due < 0 or wait < due then due = wait end
end
local idle = math.max(0, ARGV[2] - ARGV[4])
for _, one in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', idle, '-', '+', 10)) do
    at(ARGV[2] - one[3])
end
local last = '0-0'
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for n = 1, #info, 2 do
        if info[n] == 'last-delivered-id' then last = info[n + 1] end
    end
end
local fresh = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1)[1]
if fresh then at(tonumber(string.match(fresh[1], '%d+')) + ARGV[3] - now) end
return due
"""

_REPLAY = """
-- KEYS: totals, routes, aside. ARGV: stream prefix, group, now, then ids. Returns how many were put back.
local count, bytes = 0, 0
for n = 4, #ARGV do
    local entry = redis.call('XRANGE', KEYS[3], ARGV[n], ARGV[n])[1]
    if entry then
        local fields = {}
        for f = 1, #entry[2], 2 do fields[entry[2][f]] = entry[2][f + 1] end
        local stream = ARGV[1] .. fields.r
        if redis.call('SADD', KEYS[2], fields.r) == 1 then
            redis.call('XGROUP', 'CREATE', stream, ARGV[2], '0', 'MKSTREAM')
        end
        redis.call('XADD', stream, '*', 'g', fields.g, 'a', ARGV[3], 'd', fields.d)
        redis.call('XDEL', KEYS[3], ARGV[n])
        count, bytes = count + 1, bytes + #fields.d
    end
end
redis.call('HINCRBY', KEYS[1], 'items', count)
redis.call('HINCRBY', KEYS[1], 'bytes', bytes)
return count
"""

_FORGET = """
-- KEYS: stream. ARGV: group, consumer (none: all that nobody misses). A consumer that has items is kept: they would go
-- with it.
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local one = {}
    for n = 1, #info, 2 do one[info[n]] = info[n + 1] end
    if one.pending == 0 and (one.name == ARGV[2] or (not ARGV[2] and one.idle > 3600000)) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], one.name)
    end
end
"""


class RedisStore:
    """An outbox on Redis Streams (Redis 7 or newer), for the processes of many machines.

    It is as durable as Redis is set up to be: with ``appendonly yes`` and ``appendfsync always`` what
    ``send_notifications`` stored survives a crash of Redis. A setting that can lose items is told of in the log.
    Needs the extra ``redis``.

    Args:
        url: ``redis://host:port/db``, ``rediss://`` for TLS, or ``unix://``.
        name: keeps several outboxes in one Redis apart.
        lease: seconds after which the items of a process that died are taken over, and the longest wait before an
            item is sent again. Longer than a call can take; equal in all processes.
        max_items: notifications it holds at most, those that are set aside not counted.
        max_bytes: bytes of JSON it holds at most.

    Raises:
        OptionError: an argument is unusable.
        StoreError: Redis cannot be reached, or holds an outbox of a newer version.
        ImportError: the extra is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "target-outbox",
        lease: float = 30.0,
        max_items: int = 1_000_000,
        max_bytes: int = 2**30,
    ) -> None:
        require_limits(lease=lease, max_items=max_items, max_bytes=max_bytes)
        if not name or set(name) & set("{}"):
            raise OptionError(f"name must be a text without braces that is not blank, not {name!r}.")
        self._name = name
        self._lease = lease
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._linger = 0.0
        self._consumers: dict[int, str] = {}
        # The braces keep all keys on one node of a cluster.
        self._totals, self._routes, self._aside = (f"{{{name}}}:{key}" for key in ("totals", "routes", "aside"))
        self._stream = f"{{{name}}}:items:"
        self._where = _without_password(url)
        self._redis = _connect(url)
        self._open()

    @property
    def lease(self) -> float:
        """Seconds after which the items of a process that died are taken over."""
        return self._lease

    @property
    def where(self) -> str:
        """What metrics call the store: its URL without user and password, and its name."""
        return f"{self._where}#{self._name}"

    @property
    def _consumer(self) -> str:
        return self._consumers.setdefault(os.getpid(), new_id())

    def _open(self) -> None:
        version = int(self._run(_PREPARE, [self._totals], SCHEMA_VERSION))
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"The outbox in {self._where} has schema version {version}; this version of the SDK knows "
                f"{SCHEMA_VERSION}. Update target-delivery, or choose another name. Nothing was changed."
            )
        for route in self._known_routes():
            self._run(_FORGET, [self._stream + route], GROUP)
        self._warn_of_loss()

    def _warn_of_loss(self) -> None:
        from redis.exceptions import RedisError

        settings: dict[bytes, bytes] = {}
        try:
            for pattern in ("append*", "maxmemory-policy"):
                settings |= _fields(self._redis.execute_command("CONFIG", "GET", pattern))
        except RedisError:
            return  # services that manage Redis often forbid to ask
        logger = logging.getLogger("adobe.target")
        for name in (b"appendonly", b"appendfsync"):
            if settings.get(name) == b"no":
                logger.warning("Redis at %s has %s no: a crash loses notifications.", self._where, name.decode())
        if settings.get(b"maxmemory-policy", b"").startswith(b"allkeys"):
            logger.warning("Redis at %s may evict the outbox: set maxmemory-policy to noeviction.", self._where)

    def append(self, items: Sequence[Item]) -> None:
        """Store all items or none; see Store."""
        size = sum(len(item.data) for item in items)
        fields = [field for item in items for field in (item.route, item.group, repr(item.added), item.data)]
        held = self._run(
            _APPEND,
            [self._totals, self._routes],
            self._max_items,
            self._max_bytes,
            size,
            self._stream,
            GROUP,
            *fields,
        )
        if held is not None:
            require_room(
                len(items),
                size,
                held=held[0],
                held_bytes=held[1],
                max_items=self._max_items,
                max_bytes=self._max_bytes,
            )
            raise OutboxFullError(f"The outbox in {self._where} is full; nothing of this call was stored.")

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        """Take out what is due; see Store. In the order of storing: more groups come than asked for, but no more items.

        Redis's clock decides what is due.
        """
        self._linger = linger
        claimed: list[list[Claimed]] = []
        for route in self._known_routes() - set(closed):
            entries = self._run(
                _CLAIM,
                [self._stream + route],
                GROUP,
                self._consumer,
                self._milliseconds(self._lease),
                self._milliseconds(linger),
                groups * size,
            )
            by_group: dict[str, list[Claimed]] = {}
            for id_, attempts, content in entries:
                fields = _fields(content)
                group = fields[b"g"].decode()
                by_group.setdefault(group, []).append(
                    Claimed(
                        f"{route}/{id_.decode()}",
                        self._consumer,
                        group,
                        route,
                        fields[b"d"],
                        float(fields[b"a"]),
                        int(attempts),
                    )
                )
            for items in by_group.values():
                claimed += (items[start : start + size] for start in range(0, len(items), size))
        return claimed

    def settle(self, settlement: Settlement, now: float) -> None:
        """Note what became of claimed items; see Store. Of one edge all or nothing."""
        by_route: dict[str, dict[str, list[Any]]] = {}

        def note(kind: str, one: Claimed, *values: Any) -> None:
            kinds = by_route.setdefault(one.route, {"confirmed": [], "waiting": [], "extended": [], "aside": []})
            id_ = one.ref.rpartition("/")[2]
            kinds[kind].append([id_, *values] if values else id_)

        for one in settlement.confirmed:
            note("confirmed", one, len(one.data))
        for retried, waiting in ((1, settlement.again), (0, settlement.released)):
            for one, due in waiting:
                wait = min(max(0.0, due - now), self._lease)
                note("waiting", one, self._milliseconds(self._lease - wait), one.attempts + retried)
        for one in settlement.extended:
            note("extended", one)
        for one, reason, message in settlement.aside:
            note("aside", one, len(one.data), reason, message)
        for route, kinds in by_route.items():
            self._run(
                _SETTLE,
                [self._totals, self._stream + route, self._aside],
                GROUP,
                self._consumer,
                WAITING,
                route,
                json.dumps(kinds),
            )

    def span(self) -> tuple[int, int] | None:
        """Return the positions of the oldest and the newest item; see Store."""
        first: list[int] = []
        last: list[int] = []
        for route in self._known_routes():
            for command, positions, bounds in (("XRANGE", first, "-+"), ("XREVRANGE", last, "+-")):
                found = self._command(command, self._stream + route, *bounds, "COUNT", 1)
                positions += (_position(entry[0]) for entry in found)
        return (min(first), max(last)) if first and last else None

    def next_due(self, closed: Collection[str]) -> float | None:
        """Return when the next item is due, within half a second; see Store."""
        from time import time

        waits = [
            self._run(
                _DUE,
                [self._stream + route],
                GROUP,
                self._milliseconds(self._lease),
                self._milliseconds(self._linger),
                SOON_MS,
            )
            for route in self._known_routes() - set(closed)
        ]
        return min((time() + wait / 1000 for wait in waits if wait >= 0), default=None)

    def stats(self, now: float) -> StoreStats:
        """Count; see Store."""
        totals = {key.decode(): int(value) for key, value in _fields(self._command("HGETALL", self._totals)).items()}
        in_flight = 0
        oldest: float | None = None
        for route in self._known_routes():
            pending = self._command("XPENDING", self._stream + route, GROUP)
            in_flight += sum(int(count) for consumer, count in pending[3] or () if consumer.decode() != WAITING)
            for _, content in self._command("XRANGE", self._stream + route, "-", "+", "COUNT", 1):
                added = float(_fields(content)[b"a"])
                oldest = added if oldest is None else min(oldest, added)
        items = totals.get("items", 0)
        return StoreStats(
            max(0, items - in_flight),
            in_flight,
            totals.get("confirmed", 0),
            int(self._command("XLEN", self._aside)),
            totals.get("bytes", 0),
            oldest,
        )

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return what is set aside, oldest first; see Store."""
        bounds = () if limit is None else ("COUNT", limit)
        aside: list[SetAside] = []
        for id_, content in self._command("XRANGE", self._aside, "-", "+", *bounds):
            fields = {key.decode(): value for key, value in _fields(content).items()}
            reason = fields["reason"].decode()
            set_aside = int(id_.split(b"-")[0]) / 1000
            aside.append(
                SetAside(
                    id_.decode(),
                    "refused" if reason == "refused" else "expired" if reason == "expired" else "malformed",
                    fields["message"].decode(),
                    float(fields["a"]),
                    set_aside,
                    fields["d"],
                )
            )
        return aside

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        """Put back what was set aside; see Store."""
        count = 0
        chosen = [one.ref for one in self.list_aside()] if refs is None else [ref for ref in refs if _is_id(ref)]
        for start in range(0, len(chosen), 1000):
            ids = chosen[start : start + 1000]
            keys = [self._totals, self._routes, self._aside]
            count += self._run(_REPLAY, keys, self._stream, GROUP, repr(now), *ids)
        return count

    def purge(self, refs: Collection[str] | None) -> int:
        """Forget what was set aside; see Store."""
        chosen = [one.ref for one in self.list_aside()] if refs is None else [ref for ref in refs if _is_id(ref)]
        return int(self._command("XDEL", self._aside, *chosen)) if chosen else 0

    def close(self) -> None:
        """Close the connections. A second time does nothing."""
        try:
            for route in self._known_routes():
                self._run(_FORGET, [self._stream + route], GROUP, self._consumer)
        except StoreError:
            pass  # its consumer stays, and costs nothing
        finally:
            self._redis.close()

    def _known_routes(self) -> set[str]:
        return {route.decode() for route in self._command("SMEMBERS", self._routes)}

    def _run(self, script: str, keys: Sequence[str], *arguments: str | bytes | float) -> Any:
        from redis.exceptions import RedisError

        try:
            return self._redis.register_script(script)(keys=keys, args=arguments)
        except RedisError as error:
            self._fail(error)

    def _command(self, *arguments: str | int) -> Any:
        from redis.exceptions import RedisError

        try:
            return self._redis.execute_command(*arguments)
        except RedisError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> NoReturn:
        raise StoreError(f"The outbox in {self._where} cannot be used: {type(error).__name__}: {error}") from error

    @staticmethod
    def _milliseconds(seconds: float) -> int:
        return round(seconds * 1000)


def _connect(url: str) -> Any:
    try:
        import redis
        from redis import exceptions
        from redis.backoff import ExponentialWithJitterBackoff
        from redis.retry import Retry
    except ModuleNotFoundError as missing:
        if missing.name != "redis":
            raise
        raise ImportError(
            'RedisStore needs the extra "redis" (redis is not installed): pip install "target-delivery[redis]"',
            name="redis",
        ) from missing
    failures = (exceptions.BusyLoadingError, exceptions.ConnectionError, exceptions.TimeoutError)
    try:
        pool = redis.ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]  # its **kwargs are untyped
            url,
            protocol=2,
            retry=Retry(ExponentialWithJitterBackoff(cap=0.5, base=0.05), RETRIES),
            retry_on_error=list(failures),
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=SOCKET_TIMEOUT,
        )
    except ValueError as error:
        raise OptionError(f"{_without_password(url)!r} is no URL of a Redis: {error}") from None
    client = redis.Redis.from_pool(pool)
    # Answers as Redis gives them, whatever this version of the package would make of them.
    client.response_callbacks.clear()
    return client


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _fields(content: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(content[::2], content[1::2], strict=True))


def _position(id_: bytes) -> int:
    milliseconds, _, number = id_.partition(b"-")
    return int(milliseconds) << 24 | int(number)


def _is_id(ref: str) -> bool:
    milliseconds, _, number = ref.partition("-")
    return milliseconds.isdigit() and number.isdigit()
