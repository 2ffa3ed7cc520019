from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class Context(Model):
    """Facts about the device, the page and the place of the visitor, for matching audiences."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "channel": "channel",
        "mobilePlatform": "mobile_platform",
        "application": "application",
        "screen": "screen",
        "window": "window",
        "browser": "browser",
        "address": "address",
        "geo": "geo",
        "timeOffsetInMinutes": "time_offset_in_minutes",
        "userAgent": "user_agent",
        "clientHints": "client_hints",
        "beacon": "beacon",
    }

    channel: ChannelType | None = None
    """Whether the experience is shown on the web or in a mobile app."""
    mobile_platform: MobilePlatform | None = None
    """The mobile device. For the mobile channel."""
    application: Application | None = None
    """The app. For the mobile channel."""
    screen: Screen | None = None
    """The screen of the device."""
    window: Window | None = None
    """The window of the browser."""
    browser: Browser | None = None
    """The browser."""
    address: Address | None = None
    """The page that the call is made for."""
    geo: Geo | None = None
    """The place of the visitor. If only the IP address is given, the edge derives the other fields from
    it."""
    time_offset_in_minutes: float | None = None
    """Offset of the visitor's local time from UTC, in minutes."""
    user_agent: str | None = None
    """The browser's User-Agent header."""
    client_hints: ClientHints | None = None
    """The browser's User-Agent Client Hints."""
    beacon: bool | None = None
    """Whether the call is a beacon. The edge answers a beacon with status 204 and no body. Absent means
    false."""
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
        value = data.get("channel")
        if value is not None and isinstance(value, str):
            self.channel = CHANNEL_TYPE[value]
            left -= 1
        else:
            self.channel = None
        value = data.get("mobilePlatform")
        if value is not None and isinstance(value, dict):
            self.mobile_platform = MobilePlatform.from_dict(value)
            left -= 1
        else:
            self.mobile_platform = None
        value = data.get("application")
        if value is not None and isinstance(value, dict):
            self.application = Application.from_dict(value)
            left -= 1
        else:
            self.application = None
        value = data.get("screen")
        if value is not None and isinstance(value, dict):
            self.screen = Screen.from_dict(value)
            left -= 1
        else:
            self.screen = None
        value = data.get("window")
        if value is not None and isinstance(value, dict):
            self.window = Window.from_dict(value)
            left -= 1
        else:
            self.window = None
        value = data.get("browser")
        if value is not None and isinstance(value, dict):
            self.browser = Browser.from_dict(value)
            left -= 1
        else:
            self.browser = None
        value = data.get("address")
        if value is not None and isinstance(value, dict):
            self.address = Address.from_dict(value)
            left -= 1
        else:
            self.address = None
        value = data.get("geo")
        if value is not None and isinstance(value, dict):
            self.geo = Geo.from_dict(value)
            left -= 1
        else:
            self.geo = None
        value = data.get("timeOffsetInMinutes")
        if value is not None and (type(value) is float or type(value) is int):
            self.time_offset_in_minutes = value
            left -= 1
        else:
            self.time_offset_in_minutes = None
        value = data.get("userAgent")
        if value is not None and isinstance(value, str):
            self.user_agent = value
            left -= 1
        else:
            self.user_agent = None
        value = data.get("clientHints")
        if value is not None and isinstance(value, dict):
            self.client_hints = ClientHints.from_dict(value)
            left -= 1
        else:
            self.client_hints = None
        value = data.get("beacon")
        if value is not None and isinstance(value, bool):
            self.beacon = value
            left -= 1
        else:
            self.beacon = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.channel is not None:
            result["channel"] = str(self.channel)
        if self.mobile_platform is not None:
            result["mobilePlatform"] = self.mobile_platform.to_dict()
        if self.application is not None:
            result["application"] = self.application.to_dict()
        if self.screen is not None:
            result["screen"] = self.screen.to_dict()
        if self.window is not None:
            result["window"] = self.window.to_dict()
        if self.browser is not None:
            result["browser"] = self.browser.to_dict()
        if self.address is not None:
            result["address"] = self.address.to_dict()
        if self.geo is not None:
            result["geo"] = self.geo.to_dict()
        if self.time_offset_in_minutes is not None:
            result["timeOffsetInMinutes"] = self.time_offset_in_minutes
        if self.user_agent is not None:
            result["userAgent"] = self.user_agent
        if self.client_hints is not None:
            result["clientHints"] = self.client_hints.to_dict()
        if self.beacon is not None:
            result["beacon"] = self.beacon
        return self._with_additional(result) if self.additional_properties else result


# At the end, because two models that hold each other import each other.
from .address import Address
from .application import Application
from .browser import Browser
from .channel_type import MEMBERS as CHANNEL_TYPE
from .channel_type import ChannelType
from .client_hints import ClientHints
from .geo import Geo
from .mobile_platform import MobilePlatform
from .screen import Screen
from .window import Window
