"""What a client remembers: one supplementalDataId for each page of a visitor."""

from __future__ import annotations

import re

import pytest

from target_delivery import memory
from target_delivery.memory import Memory


def test_consumers_of_one_page_share_an_id() -> None:
    remembered = Memory()
    first = remembered.supplemental_data_id("session", "a")
    assert re.fullmatch("[0-9A-F]{16}-[0-9A-F]{16}", first)
    assert remembered.supplemental_data_id("session", "b") == first
    assert remembered.supplemental_data_id("other session", "a") != first


def test_a_consumer_that_asks_again_is_on_a_new_page() -> None:
    remembered = Memory()
    first = remembered.supplemental_data_id("session", "a")
    second = remembered.supplemental_data_id("session", "a")
    assert second != first
    assert remembered.supplemental_data_id("session", "b") == second


def test_memory_is_bounded_and_forgets_the_one_unused_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_SESSIONS", 2)
    remembered = Memory()
    old, used = (remembered.supplemental_data_id(session, "a") for session in ("old", "used"))
    remembered.supplemental_data_id("old", "b")
    remembered.supplemental_data_id("new", "a")
    assert remembered.supplemental_data_id("old", "c") == old
    assert remembered.supplemental_data_id("used", "b") != used


def test_a_page_with_very_many_consumers_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_CONSUMERS", 2)
    remembered = Memory()
    ids = [remembered.supplemental_data_id("session", consumer) for consumer in "abc"]
    assert ids[0] == ids[1] != ids[2]
