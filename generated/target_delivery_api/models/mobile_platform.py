from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class MobilePlatform(Model):
    """A mobile device."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "deviceName": "device_name",
        "deviceType": "device_type",
        "platformType": "platform_type",
        "version": "version",
    }

    device_name: str | None = None
    """The maker's name of the model."""
    device_type: DeviceType
    """Kind of device."""
    platform_type: MobilePlatformType
    """Operating system."""
    version: str | None = None
    """Version of the operating system. At most 128 characters."""
    additional_properties: dict[str, JsonValue] = field(factory=NEW_DICT)
    """JSON values that no other field holds, by JSON name."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a model from decoded JSON; see Model.from_dict."""
        # In a variable, because a comparison of type(data) itself makes pyright forget the types of the items.
        kind = type(data)
        if kind is not dict:
            require_object(cls, data)
        self = cls.__new__(cls)
        value: JsonValue
        left = len(data)
        value = data.get("deviceName")
        if value is not None and isinstance(value, str):
            self.device_name = value
            left -= 1
        else:
            self.device_name = None
        value = data.get("deviceType")
        if not isinstance(value, str):
            raise cls._unreadable("deviceType", "a string", value)
        self.device_type = DEVICE_TYPE[value]
        left -= 1
        value = data.get("platformType")
        if not isinstance(value, str):
            raise cls._unreadable("platformType", "a string", value)
        self.platform_type = MOBILE_PLATFORM_TYPE[value]
        left -= 1
        value = data.get("version")
        if value is not None and isinstance(value, str):
            self.version = value
            left -= 1
        else:
            self.version = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.device_name is not None:
            result["deviceName"] = self.device_name
        result["deviceType"] = str(self.device_type)
        result["platformType"] = str(self.platform_type)
        if self.version is not None:
            result["version"] = self.version
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .device_type import MEMBERS as DEVICE_TYPE
from .device_type import DeviceType
from .mobile_platform_type import MEMBERS as MOBILE_PLATFORM_TYPE
from .mobile_platform_type import MobilePlatformType
