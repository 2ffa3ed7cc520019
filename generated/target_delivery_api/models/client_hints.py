from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class ClientHints(Model):
    """The User-Agent Client Hints of the browser. Each hint takes precedence over the user agent."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "mobile": "mobile",
        "model": "model",
        "platform": "platform",
        "platformVersion": "platform_version",
        "browserUAWithMajorVersion": "browser_ua_with_major_version",
        "browserUAWithFullVersion": "browser_ua_with_full_version",
        "architecture": "architecture",
        "bitness": "bitness",
    }

    mobile: bool | None = None
    """Sec-CH-UA-Mobile: whether the device is mobile."""
    model: str | None = None
    """Sec-CH-UA-Model: model of the device."""
    platform: str | None = None
    """Sec-CH-UA-Platform: operating system."""
    platform_version: str | None = None
    """Sec-CH-UA-Platform-Version: version of the operating system."""
    browser_ua_with_major_version: str | None = None
    """Sec-CH-UA: brands of the browser with their major versions."""
    browser_ua_with_full_version: str | None = None
    """Sec-CH-UA-Full-Version-List: brands of the browser with their full versions."""
    architecture: str | None = None
    """Sec-CH-UA-Arch: architecture of the processor, such as arm."""
    bitness: str | None = None
    """Sec-CH-UA-Bitness: word size of the processor in bits, as a string."""
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
        value = data.get("mobile")
        if value is not None and isinstance(value, bool):
            self.mobile = value
            left -= 1
        else:
            self.mobile = None
        value = data.get("model")
        if value is not None and isinstance(value, str):
            self.model = value
            left -= 1
        else:
            self.model = None
        value = data.get("platform")
        if value is not None and isinstance(value, str):
            self.platform = value
            left -= 1
        else:
            self.platform = None
        value = data.get("platformVersion")
        if value is not None and isinstance(value, str):
            self.platform_version = value
            left -= 1
        else:
            self.platform_version = None
        value = data.get("browserUAWithMajorVersion")
        if value is not None and isinstance(value, str):
            self.browser_ua_with_major_version = value
            left -= 1
        else:
            self.browser_ua_with_major_version = None
        value = data.get("browserUAWithFullVersion")
        if value is not None and isinstance(value, str):
            self.browser_ua_with_full_version = value
            left -= 1
        else:
            self.browser_ua_with_full_version = None
        value = data.get("architecture")
        if value is not None and isinstance(value, str):
            self.architecture = value
            left -= 1
        else:
            self.architecture = None
        value = data.get("bitness")
        if value is not None and isinstance(value, str):
            self.bitness = value
            left -= 1
        else:
            self.bitness = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.mobile is not None:
            result["mobile"] = self.mobile
        if self.model is not None:
            result["model"] = self.model
        if self.platform is not None:
            result["platform"] = self.platform
        if self.platform_version is not None:
            result["platformVersion"] = self.platform_version
        if self.browser_ua_with_major_version is not None:
            result["browserUAWithMajorVersion"] = self.browser_ua_with_major_version
        if self.browser_ua_with_full_version is not None:
            result["browserUAWithFullVersion"] = self.browser_ua_with_full_version
        if self.architecture is not None:
            result["architecture"] = self.architecture
        if self.bitness is not None:
            result["bitness"] = self.bitness
        return self._with_additional(result) if self.additional_properties else result
