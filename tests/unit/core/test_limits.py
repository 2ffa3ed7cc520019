"""The published limits: what is refused, where, and in which words."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, strategies as st

from target_delivery._core import limits
from target_delivery._core.addresses import normal_address
from target_delivery._core.limits import MAX_MATCHED, refusal
from target_delivery_api import models

SCHEMA: dict[str, Any] = json.loads(files("target_delivery_api").joinpath("wire_schema.json").read_text("utf-8"))
WEB = {"context": {"channel": "web"}}


def reason(**parts: Any) -> str:
    refused = refusal({**WEB, **parts})
    assert refused is not None
    return refused.reason


@pytest.mark.parametrize(
    ("parts", "expected", "attributes"),
    [
        ({"requestId": "x" * 129}, "requestId must have at most 128 characters, not 129", ["request.request_id"]),
        (
            {"id": {"customerIds": [{"id": "x" * 129, "integrationCode": "c", "authenticatedState": "unknown"}]}},
            "id.customerIds[0].id must have at most 128 characters, not 129",
            ["request.id.customer_ids[0].id"],
        ),
        (
            {"execute": {"pageLoad": {"parameters": {str(n): "" for n in range(51)}}}},
            "execute.pageLoad.parameters must have at most 50 entries, not 51",
            ["request.execute.page_load.parameters"],
        ),
        (
            {"execute": {"mboxes": [{"index": 0, "name": "a", "parameters": {"ipAddress": 1, "a b": "c"}}]}},
            "execute.mboxes[0].parameters['ipAddress'] must be a string, not an integer",
            [],
        ),
        (
            {"execute": {"mboxes": [{"index": 2**31, "name": "a"}]}},
            "execute.mboxes[0].index must be at most 2147483647, not 2147483648",
            [],
        ),
        ({"context": {}}, "context.channel is required", []),
        (
            {"context": {"channel": "tv"}},
            "context.channel must be one of ['mobile', 'web'], not a string of length 2",
            [],
        ),
        (
            {"context": {"channel": 4711}, "environmentId": 2**63},
            "environmentId must be at most 9223372036854775807, not 9223372036854775808; "
            "context.channel must be a string, not an integer",
            ["request.environment_id"],
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(parts: Any, expected: str, attributes: list[str]) -> None:
    refused = refusal({**WEB, **parts})
    assert refused is not None
    assert (refused.reason, list(refused.attributes)) == (expected, attributes)


@pytest.mark.parametrize(
    ("geo", "expected"),
    [
        ({"city": "x" * 51}, "context.geo.city must have at most 50 characters, not 51"),
        ({"countryCode": 1}, "context.geo.countryCode must be a string, not an integer"),
        (1, "context.geo must meet anyOf [{'$ref': '#/$defs/Geo'}, {'type': 'null'}], which an integer does not"),
    ],
)
def test_a_problem_inside_a_part_that_may_be_null_has_its_own_place(
    monkeypatch: pytest.MonkeyPatch, geo: Any, expected: str
) -> None:
    schema = deepcopy(SCHEMA)
    geo_or_null = [{"$ref": "#/$defs/Geo"}, {"type": "null"}]
    schema["$defs"]["Context"]["properties"]["geo"] = {"anyOf": geo_or_null}
    validator = type(limits._validator())(schema)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(limits, "_validator", lambda: validator)
    assert refusal({"context": {"channel": "web", "geo": None}}) is None
    refused = refusal({"context": {"channel": "web", "geo": geo}})
    assert refused is not None
    assert refused.reason == expected


def test_of_many_problems_the_outermost_are_shown_and_the_time_is_bounded() -> None:
    many = [{"index": "secret", "name": "a"} for _ in range(100_000)]
    started = time.perf_counter()
    shown = reason(execute={"mboxes": many}, requestId=5)
    assert time.perf_counter() - started < 5
    assert shown.startswith("requestId must be a string, not an integer; execute.mboxes[0].index must be an integer")
    assert shown.endswith("; further problems: at least 997")
    assert len(shown) < 1000


def test_a_long_name_or_number_is_cut() -> None:
    assert len(reason(execute={"pageLoad": {"parameters": {"k" * 100_000: 1}}})) < 500
    assert len(reason(environmentId=10**4000)) < 500


def test_nesting_is_bounded() -> None:
    deep: Any = 1
    for _ in range(50_000):
        deep = [deep]
    assert reason(future=deep) == "the body cannot be read: it nests deeper than 100 levels"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.just("SECRET"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(sorted(SCHEMA["properties"])), inner, max_size=4)
        ),
    )
)
def test_any_json_is_accepted_or_refused_without_showing_a_text(document: Any) -> None:
    refused = refusal(document)
    assert refused is None or "SECRET" not in refused.reason


def test_a_pattern_means_what_it_means_in_javascript() -> None:
    compiled = limits._compiled(r"^[\d$]+\$?$")  # pyright: ignore[reportPrivateUsage]
    assert compiled
    assert compiled.search("12$")
    assert not compiled.search("12\n")
    assert not compiled.search("\u0661")


@pytest.mark.parametrize("pattern", [r"^\p{L}+$", "^(?<year>[0-9]+)$", r"^\u{61}$", r"^\cA$"])
def test_a_pattern_that_python_cannot_read_refuses_nothing(pattern: str) -> None:
    validator = type(limits._validator())({"pattern": pattern})  # pyright: ignore[reportPrivateUsage]
    assert validator.is_valid("1")


@given(st.ip_addresses().flatmap(lambda ip: st.sampled_from([str(ip), ip.exploded, str(ip).upper(), f" {ip} "])))
def test_an_address_in_its_normal_form_is_accepted(text: str) -> None:
    address = normal_address(text)
    assert address is not None
    assert refusal({"context": {"channel": "web", "geo": {"ipAddress": address}}}) is None


@pytest.mark.parametrize("text", ["nowhere", "1.2.3", "1.2.3.256", "[::1]", "1::2::3"])
def test_a_text_that_is_no_address_is_refused(text: str) -> None:
    refused = refusal({"context": {"channel": "web", "geo": {"ipAddress": text}}})
    assert refused is not None
    assert refused.reason.startswith("context.geo.ipAddress must match the pattern '")
    assert refused.reason.endswith(f"which a string of length {len(text)} does not")
    assert refused.attributes == ("request.context.geo.ip_address",)


def test_a_pattern_is_not_applied_to_a_long_text(monkeypatch: pytest.MonkeyPatch) -> None:
    validator = limits._validator().evolve(schema={"pattern": r"^(%.+)?\s*$"})  # type: ignore[call-arg]  # the stub names no field
    assert validator.is_valid("%1")
    started = time.perf_counter()
    for length in (MAX_MATCHED, 1_000_000):
        assert not validator.is_valid(("%" + " " * length)[: length - 2] + "\nx")
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("name", ["", *sorted(SCHEMA["$defs"])])
def test_every_field_of_a_request_has_its_attribute(name: str) -> None:
    by_name = {one.lower(): getattr(models, one) for one in models.__all__}
    model = by_name[(name or SCHEMA["title"]).lower()] if name.lower() in by_name or not name else None
    for field in (SCHEMA["$defs"][name] if name else SCHEMA).get("properties", {}):
        assert model is not None
        assert limits._attributes()[field] == model._JSON_NAMES[field]  # pyright: ignore[reportPrivateUsage]
