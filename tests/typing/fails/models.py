"""Models made wrong."""

from target_delivery import (
    ChannelType,
    Context,
    CustomerId,
    DeliveryRequest,
    ExecuteRequest,
    MboxRequest,
    MetricType,
    Notification,
    NotificationMbox,
    OptionType,
    Order,
    PrefetchRequest,
    Trace,
    VisitorId,
)

# Fields are keywords.
MboxRequest("home")  # error: mypy[arg-type] mypy[call-arg] pyright[reportCallIssue]
DeliveryRequest(ExecuteRequest())  # error: mypy[arg-type] mypy[call-arg] pyright[reportCallIssue]

# Misspelt fields.
MboxRequest(nmae="home")  # error: mypy[call-arg] pyright[reportCallIssue]
MboxRequest(name="home", profileParameters={"age": "30"})  # error: mypy[call-arg] pyright[reportCallIssue]
DeliveryRequest(prefetsch=PrefetchRequest())  # error: mypy[call-arg] pyright[reportCallIssue]

# Enums are no texts, and not each other.
Notification(id="1", type="display", timestamp=0)  # error: mypy[arg-type] pyright[reportArgumentType]
Notification(id="1", type=OptionType.HTML, timestamp=0)  # error: mypy[arg-type] pyright[reportArgumentType]
# error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
Notification(id="1", type=MetricType.DISPLAYED, timestamp=0)
Context(channel="web")  # error: mypy[arg-type] pyright[reportArgumentType]
Context(channel=MetricType.CLICK)  # error: mypy[arg-type] pyright[reportArgumentType]
# error: mypy[arg-type] pyright[reportArgumentType]
CustomerId(id="7", integration_code="crm", authenticated_state="authenticated")

# Required fields.
Notification(id="1", timestamp=0)  # error: mypy[call-arg] pyright[reportCallIssue]
Notification(type=MetricType.CLICK, timestamp=0)  # error: mypy[call-arg] pyright[reportCallIssue]
Notification(id="1", type=MetricType.CLICK)  # error: mypy[call-arg] pyright[reportCallIssue]
CustomerId(id="7")  # error: mypy[call-arg] pyright[reportCallIssue]
Trace()  # error: mypy[call-arg] pyright[reportCallIssue]

# Values of a wrong type.
Notification(id=1, type=MetricType.CLICK, timestamp=0)  # error: mypy[arg-type] pyright[reportArgumentType]
Notification(id="1", type=MetricType.CLICK, timestamp=0.5)  # error: mypy[arg-type] pyright[reportArgumentType]
Notification(id="1", type=MetricType.CLICK, timestamp="2021-05-20")  # error: mypy[arg-type] pyright[reportArgumentType]
# error: mypy[arg-type] pyright[reportArgumentType]
Notification(id="1", type=MetricType.CLICK, timestamp=0, tokens="t0FRv")
# error: mypy[arg-type] pyright[reportArgumentType]
Notification(id="1", type=MetricType.CLICK, timestamp=0, mbox="home")
# error: mypy[arg-type] pyright[reportArgumentType]
Notification(id="1", type=MetricType.CLICK, timestamp=0, mbox=MboxRequest(name="home"))
NotificationMbox(name="home", state=None, index=0)  # error: mypy[call-arg] pyright[reportCallIssue]
MboxRequest(name=None, index="0")  # error: mypy[arg-type] pyright[reportArgumentType]
MboxRequest(name="home", parameters={"size": 7})  # error: mypy[dict-item] pyright[reportArgumentType]
MboxRequest(name="home", order=Order(total="12.50"))  # error: mypy[arg-type] pyright[reportArgumentType]
ExecuteRequest(mboxes=["home"])  # error: mypy[list-item] pyright[reportArgumentType]
ExecuteRequest(mboxes=MboxRequest(name="home"))  # error: mypy[arg-type] pyright[reportArgumentType]
PrefetchRequest(page_load=True)  # error: mypy[arg-type] pyright[reportArgumentType]
DeliveryRequest(id="08210e2d751a44779b8313e2d2692b96.21_27")  # error: mypy[arg-type] pyright[reportArgumentType]
DeliveryRequest(execute={"mboxes": []})  # error: mypy[arg-type] pyright[reportArgumentType]
DeliveryRequest(id=VisitorId(customer_ids=[{"id": "7"}]))  # error: mypy[list-item] pyright[reportArgumentType]
DeliveryRequest.from_dict("{}")  # error: mypy[arg-type] pyright[reportArgumentType]
DeliveryRequest.from_dict([])  # error: mypy[arg-type] pyright[reportArgumentType]

# Attributes.
mbox = MboxRequest(name="home")
mbox.nmae = "home"  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
mbox.index = "0"  # error: mypy[assignment] pyright[reportAttributeAccessIssue]
print(mbox.profileParameters)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
print(ChannelType.TV)  # error: mypy[attr-defined] pyright[reportAttributeAccessIssue]
