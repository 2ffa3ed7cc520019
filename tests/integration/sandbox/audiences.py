"""An artifact with conditions of every kind, and random visitors who meet some of them."""

import random
from typing import Any

Json = dict[str, Any]

CLIENT = "shop"
GEO: dict[str, dict[str, str | float]] = {
    "203.0.113.7": {"countryCode": "NO", "stateCode": "50", "city": "Trondheim", "latitude": 63.43, "longitude": 10.39},
    "2001:db8::1": {"countryCode": "PT", "city": "Faro", "latitude": 37.02, "longitude": -7.93},
    "*": {"countryCode": "SE"},
}
REMOTE_MBOX, REMOTE_VIEW = "prices", "account"


def var(name: str) -> Json:
    return {"var": name}


def share(start: float, end: float) -> Json:
    return {"and": [{"<=": [start, var("allocation")]}, {"<": [var("allocation"), end]}]}


def shows(word: str) -> list[Json]:
    return [{"type": "html", "content": f"<p>{word}</p>"}]


class Rules:
    """Collects rules. Each has an activity of its own, unless `add` is called with an activity."""

    def __init__(self) -> None:
        self.mboxes: dict[str, list[Json]] = {}
        self.views: dict[str, list[Json]] = {}
        self._count = 0

    def add(
        self,
        place: str,
        condition: Any,
        options: list[Json],
        *,
        view: bool = False,
        activity: int | None = None,
        metrics: list[Json] | None = None,
        **more: Any,
    ) -> None:
        number = self._count = self._count + 1
        activity = activity or 9000 + number
        tokens = [{"eventToken": f"display-{number}-{at}"} for at in range(len(options))]
        rule = {
            "ruleKey": str(activity),
            "activityId": activity,
            "meta": {
                "activity.id": activity,
                "activity.name": f"Activity {activity}",
                "activity.type": "ab",
                "experience.id": number,
                "experience.name": f"Experience {number}",
                "location.id": 0,
                "location.name": place,
                "location.type": "view" if view else "mbox",
                "audience.ids": [number],
                "offer.id": 7000 + number,
                "option.id": 2,
                "option.name": "Option 2",
            },
            "condition": condition,
            "consequence": {
                "name": place,
                "options": [{**option, **token} for option, token in zip(options, tokens, strict=True)],
                "metrics": metrics or [],
            },
            **more,
        }
        (self.views if view else self.mboxes).setdefault(place, []).append(rule)


def artifact() -> Json:
    """Return an artifact whose rules use every kind of variable that rules can use."""
    rules = Rules()
    for number, (start, end) in enumerate([(0, 33.33), (33.33, 66.67), (66.67, 100)]):
        click = [{"type": "click", "eventToken": f"click-{number}"}]
        rules.add("thirds", share(start, end), shows(f"third {number}"), activity=101, metrics=click)
    rules.add("halves", {"and": [share(0, 50), {"!": [{"==": [var("mbox.member"), "no"]}]}]}, shows("first half"))
    rules.add("halves", share(50, 100), [{"type": "json", "content": {"half": 2, "list": [1, None]}}])
    cart: list[tuple[Any, str]] = [
        ({">=": [var("mbox.cart.total"), 100]}, "free shipping"),
        ({"<": [0, var("mbox.cart.total"), 20]}, "small order"),
        ({"==": [var("mbox.cart.coupon_lc"), "winter"]}, "coupon"),
        ({"in": [var("mbox.size"), ["S", "M"]]}, "size"),
        ({"!": [{"missing": ["mbox.member"]}]}, "member or not"),
    ]
    for condition, word in cart:
        rules.add("cart", condition, shows(f"{word}: ${{mbox.size}} by ${{campaign.name}}"))
    browser: list[tuple[Any, str]] = [
        ({"and": [{"==": [var("user.browserType"), "chrome"]}, {">": [var("user.browserVersion"), 100]}]}, "chrome"),
        ({"==": [var("user.browserType"), "firefox"]}, "firefox"),
        ({"in": [var("user.platform"), ["iOS", "Android"]]}, "mobile"),
        ({"!=": [var("user.browserType"), "unknown"]}, "another browser"),
    ]
    for condition, word in browser:
        rules.add("browser", condition, shows(word))
    page: list[tuple[Any, str]] = [
        ({"in": ["campaign=spring", var("page.query")]}, "query"),
        ({"==": [var("page.fragment_lc"), "reviews"]}, "fragment"),
        ({"and": [{"==": [var("page.domain"), "example.co.uk"]}, {"==": [var("page.subdomain"), "m"]}]}, "subdomain"),
        ({"==": [var("page.topLevelDomain"), "co.uk"]}, "top-level domain"),
        ({"or": [{"in": ["/sale", var("page.path")]}, {"in": ["/outlet", var("page.path_lc")]}]}, "path"),
        ({"==": [var("referring.domain"), "search.test"]}, "referrer"),
    ]
    for condition, word in page:
        rules.add("page", condition, shows(word))
    rules.add("place", {"==": [var("geo.country"), "NO"]}, shows("Norway"))
    rules.add("place", {"==": [var("geo.city"), "Faro"]}, shows("Faro"))
    rules.add("place", {"<": [var("geo.latitude"), 0]}, shows("the south"))
    rules.add("place", {"!": [var("geo.country")]}, shows("nowhere"))
    always = {"and": [{">": [var("current_timestamp"), 0]}, {"in": [var("current_day"), [1, 2, 3, 4, 5, 6, 7]]}]}
    rules.add("time", {"and": [always, {"<=": ["0000", var("current_time"), "2359"]}]}, shows("any time"))
    rules.add("property", True, shows("first property"), propertyTokens=["property-1"])
    rules.add("property", True, shows("second property"), propertyTokens=["property-2", "property-3"])
    rules.add("property", share(20, 100), shows("no property"))
    rules.add("default", share(0, 50), [{}])
    rules.add("default", True, [{"type": "html", "content": "<p>not the default</p>"}, {}])
    rules.add("odd", {"no such operator": []}, shows("never"))
    rules.add(REMOTE_MBOX, share(0, 80), shows("price"))

    everywhere = "target-global-mbox"
    rules.add(everywhere, share(0, 60), shows("banner"), activity=201)
    rules.add(everywhere, True, shows("other banner"), activity=201)
    sale = [{"type": "click", "eventToken": "click-sale"}]
    rules.add(everywhere, {"in": ["/sale", var("page.url")]}, shows("sale"), metrics=sale)
    rules.add(everywhere, {"==": [var("mbox.member"), "yes"]}, [{"type": "json", "content": [1, {"a": "b"}]}])

    insert = [{"type": "insertAfter", "selector": "#a", "content": "<b>${mbox.size} ${recipe.name}</b>"}]
    for view in ("basket", "start", REMOTE_VIEW):
        click = [{"type": "click", "selector": f"#{view}", "eventToken": f"click-{view}"}]
        rules.add(view, share(0, 70), [{"type": "actions", "content": insert}], view=True, metrics=click)
        rules.add(view, {"in": [var("user.platform"), ["iOS", "windows"]]}, shows(f"{view} on a platform"), view=True)
    return {
        "version": "1.0.0",
        "meta": {"clientCode": CLIENT, "environment": "production"},
        "globalMbox": everywhere,
        "geoTargetingEnabled": True,
        "responseTokens": ["activity.id", "activity.name", "experience.name", "offer.id", "geo.city", "geo.latitude"],
        "remoteMboxes": [REMOTE_MBOX],
        "localMboxes": [name for name in rules.mboxes if name != REMOTE_MBOX],
        "remoteViews": [REMOTE_VIEW],
        "localViews": [name for name in rules.views if name != REMOTE_VIEW],
        "rules": {"mboxes": rules.mboxes, "views": rules.views},
    }


USER_AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
    "Mobile/15E148 Safari/604.1",
    "curl/8.0",
]
URLS = [
    "https://www.example.co.uk/sale?campaign=spring&size=M#Reviews",
    "https://m.example.co.uk/Outlet/shoes",
    "https://user@example.co.uk:8443/#REVIEWS",
    "https://other.co.uk/",
    "http://shop.test/sale/#top",
    "https://example.com",
    "/relative?campaign=spring",
]
REFERRERS = ["https://www.search.test/?q=shoes", "https://news.test/"]
PARAMETERS: dict[str, list[str]] = {
    "member": ["yes", "no"],
    "size": ["S", "M", "XL"],
    "cart.total": ["150", "12.5", "100", "many"],
    "cart.coupon": ["WINTER", "Summer"],
    "wish..": ["x"],
    "cart": ["full"],
}
PLACES: list[Json] = [
    {"ipAddress": "203.0.113.7"},
    {"ipAddress": "2001:db8:0::1"},
    {"ipAddress": "198.51.100.1"},
    {"ipAddress": "192.0.2.99"},
    {"countryCode": "NO", "ipAddress": "2001:db8::1"},
    {"city": "Lima", "latitude": -12.05, "longitude": -77.04},
]


def random_request(chance: random.Random) -> Json:
    """Return a DeliveryRequest of a known visitor, as JSON."""
    document = artifact()["rules"]
    mboxes, views = [*document["mboxes"], "unknown"], [*document["views"], "unknown"]
    request: Json = {"id": visitor(chance), "context": context(chance)}
    if chance.random() < 0.3:
        request["property"] = {"token": f"property-{chance.randint(1, 4)}"}
    for part in chance.choice([("execute",), ("prefetch",), ("execute", "prefetch")]):
        asked: Json = {"mboxes": [item(chance, name) for name in chance.sample(mboxes, chance.randint(1, 6))]}
        if chance.random() < 0.4:
            asked["pageLoad"] = item(chance)
        if part == "prefetch" and chance.random() < 0.6:
            names = [*chance.sample(views, chance.randint(0, 2))] or [None]
            asked["views"] = [item(chance, name) for name in names]
        request[part] = asked
    return request


def visitor(chance: random.Random) -> Json:
    number = f"{chance.getrandbits(64):x}"
    ids = {"tntId": f"{number}.35_0", "thirdPartyId": f"third party {number}", "marketingCloudVisitorId": number[::-1]}
    return {name: ids[name] for name in chance.sample(sorted(ids), chance.randint(1, 3))}


def context(chance: random.Random) -> Json:
    made: Json = {"channel": "web"}
    if chance.random() < 0.8:
        made["userAgent"] = chance.choice(USER_AGENTS)
    if chance.random() < 0.8:
        made["address"] = address(chance)
    if chance.random() < 0.7:
        made["geo"] = chance.choice(PLACES)
    return made


def address(chance: random.Random) -> Json:
    made = {"url": chance.choice(URLS)}
    if chance.random() < 0.5:
        made["referringUrl"] = chance.choice(REFERRERS)
    return made


def item(chance: random.Random, name: str | None = None) -> Json:
    made: Json = {} if name is None else {"name": name}
    if chance.random() < 0.7:
        names = chance.sample(sorted(PARAMETERS), chance.randint(0, 4))
        made["parameters"] = {parameter: chance.choice(PARAMETERS[parameter]) for parameter in names}
    if chance.random() < 0.2:
        made["address"] = address(chance)
    return made
