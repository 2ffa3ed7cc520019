"""What a rule sees of a request (on-device.md section 2), each section made when a rule first reads it."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from publicsuffixlist import PublicSuffixList

from target_delivery.decisioning._json import as_object, as_text
from target_delivery.decisioning.jsonlogic.javascript import Budget
from target_delivery.decisioning.jsonlogic.node import Node, number_variable, text_variable, valued
from target_delivery.decisioning.jsonlogic.variables import look_up
from target_delivery.decisioning.user_agent import user_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from target_delivery.decisioning._json import JsonObject
    from target_delivery.decisioning.allocation import Allocations
    from target_delivery.decisioning.jsonlogic.javascript import JsValue

__all__ = ["Context", "Visit", "page_of", "reads_hosts", "variable_of", "warm_up"]

STEPS = 100_000
"""How much work that grows with the data all conditions of one decision may do together: some 20 ms."""

_DAY = 86_400_000
_MINUTE = 60_000
_DEEPEST_PARAMETER = 32
_LONGEST_CACHED_URL = 4096  # the longest that the Delivery API accepts

_URL = re.compile(
    r"(?:[^:/?#]+:)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.S,
)
_PORT = re.compile(r":[0-9]*$")
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_HOST_PARTS = ("domain", "subdomain", "topLevelDomain")


class Visit:
    """What all items of one request share.

    Args:
        context: ``context`` of the request.
        allocations: the visitor's allocations.
        now: the time to decide for, in ms since the epoch; None: the time when a rule first asks.
    """

    __slots__ = ("allocations", "budget", "context", "day", "geo", "now", "page", "referring", "time", "user")

    budget: Budget
    day: int
    geo: JsonObject
    now: int
    page: dict[str, str]
    referring: dict[str, str]
    time: str
    user: JsonObject

    def __init__(self, context: JsonObject, allocations: Allocations, now: int | None = None) -> None:
        self.context: JsonObject = context
        self.allocations: Allocations = allocations
        self.geo = _geo(context) if "geo" in context else _NOWHERE
        if now is not None:
            self.now = now

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Make a section that was not read before."""
            make = _VISIT_SECTIONS.get(name)
            if make is None:
                raise AttributeError(name)
            value = make(self)
            setattr(self, name, value)
            return value


class Context:
    """What rules see when one mbox, view or page load of a request is decided.

    Args:
        visit: what it shares with the other items of the request.
        item: the mbox, view or page load, in the form of the API.

    Attributes:
        activity: id of the activity whose rule is being evaluated, which is what an allocation is one of.
    """

    __slots__ = ("activity", "allocations", "item", "mbox", "page", "referring", "visit")

    activity: str
    mbox: JsonObject
    page: dict[str, str]
    referring: dict[str, str]

    def __init__(self, visit: Visit, item: JsonObject) -> None:
        self.visit: Visit = visit
        self.item: JsonObject = item
        self.allocations: Allocations = visit.allocations

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Make a section that was not read before."""
            make = _ITEM_SECTIONS.get(name)
            if make is None:
                raise AttributeError(name)
            value = make(self)
            setattr(self, name, value)
            return value

    @property
    def budget(self) -> Budget:
        """Pays for work that grows with the data."""
        return self.visit.budget

    @property
    def data(self) -> JsonObject:
        """All of it, for the activity whose rule is evaluated."""
        return self.as_object(self.activity)

    def as_object(self, activity_id: str) -> JsonObject:
        """Give all of it, as the rules of an activity see it. Sections are shared: they must not be changed."""
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


def _now(_visit: Visit) -> int:
    return time.time_ns() // 1_000_000


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
    """Give the page of an item that has an address of its own: it stands for both page and referring."""
    address = item.get("address")
    url = address.get("url") if isinstance(address, dict) else None
    return page_of(url) if isinstance(url, str) else None


_VISIT_SECTIONS: dict[str, Callable[[Visit], Any]] = {
    "budget": lambda _: Budget(STEPS),
    "day": _day,
    "now": _now,
    "page": lambda visit: page_of(as_text(as_object(visit.context.get("address")).get("url"))),
    "referring": lambda visit: page_of(as_text(as_object(visit.context.get("address")).get("referringUrl"))),
    "time": _time,
    "user": lambda visit: user_of(visit.context),
}

_ITEM_SECTIONS: dict[str, Callable[[Context], Any]] = {
    "activity": lambda _: "",
    "mbox": lambda context: parameters_of(as_object(context.item.get("parameters"))),
    "page": _item_page,
    "referring": _item_referring,
}


def page_of(url: str) -> dict[str, str]:
    """Take a URL apart as rules see it. The object is shared: it must not be changed."""
    return _page(url) if len(url) <= _LONGEST_CACHED_URL else _page.__wrapped__(url)


@lru_cache(maxsize=512)
def _page(url: str) -> dict[str, str]:
    match = _URL.match(url)
    parts = match.groupdict("") if match else {}
    host = _PORT.sub("", parts.get("authority", "").rpartition("@")[2])
    domain, subdomain, top_level_domain = _host(host) if len(host) <= 255 else (host, "", "")
    page = {
        "url": url,
        "path": parts.get("path", ""),
        "query": parts.get("query", ""),
        "fragment": parts.get("fragment", ""),
        "domain": domain,
        "subdomain": subdomain,
        "topLevelDomain": top_level_domain,
    }
    return page | {f"{name}_lc": value.lower() for name, value in page.items()}


@lru_cache(maxsize=1024)
def _host(host: str) -> tuple[str, str, str]:
    """Give registrable domain, subdomain and public suffix. A host that has none of them is its own domain."""
    name = host.removesuffix(".")
    if not name:
        return "", "", ""
    suffixes = _suffixes()
    if "." not in name or _IPV4.fullmatch(name) or name.startswith("["):
        return name, "", suffixes.publicsuffix(name, accept_unknown=False) or ""
    domain = suffixes.privatesuffix(name, keep_case=True)
    suffix = suffixes.publicsuffix(name, keep_case=True) or ""
    if domain is None:
        return name, "", suffix
    subdomain = name[: -len(domain)].removesuffix(".")
    if subdomain.lower() == "www" or subdomain.lower().startswith("www."):
        subdomain = subdomain[4:]
    return domain, subdomain, suffix


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    """Load the list that the package carries. Nothing is ever fetched."""
    return PublicSuffixList()


def reads_hosts(names: set[str]) -> bool:
    """Tell whether conditions that read these variables need the public suffix list."""
    return any(name in ("page", "referring") or name.partition(".")[2].startswith(_HOST_PARTS) for name in names)


def warm_up() -> None:
    """Load the public suffix list (some 30 ms), so that no decision has to."""
    _suffixes()


# Parameters.


def parameters_of(parameters: JsonObject) -> JsonObject:
    """Give an item's parameters as rules see them: dotted names nested, strings again in lower case.

    A name stays flat that starts or ends with a dot or has two in a row, that has a parameter among its prefixes
    (``a`` of ``a.b``), or that would nest deeper than 32 levels. A parameter is never replaced by the lower case of
    another.
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
    """Find a variable by its dotted name, once, when a condition is compiled.

    Args:
        name: the name.
        missing: the value to give where a request does not have the variable.

    Returns:
        None when no request has such a variable.
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
