"""Config is the one source of client options: the types that users import agree with it, field by field."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Required, Union, get_origin, get_type_hints

import attrs
import httpx
import httpx2
import pytest

from target_delivery import OptionError, options
from target_delivery._core.config import CHECK, Config
from target_delivery._core.validation import CallOptions, read_client_options
from target_delivery.events import EventHandlers
from target_delivery.options import AsyncClientOptions, AsyncOutbox, ClientOptions, DecisioningMethodName, Outbox
from target_delivery.response import AttributesProvider, TargetDeliveryResponse
from target_delivery_api.clients import AsyncHttpClient, HttpClient
from target_delivery_api.models import CustomerId, DecisioningMethod, DeliveryRequest

NAMES = {
    "Any": Any,
    "AttributesProvider": AttributesProvider,
    "Callable": Callable,
    "CustomerId": CustomerId,
    "DecisioningMethod": DecisioningMethod,
    "DecisioningMethodName": DecisioningMethodName,
    "DeliveryRequest": DeliveryRequest,
    "EventHandlers": EventHandlers,
    "Mapping": Mapping,
    "Sequence": Sequence,
    "TargetDeliveryResponse": TargetDeliveryResponse,
}
FIELDS = {one.name: one for one in attrs.fields(Config)}
TYPES = get_type_hints(Config, localns=NAMES)
GIVEN: dict[str, Any] = {
    # The types of these two options differ from those that Config keeps.
    "decisioning_method": DecisioningMethodName | DecisioningMethod,
    "events": EventHandlers,
}
OF_THE_SHELL: dict[type, dict[str, Any]] = {
    ClientOptions: {"http_client": HttpClient | None, "outbox": Outbox | None},
    AsyncClientOptions: {"http_client": AsyncHttpClient | None, "outbox": AsyncOutbox | None},
}
both = pytest.mark.parametrize("documented", OF_THE_SHELL)


def documentation(name: str) -> dict[str, str]:
    """Return the docstrings below the fields of a TypedDict of options.py."""
    (found,) = (node for node in ast.walk(ast.parse(inspect.getsource(options))) if getattr(node, "name", "") == name)
    assert isinstance(found, ast.ClassDef)
    docs: dict[str, str] = {}
    for one, after in zip(found.body, found.body[1:], strict=False):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(after, ast.Expr):
            docs[one.target.id] = ast.literal_eval(after.value)
    return docs


@both
def test_the_names_are_the_same(documented: type) -> None:
    assert set(get_type_hints(documented, localns=NAMES)) == {*FIELDS, *OF_THE_SHELL[documented]}


def required(documented: type) -> set[str]:
    hints = get_type_hints(documented, localns=NAMES, include_extras=True)
    return {name for name, hint in hints.items() if get_origin(hint) is Required}


@both
def test_only_the_options_without_a_default_are_required(documented: type) -> None:
    without = {name for name, one in FIELDS.items() if one.default is attrs.NOTHING}
    assert required(documented) == without == {"client", "organization_id"}


@both
@pytest.mark.parametrize("name", FIELDS)
def test_the_types_are_the_same_and_none_stands_for_the_default(documented: Any, name: str) -> None:
    expected = GIVEN.get(name, TYPES[name])
    if name not in required(documented):
        expected = Union[expected, None]  # noqa: UP007 - the operator does not take every type
    assert get_type_hints(documented, localns=NAMES)[name] == expected


@both
def test_the_types_of_the_options_of_one_kind_of_client(documented: type) -> None:
    given = get_type_hints(documented, localns=NAMES)
    assert {name: given[name] for name in OF_THE_SHELL[documented]} == OF_THE_SHELL[documented]


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_is_documented_once_with_its_default(name: str) -> None:
    text = documentation("_CommonClientOptions")[name]
    assert text
    default = FIELDS[name].default
    if isinstance(default, str | int):
        shown = re.search(r"Default (?:``)?([\w-]+)(?:``)?\.$", text)
        assert shown is not None, f"the documentation of {name} must end with its default, {default!r}"
        assert shown[1] == str(default)


@pytest.mark.parametrize("name", ["ClientOptions", "AsyncClientOptions"])
def test_the_options_of_one_kind_of_client_are_documented(name: str) -> None:
    assert set(documentation(name)) == {"http_client", "outbox"}


@pytest.mark.parametrize("record", [Config, CallOptions])
def test_every_option_has_a_check(record: Any) -> None:
    assert all(callable(one.metadata[CHECK]) for one in attrs.fields(record))


def test_every_call_option_is_documented() -> None:
    names = ("_VisitorOptions", "_RequestOptions", "_OffersOptions", "OffersCallbackOptions", "_WithErrCallback")
    documented = {option for name in names for option in documentation(name)}
    assert documented == {one.name for one in attrs.fields(CallOptions)}


class Looks:
    """Has everything that a client of httpx has, and is none."""

    is_closed = False
    headers = httpx.Headers()
    timeout = httpx.Timeout(1)

    def send(self, *_: object, **__: object) -> None: ...


GIVEN_CLIENT = {"client": "demo", "organization_id": "demo@AdobeOrg"}


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_the_callers_http_client_can_be_one_of_both_libraries(library: Any) -> None:
    class Traced(library.Client):  # type: ignore[misc]  # the library is a parameter
        pass

    for http_client in (library.Client(), Traced()):
        with http_client:
            read_client_options({**GIVEN_CLIENT, "http_client": http_client}, "Client")
    read_client_options({**GIVEN_CLIENT, "http_client": library.AsyncClient()}, "AsyncClient")


@pytest.mark.parametrize(
    "other", [httpx.AsyncClient(), httpx2.AsyncClient(), Looks(), object(), httpx.Client, "http://a"]
)
def test_any_other_http_client_is_refused_with_the_names_of_both(other: object) -> None:
    message = r"Option 'http_client' must be an httpx\.Client or an httpx2\.Client, not a value of type "
    with pytest.raises(OptionError, match=message + type(other).__name__):
        read_client_options({**GIVEN_CLIENT, "http_client": other}, "Client")


@pytest.mark.parametrize("other", [httpx.Client(), httpx2.Client(), Looks(), object(), httpx.AsyncClient])
def test_any_other_asynchronous_http_client_is_refused_with_the_names_of_both(other: object) -> None:
    message = r"Option 'http_client' must be an httpx\.AsyncClient or an httpx2\.AsyncClient, not a value of type "
    with pytest.raises(OptionError, match=message + type(other).__name__):
        read_client_options({**GIVEN_CLIENT, "http_client": other}, "AsyncClient")


def test_an_http_client_is_refused_where_no_library_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("httpx", "httpx2"):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(OptionError, match="http_client"):
        read_client_options({**GIVEN_CLIENT, "http_client": object()}, "Client")
