"""Small artifacts for tests."""

from __future__ import annotations

import copy
from typing import Any


def rule(place: str = "hero", condition: Any = True, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleKey": "7",
        "activityId": 7,
        "meta": {
            "activity.id": 7,
            "activity.name": "Seven",
            "activity.type": "ab",
            "experience.id": 0,
            "experience.name": "Experience A",
            "audience.ids": [1],
            "offer.id": 70,
        },
        "condition": condition,
        "consequence": {
            "name": place,
            "options": [{"type": "json", "eventToken": "t-7", "content": {"a": [1, {"b": 2}]}}],
            "metrics": [],
        },
    }
    return {**made, **copy.deepcopy(changes)}


def artifact(mboxes: Any = None, views: Any = None, **changes: Any) -> dict[str, Any]:
    mboxes = {"hero": [rule()]} if mboxes is None else mboxes
    return {
        "version": "1.0.0",
        "meta": {"clientCode": "acme", "environment": "production"},
        "globalMbox": "target-global-mbox",
        "geoTargetingEnabled": True,
        "responseTokens": ["activity.id", "activity.name", "geo.city"],
        "remoteMboxes": [],
        "localMboxes": list(mboxes) if isinstance(mboxes, dict) else [],
        "remoteViews": [],
        "localViews": list(views or {}),
        "rules": {"mboxes": mboxes, "views": views or {}},
        **changes,
    }


def request(name: str = "hero", mode: str = "prefetch", **changes: Any) -> dict[str, Any]:
    return {
        "requestId": "r-1",
        "id": {"tntId": "visitor.28_0"},
        "context": {"channel": "web", "address": {"url": "https://www.example.com/a?b=c"}},
        mode: {"mboxes": [{"name": name, "index": 1}]},
        **changes,
    }
