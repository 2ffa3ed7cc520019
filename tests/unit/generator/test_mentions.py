"""Texts of the wrapper that are names which a new specification no longer has."""

import copy

import pytest

from generator import bundle
from generator.mentions import mentions
from generator.tree import schemas

WRAPPER = '''"""About eventToken."""

def read(data):
    return data["eventToken"], data.get("pageLoad"), "a eventToken", {"carousel": 1, "displayToken": 2}
'''


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "wrapper" / "target_delivery" / "_core" / "a.py"
    path.parent.mkdir(parents=True)
    path.write_text(WRAPPER, encoding="utf-8")
    return tmp_path


def test_names_that_are_gone_are_found_with_file_and_line(project, published):
    new = copy.deepcopy(published)
    schemas(published)["OptionType"]["enum"].append("carousel")
    for holder in ("Option", "Metric"):
        properties = schemas(new)[holder]["properties"]
        properties["displayToken"] = properties.pop("eventToken")

    assert mentions(bundle.flatten(published), bundle.flatten(new), project) == [
        "wrapper/target_delivery/_core/a.py:4: 'eventToken'",
        "wrapper/target_delivery/_core/a.py:4: 'carousel'",
    ]


def test_a_name_that_another_part_still_has_is_not_gone(project, published):
    new = copy.deepcopy(published)
    del schemas(new)["Option"]["properties"]["eventToken"]

    assert mentions(bundle.flatten(published), bundle.flatten(new), project) == []


def test_a_parameter_that_is_gone(project, published):
    post = published["paths"]["/rest/v1/delivery"]["post"]
    new = copy.deepcopy(published)
    post["parameters"].append({"name": "displayToken", "in": "query", "schema": {"type": "string"}})

    found = mentions(bundle.flatten(published), bundle.flatten(new), project)

    assert found == ["wrapper/target_delivery/_core/a.py:4: 'displayToken'"]


def test_a_project_without_a_wrapper(tmp_path, published):
    assert mentions(bundle.flatten(published), {}, tmp_path) == []
