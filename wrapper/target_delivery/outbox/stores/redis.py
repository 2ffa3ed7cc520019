"""RedisStore: an outbox on Redis Streams, which processes on many machines share.

Each route has a stream with one consumer group. A claimed item is a pending entry whose consumer is the process that
claimed it. An item that waits to be sent again is a pending entry of the consumer "waiting". The delivery count of an
entry is its number of attempts. A sorted set holds the time from which each item may be claimed, so that a claim reads
only the items it takes. The scripts in ``lua/`` do the work; ``lua/prelude.lua`` describes the keys.
"""

from __future__ import annotations

import logging
import math
import os
import re
import time
from contextlib import nullcontext
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NoReturn

from target_delivery._core.backoff import Backoff
from target_delivery._core.chance import SYSTEM_CHANCE
from target_delivery._core.clock import SYSTEM_CLOCK
from target_delivery._http import forks
from target_delivery.errors import OptionError, StoreError
from target_delivery.outbox.stores.base import (
    LONGEST_WAIT,
    Claimed,
    SetAside,
    StoreStats,
    foreign,
    require_limits,
    require_refs,
    require_room,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery.outbox.items import Item
    from target_delivery.outbox.stores.base import Reason, Settlement

__all__ = ["RedisStore"]

SCHEMA_VERSION = 2
"""The version that ``lua/prelude.lua`` writes."""
PATIENCE = 2.0
"""Seconds that an operation may take. It is tried again while Redis cannot be reached, is loading, or is a replica."""
CONNECT_TIMEOUT = 1.0
"""Seconds to wait for a connection."""
BETWEEN_ATTEMPTS = Backoff(first=0.02, longest=0.25)
"""Waits between attempts at an operation."""
_REASONS: dict[bytes, Reason] = {b"refused": "refused", b"expired": "expired", b"malformed": "malformed"}
PAGE = 1000
"""How many notifications one command lists, replays or purges."""

SCRIPTS = resources.files("target_delivery.outbox.stores") / "lua"


@cache
def _lua(name: str) -> str:
    """Return the script of a file: its first line, which declares flags, then the prelude, then the rest."""
    flags, _, body = (SCRIPTS / f"{name}.lua").read_text("utf-8").partition("\n")
    prelude = (SCRIPTS / "prelude.lua").read_text("utf-8")
    return f"{flags}\n{prelude}{body}"


class RedisStore(forks.Watched):
    """An outbox on Redis Streams (Redis 7 or newer, not Redis Cluster), for processes on many machines.

    It is as durable as the settings of Redis. With ``appendonly yes`` and ``appendfsync always``, items survive a crash
    of Redis once ``append`` has returned. Other settings can lose items; the store logs a warning about them. The clock
    of Redis decides which items are due. An operation fails if Redis does not answer within about 2 s.

    If another client deletes or changes a key of a route, the outbox makes its keys fit together again, logs what was
    lost, and goes on. If it deletes or changes a key that all routes share, operations raise a StoreError that names
    the key. Needs the extra ``redis``.

    Args:
        url: ``redis://host:port/db``, ``rediss://`` for TLS, or ``unix://``.
        name: tells several outboxes in one Redis apart.
        lease: seconds after which another process may send the items of a process that died. Must be longer than a call
            of the client can take.
        max_items: how many notifications the store holds at most. Notifications that are set aside do not count.
        max_bytes: how many bytes of JSON it holds at most.
        create: create the outbox if there is none of this name.
        logger: for warnings about settings of Redis. Default: the logger ``adobe.target``.
        clock: tells the time; for tests.
        chance: makes ids and random choices; for tests.

    Raises:
        OptionError: an argument cannot be used.
        StoreError: Redis cannot be reached, is a cluster, or has an outbox of another version; or there is no outbox
            and ``create`` is false.
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
            raise OptionError(f"name must be a text without braces that is not empty, not {name!r}.")
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
        """Seconds after which another process may send the items of a process that died."""
        return self._lease

    @property
    def where(self) -> str:
        """The name of the store in metrics: its URL without user and password, and its name."""
        return f"{self._where}#{self._name}"

    @property
    def _consumer(self) -> str:
        return self._consumers.setdefault(os.getpid(), self._chance.new_id())

    def _open(self, create: bool) -> None:
        if b"cluster_enabled:1" in (self._asked("INFO", "cluster") or b""):
            raise StoreError(f"{self._where} is a Redis Cluster, which RedisStore cannot use: it needs one Redis.")
        version = self._run("prepare", int(create))
        if version is None:
            raise StoreError(f"There is no outbox {self._name!r} in {self._where}.")
        if version != str(SCHEMA_VERSION).encode():
            raise StoreError(
                f"The outbox in {self._where} has schema version {version.decode(errors='replace')}; this version of "
                f"the SDK knows {SCHEMA_VERSION}. Update target-delivery, or choose another name. Nothing was changed."
            )
        self._run("forget")
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
                "Redis at %s does not show its settings: a crash loses notifications, unless they are appendonly yes "
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
        owner = self._run("dedicate", account).decode()
        if owner != account:
            raise foreign(f"The outbox {self._name!r} in {self._where}", owner, account)

    def append(self, items: Sequence[Item]) -> None:
        """Store all items or none; see Store."""
        size = sum(len(item.data) for item in items)
        held = self._run(
            "append",
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

    def claim(
        self, now: float, *, groups: int, size: int, linger: float, closed: Collection[str]
    ) -> list[list[Claimed]]:
        """Claim items that are due; see Store. At least half of the groups were never sent, if there are so many."""
        consumer = self._consumer
        chances = (self._chance.uniform(0, 1), self._chance.uniform(0, 1))
        by_group: dict[tuple[bytes, bytes], list[Claimed]] = {}
        for route, group, id_, attempts, content in self._run(
            "claim", consumer, self._lease, linger, groups, size, *chances, max(LONGEST_WAIT, self._lease), *closed
        ):
            by_group.setdefault((route, group), []).append(_claimed(route, group, id_, attempts, content, consumer))
        return list(by_group.values())

    def settle(self, settlement: Settlement, now: float) -> None:
        """Note what became of claimed items; see Store."""
        values: list[str | bytes | float] = []

        def note(what: str, one: Claimed, *more: str | bytes | float) -> None:
            member = _raw(f"{one.group}/{one.ref.rpartition('/')[2]}")
            values.extend((what, _raw(one.route), member, one.token, *more, *("" for _ in range(4 - len(more)))))

        for one in settlement.confirmed:
            note("confirmed", one)
        for retried, waiting in ((1, settlement.again), (0, settlement.released)):
            for one, due in waiting:
                note("waiting", one, max(0.0, due - now), one.attempts + retried)
        for one in settlement.extended:
            note("extended", one)
        for one, reason, message in settlement.aside:
            note("aside", one, reason, message.encode(errors="backslashreplace"), one.added, one.data)
        self._run("settle", self._lease, *values)

    def span(self) -> tuple[int, int] | None:
        """Return the positions of the oldest item and of the item appended last; see Store."""
        span = self._run("span")
        return None if span is None else (int(span[0]), int(span[1]))

    def next_due(self, closed: Collection[str]) -> float | None:
        """Return when the next item is due; see Store."""
        wait = self._run("next_due", *closed)
        return None if wait is None else self._clock.now() + float(wait)

    def stats(self, now: float) -> StoreStats:
        """Count the items; see Store."""
        items, in_flight, confirmed, aside, size, added = self._run("stats")
        oldest = min((time for time in map(_number, added) if time is not None), default=None)
        return StoreStats(items - in_flight, in_flight, int(confirmed), aside, size, oldest)

    def list_aside(self, limit: int | None = None) -> list[SetAside]:
        """Return the items that are set aside; see Store."""
        aside: list[SetAside] = []
        start = "-"
        while limit is None or len(aside) < limit:
            count = PAGE if limit is None else min(PAGE, limit - len(aside))
            page = self._run("list_aside", start, count)
            aside += (_set_aside(id_, content) for id_, content in page)
            if len(page) < count:
                break
            start = f"({aside[-1].ref}"
        return aside

    def replay(self, refs: Collection[str] | None, now: float) -> int:
        """Append items that were set aside again; see Store."""
        require_refs(refs)
        chosen = [one.ref for one in self.list_aside()] if refs is None else refs
        return sum(self._run("replay", now, *page) for page in _pages(chosen))

    def purge(self, refs: Collection[str] | None) -> int:
        """Forget items that were set aside; see Store."""
        require_refs(refs)
        pages: Iterable[list[str]] = [[]] if refs is None else _pages(refs)
        return sum(self._run("purge", *page) for page in pages)

    def close(self) -> None:
        """Close the connections. A second call does nothing."""
        try:
            self._run("forget", self._consumer, patience=0.0)
        except StoreError:
            pass  # the consumer of this process stays, and costs nothing
        finally:
            self._redis.close()

    def after_fork_in_child(self) -> None:
        """Use a new connection pool: a thread of the parent may have held the lock of the old one during the fork."""
        self._parents.append(self._redis)
        self._redis = _connect(self._url)
        self._script = cache(self._redis.register_script)

    def _run(self, script: str, *arguments: str | bytes | float, patience: float = PATIENCE) -> Any:
        """Run the script of that name."""

        def work() -> Any:
            return self._script(_lua(script))(args=(self._prefix, *arguments))

        try:
            return self._patiently(work, patience)
        except _BrokenKeyError as error:
            if script == "mend":
                raise
            set_aside, lost = self._run("mend", "mend")
            self._logger.error(
                "%s Its keys fit together again: %d entries that no outbox wrote are set aside, and %d notifications "
                "are lost.",
                error,
                set_aside,
                lost,
            )
        return self._patiently(work, patience)

    def _asked(self, *command: str) -> Any:
        """Return what Redis says about itself; None if that is forbidden, as it often is where Redis is a service."""
        from redis.exceptions import ResponseError

        try:
            return self._patiently(lambda: self._redis.execute_command(*command), PATIENCE)
        except StoreError as error:
            if isinstance(error.__cause__, ResponseError):
                return None
            raise

    def _patiently(self, work: Callable[[], Any], patience: float) -> Any:
        """Return what a command answers. While Redis cannot be reached, try again for so many seconds."""
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
                    # After a failover the address may lead to the new master: connect again.
                    self._redis.connection_pool.disconnect(inuse_connections=False)
                failures += 1
                wait = BETWEEN_ATTEMPTS.wait(failures, self._chance)
                if self._clock.monotonic() + wait >= deadline:
                    self._fail(error)
            except exceptions.RedisError as error:
                self._fail(error)
            time.sleep(wait)

    def _fail(self, error: Exception) -> NoReturn:
        broken = re.match(r"BROKEN (.*?)( script: .*)?$", str(error))
        if broken is not None:
            raise self._broken(broken[1]) from error
        raise StoreError(f"The outbox in {self._where} cannot be used: {type(error).__name__}: {error}") from error

    def _broken(self, key: str) -> StoreError:
        return _BrokenKeyError(
            f"The outbox in {self._where} cannot be used: another client deleted or changed its key {key!r}. Restore "
            f"that key, or delete all keys that begin with {self._prefix!r} to start with an empty outbox."
        )


class _BrokenKeyError(StoreError):
    """Another client deleted or changed a key."""


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
    except ValueError:  # The text of the error can contain the password.
        raise OptionError(
            f"{_without_password(url)!r} is not a URL of Redis. Write redis://host:6379/0, rediss:// or unix://, and "
            "percent-encode special characters of a password."
        ) from None
    client = redis.Redis.from_pool(pool)
    # Versions of the package convert answers differently: take them as Redis gives them.
    client.response_callbacks.clear()
    return client


def _without_password(url: str) -> str:
    """Return the URL without its password, for messages. A password ends at the last @ and may contain a slash."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def _fields(content: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(content[::2], content[1::2], strict=True))


def _text(data: bytes) -> str:
    """Decode a text of Redis. Bytes that are not UTF-8 become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    """Return the bytes of a text that ``_text`` returned."""
    return text.encode("utf-8", "surrogateescape")


def _number(data: bytes | None) -> float | None:
    """Return the bytes as a finite number; None if they are none."""
    try:
        number = float(data or b"")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _claimed(route: bytes, group: bytes, id_: bytes, attempts: int, content: Sequence[bytes], consumer: str) -> Claimed:
    """Return the item of an entry of a stream."""
    fields = _fields(content)
    added, data = _number(fields.get(b"a")), fields.get(b"d")
    damage = ""
    if added is None or data is None or not 0 <= attempts < 2**31:
        damage = "another client wrote or changed its entry"
    ref = f"{_text(route)}/{_text(id_)}"
    return Claimed(ref, consumer, _text(group), _text(route), data or b"", added or 0.0, attempts, damage)


def _set_aside(id_: bytes, content: Sequence[bytes]) -> SetAside:
    """Read an entry of the stream "aside", even if another client wrote it."""
    fields = _fields(content)
    return SetAside(
        id_.decode(),
        _REASONS.get(fields.get(b"reason", b""), "malformed"),
        fields.get(b"message", b"").decode(errors="backslashreplace"),
        _number(fields.get(b"a")) or 0.0,
        int(id_.split(b"-")[0]) / 1000,
        fields.get(b"d", b""),
    )


def _pages(refs: Collection[str]) -> Iterator[list[str]]:
    """Return the refs that are ids of a stream, in pages."""
    ids = [ref for ref in refs if re.fullmatch(r"[0-9]{1,18}-[0-9]{1,18}", ref)]
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
