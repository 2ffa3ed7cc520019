"""Allocations are exact to the bit: they are compared with an independent MurmurHash3."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, strategies as st

from target_delivery.decisioning.allocation import Allocations, allocate, visitor_of


def murmur3(data: bytes) -> int:
    def rotate(value: int, bits: int) -> int:
        return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF

    state = 0
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little")
        block = rotate(block * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF
        state = (rotate(state ^ block, 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    if tail := int.from_bytes(data[whole:], "little"):
        state ^= rotate(tail * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF
    state ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        state = (state ^ (state >> shift)) * factor & 0xFFFFFFFF
    state ^= state >> 16
    return state - (1 << 32) if state >> 31 else state


def expected(client: str, activity: str, visitor: str) -> float:
    units: list[int] = []
    for character in f"{client}.{activity}.{visitor}.0":
        code = ord(character)
        units += [code] if code < 0x10000 else [0xD7C0 + (code >> 10), 0xDC00 | code & 0x3FF]
    data = b"".join(unit.to_bytes(2, "little") for unit in units)
    return abs(murmur3(data)) % 10000 / 100


def test_the_hash_of_this_test_is_murmur3() -> None:
    # Values of the reference implementation.
    assert murmur3(b"") == 0
    assert murmur3(b"test") & 0xFFFFFFFF == 0xBA6BD213
    assert murmur3(b"Hello, world!") & 0xFFFFFFFF == 0xC0363E43


@pytest.mark.parametrize(
    ("activity", "visitor", "percent"),
    [
        # From the traces of the published suites.
        ("125873", "338e3c1e51f7416a8e1ccba4f81acea0.28_0", 48.44),
        ("125871", "338e3c1e51f7416a8e1ccba4f81acea0.28_0", 87.67),
        ("125897", "338e3c1e51f7416a8e1ccba4f81acea0.28_0", 28.93),
    ],
)
def test_published_values(activity: str, visitor: str, percent: float) -> None:
    assert allocate("someClientId", activity, visitor) == percent


@pytest.mark.parametrize(
    "visitor",
    ["ada", "", "éàü", "漢字かな", "😀👩‍👩‍👧", "\ud83d", "\ude00\ud83d", "a\x00b", "x" * 1000, "\uffff", "\U0010ffff"],
)
def test_every_kind_of_character(visitor: str) -> None:
    for activity in ("1", "125873"):
        assert allocate("acme", activity, visitor) == expected("acme", activity, visitor)


@given(st.text(), st.text(st.characters()), st.integers().map(str))
def test_any_text(client: str, visitor: str, activity: str) -> None:
    value = allocate(client, activity, visitor)
    assert value == expected(client, activity, visitor)
    assert 0 <= value < 100


def test_visitors_spread_evenly() -> None:
    seeded = random.Random(20240229)
    count = 100_000
    values = [allocate("acme", "125873", f"{seeded.getrandbits(128):032x}") for _ in range(count)]
    tenths = Counter(int(value // 10) for value in values)
    assert sorted(tenths) == list(range(10))
    assert all(abs(found / count * 100 - 10) < 0.5 for found in tenths.values())
    assert abs(sum(value <= 50 for value in values) / count * 100 - 50) < 0.5


def test_which_id_is_used() -> None:
    everything = {"marketingCloudVisitorId": "m", "tntId": "t.28_0", "thirdPartyId": "p.1"}
    assert visitor_of({**everything}) == "m"
    assert visitor_of({**everything, "marketingCloudVisitorId": ""}) == "t"
    assert visitor_of({**everything, "marketingCloudVisitorId": None, "tntId": ".28_0"}) == "p.1"
    assert visitor_of({"customerIds": [{"id": "1"}]}) == ""
    assert visitor_of({"tntId": 5, "thirdPartyId": {}}) == ""


def test_allocations_are_computed_once() -> None:
    allocations = Allocations("acme", "ada")
    assert not allocations
    assert allocations["7"] == allocate("acme", "7", "ada")
    assert dict(allocations) == {"7": allocate("acme", "7", "ada")}
