"""The committed specification itself."""

from pathlib import Path

from openapi_spec_validator import validate

from generator import bundle
from generator.tree import operations, schemas

ROOT = Path(__file__).resolve().parents[3]


def test_it_is_valid(published):
    validate(published)


def test_everything_is_described(published):
    for name, schema in schemas(published).items():
        assert schema.get("description"), name
        for part in (schema, *schema.get("allOf", ())):
            for property_name, value in part.get("properties", {}).items():
                assert value.get("description"), f"{name}.{property_name}"
    for operation in operations(published):
        assert operation.data["summary"]
        assert operation.data["description"]
        assert all(parameter["description"] for parameter in operation.parameters)


def test_the_file_is_written_as_the_generator_writes_it(published):
    assert (ROOT / "openapi" / "delivery.yaml").read_text(encoding="utf-8") == bundle.dump(published)
