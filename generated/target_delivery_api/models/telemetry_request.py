from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import NEW_DICT, Model, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class TelemetryRequest(Model):
    """Durations of the parts of one HTTP exchange."""

    _JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "dns": "dns",
        "tls": "tls",
        "timeToFirstByte": "time_to_first_byte",
        "download": "download",
        "responseSize": "response_size",
    }

    dns: float | None = None
    """Duration of the DNS look-up, in milliseconds."""
    tls: float | None = None
    """Duration of the TLS handshake, in milliseconds."""
    time_to_first_byte: float | None = None
    """Time from sending the request to the first byte of the answer, in milliseconds."""
    download: float | None = None
    """Time from the first to the last byte of the answer, in milliseconds."""
    response_size: int | None = None
    """Size of the answer in bytes."""
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
        value = data.get("dns")
        if value is not None and (type(value) is float or type(value) is int):
            self.dns = value
            left -= 1
        else:
            self.dns = None
        value = data.get("tls")
        if value is not None and (type(value) is float or type(value) is int):
            self.tls = value
            left -= 1
        else:
            self.tls = None
        value = data.get("timeToFirstByte")
        if value is not None and (type(value) is float or type(value) is int):
            self.time_to_first_byte = value
            left -= 1
        else:
            self.time_to_first_byte = None
        value = data.get("download")
        if value is not None and (type(value) is float or type(value) is int):
            self.download = value
            left -= 1
        else:
            self.download = None
        value = data.get("responseSize")
        if value is not None and type(value) is int:
            self.response_size = value
            left -= 1
        else:
            self.response_size = None
        self.additional_properties = self._unread(data) if left else {}
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; see Model.to_dict."""
        result: dict[str, Any] = {}
        if self.dns is not None:
            result["dns"] = self.dns
        if self.tls is not None:
            result["tls"] = self.tls
        if self.time_to_first_byte is not None:
            result["timeToFirstByte"] = self.time_to_first_byte
        if self.download is not None:
            result["download"] = self.download
        if self.response_size is not None:
            result["responseSize"] = self.response_size
        return self._with_additional(result) if self.additional_properties else result
