"""The artifact that on-device decisions are measured with."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

GLOBAL_MBOX = "target-global-mbox"
MBOX = "mbox-feature-flags"
CONTEXT = {
    "channel": "web",
    "address": {"url": "https://local-target-test/"},
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0",
}


@contextmanager
def artifact_setup(given: Path | None) -> Iterator[dict[str, Any]]:
    """Return the setup of the workers: with the given artifact, else with a made one of the size of a real one."""
    with TemporaryDirectory() as home:
        path = given
        if path is None:
            path = Path(home) / "rules.json"
            path.write_text(json.dumps(made(), separators=(",", ":")))
        yield {"artifact": str(path.resolve()), "mbox": MBOX, "context": CONTEXT}


def made() -> dict[str, Any]:
    """Make an artifact of 754 kB with 128 rules: 87 of the global mbox, 17 of mboxes, 24 of views."""
    # As in a real artifact, a few large offers make most of the size.
    sizes = [200] * 51 + [2_000] * 28 + [21_000] * 4 + [86_000] * 4
    of_page = [_rule(GLOBAL_MBOX, number, _on_page(number), size) for number, size in enumerate(sizes)]
    names = [MBOX, *(f"mbox-{number}" for number in range(7))]
    mboxes = {name: [_rule(name, 200 + half, _half(half), 150) for half in (0, 1)] for name in names}
    mboxes["mbox-0"].append(_rule("mbox-0", 300, True, 150))
    views = {name: [_rule(name, 400 + number, _half(number % 2), 3_700) for number in range(12)] for name in "ab"}
    return {
        "version": "1.0.0",
        "meta": {"clientCode": "demo", "environment": "production"},
        "globalMbox": GLOBAL_MBOX,
        "geoTargetingEnabled": True,
        "responseTokens": ["activity.id", "activity.name", "experience.id", "geo.city", "offer.id", "option.id"],
        "remoteMboxes": [],
        "remoteViews": [],
        "localMboxes": [GLOBAL_MBOX, *names],
        "localViews": [*views],
        "rules": {"mboxes": {GLOBAL_MBOX: of_page, **mboxes}, "views": views},
    }


def _half(half: int) -> dict[str, Any]:
    return {"<=" if half == 0 else ">": [{"var": "allocation"}, 50]}


def _on_page(number: int) -> dict[str, Any]:
    host = "local-target-test" if number % 5 == 0 else f"shop-{number}.example"
    page = {"and": [{"==": [host, {"var": "page.domain"}]}, {"==": ["/", {"var": "page.path"}]}]}
    browser = {"==": [{"var": "user.browserType"}, ("chrome", "safari", "firefox", "edge")[number % 4]]}
    return {
        "and": [browser, {"or": [page, {"in": [f"campaign-{number}", {"var": "page.url_lc"}]}]}, _half(number // 4 % 2)]
    }


def _rule(name: str, number: int, condition: object, size: int) -> dict[str, Any]:
    html = '<p class="offer">For you</p>'
    action = {"type": "setHtml", "selector": "BODY > DIV.page:eq(0)", "content": html * (size // len(html) + 1)}
    token = f"token-{name}-{number}".ljust(88, "=")
    return {
        "ruleKey": f"{number}-{name}",
        "activityId": number,
        "meta": {
            "activity.id": number,
            "activity.name": f"Activity {number}",
            "activity.type": "ab",
            "experience.id": number % 2,
            "experience.name": "Experience A",
            "location.id": 0,
            "location.name": name,
            "location.type": "mbox",
            "audience.ids": [1000 + number],
            "offer.id": 2000 + number,
            "offer.name": f"Offer {number}",
            "option.id": 3,
            "option.name": "Offer",
        },
        "condition": condition,
        "consequence": {
            "name": name,
            "options": [{"type": "actions", "eventToken": token, "content": [action]}],
            "metrics": [{"type": "click", "eventToken": token[::-1]}],
        },
        "propertyTokens": [],
    }
