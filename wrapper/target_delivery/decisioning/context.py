"""The context that conditions read: docs/on-device.md#context.

Visit and Context are not attrs records, because each of their sections is made when a rule first reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_delivery.decisioning._json import as_object, as_text
from target_delivery.decisioning.jsonlogic.javascript import Budget
from target_delivery.decisioning.jsonlogic.node import Node, number_variable, text_variable, valued
from target_delivery.decisioning.jsonlogic.variables import look_up
from target_delivery.decisioning.page import page_of
from target_delivery.decisioning.user_agent import user_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from target_delivery.decisioning._json import JsonObject
    from target_delivery.decisioning.allocation import Allocations
    from target_delivery.decisioning.jsonlogic.javascript import JsValue

__all__ = ["STEPS", "Context", "Visit", "parameters_of", "variable_of"]

STEPS = 100_000
"""Steps of the budget that all conditions of one decision share: about 20 ms of work that grows with the data."""

_DAY = 86_400_000
_MINUTE = 60_000
_DEEPEST_PARAMETER = 32


class Visit:
    """The part of the context that all items of one request share.

    Args:
        context: ``context`` of the request.
        allocations: the visitor's allocations.
        now: the time to decide for, in ms since the epoch.
    """

    __slots__ = ("allocations", "budget", "context", "day", "geo", "now", "page", "referring", "time", "user")

    budget: Budget
    day: int
    geo: JsonObject
    page: dict[str, str]
    referring: dict[str, str]
    time: str
    user: JsonObject

    def __init__(self, context: JsonObject, allocations: Allocations, now: int) -> None:
        self.context: JsonObject = context
        self.allocations: Allocations = allocations
        self.now: int = now
        self.geo = _geo(context) if "geo" in context else _NOWHERE

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Make a section when it is first read."""
            make = _VISIT_SECTIONS.get(name)
            if make is None:
                raise AttributeError(name)
            value = make(self)
            setattr(self, name, value)
            return value


class Context:
    """The context for one mbox, view or page load of a request.

    Args:
        visit: the part that all items of the request share.
        item: the mbox, view or page load, in the form of the API.

    Attributes:
        activity: id of the activity whose rule is being evaluated; it decides what ``allocation`` is.
    """

    __slots__ = ("activity", "allocations", "item", "mbox", "page", "referring", "visit")

    mbox: JsonObject
    page: dict[str, str]
    referring: dict[str, str]

    def __init__(self, visit: Visit, item: JsonObject) -> None:
        self.visit: Visit = visit
        self.item: JsonObject = item
        self.allocations: Allocations = visit.allocations
        self.activity: str = ""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Make a section when it is first read."""
            make = _ITEM_SECTIONS.get(name)
            if make is None:
                raise AttributeError(name)
            value = make(self)
            setattr(self, name, value)
            return value

    @property
    def budget(self) -> Budget:
        """The budget of the decision."""
        return self.visit.budget

    @property
    def data(self) -> JsonObject:
        """All variables, for the activity whose rule is being evaluated."""
        return self.as_object(self.activity)

    def as_object(self, activity_id: str) -> JsonObject:
        """Return all variables as the rules of an activity see them. Do not change them: sections are shared."""
        visit = self.visit
        return {
            "current_timestamp": visit.now,
            "current_time": visit.time,
            "current_day": visit.day,
            "user": visit.user,
            "page": {**self.page},
            "referring": {**self.referring},
            "geo": visit.geo,
            "mbox": self.mbox,
            "allocation": self.allocations[activity_id],
        }


# Sections.

_NOWHERE: JsonObject = {}


def _time(visit: Visit) -> str:
    minutes = visit.now // _MINUTE % 1440
    return f"{minutes // 60:02}{minutes % 60:02}"


def _day(visit: Visit) -> int:
    return (visit.now // _DAY + 3) % 7 + 1  # 1970-01-01 was a Thursday, day 4


def _geo(context: JsonObject) -> JsonObject:
    geo = context.get("geo")
    if not isinstance(geo, dict):
        return _NOWHERE
    named = {
        "country": geo.get("countryCode"),
        "region": geo.get("stateCode"),
        "city": geo.get("city"),
        "latitude": geo.get("latitude"),
        "longitude": geo.get("longitude"),
    }
    return {name: value for name, value in named.items() if value is not None}


def _item_page(context: Context) -> dict[str, str]:
    return _own_page(context.item) or context.visit.page


def _item_referring(context: Context) -> dict[str, str]:
    return _own_page(context.item) or context.visit.referring


def _own_page(item: JsonObject) -> dict[str, str] | None:
    """Return the page of an item that has its own URL, which is then both ``page`` and ``referring``."""
    address = item.get("address")
    url = address.get("url") if isinstance(address, dict) else None
    return page_of(url) if isinstance(url, str) else None


_VISIT_SECTIONS: dict[str, Callable[[Visit], Any]] = {
    "budget": lambda _: Budget(STEPS),
    "day": _day,
    "page": lambda visit: page_of(as_text(as_object(visit.context.get("address")).get("url"))),
    "referring": lambda visit: page_of(as_text(as_object(visit.context.get("address")).get("referringUrl"))),
    "time": _time,
    "user": lambda visit: user_of(visit.context),
}

_ITEM_SECTIONS: dict[str, Callable[[Context], Any]] = {
    "mbox": lambda context: parameters_of(as_object(context.item.get("parameters"))),
    "page": _item_page,
    "referring": _item_referring,
}


# Parameters.


def parameters_of(parameters: JsonObject) -> JsonObject:
    """Return an item's parameters as rules see them: dotted names nested, and each string again in lower case.

    A dotted name stays flat when it starts or ends with a dot or has two dots in a row, when one of its prefixes is
    a parameter itself (``a`` of ``a.b``), or when it would nest deeper than 32 levels. The lower case of a parameter
    never replaces another parameter.
    """
    if not parameters:
        return {}
    nested: JsonObject = {}
    for name, value in parameters.items():
        node, last = nested, name
        if "." in name:
            path = _path_of(name, parameters)
            for part in path[:-1]:
                inner = node.setdefault(part, {})
                node = inner if isinstance(inner, dict) else node
            last = path[-1]
        node[last] = value
    return _with_lower_case(nested, parameters)


def _path_of(name: str, parameters: JsonObject) -> list[str]:
    parts = name.split(".", _DEEPEST_PARAMETER)
    if not all(parts) or len(parts) > _DEEPEST_PARAMETER:
        return [name]
    if any(".".join(parts[:end]) in parameters for end in range(1, len(parts))):
        return [name]
    return parts


def _with_lower_case(node: JsonObject, parameters: JsonObject) -> JsonObject:
    for name, value in list(node.items()):
        if isinstance(value, str):
            node.setdefault(f"{name}_lc", value.lower())
        elif isinstance(value, dict) and name not in parameters:
            _with_lower_case(value, parameters)
    return node


# Variables.


def variable_of(name: str, missing: JsValue = None) -> Node[Context] | None:
    """Return the node of a variable. The compiler calls this once for each variable.

    Args:
        name: dotted name of the variable.
        missing: the value of the variable in a request that does not have it.

    Returns:
        None when no request can have the variable.
    """
    if (known := _SCALARS.get(name)) is not None:
        return known
    section, _, rest = name.partition(".")
    base = _OBJECTS.get(section)
    if base is None:
        return _part_of_scalar(name, missing)
    path = rest.split(".") if rest else []
    if len(path) == 1:  # a page load takes 6 % more time without this case
        return valued(lambda context: base(context).get(rest, missing), steady=True)
    return valued(lambda context: look_up(base(context), path, missing), steady=True)


def _part_of_scalar(name: str, missing: JsValue) -> Node[Context] | None:
    whole, _, rest = name.partition(".")
    scalar = _SCALARS.get(whole)
    if scalar is None or not rest:
        return None
    get, path = scalar.value, rest.split(".")
    return valued(lambda context: look_up(get(context), path, missing))


def _page_text(key: str) -> Node[Context]:
    return text_variable(lambda context: context.page[key])


def _referring_text(key: str) -> Node[Context]:
    return text_variable(lambda context: context.referring[key])


def _user_text(key: str) -> Node[Context]:
    return text_variable(lambda context: as_text(context.visit.user[key]))


_PAGE_KEYS = [
    key + case
    for key in ("url", "path", "query", "fragment", "domain", "subdomain", "topLevelDomain")
    for case in ("", "_lc")
]

_SCALARS: dict[str, Node[Context]] = {
    "allocation": number_variable(lambda context: context.allocations[context.activity], steady=False),
    "current_timestamp": number_variable(lambda context: context.visit.now),
    "current_day": number_variable(lambda context: context.visit.day),
    "current_time": text_variable(lambda context: context.visit.time),
    **{f"page.{key}": _page_text(key) for key in _PAGE_KEYS},
    **{f"referring.{key}": _referring_text(key) for key in _PAGE_KEYS},
    **{f"user.{key}": _user_text(key) for key in ("browserType", "platform", "locale")},
}
"""Variables that every request has, and whose type is known. A decision takes 46 to 68 % more time without types."""

_OBJECTS: dict[str, Callable[[Context], JsonObject]] = {
    "user": lambda context: context.visit.user,
    "page": lambda context: {**context.page},
    "referring": lambda context: {**context.referring},
    "geo": lambda context: context.visit.geo,
    "mbox": lambda context: context.mbox,
}
