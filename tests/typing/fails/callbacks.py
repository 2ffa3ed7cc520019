"""Callbacks that cannot be called as they will be, and results that are not there yet."""

from target_delivery import (
    AsyncResult,
    AttributesProvider,
    DeliveryRequest,
    DeliveryResponse,
    OffersCallbackOptions,
    OffersOptions,
    TargetClient,
    TargetDeliveryResponse,
    TargetError,
)

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
request = DeliveryRequest()


def show(response: TargetDeliveryResponse) -> None: ...


def show_inner(response: DeliveryResponse) -> None: ...


def nothing() -> None: ...


def two(response: TargetDeliveryResponse, more: int) -> None: ...


def use(provider: AttributesProvider) -> None: ...


def failed(error: BaseException) -> None: ...


def only_some(error: TargetError) -> None: ...


# A callback takes one TargetDeliveryResponse, or one AttributesProvider.
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: with type "DeliveryResponse"
client.get_offers({"request": request, "callback": show_inner})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "(TargetDeliveryResponse) -> object"
client.get_offers({"request": request, "callback": nothing})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: Extra parameter "more"
client.get_offers({"request": request, "callback": two})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "(TargetDeliveryResponse) -> object"
client.get_offers({"request": request, "callback": "show"})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "(TargetDeliveryResponse) -> object"
client.get_offers({"request": request, "callback": lambda: None})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: with type "AttributesProvider"
client.get_offers({"request": request, "callback": use})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: with type "BaseException"
client.send_notifications({"request": request, "callback": failed})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: with type "TargetDeliveryResponse"
client.get_attributes(["flags"], {"callback": show})

# An err_callback takes any exception.
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: with type "TargetError"
client.get_offers({"request": request, "callback": show, "err_callback": only_some})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "(BaseException) -> object"
client.get_offers({"request": request, "callback": show, "err_callback": nothing})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: with type "TargetDeliveryResponse"
client.send_notifications({"request": request, "callback": show, "err_callback": show})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: with type "AttributesProvider"
client.get_attributes(["flags"], {"callback": use, "err_callback": use})

# Without a callback there is no err_callback: the call raises.
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "callback" is required
client.get_offers({"request": request, "err_callback": failed})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "callback" is required
client.send_notifications({"request": request, "err_callback": failed})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "callback" is required
client.get_attributes(["flags"], {"err_callback": failed})

# Step by step, where the mistake itself is named.
# error: mypy[typeddict-item] pyright[reportAssignmentType]: "callback" is required
options: OffersCallbackOptions = {"request": request}
# error: mypy[typeddict-item] pyright[reportAssignmentType]: with type "DeliveryResponse"
options = {"request": request, "callback": show_inner}
# error: mypy[typeddict-item] pyright[reportAssignmentType]: with type "TargetError"
options = {"request": request, "callback": show, "err_callback": only_some}
options["callback"] = nothing  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]: "callback"
# error: mypy[typeddict-item] pyright[reportAssignmentType]: item "callback" has type "None"
without: OffersOptions = {"request": request, "callback": show}
without["err_callback"] = failed  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]: "err_callback"
without = options  # error: mypy[assignment] pyright[reportAssignmentType]

# A result is not the answer; get() waits for it.
result = client.get_offers({"request": request, "callback": show})
print(result.response)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
print(result["response"])  # error: mypy[index] pyright[reportIndexIssue]
print(result.get().target_cokie)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
# error: mypy[assignment] pyright[reportAssignmentType]
answer: TargetDeliveryResponse = client.send_notifications({"request": request, "callback": show})
# error: mypy[assignment] pyright[reportAssignmentType]
provider: AttributesProvider = client.get_attributes(["flags"], {"callback": use})
result.get("now")  # error: mypy[arg-type] pyright[reportArgumentType]
other: AsyncResult[AttributesProvider] = result  # error: mypy[assignment] pyright[reportAssignmentType]
print(client.get_offers({"request": request}).get())  # error: mypy[call-overload] pyright[reportCallIssue]
