"""JSON offers read as attributes."""

from typing import Any, assert_type

from target_delivery import AttributeNotFoundError, AttributesProvider, TargetClient, TargetDeliveryResponse

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
mbox_names = ["flags", "texts"]
provider = client.get_attributes(mbox_names)
assert_type(provider, AttributesProvider)

# JSON of the marketer's own making: its reader knows what it is.
assert_type(provider.get_value("flags", "new_checkout"), Any)
enabled: bool = provider.get_value("flags", "new_checkout")
assert_type(provider.as_object("texts"), dict[str, Any])
assert_type(provider.as_object("texts")["title"], Any)
assert_type(provider.as_object(), dict[str, dict[str, Any]])
assert_type(provider.as_object(mbox_name="texts"), dict[str, Any])
assert_type(provider.get_response(), TargetDeliveryResponse)


def headline(default: str) -> str:
    try:
        return str(provider.get_value("texts", "headline"))
    except AttributeNotFoundError:
        return default


def also_a_key_error() -> bool:
    try:
        return bool(provider.get_value("flags", "new_checkout"))
    except KeyError:
        return False
