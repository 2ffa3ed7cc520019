"""Artifacts of a few rules, and what the edge answers."""

from __future__ import annotations

from typing import Any

EDGE = {"status": 200, "edgeHost": "mboxedge35.tt.omtrdc.net", "notifications": [{"id": "n"}]}


def artifact(*rules: dict[str, Any]) -> dict[str, Any]:
    by_mbox: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        by_mbox.setdefault(rule["consequence"]["name"], []).append(rule)
    return {
        "version": "1.0.0",
        "meta": {"clientCode": "demo", "environment": "production"},
        "globalMbox": "target-global-mbox",
        "geoTargetingEnabled": True,
        "responseTokens": [],
        "localMboxes": sorted(by_mbox),
        "remoteMboxes": [],
        "localViews": [],
        "remoteViews": [],
        "rules": {"mboxes": by_mbox, "views": {}},
    }


def rule(mbox: str, token: str = "TOK", **more: Any) -> dict[str, Any]:
    names = {"location.name": mbox, "location.type": "mbox", "location.id": 0, "option.id": 1}
    return {
        "ruleKey": f"7-{mbox}",
        "activityId": 7,
        "meta": {"activity.id": 7, "activity.name": "Seven", "activity.type": "ab", "experience.id": 0}
        | {"experience.name": "A", "audience.ids": [], **names},
        "condition": True,
        "consequence": {
            "name": mbox,
            "options": [{"type": "html", "content": mbox, "eventToken": token}],
            "metrics": [],
        },
        **more,
    }
