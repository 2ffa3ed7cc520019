"""Answers read wrong."""

from target_delivery import (
    AttributesProvider,
    Cookie,
    DeliveryRequest,
    DeliveryResponse,
    DeliveryStatusError,
    Event,
    Option,
    TargetDeliveryResponse,
)


def misspelt(answer: TargetDeliveryResponse) -> None:
    print(answer.respnse)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(answer["respnse"].prefetch)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(answer.get("respnse").prefetch)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(answer["response"].prefech)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(answer.target_cookie["maxAge"])  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]
    print(answer.meta["method"])  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]
    print(answer.target_cookie.value)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def absent(answer: TargetDeliveryResponse) -> None:
    """What can be None is asked for first."""
    print(answer.response.prefetch.mboxes)  # error: mypy[union-attr] pyright[reportOptionalMemberAccess]
    # error: mypy[union-attr] pyright[reportOptionalIterable] pyright[reportOptionalMemberAccess]
    for mbox in answer["response"].execute.mboxes:
        print(mbox)
    print(answer.target_location_hint_cookie["value"])  # error: mypy[index] pyright[reportOptionalSubscript]
    print(answer.get("target_location_hint_cookie")["value"])  # error: mypy[index] pyright[reportOptionalSubscript]
    print(len(answer.response_tokens))  # error: mypy[arg-type] pyright[reportArgumentType]


def frozen(answer: TargetDeliveryResponse, response: DeliveryResponse, cookie: Cookie) -> None:
    answer.response = response  # error: mypy[misc] pyright[reportAttributeAccessIssue]
    answer.meta = answer.meta  # error: mypy[misc] pyright[reportAttributeAccessIssue]
    answer["response"] = response  # error: mypy[index] pyright[reportIndexIssue]
    del answer["response"]  # error: mypy[attr-defined] pyright[reportIndexIssue]
    answer.meta["decisioning_method"] = "hybrid"  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]
    cookie["max_age"] = "60"  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]


def wrong_type(answer: TargetDeliveryResponse) -> None:
    cookie: str = answer.target_cookie  # error: mypy[assignment] pyright[reportAssignmentType]
    request: DeliveryRequest = answer.response  # error: mypy[assignment] pyright[reportAssignmentType]
    response: dict[str, object] = answer["response"]  # error: mypy[assignment] pyright[reportAssignmentType]
    print(answer["response"]["prefetch"], cookie, request, response)  # error: mypy[index] pyright[reportIndexIssue]
    print(answer.meta["decisioning_method"] == "ondevice")  # error: mypy[comparison-overlap]


def option(option: Option) -> None:
    # error: mypy[union-attr] pyright[reportAttributeAccessIssue] pyright[reportOptionalMemberAccess]
    print(option.content.upper())
    print(option.type.value)  # error: mypy[union-attr] pyright[reportOptionalMemberAccess]
    print(option.response_tokens["geo.city"])  # error: mypy[index] pyright[reportOptionalSubscript]
    print(option.eventToken)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def attributes(provider: AttributesProvider) -> None:
    provider.get_value("flags")  # error: mypy[call-arg] pyright[reportCallIssue]
    provider.get_value("flags", 7)  # error: mypy[arg-type] pyright[reportArgumentType]
    provider.as_object(["flags"])  # error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]
    print(provider["flags"])  # error: mypy[index] pyright[reportIndexIssue]
    response: DeliveryResponse = provider.get_response()  # error: mypy[assignment] pyright[reportAssignmentType]
    print(response)


def event(event: Event) -> None:
    print(event.type == "ready")  # error: mypy[comparison-overlap]
    print(event["type"].upper())  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]


def error(error: DeliveryStatusError) -> None:
    print(error.status_code)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    print(error.edge_message.upper())  # error: mypy[union-attr] pyright[reportOptionalMemberAccess]
