"""Config is the one source of client options: the types that users import agree with it, field by field."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Required, Union, get_origin, get_type_hints

import attrs
import pytest

from target_delivery import options
from target_delivery._core.config import CHECK, Config
from target_delivery._core.validation import CallOptions
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
