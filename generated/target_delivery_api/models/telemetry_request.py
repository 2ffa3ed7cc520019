from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from ..model import Model, no_more, require_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from ..types import JsonValue


@define(kw_only=True, eq=False, repr=False)
class TelemetryRequest(Model):
    """How long the parts of one exchange took.

    Attributes:
        dns (float | None): Looking up the host, in milliseconds.
        tls (float | None): Setting up TLS, in milliseconds.
        time_to_first_byte (float | None): From sending the request to the first byte of the answer, in
            milliseconds.
        download (float | None): From the first to the last byte of the answer, in milliseconds.
        response_size (int | None): Size of the answer in bytes.
        additional_properties (dict[str, JsonValue]): What the JSON had beyond that, by its JSON name.
    """

    JSON_NAMES: ClassVar[Mapping[str, str]] = {
        "dns": "dns",
        "tls": "tls",
        "timeToFirstByte": "time_to_first_byte",
        "download": "download",
        "responseSize": "response_size",
    }

    dns: float | None = None
    tls: float | None = None
    time_to_first_byte: float | None = None
    download: float | None = None
    response_size: int | None = None
    additional_properties: dict[str, JsonValue] = field(factory=no_more)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read one from decoded JSON; see Model.from_dict."""
        kind = type(data)  # apart, since asked in one it makes the items of `data` unknown to pyright
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
        self.additional_properties = self.unread(data) if left else {}
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
        return self.with_additional(result) if self.additional_properties else result
