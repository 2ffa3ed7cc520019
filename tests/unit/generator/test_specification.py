"""The committed specification itself."""

from pathlib import Path

from openapi_spec_validator import validate

from generator import bundle
from generator.specification import load

ROOT = Path(__file__).resolve().parents[3]


def test_it_is_valid(published):
    validate(published)


def test_our_descriptions_are_complete_and_none_is_left_over():
    loaded = load(str(ROOT / "openapi" / "delivery.yaml"), ROOT / "openapi")

    assert loaded.undescribed == ()
    assert loaded.unused == ()


def test_the_file_is_written_as_the_generator_writes_it(published):
    assert (ROOT / "openapi" / "delivery.yaml").read_text(encoding="utf-8") == bundle.dump(published)
