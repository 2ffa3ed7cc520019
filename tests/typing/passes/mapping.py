"""A TargetDeliveryResponse as a mapping: each key has the type of its attribute."""

from collections.abc import Iterator, Mapping
from typing import Literal, assert_type

from target_delivery import (
    AnalyticsResponse,
    Cookie,
    DecisioningMeta,
    DeliveryRequest,
    DeliveryResponse,
    JsonValue,
    TargetDeliveryResponse,
)


def subscripts(answer: TargetDeliveryResponse) -> None:
    """A key that is there has a value; one that is not raises KeyError."""
    assert_type(answer["response"], DeliveryResponse)
    assert_type(answer["target_cookie"], Cookie)
    assert_type(answer["target_location_hint_cookie"], Cookie)
    assert_type(answer["analytics_details"], list[AnalyticsResponse])
    assert_type(answer["trace"], list[dict[str, JsonValue]])
    assert_type(answer["response_tokens"], list[dict[str, JsonValue]])
    assert_type(answer["meta"], DecisioningMeta)
    assert_type(answer["request"], DeliveryRequest)

    assert_type(answer["target_cookie"]["max_age"], int)
    assert_type(answer["meta"]["decisioning_method"], Literal["server-side", "on-device"])
    assert_type(answer["meta"]["remote_mboxes"], list[str])


def get(answer: TargetDeliveryResponse) -> None:
    """Only what can be absent can be None."""
    assert_type(answer.get("response"), DeliveryResponse)
    assert_type(answer.get("target_cookie"), Cookie)
    assert_type(answer.get("target_location_hint_cookie"), Cookie | None)
    assert_type(answer.get("analytics_details"), list[AnalyticsResponse] | None)
    assert_type(answer.get("trace"), list[dict[str, JsonValue]] | None)
    assert_type(answer.get("response_tokens"), list[dict[str, JsonValue]] | None)
    assert_type(answer.get("meta"), DecisioningMeta)
    assert_type(answer.get("request"), DeliveryRequest)

    assert_type(answer.get("response", None), DeliveryResponse)
    assert_type(answer.get("target_location_hint_cookie", None), Cookie | None)
    assert_type(answer.get("target_location_hint_cookie", False), Cookie | bool)
    assert_type(answer.get("analytics_details", ()), list[AnalyticsResponse] | tuple[()])
    assert_type(answer.get("response_tokens", []), list[dict[str, JsonValue]])
    for tokens in answer.get("response_tokens", []):
        assert_type(tokens.get("activity.id"), JsonValue)


def names(answer: TargetDeliveryResponse, name: str) -> None:
    """It is a Mapping, and goes where a Mapping goes."""
    mapping: Mapping[str, object] = answer
    assert_type(len(mapping), int)
    assert_type(dict(answer), dict[str, object])
    assert_type(iter(answer), Iterator[str])
    assert_type(list(answer), list[str])
    assert_type([value for _, value in answer.items()], list[object])
    assert_type(answer[name], object)
    assert_type(answer.get(name), object)
    assert_type("trace" in answer, bool)
