"""Stitching: one supplementalDataId for each page of a visitor."""

from __future__ import annotations

import re

import pytest

from target_delivery._core import stitching
from target_delivery._core.stitching import Stitching
from tests.virtual import VirtualTime


def test_consumers_of_one_page_share_an_id() -> None:
    remembered = Stitching(VirtualTime().chance)
    first, shared = remembered.supplemental_data_id("session", "a")
    assert not shared
    assert re.fullmatch("[0-9A-F]{16}-[0-9A-F]{16}", first)
    assert remembered.supplemental_data_id("session", "b") == (first, True)
    assert remembered.supplemental_data_id("other session", "a")[0] != first


def test_a_consumer_that_asks_again_is_on_a_new_page() -> None:
    remembered = Stitching(VirtualTime().chance)
    first, _ = remembered.supplemental_data_id("session", "a")
    second, shared = remembered.supplemental_data_id("session", "a")
    assert second != first
    assert not shared
    assert remembered.supplemental_data_id("session", "b") == (second, True)


def test_memory_is_bounded_and_forgets_the_one_unused_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stitching, "MAX_SESSIONS", 2)
    remembered = Stitching(VirtualTime().chance)
    old, used = (remembered.supplemental_data_id(session, "a")[0] for session in ("old", "used"))
    remembered.supplemental_data_id("old", "b")
    remembered.supplemental_data_id("new", "a")
    assert remembered.supplemental_data_id("old", "c")[0] == old
    assert remembered.supplemental_data_id("used", "b")[0] != used


def test_a_page_with_very_many_consumers_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stitching, "MAX_CONSUMERS", 2)
    remembered = Stitching(VirtualTime().chance)
    ids = [remembered.supplemental_data_id("session", consumer)[0] for consumer in "abc"]
    assert ids[0] == ids[1] != ids[2]
