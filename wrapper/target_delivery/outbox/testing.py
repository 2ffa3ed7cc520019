"""Tests for a store of your own: what every store of an outbox must do.

Subclass ``StoreContract`` in a test module and say how a store is made. pytest collects the tests; the module itself
needs no test framework.
::

    class TestMyStore(StoreContract):
        def make_store(self, *, max_items: int = 1_000_000, max_bytes: int = 2**30) -> Store:
            return MyStore(max_items, max_bytes)
"""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from target_delivery.errors import OptionError, OutboxFullError, StoreError
from target_delivery.outbox.items import Item
from target_delivery.outbox.stores.base import LONGEST_WAIT, Settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from target_delivery.outbox.stores.base import Claimed, Reason, Store

__all__ = ["StoreContract"]

T = TypeVar("T")


class StoreContract:
    """The tests that every store must pass. Each test makes a store of its own, which must be empty.

    Time passes only when a test says so: the tests hand ``now`` to the store, as an outbox does.
    """

    now: float = 1_700_000_000.0
    """The time that the tests give to the store, epoch seconds."""

    def make_store(self, *, max_items: int = 1_000_000, max_bytes: int = 2**30) -> Store:
        """Return an empty store. Override it.

        Args:
            max_items: how many items the store holds at most.
            max_bytes: how many bytes of data it holds at most.
        """
        raise NotImplementedError(f"{type(self).__name__} must override make_store")

    def open_again(self, store: Store) -> Store:
        """Return a store as another process opens it. Override it if several processes can share your store."""
        return store

    def pass_time(self, seconds: float) -> None:
        """Let so many seconds pass. Override it if the store has a clock of its own."""
        self.now += seconds

    # --- appending

    def test_appended_items_are_counted(self) -> None:
        """Every appended item is pending, with its bytes, and the oldest one gives its time."""
        with closing(self.make_store()) as store:
            _require_counts(store, self.now)
            store.append([self._item(data=b"four"), self._item("other", data=b"sixsix")])
            self.pass_time(5)
            store.append([self._item(data=b"x")])
            _require_counts(store, self.now, pending=3, bytes=11)
            oldest = store.stats(self.now).oldest
            _require(oldest == self.now - 5, f"stats().oldest is {oldest}, not the time of the first item")

    def test_a_full_store_takes_all_or_nothing(self) -> None:
        """A store without room for all items of a call stores none of them."""
        for limits in ({"max_items": 3}, {"max_bytes": 3}):
            with closing(self.make_store(**limits)) as store:
                store.append([self._item(), self._item("other")])
                _require_raises(OutboxFullError, store.append, [self._item(), self._item()])
                _require_counts(store, self.now, pending=2, bytes=2)
                store.append([self._item()])
                _require_raises(OutboxFullError, store.append, [self._item()])

    def test_items_that_never_fit_are_refused(self) -> None:
        """Items that an empty store could not hold raise OptionError: waiting for room would never end."""
        for limits in ({"max_items": 2}, {"max_bytes": 2}):
            with closing(self.make_store(**limits)) as store:
                _require_raises(OptionError, store.append, [self._item()] * 3)
                _require_counts(store, self.now)

    def test_claimed_items_take_room_and_settled_ones_do_not(self) -> None:
        """Only items that are confirmed or set aside make room."""
        with closing(self.make_store(max_items=2)) as store:
            store.append([self._item(), self._item()])
            first, second = self._claim_all(store)
            _require_raises(OutboxFullError, store.append, [self._item()])
            store.settle(Settlement(confirmed=[first], aside=[(second, "refused", "no")]), self.now)
            store.append([self._item(), self._item()])

    # --- claiming

    def test_a_claim_returns_what_was_appended(self) -> None:
        """Items come back unchanged, group by group, in the order in which they were appended."""
        with closing(self.make_store()) as store:
            given = [
                Item(f"group{number % 2}", f"{number % 2}", f"data{number}".encode(), self.now, self.now)
                for number in range(6)
            ]
            store.append(given)
            self.pass_time(1)
            claimed = self._claim_all(store)
            found = [(one.group, one.route, one.data, one.added) for one in claimed]
            wanted = [(one.group, one.route, one.data, one.added) for one in given]
            for group in ("group0", "group1"):
                in_group = [one for one in found if one[0] == group]
                _require_equal(in_group, [one for one in wanted if one[0] == group], f"the items of {group}")
            _require_equal(len(found), 6, "the number of items")
            _require(all(one.attempts == 0 for one in claimed), "an item that was never sent has attempts")
            _require_equal(len({one.ref for one in claimed}), 6, "the number of different refs")

    def test_a_claim_returns_one_list_for_each_group(self) -> None:
        """Items of different groups never share a list."""
        with closing(self.make_store()) as store:
            store.append([self._item("a"), self._item("b"), self._item("a")])
            _require_equal(self._sizes(self._claim(store)), [1, 2], "the sizes of the groups")

    def test_an_item_is_claimed_once(self) -> None:
        """A claimed item is in flight, and no other claim returns it while the lease lasts."""
        with closing(self.make_store()) as store:
            store.append([self._item()])
            _require_equal(len(self._claim_all(store)), 1, "the number of items claimed")
            self.pass_time(store.lease - 1)
            _require_equal(self._claim_all(store), [], "what a second claim returns")
            _require_counts(store, self.now, in_flight=1, bytes=1)

    def test_an_item_is_not_claimed_before_it_is_due(self) -> None:
        """Neither a claim nor the linger of another group takes an item early."""
        with closing(self.make_store()) as store:
            store.append([self._item(wait=10)])
            _require_equal(self._claim(store, linger=20), [], "what is claimed before it is due")
            self.pass_time(10.1)
            _require_equal(len(self._claim_all(store)), 1, "the number of items claimed when it is due")

    def test_items_of_a_group_come_along(self) -> None:
        """An item that is due within the linger is claimed together with an item of its group that is due."""
        with closing(self.make_store()) as store:
            store.append([self._item(), self._item(wait=5), self._item(wait=60)])
            _require_equal(self._sizes(self._claim(store, linger=10)), [2], "the sizes of the groups")
            store.append([self._item(data=b"new")])
            also = [one.data for group in self._claim(store, linger=store.lease + 1) for one in group]
            _require(b"x" not in also, "an item that is in flight came along before its lease has ended")

    def test_a_claim_takes_no_more_than_it_is_asked_for(self) -> None:
        """A claim keeps to the number of groups and to the number of items of each group."""
        with closing(self.make_store()) as store:
            store.append([self._item(f"group{number % 5}") for number in range(25)])
            sizes = self._sizes(self._claim(store, groups=3, size=2))
            _require(1 <= len(sizes) <= 3, f"a claim of at most 3 groups returned {len(sizes)}")
            _require(max(sizes) <= 2, f"a claim of at most 2 items of a group returned {max(sizes)}")
            _require_counts(store, self.now, pending=25 - sum(sizes), in_flight=sum(sizes), bytes=25)

    def test_closed_routes_are_left_alone(self) -> None:
        """Neither ``claim`` nor ``next_due`` looks at the routes whose edge is down."""
        with closing(self.make_store()) as store:
            store.append([self._item("a", "35"), self._item("b", "28", wait=10)])
            _require_equal(self._claim(store, closed={"35"}), [], "what is claimed from a closed route")
            self._require_due(store, 10, closed={"35"})
            _require_equal(store.next_due({"35", "28"}), None, "next_due() with all routes closed")
            _require_equal(len(self._claim_all(store)), 1, "the number of items claimed from the open route")

    def test_threads_share_the_items(self) -> None:
        """Appends and claims of several threads neither lose nor duplicate an item."""
        with closing(self.make_store()) as store:
            refs: list[str] = []
            errors: list[Exception] = []

            def work(name: int) -> None:
                try:
                    for number in range(20):
                        store.append([self._item(f"{name}-{number}")])
                        refs.extend(one.ref for group in self._claim(store, groups=1) for one in group)
                except Exception as error:
                    errors.append(error)

            threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            _require_equal(errors, [], "what threads raised")
            refs += [one.ref for one in self._claim_all(store)]
            _require_equal((len(refs), len(set(refs))), (80, 80), "the number of items and of different refs")

    def test_a_clock_that_was_set_back_delays_nothing(self) -> None:
        """An item is due now if it is due, or its lease ends, later than any outbox decides."""
        with closing(self.make_store()) as store:
            longest = max(LONGEST_WAIT, store.lease)
            store.append([self._item("waits", wait=LONGEST_WAIT), self._item("claimed")])
            (one,) = self._claim_all(store)
            _require_equal(one.group, "claimed", "the group of the item that is due")
            self.pass_time(-7200)
            store.append([self._item("new")])
            groups = sorted(one.group for one in self._claim_all(store))
            _require_equal(groups, ["claimed", "new", "waits"], "the groups claimed after the clock was set back")
            self.pass_time(longest - 1)
            store.append([self._item("longest", wait=longest - 1)])
            self._claim_all(store)
            _require_equal(self._claim_all(store), [], "what is claimed before it is due")

    # --- settling

    def test_confirmed_items_leave_the_store(self) -> None:
        """A confirmed item is counted and gone."""
        with closing(self.make_store()) as store:
            store.append([self._item(), self._item("other")])
            one, _ = self._claim_all(store)
            store.settle(Settlement(confirmed=[one]), self.now)
            _require_counts(store, self.now, in_flight=1, confirmed=1, bytes=1)
            self.pass_time(store.lease + 1)
            _require_equal(len(self._claim_all(store)), 1, "the number of items that are left")

    def test_a_confirmation_counts_once_and_even_late(self) -> None:
        """A confirmation counts even if another process has claimed the item since."""
        with closing(self.make_store()) as store:
            store.append([self._item()])
            (late,) = self._claim_all(store)
            self.pass_time(store.lease + 1)
            (owner,) = self._claim_all(store)
            for one in (late, owner):
                store.settle(Settlement(confirmed=[one]), self.now)
                _require_counts(store, self.now, confirmed=1)

    def test_a_ref_is_never_given_twice(self) -> None:
        """A late confirmation must not confirm an item that was appended later."""
        with closing(self.make_store()) as store:
            store.append([self._item()])
            (old,) = self._claim_all(store)
            store.settle(Settlement(confirmed=[old]), self.now)
            store.append([self._item()])
            store.settle(Settlement(confirmed=[old]), self.now)
            _require_counts(store, self.now, pending=1, confirmed=1, bytes=1)

    def test_items_to_send_again_have_one_attempt_more(self) -> None:
        """``again`` makes an item due later, with one more attempt."""
        with closing(self.make_store()) as store:
            store.append([self._item()])
            for attempts in range(3):
                (one,) = self._claim_all(store)
                _require_equal(one.attempts, attempts, "attempts")
                store.settle(Settlement(again=[(one, self.now + 40)]), self.now)
                _require_counts(store, self.now, pending=1, bytes=1)
                self._require_due(store, 40)
                self.pass_time(39)
                _require_equal(self._claim_all(store), [], "what is claimed before it is due again")
                self.pass_time(1.1)

    def test_released_items_have_no_attempt_more(self) -> None:
        """``released`` makes an item due later. It was not sent, so its attempts stay."""
        with closing(self.make_store()) as store:
            store.append([self._item()])
            (one,) = self._claim_all(store)
            store.settle(Settlement(released=[(one, self.now + 5)]), self.now)
            _require_counts(store, self.now, pending=1, bytes=1)
            _require_equal(self._claim_all(store), [], "what is claimed before it is due again")
            self.pass_time(5.1)
            (one,) = self._claim_all(store)
            _require_equal(one.attempts, 0, "attempts")

    def test_an_extended_lease_begins_anew(self) -> None:
        """``extended`` keeps an item for another lease."""
        with closing(self.make_store()) as store:
            store.append([self._item()])
            (one,) = self._claim_all(store)
            self.pass_time(store.lease - 1)
            store.settle(Settlement(extended=[one]), self.now)
            self.pass_time(store.lease - 1)
            _require_equal(self._claim_all(store), [], "what is claimed during an extended lease")
            self.pass_time(1.1)
            _require_equal(len(self._claim_all(store)), 1, "the number of items claimed after an extended lease")

    def test_an_item_is_taken_over_when_its_lease_ends(self) -> None:
        """The items of a process that died are claimed by another one. It was no attempt."""
        with closing(self.make_store()) as store:
            store.append([self._item()])
            (first,) = self._claim_all(store)
            self._require_due(store, store.lease)
            self.pass_time(store.lease + 0.1)
            (second,) = self._claim_all(store)
            _require_equal((second.ref, second.data, second.attempts), (first.ref, first.data, 0), "the item")

    def test_a_lost_lease_decides_nothing(self) -> None:
        """After another process has claimed an item, the first one can only confirm it."""
        settlements: list[Callable[[Claimed], Settlement]] = [
            lambda late: Settlement(again=[(late, self.now)]),
            lambda late: Settlement(released=[(late, self.now)]),
            lambda late: Settlement(aside=[(late, "refused", "too late")]),
        ]
        for settlement in settlements:
            with closing(self.make_store()) as first, closing(self.open_again(first)) as second:
                first.append([self._item()])
                (late,) = self._claim_all(first)
                self.pass_time(first.lease + 0.1)
                (owner,) = self._claim_all(second)
                first.settle(settlement(late), self.now)
                _require_counts(first, self.now, in_flight=1, bytes=1)
                _require_equal(self._claim_all(first), [], "what is claimed while another process has it")
                self.pass_time(second.lease - 1)
                first.settle(Settlement(extended=[late]), self.now)
                self.pass_time(1.1)
                _require_equal(len(self._claim_all(first)), 1, "the number of items claimed after the second lease")
                first.settle(Settlement(confirmed=[owner]), self.now)

    def test_parts_of_a_settlement_are_noted_together(self) -> None:
        """One settlement can confirm, give back and set aside."""
        with closing(self.make_store()) as store:
            store.append([self._item(f"group{number}") for number in range(5)])
            one, two, three, four, five = self._claim_all(store)
            store.settle(
                Settlement(
                    confirmed=[one],
                    again=[(two, self.now + 1)],
                    released=[(three, self.now + 1)],
                    extended=[four],
                    aside=[(five, "refused", "no")],
                ),
                self.now,
            )
            _require_counts(store, self.now, pending=2, in_flight=1, confirmed=1, set_aside=1, bytes=3)

    # --- what is set aside

    def test_items_that_are_set_aside_are_listed(self) -> None:
        """The list has every detail of each item, oldest first."""
        reasons: list[Reason] = ["refused", "expired", "malformed"]
        with closing(self.make_store()) as store:
            for number, reason in enumerate(reasons):
                store.append([self._item(data=b"%d" % number)])
                (one,) = self._claim_all(store)
                store.settle(Settlement(aside=[(one, reason, f"message{number}")]), self.now)
            _require_counts(store, self.now, set_aside=3)
            _require_equal(self._claim_all(store), [], "what is claimed of the items that are set aside")
            listed = store.list_aside()
            found = [(one.reason, one.message, one.data, one.added) for one in listed]
            wanted = [(one, f"message{number}", b"%d" % number, self.now) for number, one in enumerate(reasons)]
            _require_equal(found, wanted, "list_aside()")
            _require(all(abs(one.set_aside - self.now) < 60 for one in listed), "set_aside is not the time given")
            _require_equal(store.list_aside(2), listed[:2], "list_aside(2)")

    def test_replayed_items_are_as_new(self) -> None:
        """A replayed item is due at once, without attempts, and its age begins anew."""
        with closing(self.make_store()) as store:
            refs = self._set_aside(store, 3)
            self.pass_time(1000)
            newest = self._newest(store)
            _require_equal(store.replay([refs[1], "nonsense", "0"], self.now), 1, "what replay() of one ref returns")
            _require_counts(store, self.now, pending=1, set_aside=2, bytes=1)
            _require(self._newest(store) > newest, "a replayed item is not the newest one")
            (one,) = self._claim_all(store)
            _require_equal((one.data, one.added, one.attempts), (b"1", self.now, 0), "the replayed item")
            _require_equal(store.replay([refs[1]], self.now), 0, "what replay() of the same ref returns")
            _require_equal(store.replay(None, self.now), 2, "what replay() of everything returns")
            _require_counts(store, self.now, pending=2, in_flight=1, bytes=3)

    def test_purged_items_are_gone(self) -> None:
        """``purge`` forgets the items it is given, or all."""
        with closing(self.make_store()) as store:
            refs = self._set_aside(store, 3)
            _require_equal(store.purge([refs[0], "nonsense", "0"]), 1, "what purge() of one ref returns")
            _require_equal([one.ref for one in store.list_aside()], refs[1:], "the refs that are left")
            _require_equal(store.purge(None), 2, "what purge() of everything returns")
            _require_counts(store, self.now)

    # --- positions and times

    def test_the_span_tells_what_was_delivered(self) -> None:
        """Everything up to a position has left the store when the oldest item has a higher one."""
        with closing(self.make_store()) as store:
            _require_equal(store.span(), None, "span() of an empty store")
            store.append([self._item("a", "35"), self._item("b", "28")])
            newest = self._newest(store)
            store.append([self._item("c", "35")])
            _require(self._newest(store) > newest, "span() does not grow with a new item")
            claimed = {one.group: one for one in self._claim_all(store)}
            for group, gone in (("b", False), ("a", True)):
                store.settle(Settlement(confirmed=[claimed[group]]), self.now)
                span = store.span()
                _require(span is not None and (span[0] > newest) is gone, f"span() is {span} after {group} has left")
            store.settle(Settlement(aside=[(claimed["c"], "refused", "no")]), self.now)
            _require_equal(store.span(), None, "span() of an emptied store")

    def test_the_next_due_item_is_known(self) -> None:
        """``next_due`` is when an outbox has to look again: an item is due, or a lease ends."""
        with closing(self.make_store()) as store:
            _require_equal(store.next_due(()), None, "next_due() of an empty store")
            store.append([self._item(wait=40), self._item("other", wait=20)])
            self._require_due(store, 20)
            self.pass_time(20.1)
            self._claim_all(store)
            self._require_due(store, 19.9)
            self.pass_time(20)
            self._claim_all(store)
            self._require_due(store, store.lease - 20)

    # --- the whole store

    def test_a_store_is_of_one_account(self) -> None:
        """The account of the first outbox is kept, and another account is refused."""
        with closing(self.make_store()) as store:
            store.dedicate("acme (1@AdobeOrg)")
            store.dedicate("acme (1@AdobeOrg)")
            _require_raises(StoreError, store.dedicate, "other (2@AdobeOrg)")

    def test_a_store_can_be_closed_twice(self) -> None:
        """A second ``close`` does nothing."""
        store = self.make_store()
        store.close()
        store.close()

    # --- helpers

    def _item(self, group: str = "group", route: str = "", *, data: bytes = b"x", wait: float = 0.0) -> Item:
        return Item(group, route, data, self.now, self.now + wait)

    def _claim(
        self, store: Store, *, groups: int = 100, size: int = 50, linger: float = 0.0, closed: Collection[str] = ()
    ) -> list[list[Claimed]]:
        return store.claim(self.now, groups=groups, size=size, linger=linger, closed=closed)

    def _claim_all(self, store: Store) -> list[Claimed]:
        """Claim until nothing is due any more: a store may return the rest of a group later."""
        claimed: list[Claimed] = []
        while len(claimed) < 1000 and (groups := self._claim(store)):
            claimed += (one for group in groups for one in group)
        return claimed

    def _sizes(self, groups: list[list[Claimed]]) -> list[int]:
        for group in groups:
            _require_equal(len({one.group for one in group}), 1, "the number of groups in one list")
        return sorted(len(group) for group in groups)

    def _set_aside(self, store: Store, count: int) -> list[str]:
        """Set items aside, with the data 0, 1, …, and return their refs."""
        for number in range(count):
            store.append([self._item(data=b"%d" % number)])
            (one,) = self._claim_all(store)
            store.settle(Settlement(again=[(one, self.now)]), self.now)
            (one,) = self._claim_all(store)
            store.settle(Settlement(aside=[(one, "refused", "no")]), self.now)
        return [one.ref for one in store.list_aside()]

    def _newest(self, store: Store) -> int:
        span = store.span()
        return -1 if span is None else span[1]

    def _require_due(self, store: Store, seconds: float, closed: Collection[str] = ()) -> None:
        due = store.next_due(closed)
        _require(
            due is not None and abs(due - self.now - seconds) < 0.5,
            f"next_due() is {due}, not {self.now + seconds}, which is in {seconds} s",
        )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _require_equal(found: object, wanted: object, what: str) -> None:
    _require(found == wanted, f"{what}: {found!r}, but it must be {wanted!r}")


def _require_raises(error: type[Exception], work: Callable[[T], object], argument: T) -> None:
    try:
        work(argument)
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")


def _require_counts(
    store: Store,
    now: float,
    *,
    pending: int = 0,
    in_flight: int = 0,
    confirmed: int = 0,
    set_aside: int = 0,
    bytes: int = 0,  # noqa: A002 - the name of the count
) -> None:
    """Require the counts of ``stats``."""
    stats = store.stats(now)
    found = {
        "pending": stats.pending,
        "in_flight": stats.in_flight,
        "confirmed": stats.confirmed,
        "set_aside": stats.set_aside,
        "bytes": stats.bytes,
    }
    wanted = {
        "pending": pending,
        "in_flight": in_flight,
        "confirmed": confirmed,
        "set_aside": set_aside,
        "bytes": bytes,
    }
    _require_equal(found, wanted, "stats()")
    _require((stats.oldest is None) == (pending + in_flight == 0), "stats().oldest is None only if nothing is held")
