"""The committed specification, and the files beside it."""

import ipaddress
import re
import time

import pytest
from hypothesis import given, strategies as st

from generator import bundle, specification
from generator.tree import schemas

from .conftest import OPENAPI, ROOT

DESCRIPTIONS = ROOT / "openapi" / "descriptions.yaml"
GEO = schemas(bundle.read(OPENAPI / "delivery.yaml"))["Geo"]
ADDRESS = re.compile(GEO["properties"]["ipAddress"]["pattern"])


def test_everything_is_described_and_nothing_else():
    loaded = specification.load(str(ROOT / "openapi" / "delivery.yaml"), ROOT / "openapi")

    assert loaded.undescribed == ()
    assert loaded.unused == ()


def test_descriptions_are_sorted():
    """So that everybody adds one at the same place."""

    def check(value):
        for key, inner in value.items() if isinstance(value, dict) else ():
            if key in ("fields", "schemas", "operations", "parameters", "responses") and isinstance(inner, dict):
                assert list(inner) == sorted(inner)
            check(inner)

    check(bundle.read(DESCRIPTIONS))


def test_the_file_is_written_as_the_generator_writes_it():
    path = ROOT / "openapi" / "delivery.yaml"

    assert path.read_text(encoding="utf-8") == bundle.dump(bundle.bundle(str(path)))


def is_address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def forms(address):
    """Return several texts of one address."""
    yield from (str(address), address.exploded, str(address).upper())
    if address.version == 6:
        groups = address.exploded.split(":")
        yield ":".join([*groups[:6], str(ipaddress.IPv4Address(address.packed[12:]))])
        yield f"::{ipaddress.IPv4Address(address.packed[12:])}"


@given(st.ip_addresses())
def test_an_address_fits_its_pattern(address):
    for text in forms(address):
        assert is_address(text)
        assert ADDRESS.search(text), text


# Texts that look like addresses. Random ones never do.
PIECES = st.sampled_from(
    [
        "1",
        "ab",
        "FFFF",
        "00001",
        "g",
        "0",
        ":",
        ":",
        ":",
        "::",
        ".",
        "1.2.3.4",
        "256.1.1.1",
        "255",
        "%e",
        " ",
        "\n",
        "é",
    ]
)


@given(st.one_of(st.lists(PIECES, max_size=16).map("".join), st.text(max_size=20)))
def test_only_an_address_fits_its_pattern(text):
    assert bool(ADDRESS.search(text)) == is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "::",
        "::1",
        "1::",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:1.2.3.4",
        "1::5:1.2.3.4",
        "255.255.255.255",
    ],
)
def test_addresses(text):
    assert ADDRESS.search(text)


@pytest.mark.parametrize(
    "text",
    [
        *("nowhere", "", "1.1.1", "01.1.1.1", "1.1.1.256", "1.1.1.1\n", " 1.1.1.1", "1.1.1.1, 2.2.2.2", "[::1]", ":1"),
        *("fe80::1%eth0", "1:2:3:4:5:6:7:8::", "1::2::3", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "12345::", ":::"),
    ],
)
def test_no_addresses(text):
    assert not ADDRESS.search(text)


@pytest.mark.parametrize("piece", ["1", "1:", ":", "::", "1.1.1.", "1.1.1.1", "1:1:1:1:1:1:1:1", "f:f::", "\n"])
def test_a_long_text_is_refused_quickly(piece):
    start = time.perf_counter()

    assert not ADDRESS.search(piece * (100_000 // len(piece)))
    assert time.perf_counter() - start < 0.5
