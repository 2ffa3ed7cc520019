"""RedisStore: an outbox on Redis Streams, shared by the processes of many machines.

One stream for each route, read by one consumer group. A claimed item is a pending entry of its process, which is the
consumer; one that waits to be sent again is a pending entry of the consumer WAITING. The delivery count of an entry is
the number of its attempts. When an item may be taken, because it is due or because its lease has ended, stands in a
sorted set, so that a claim looks at no more than it takes.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import time
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from target_delivery._core.backoff import Backoff
from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._http import forks
from target_delivery.errors import OptionError, OutboxFullError, StoreError
from target_delivery.outbox.stores.base import (
    Claimed,
    SetAside,
    StoreStats,
    foreign,
    require_limits,
    require_refs,
    require_room,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery.outbox.items import Item
    from target_delivery.outbox.stores.base import Settlement

__all__ = ["RedisStore"]

SCHEMA_VERSION = 1
PATIENCE = 2.0
"""Seconds that an operation may take in all: it is tried again so long when Redis cannot be reached, is loading or has
become a replica, and an answer is waited for so long."""
CONNECT_TIMEOUT = 1.0
"""Seconds to wait for a connection."""
BETWEEN_ATTEMPTS = Backoff(first=0.02, longest=0.25)
"""Waits between attempts at an operation."""
PAGE = 1000
"""Notifications that are set aside which are listed, replayed or purged with one command."""

_PRELUDE = """
-- Keys, all of them after the prefix in ARGV[1]:
--   totals   hash: schema, account, last (the newest id), confirmed (how many, ever)
--   routes   hash: of every route that has items, their bytes
--   aside    stream of what is set aside
-- and of each route
--   items:   stream: g (group), a (added), d (data). Ids are microseconds, in ascending order over all routes.
--   due:     sorted set: when each member may be taken, epoch seconds; FRESH is added as long as it never was
--   groups:  sorted set of the same members, all of score 0, to find those of a group. A member is group/id.
local call = redis.call
local totals, routes, aside = ARGV[1] .. 'totals', ARGV[1] .. 'routes', ARGV[1] .. 'aside'
local time = call('TIME')
local now = time[1] + time[2] / 1000000
local FRESH = -10000000000

local function keys(route)
    return ARGV[1] .. 'items:' .. route, ARGV[1] .. 'due:' .. route, ARGV[1] .. 'groups:' .. route
end

local function group_of(member) return string.match(member, '^(.*)/') end
local function id_of(member) return string.match(member, '[^/]*$') end

local function fields(entry)
    local found = {}
    for n = 1, #entry[2], 2 do found[entry[2][n]] = entry[2][n + 1] end
    return found
end

-- Raises an error when a key of the route is of a wrong type: Redis undoes nothing of what a script has done till then.
local function check(route)
    local items, due, groups = keys(route)
    return call('XLEN', items), call('ZCARD', due), call('ZCARD', groups)
end

local function store(route, group, added, data, wait)
    local items, due, groups = keys(route)
    -- Never an id again, not when the stream was deleted nor when the clock was set back: a process that was taken for
    -- dead could confirm another item than the one it sent.
    local last = string.format('%.0f', math.max(now * 1000000, (call('HGET', totals, 'last') or 0) + 1))
    local id = call('XADD', items, last .. '-0', 'g', group, 'a', added, 'd', data)
    call('ZADD', due, now + wait + FRESH, group .. '/' .. id)
    call('ZADD', groups, 0, group .. '/' .. id)
    call('HINCRBY', routes, route, #data)
    call('HSET', totals, 'last', last)
end

local function drop(route)
    call('DEL', keys(route))
    call('HDEL', routes, route)
end

-- Takes an item out, whoever has it; tells whether it was there.
local function remove(route, member)
    local items, due, groups = keys(route)
    local id = id_of(member)
    local entry = call('XRANGE', items, id, id)[1]
    if not entry then return false end
    call('XACK', items, 'senders', id)
    call('XDEL', items, id)
    call('ZREM', due, member)
    call('ZREM', groups, member)
    call('HINCRBY', routes, route, 0 - #(fields(entry).d or ''))
    if call('XLEN', items) == 0 then drop(route) end
    return true
end

-- Returns the routes, but for those in ARGV from the given place on.
local function open_routes(from)
    local closed, open = {}, {}
    for n = from, #ARGV do closed[ARGV[n]] = true end
    for _, route in ipairs(call('HKEYS', routes)) do
        if not closed[route] then open[#open + 1] = route end
    end
    return open
end
"""


def _script(body: str, flags: str = "allow-oom") -> str:
    """Return a whole script; all but what stores can run while Redis has no memory left, to drain it."""
    return f"#!lua flags={flags}\n{_PRELUDE}{body}"


_PREPARE = _script("""
-- ARGV: prefix, schema version, 1 to create. Returns the version that is there.
if ARGV[3] == '0' and call('EXISTS', totals, routes, aside) == 0 then return false end
local version = call('HGET', totals, 'schema')
if not version then call('HSET', totals, 'schema', ARGV[2]) end
return version or ARGV[2]
""")

_DEDICATE = _script("""
-- ARGV: prefix, account. Returns whose it is.
local owner = call('HGET', totals, 'account')
if not owner then call('HSET', totals, 'account', ARGV[2]) end
return owner or ARGV[2]
""")

_APPEND = _script(
    """
-- ARGV: prefix, max_items, max_bytes, size of all data, then route, group, added, data, seconds until it is due of
-- each item. Returns what is held when there is no room.
local held, bytes = 0, 0
local sizes = call('HGETALL', routes)
for n = 1, #sizes, 2 do
    local length = redis.pcall('XLEN', (keys(sizes[n])))
    held = held + (type(length) == 'number' and length or 0)
    bytes = bytes + sizes[n + 1]
end
if held + (#ARGV - 4) / 5 > tonumber(ARGV[2]) or bytes + ARGV[4] > tonumber(ARGV[3]) then return {held, bytes} end
for n = 5, #ARGV, 5 do check(ARGV[n]) end
for n = 5, #ARGV, 5 do store(unpack(ARGV, n, n + 4)) end
return false
""",
    flags="",
)

_CLAIM = _script("""
-- ARGV: prefix, consumer, lease, linger (both in seconds), groups, items of a group, two random numbers from 0 to 1,
-- closed routes. Returns {route, group, id, attempts, fields} of each item.
local lease, linger, left, size = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local taken, failure = {}, nil

-- Makes both sorted sets anew from the stream, after others put something there or deleted a key. What they did not
-- know may be on its way: it keeps a lease.
local function mend(route)
    local items, due, groups = keys(route)
    local scores, known, bytes, from = call('ZRANGE', due, 0, -1, 'WITHSCORES'), {}, 0, '-'
    for n = 1, #scores, 2 do known[scores[n]] = scores[n + 1] end
    call('DEL', due, groups)
    repeat
        local page = call('XRANGE', items, from, '+', 'COUNT', 1000)
        for _, entry in ipairs(page) do
            local content = fields(entry)
            local member = (content.g or '') .. '/' .. entry[1]
            call('ZADD', due, known[member] or now + lease, member)
            call('ZADD', groups, 0, member)
            bytes, from = bytes + #(content.d or ''), '(' .. entry[1]
        end
    until #page == 0
    call('HSET', routes, route, bytes)
end

-- Takes items of a group, from the first one that is due on.
local function take(route, first)
    local items, due, groups = keys(route)
    local group = group_of(first)
    -- '0' is what comes after '/'.
    for _, member in ipairs(call('ZRANGEBYLEX', groups, '[' .. first, '(' .. group .. '0', 'LIMIT', 0, size)) do
        local at, id = tonumber(call('ZSCORE', due, member) or 0), id_of(member)
        local pending = at >= 0 and call('XPENDING', items, 'senders', id, id, 1)[1]
        local soon = (not pending or pending[2] == 'waiting') and linger or 0
        if at < 0 then at = at - FRESH end
        if group_of(member) == group and at <= now + soon then
            local attempts = pending and pending[4] or 0
            -- By FORCE, since never read: a group's items lie scattered over the stream.
            local claimed = call(
                'XCLAIM', items, 'senders', ARGV[2], 0, id, 'RETRYCOUNT', attempts, 'FORCE')[1]
            if claimed then
                call('ZADD', due, now + lease, member)
                taken[#taken + 1] = {route, group, id, attempts, claimed[2]}
            else
                call('ZREM', due, member)
                call('ZREM', groups, member)
            end
        end
    end
end

local function claim(route)
    local items, due = keys(route)
    local length, times, members = check(route)
    if times ~= length or members ~= length then mend(route) end
    if length == 0 then return drop(route) end
    if redis.pcall('XPENDING', items, 'senders', '-', '+', 1).err then
        call('XGROUP', 'CREATE', items, 'senders', '0')
    end
    local chosen, firsts = {}, {}
    local function choose(keep, low, high)
        local seen = 0
        repeat
            local page = call('ZRANGEBYSCORE', due, low, high, 'LIMIT', seen, ARGV[5])
            for _, member in ipairs(page) do
                if left > keep and not chosen[group_of(member)] then
                    chosen[group_of(member)] = true
                    firsts[#firsts + 1] = member
                    left = left - 1
                end
            end
            seen = seen + #page
        until left <= keep or #page == 0 or seen >= ARGV[5] * size
    end
    -- Half is for what was never sent, however much waits to be sent again. Chance decides of an odd one.
    choose(math.floor(left / 2 + ARGV[8]), '-inf', now + FRESH)
    choose(0, 0, now)
    choose(0, '-inf', now + FRESH)
    for _, first in ipairs(firsts) do take(route, first) end
end

-- From a random route on, so that none is always the last.
local open = open_routes(9)
for n = 1, #open do
    if left <= 0 then break end
    local done, fault = pcall(claim, open[(n + math.floor(ARGV[7] * #open)) % #open + 1])
    if not done then failure = fault end
end
-- A route that others broke keeps nobody from the rest; it is told of when there is nothing else to do.
if failure and #taken == 0 then error(failure) end
return taken
""")

_SETTLE = _script("""
-- ARGV: prefix, lease in seconds, then of each item eight: what became of it, route, member, consumer, and for
-- "waiting" seconds and attempts, for "aside" reason, message, added and data.
local confirmed = 0
local function settle(what, route, member, consumer, ...)
    local items, due = keys(route)
    local id = id_of(member)
    if what == 'confirmed' then
        if remove(route, member) then confirmed = confirmed + 1 end
    elseif #call('XPENDING', items, 'senders', id, id, 1, consumer) == 0 then
        return  -- somebody else's now
    elseif what == 'waiting' then
        local wait, attempts = ...
        call('XCLAIM', items, 'senders', 'waiting', 0, id, 'RETRYCOUNT', attempts, 'JUSTID')
        call('ZADD', due, now + wait, member)
    elseif what == 'extended' then
        call('ZADD', due, now + ARGV[2], member)
    else
        local reason, message, added, data = ...
        call('XADD', aside, '*', 'r', route, 'g', group_of(member), 'a', added, 'd', data,
            'reason', reason, 'message', message)
        remove(route, member)
    end
end
local failure
for n = 3, #ARGV, 8 do
    local done, fault = pcall(settle, unpack(ARGV, n, n + 7))
    -- What others took the stream or the group from is past settling: it must not keep the rest from it for ever.
    local text = type(fault) == 'table' and fault.err or fault
    if not done and not string.find(text, 'NOGROUP') and not string.find(text, 'WRONGTYPE') then failure = fault end
end
if confirmed > 0 then call('HINCRBY', totals, 'confirmed', confirmed) end
if failure then error(failure) end
""")

_SPAN = _script("""
-- Returns the oldest and the newest id.
local oldest, newest
for _, route in ipairs(open_routes(2)) do
    for _, command in ipairs({{'XRANGE', '-', '+'}, {'XREVRANGE', '+', '-'}}) do
        local entry = call(command[1], (keys(route)), command[2], command[3], 'COUNT', 1)[1]
        if entry then
            local id = tonumber(string.match(entry[1], '%d+'))
            oldest, newest = math.min(id, oldest or id), math.max(id, newest or id)
        end
    end
end
return oldest and {string.format('%.0f', oldest), string.format('%.0f', newest)}
""")

_NEXT_DUE = _script("""
-- ARGV: prefix, closed routes. Returns the seconds until something is due.
local soonest
local function look(route)
    local items, due = keys(route)
    local fresh = call('ZRANGEBYSCORE', due, '-inf', '(0', 'WITHSCORES', 'LIMIT', 0, 1)[2]
    local again = call('ZRANGEBYSCORE', due, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
    if fresh then soonest = math.min(fresh - FRESH, soonest or math.huge) end
    if again then soonest = math.min(again, soonest or math.huge) end
end
for _, route in ipairs(open_routes(2)) do pcall(look, route) end
return soonest and string.format('%.6f', soonest - now)
""")

_STATS = _script("""
-- Returns items, claimed items, confirmed, set aside, bytes, and when the first item of each route was stored.
local held, in_flight, bytes, added = 0, 0, 0, {}
local sizes = call('HGETALL', routes)
for n = 1, #sizes, 2 do
    local items = keys(sizes[n])
    held, bytes = held + call('XLEN', items), bytes + sizes[n + 1]
    local pending = redis.pcall('XPENDING', items, 'senders')
    for _, one in ipairs(pending[4] or {}) do
        if one[1] ~= 'waiting' then in_flight = in_flight + one[2] end
    end
    local first = call('XRANGE', items, '-', '+', 'COUNT', 1)[1]
    if first then added[#added + 1] = fields(first).a end
end
return {held, in_flight, call('HGET', totals, 'confirmed') or '0', call('XLEN', aside), bytes, added}
""")

_REPLAY = _script("""
-- ARGV: prefix, now as the caller knows it, then ids. Returns how many were put back.
local count = 0
for n = 3, #ARGV do
    local entry = call('XRANGE', aside, ARGV[n], ARGV[n])[1]
    local one = entry and fields(entry)
    if one and one.r and one.g and one.d then
        check(one.r)
        store(one.r, one.g, ARGV[2], one.d, 0)
        count = count + call('XDEL', aside, ARGV[n])
    end
end
return count
""")

_FORGET = _script("""
-- ARGV: prefix, consumer (none: all that nobody misses). One that has items is kept: its claims would go with it.
for _, route in ipairs(open_routes(3)) do
    local items = keys(route)
    for _, info in ipairs(redis.pcall('XINFO', 'CONSUMERS', items, 'senders')) do
        local one = fields({'', info})
        if one.pending == 0 and (one.name == ARGV[2] or (not ARGV[2] and one.idle > 3600000)) then
            call('XGROUP', 'DELCONSUMER', items, 'senders', one.name)
        end
    end
end
""")


class RedisStore(forks.Watched):
    """An outbox on Redis Streams (Redis 7 or newer, no Redis Cluster), for the processes of many machines.

    It is as durable as Redis is set up to be: with ``appendonly yes`` and ``appendfsync always`` what
    ``send_notifications`` stored survives a crash of Redis. A setting that can lose items is told of in the log.
    Redis's clock decides what is due. An operation fails when Redis does not answer within about 2 s. Needs the extra
    ``redis``.

    Args:
        url: ``redis://host:port/db``, ``rediss://`` for TLS, or ``unix://``.
        name: keeps several outboxes in one Redis apart.
        lease: seconds after which the items of a process that died are taken over. Longer than a call can take.
        max_items: notifications it holds at most, those that are set aside not counted.
        max_bytes: bytes of JSON it holds at most.
        create: make the outbox when there is none of this name.
        logger: gets the warnings about settings of Redis. Default: the logger ``adobe.target``.
        clock: tells the time; for tests.
        chance: makes ids and random choices; for tests.

    Raises:
        OptionError: an argument is unusable.
        StoreError: Redis cannot be reached, is a cluster, or holds an outbox of another version; or there is no outbox
            and none shall be made.
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
        create: bool = True,
        logger: logging.Logger | None = None,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        require_limits(lease=lease, max_items=max_items, max_bytes=max_bytes)
        if not name or set(name) & set("{}"):
            raise OptionError(f"name must be a text without braces that is not blank, not {name!r}.")
        self._clock = clock
        self._chance = chance
        self._name = name
        self._lease = lease
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._logger = logger or logging.getLogger("adobe.target")
        self._consumers: dict[int, str] = {}
        self._prefix = f"{{{name}}}:"
        self._where = _without_password(url)
        self._url = url
        self._parents: list[Any] = []
        self._redis: Any = _connect(url)
        self._script: Callable[[str], Any] = cache(self._redis.register_script)
        forks.watch(self, nullcontext())
        self._open(create)

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
        return self._consumers.setdefault(os.getpid(), self._chance.new_id())

    def _open(self, create: bool) -> None:
        if b"cluster_enabled:1" in (self._asked("INFO", "cluster") or b""):
            raise StoreError(f"{self._where} is a Redis Cluster, which RedisStore cannot use: it needs one Redis.")
        version = self._run(_PREPARE, SCHEMA_VERSION, int(create))
        if version is None:
            raise StoreError(f"There is no outbox {self._name!r} in {self._where}.")
        if version != str(SCHEMA_VERSION).encode():
            raise StoreError(
                f"The outbox in {self._where} has schema version {version.decode(errors='replace')}; this version of "
                f"the SDK knows {SCHEMA_VERSION}. Update target-delivery, or choose another name. Nothing was changed."
            )
        self._run(_FORGET)
        self._warn_of_loss()

    def _warn_of_loss(self) -> None:
        settings: dict[bytes, bytes] = {}
        for pattern in ("append*", "maxmemory-policy"):
            settings |= _fields(self._asked("CONFIG", "GET", pattern) or ())
        appendfsync = settings.get(b"appendfsync")
        if settings.get(b"appendonly") == b"no":
            self._logger.warning("Redis at %s has appendonly no: a crash loses notifications.", self._where)
        elif appendfsync is None:
            self._logger.warning(
                "Redis at %s does not tell its settings: a crash loses notifications, unless they are appendonly yes "
                "and appendfsync always.",
                self._where,
            )
        elif appendfsync != b"always":
            self._logger.warning(
                "Redis at %s has appendfsync %s, not always: a crash loses the notifications of the last second%s.",
                self._where,
                appendfsync.decode(),
                "" if appendfsync == b"everysec" else "s",
            )
        if settings.get(b"maxmemory-policy", b"").startswith(b"allkeys"):
            self._logger.warning("Redis at %s may evict the outbox: set maxmemory-policy to noeviction.", self._where)

    def dedicate(self, account: str) -> None:
        """Keep the store to one account; see Store."""
        owner = self._run(_DEDICATE, account).decode()
        if owner != account:
            raise foreign(f"The outbox {self._name!r} in {self._where}", owner, account)

    def append(self, items: Sequence[Item]) -> None:
        """Store all items or none; see Store."""
        size = sum(len(item.data) for item in items)
        held = self._run(
            _APPEND,
            self._max_items,
            self._max_bytes,
            size,
            *(
                value
                for item in items
                for value in (item.route, item.group, item.added, item.data, max(0.0, item.due - item.added))
            ),
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
        """Take out what is due; see Store. At least half of the groups are such that were never sent, if there are."""
        consumer = self._consumer
        chances = (self._chance.uniform(0, 1), self._chance.uniform(0, 1))
        by_group: dict[tuple[bytes, bytes], list[Claimed]] = {}
        for route, group, id_, attempts, content in self._run(
            _CLAIM, consumer, self._lease, linger, groups, size, *chances, *closed
        ):
            by_group.setdefault((route, group), []).append(
                Claimed(
                    f"{_text(route)}/{_text(id_)}",
                    consumer,
                    _text(group),
                    _text(route),
                    _data(content),
                    _number(_fields(content).get(b"a"), now),
                    attempts,
                )
            )
        return list(by_group.values())

    def settle(self, settlement: Settlement, now: float) -> None:
        """Note what became of claimed items; see Store."""
        values: list[str | bytes | float] = []

        def note(what: str, one: Claimed, *more: str | bytes | float) -> None:
            member = f"{one.group}/{one.ref.rpartition('/')[2]}"
            values.extend((what, one.route, member, one.token, *more, *("" for _ in range(4 - len(more)))))

        for one in settlement.confirmed:
            note("confirmed", one)
        for retried, waiting in ((1, settlement.again), (0, settlement.released)):
            for one, due in waiting:
                note("waiting", one, max(0.0, due - now), one.attempts + retried)
        for one in settlement.extended:
            note("extended", one)
        for one, reason, message in settlement.aside:
            note("aside", one, reason, message.encode(errors="backslashreplace"), one.added, one.data)
        self._run(_SETTLE, self._lease, *values)

    def span(self) -> tuple[int, int] | None:
        """Return the positions of the oldest and the newest item; see Store."""
        span = self._run(_SPAN)
        return None if span is None else (int(span[0]), int(span[1]))

    def next_due(self, closed: Collection[str]) -> float | None:
        """Return when the next item is due; see Store."""
        wait = self._run(_NEXT_DUE, *closed)
        return None if wait is None else self._clock.now() + float(wait)

    def stats(self, now: float) -> StoreStats:
        """Count; see Store."""
        items, in_flight, confirmed, aside, size, added = self._run(_STATS)
        oldest = min((_number(one, now) for one in added), default=None)
        return StoreStats(max(0, items - in_flight), in_flight, int(confirmed), aside, max(0, size), oldest)

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return what is set aside, oldest first; see Store."""
        aside: list[SetAside] = []
        start = "-"
        while limit is None or len(aside) < limit:
            count = PAGE if limit is None else min(PAGE, limit - len(aside))
            page = self._command("XRANGE", f"{self._prefix}aside", start, "+", "COUNT", count)
            aside += (_set_aside(id_, content) for id_, content in page)
            if len(page) < count:
                break
            start = f"({aside[-1].ref}"
        return aside

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        """Put back what was set aside; see Store."""
        require_refs(refs)
        chosen = [one.ref for one in self.list_aside()] if refs is None else refs
        return sum(self._run(_REPLAY, now, *page) for page in _pages(chosen))

    def purge(self, refs: Collection[str] | None) -> int:
        """Forget what was set aside; see Store."""
        require_refs(refs)
        aside = f"{self._prefix}aside"
        if refs is None:
            return int(self._command("XTRIM", aside, "MAXLEN", 0))
        return sum(self._command("XDEL", aside, *page) for page in _pages(refs))

    def close(self) -> None:
        """Close the connections. A second time does nothing."""
        try:
            self._run(_FORGET, self._consumer, patience=0.0)
        except StoreError:
            pass  # its consumer stays, and costs nothing
        finally:
            self._redis.close()

    def after_fork_in_child(self) -> None:
        """Connect anew: the pool of the parent may be locked by a thread that was just taking a connection."""
        self._parents.append(self._redis)
        self._redis = _connect(self._url)
        self._script = cache(self._redis.register_script)

    def _run(self, script: str, *arguments: str | bytes | float, patience: float = PATIENCE) -> Any:
        return self._patiently(lambda: self._script(script)(args=(self._prefix, *arguments)), patience)

    def _command(self, *arguments: str | int) -> Any:
        return self._patiently(lambda: self._redis.execute_command(*arguments), PATIENCE)

    def _asked(self, *command: str) -> Any:
        """Ask Redis about itself; None when that is forbidden, as services that manage Redis often do."""
        from redis.exceptions import ResponseError

        try:
            return self._command(*command)
        except StoreError as error:
            if isinstance(error.__cause__, ResponseError):
                return None
            raise

    def _patiently(self, work: Callable[[], Any], patience: float) -> Any:
        from redis import exceptions

        deadline = self._clock.monotonic() + patience
        failures = 0
        while True:
            try:
                return work()
            except (
                exceptions.BusyLoadingError,
                exceptions.ConnectionError,
                exceptions.ReadOnlyError,
                exceptions.TimeoutError,
            ) as error:
                if isinstance(error, exceptions.ReadOnlyError):
                    # After a failover: where the name leads to now, there may be the new master.
                    self._redis.connection_pool.disconnect(inuse_connections=False)
                failures += 1
                wait = BETWEEN_ATTEMPTS.wait(failures, self._chance)
                if self._clock.monotonic() + wait >= deadline:
                    self._fail(error)
            except exceptions.RedisError as error:
                self._fail(error)
            time.sleep(wait)

    def _fail(self, error: Exception) -> NoReturn:
        raise StoreError(f"The outbox in {self._where} cannot be used: {type(error).__name__}: {error}") from error


def _connect(url: str) -> Any:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError as missing:
        if missing.name != "redis":
            raise
        raise ImportError(
            'RedisStore needs the extra "redis" (redis is not installed): pip install "target-delivery[redis]"',
            name="redis",
        ) from missing
    try:
        pool = redis.ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]  # its **kwargs are untyped
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=PATIENCE,
            socket_connect_timeout=CONNECT_TIMEOUT,
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


def _data(content: Sequence[bytes]) -> bytes:
    """Return the data of an entry; of one that an outbox did not write all there is of it, as JSON."""
    fields = _fields(content)
    data = fields.get(b"d")
    return json.dumps({_text(key): _text(fields[key]) for key in fields}).encode() if data is None else data


def _text(value: bytes) -> str:
    """Read what others may have written."""
    return value.decode(errors="replace")


def _number(value: bytes | None, default: float) -> float:
    """Read a time that others may have written."""
    try:
        number = float(value or b"")
    except ValueError:
        return default
    return number if math.isfinite(number) else default


def _set_aside(id_: bytes, content: Sequence[bytes]) -> SetAside:
    fields = _fields(content)
    reason = fields.get(b"reason")
    when = int(id_.split(b"-")[0]) / 1000
    return SetAside(
        _text(id_),
        "refused" if reason == b"refused" else "expired" if reason == b"expired" else "malformed",
        _text(fields.get(b"message", b"")),
        _number(fields.get(b"a"), when),
        when,
        _data(content),
    )


def _pages(refs: Collection[str]) -> Iterator[list[str]]:
    """Return the refs that can be of a stream, not too many at once."""
    ids = [ref for ref in refs if re.fullmatch(r"[0-9]{1,18}-[0-9]{1,18}", ref)]
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
