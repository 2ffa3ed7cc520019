"""A package that the wrapper does not fit is reported with file and line, and not put in place unless one asks."""

import json
import subprocess
import sys

import pytest

from generator.tree import schemas

from .conftest import hash_of


def rename_a_tag(document):
    document["tags"] = [{"name": "Delivery API"}]
    document["paths"]["/rest/v1/delivery"]["post"]["tags"] = ["Delivery API"]


def rename_a_field(document):
    properties = schemas(document)["Option"]["properties"]
    properties["displayToken"] = properties.pop("eventToken")


def require_a_field(document):
    schemas(document)["DeliveryResponse"].setdefault("required", []).append("client")


def change_a_type(document):
    schemas(document)["Notification"]["allOf"][1]["properties"]["timestamp"] = {"type": "string"}


@pytest.mark.parametrize(
    ("change", "file"),
    [
        (rename_a_tag, "wrapper/target_delivery/_core/call.py:"),
        (rename_a_field, "wrapper/target_delivery/_cli/demo.py:"),
        (require_a_field, "wrapper/target_delivery/_core/call.py:"),
        (change_a_type, "wrapper/target_delivery/_cli/demo.py:"),
    ],
)
def test_it_stops_unless_a_maintainer_accepts(whole_house, regenerate, write, committed, change, file):
    change(committed)
    specification = write("new.yaml", committed)
    before = hash_of(whole_house)

    refused = regenerate(whole_house, "--spec", specification, "--format", "json")

    assert refused.returncode == 3, refused.stderr
    assert hash_of(whole_house) == before
    assert "--accept-broken-wrapper" in refused.stderr
    places = json.loads(refused.stdout)["broken"]
    assert any(place.startswith(file) for place in places), places
    for place in places:
        name, line, _ = place.split(":", 2)
        assert len((whole_house / name).read_text(encoding="utf-8").splitlines()) >= int(line) > 0

    accepted = regenerate(whole_house, "--spec", specification, "--accept-broken-wrapper")

    assert accepted.returncode == 0, accepted.stderr
    assert hash_of(whole_house) != before
    assert places[0] in accepted.stdout
    assert regenerate(whole_house, "--check").returncode == 0


CLIENT = """
import a_library_that_is_not_installed
from target_delivery_api.models import ChannelType


def name(channel: ChannelType) -> str:
    match channel:
        case ChannelType.WEB:
            return "web"
        case ChannelType.MOBILE:
            return "mobile"
    return str(channel)
"""


def test_only_what_the_new_package_breaks_is_reported(whole_house, environment, write, committed):
    """From every working directory, by pyright alone, and without the problems that the wrapper already has."""
    (whole_house / "wrapper" / "target_delivery" / "_core" / "channels.py").write_text(CLIENT, encoding="utf-8")
    schemas(committed)["ChannelType"]["enum"].append("television")

    run = subprocess.run(
        [sys.executable, "-m", "generator", "--spec", write("new.yaml", committed), "--dry-run", "--format", "json"],
        cwd=whole_house.parent,
        env={**environment, "PYTHONPATH": str(whole_house), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )

    assert run.returncode == 3, run.stderr
    places = json.loads(run.stdout)["broken"]
    assert [place.rpartition("(")[2] for place in places] == ["reportMatchNotExhaustive)"], places
    assert places[0].startswith("wrapper/target_delivery/_core/channels.py:7:")


def test_what_is_deprecated_still_fits(whole_house, regenerate, write, committed):
    committed["paths"]["/rest/v1/delivery"]["post"]["deprecated"] = True
    schemas(committed)["Order"]["deprecated"] = True

    ran = regenerate(whole_house, "--spec", write("new.yaml", committed), "--dry-run")

    assert ran.returncode == 0, ran.stdout
    assert "Check:" in ran.stdout
