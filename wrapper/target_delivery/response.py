"""The results of calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload

from attrs import field, frozen

from target_delivery._core.cookies import Cookie
from target_delivery.errors import AttributeNotFoundError
from target_delivery_api.models import DeliveryRequest

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

    from target_delivery_api.models import (
        AnalyticsResponse,
        DeliveryResponse,
        MboxResponse,
        Option,
        PageLoadResponse,
        PrefetchMboxResponse,
        View,
    )
    from target_delivery_api.types import JsonValue

__all__ = ["AttributesProvider", "Cookie", "DecisioningMeta", "TargetDeliveryResponse"]

_D = TypeVar("_D")


class DecisioningMeta(TypedDict):
    """How the decisions of a call were made."""

    decisioning_method: Literal["server-side", "on-device"]
    remote_mboxes: list[str]
    """Names of the requested mboxes that only the edge can decide."""
    remote_views: list[str]
    """Names of the requested views that only the edge can decide."""


@frozen(kw_only=True, eq=False, repr=False)
class TargetDeliveryResponse(Mapping[str, object]):
    """The result of a call, readable as attributes and as a mapping.

    The mapping has only the keys whose value is not None.

    Attributes:
        response: the answer of the Delivery API, or of the device. For a beacon it has status 204 and nothing else.
        target_cookie: the ``mbox`` cookie to set in the visitor's browser. Its ``max_age`` is in seconds.
        target_location_hint_cookie: the ``mboxEdgeCluster`` cookie to set; None when no cluster is known.
        analytics_details: every analytics object of the answer, for client-side Analytics; None if there is none.
            This list and the next two are in the order execute pageLoad, execute mboxes, prefetch pageLoad, prefetch
            views, prefetch mboxes.
        trace: every trace of the answer; None if there is none.
        response_tokens: the response tokens of every option; None if there are none.
        meta: how the decisions were made.
        request: the completed request that was sent, or decided on the device.
    """

    response: DeliveryResponse
    target_cookie: Cookie
    target_location_hint_cookie: Cookie | None = None
    meta: DecisioningMeta
    _sent: dict[str, Any] = field(alias="sent")

    def __repr__(self) -> str:
        """Return a text without secrets: no cookies, no ids of the visitor, no tokens."""
        response = self.response
        return (
            f"<TargetDeliveryResponse status={response.status} request_id={response.request_id!r} "
            f"decisioning_method={self.meta['decisioning_method']!r}>"
        )

    # Computed on first use, because most callers never use them.

    @cached_property
    def analytics_details(self) -> list[AnalyticsResponse] | None:
        """Every analytics object of the answer."""
        return [one.analytics for one in _results(self.response) if one.analytics is not None] or None

    @cached_property
    def trace(self) -> list[dict[str, JsonValue]] | None:
        """Every trace of the answer."""
        return [one.trace for one in _results(self.response) if one.trace is not None] or None

    @cached_property
    def response_tokens(self) -> list[dict[str, JsonValue]] | None:
        """The response tokens of every option."""
        options = (option for one in _results(self.response) for option in one.options or ())
        return [option.response_tokens for option in options if option.response_tokens] or None

    @cached_property
    def request(self) -> DeliveryRequest:
        """The completed request that was sent, or decided on the device."""
        return DeliveryRequest.from_dict(self._sent)

    def to_dict(self) -> dict[str, JsonValue]:
        """Return a copy that ``json.dumps`` accepts: the mapping, with each model as the JSON of the Delivery API.

        Like the mapping, it has only the keys whose value is not None. It contains cookies and ids of the visitor.
        """
        values: dict[str, Any] = {
            "response": self.response.to_dict(),
            "target_cookie": self.target_cookie,
            "target_location_hint_cookie": self.target_location_hint_cookie,
            "analytics_details": [one.to_dict() for one in self.analytics_details or ()],
            "trace": self.trace,
            "response_tokens": self.response_tokens,
            "meta": self.meta,
            "request": self._sent,
        }
        return {key: deepcopy(values[key]) for key in self}

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        """Let pydantic keep a result, and write it with `to_dict`. It cannot read one."""
        from pydantic_core import core_schema  # not a dependency of the SDK: only pydantic calls this method

        def describe(_schema: CoreSchema, _handler: object) -> dict[str, str]:
            return {"type": "object", "title": cls.__name__}

        return core_schema.is_instance_schema(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.to_dict),
            metadata={"pydantic_js_functions": [describe]},
        )

    @overload
    def __getitem__(self, key: Literal["response"], /) -> DeliveryResponse: ...
    @overload
    def __getitem__(self, key: Literal["target_cookie", "target_location_hint_cookie"], /) -> Cookie: ...
    @overload
    def __getitem__(self, key: Literal["analytics_details"], /) -> list[AnalyticsResponse]: ...
    @overload
    def __getitem__(self, key: Literal["trace", "response_tokens"], /) -> list[dict[str, JsonValue]]: ...
    @overload
    def __getitem__(self, key: Literal["meta"], /) -> DecisioningMeta: ...
    @overload
    def __getitem__(self, key: Literal["request"], /) -> DeliveryRequest: ...
    @overload
    def __getitem__(self, key: str, /) -> object: ...
    def __getitem__(self, key: str, /) -> object:
        value = getattr(self, key) if key in _KEYS else None
        if value is None:
            raise KeyError(key)
        return value

    # The last overload accepts every call that Mapping.get accepts, but both checkers compare one overload at a time.
    @overload  # type: ignore[override]
    def get(self, key: Literal["response"], default: object = None, /) -> DeliveryResponse: ...
    @overload
    def get(self, key: Literal["target_cookie"], default: object = None, /) -> Cookie: ...
    @overload
    def get(self, key: Literal["target_location_hint_cookie"], default: None = None, /) -> Cookie | None: ...
    @overload
    def get(self, key: Literal["target_location_hint_cookie"], default: _D, /) -> Cookie | _D: ...
    @overload
    def get(self, key: Literal["analytics_details"], default: None = None, /) -> list[AnalyticsResponse] | None: ...
    @overload
    def get(self, key: Literal["analytics_details"], default: _D, /) -> list[AnalyticsResponse] | _D: ...
    @overload
    def get(
        self, key: Literal["trace", "response_tokens"], default: None = None, /
    ) -> list[dict[str, JsonValue]] | None: ...
    @overload
    def get(self, key: Literal["trace", "response_tokens"], default: _D, /) -> list[dict[str, JsonValue]] | _D: ...
    @overload
    def get(self, key: Literal["meta"], default: object = None, /) -> DecisioningMeta: ...
    @overload
    def get(self, key: Literal["request"], default: object = None, /) -> DeliveryRequest: ...
    @overload
    def get(self, key: str, default: object = None, /) -> object: ...
    def get(self, key: str, default: object = None, /) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the value of a key, or the default when the value is None."""
        value = getattr(self, key) if key in _KEYS else None
        return default if value is None else value

    def __iter__(self) -> Iterator[str]:
        return (key for key in _KEYS if getattr(self, key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_KEYS = (
    "response",
    "target_cookie",
    "target_location_hint_cookie",
    "analytics_details",
    "trace",
    "response_tokens",
    "meta",
    "request",
)


def _results(response: DeliveryResponse) -> Iterator[PageLoadResponse | MboxResponse | PrefetchMboxResponse | View]:
    """Yield the parts of an answer: execute pageLoad and mboxes, then prefetch pageLoad, views and mboxes."""
    execute, prefetch = response.execute, response.prefetch
    if execute is not None:
        if execute.page_load is not None:
            yield execute.page_load
        yield from execute.mboxes or ()
    if prefetch is not None:
        if prefetch.page_load is not None:
            yield prefetch.page_load
        yield from prefetch.views or ()
        yield from prefetch.mboxes or ()


class AttributesProvider:
    """The JSON offers of an answer, as attributes by mbox. ``get_attributes`` returns it.

    It uses only options of type ``json`` whose content is an object. Several options of one mbox are merged in order,
    prefetched ones first.
    """

    __slots__ = ("_attributes", "_response")

    def __init__(self, response: TargetDeliveryResponse) -> None:
        self._response = response
        self._attributes: dict[str, dict[str, Any]] = {}
        for part in (response.response.prefetch, response.response.execute):
            for mbox in (part.mboxes if part is not None else None) or ():
                if mbox.name is not None:
                    self._attributes.setdefault(mbox.name, {}).update(_json_content(mbox.options))

    def get_value(self, mbox_name: str, key: str) -> Any:
        """Return the value of one key in the content of one mbox, which can be any JSON value.

        Raises:
            AttributeNotFoundError: the answer has no such mbox, or the mbox has no such key.
        """
        attributes = self._attributes.get(mbox_name)
        if attributes is None or key not in attributes:
            lacking = "the answer has no such mbox" if attributes is None else "its JSON offers have no such key"
            raise AttributeNotFoundError(f"No value for key {key!r} of mbox {mbox_name!r}: {lacking}.")
        return attributes[key]

    @overload
    def as_object(self, mbox_name: None = None) -> dict[str, dict[str, Any]]: ...
    @overload
    def as_object(self, mbox_name: str) -> dict[str, Any]: ...
    def as_object(self, mbox_name: str | None = None) -> dict[str, Any]:
        """Return the merged content of one mbox. Without a name: the contents of all mboxes, by name.

        Raises:
            AttributeNotFoundError: the answer has no such mbox.
        """
        if mbox_name is None:
            return {name: dict(attributes) for name, attributes in self._attributes.items()}
        if mbox_name not in self._attributes:
            raise AttributeNotFoundError(f"The answer has no mbox {mbox_name!r}.")
        return dict(self._attributes[mbox_name])

    def __repr__(self) -> str:
        keys = {name: [*attributes] for name, attributes in self._attributes.items()}
        return f"<AttributesProvider with keys {repr(keys)[:200]}>"

    def get_response(self) -> TargetDeliveryResponse:
        """Return the result of the call."""
        return self._response


def _json_content(options: list[Option] | None) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for option in options or ():
        if option.type == "json" and isinstance(option.content, dict):
            content.update(option.content)
    return content
