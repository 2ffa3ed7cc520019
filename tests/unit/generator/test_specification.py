"""The committed specification itself."""

import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from generator import bundle
from generator.tree import operations, schemas

PARENTS = Path(__file__).resolve().parents
ROOT = PARENTS[3]
CHECK = next((path for parent in PARENTS if (path := parent / "shared" / "tools" / "check_spec.py").is_file()), None)


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


@pytest.mark.skipif(CHECK is None, reason="the facts of the API are not here")
def test_it_has_the_facts_of_the_api(published, tmp_path):
    path = tmp_path / "bundled.yaml"
    path.write_text(bundle.dump(published), encoding="utf-8")

    run = subprocess.run([sys.executable, CHECK, path], capture_output=True, text=True, check=False)

    assert run.stdout.startswith("same: "), run.stdout
