"""Options of a call that are wrong."""

from target_delivery import DeliveryRequest, DeliveryResponse, NotificationsOptions, OffersOptions, TargetClient

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
request = DeliveryRequest()

# Misspelt, and missing.
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "target_cokie"
client.get_offers({"request": request, "target_cokie": "abc"})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "request" is required
client.get_offers({"target_cookie": "abc"})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "request" is required
client.get_offers({})
client.get_offers()  # error: mypy[call-overload] pyright[reportCallIssue]
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "target_cokie"
client.send_notifications({"request": request, "target_cokie": "abc"})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "request" is required
client.send_notifications({"target_cookie": "abc"})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "target_cokie"
client.get_attributes(["flags"], {"target_cokie": "abc"})
client.get_attributes()  # error: mypy[call-overload] pyright[reportCallIssue]

# Options are one dict.
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "DeliveryRequest" is not assignable
client.get_offers(request)
client.get_offers(request=request)  # error: mypy[call-overload] pyright[reportCallIssue]
client.send_notifications(request, target_cookie="abc")  # error: mypy[call-overload] pyright[reportCallIssue]

# Values of a wrong type.
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "None" is not assignable
client.get_offers({"request": None})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: not assignable to item "request"
client.get_offers({"request": {"execute": {"mboxes": [{"name": "home"}]}}})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "DeliveryResponse"
client.get_offers({"request": DeliveryResponse()})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: Literal['ondevice']
client.get_offers({"request": request, "decisioning_method": "ondevice"})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: to type "str | None"
client.get_offers({"request": request, "session_id": 7})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "Mapping[str, str] | None"
client.get_offers({"request": request, "cookies": "mbox=abc"})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "Mapping[str, str] | None"
client.send_notifications({"request": request, "cookies": {"mbox": b"abc"}})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: not assignable to "CustomerId"
client.get_offers({"request": request, "customer_ids": ["7"]})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: to type "str | None"
client.get_offers({"request": request, "target_cookie": {"name": "mbox"}})
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "DeliveryRequest | None"
client.get_attributes(["flags"], {"request": {}})
client.get_attributes([7])  # error: mypy[list-item] pyright[reportArgumentType]: "str"

# Notifications are always for the edge to take.
# error: mypy[call-overload] pyright[reportArgumentType] pyright[reportCallIssue]: "decisioning_method"
client.send_notifications({"request": request, "decisioning_method": "server-side"})

# Step by step, where the mistake itself is named.
# error: mypy[typeddict-unknown-key] pyright[reportAssignmentType]: "target_cokie"
offers: OffersOptions = {"request": request, "target_cokie": "abc"}
offers = {"target_cookie": "abc"}  # error: mypy[typeddict-item] pyright[reportAssignmentType]: "request" is required
# error: mypy[typeddict-item] pyright[reportAssignmentType]: "DeliveryResponse"
offers = {"request": DeliveryResponse()}
# error: mypy[typeddict-item] pyright[reportAssignmentType]: Literal['ondevice']
offers = {"request": request, "decisioning_method": "ondevice"}
# error: mypy[typeddict-unknown-key] pyright[reportGeneralTypeIssues]: no key "target_cokie"
offers["target_cokie"] = "abc"
offers["session_id"] = 7  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]: "session_id"
# error: mypy[typeddict-unknown-key] pyright[reportAssignmentType]: "decisioning_method"
notifications: NotificationsOptions = {"request": request, "decisioning_method": "server-side"}
