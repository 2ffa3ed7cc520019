"""One artifact, one visitor: the same content, wherever it is decided."""

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, TargetClient, TargetDeliveryResponse
from target_delivery.options import DecisioningMethodName
from target_delivery.sandbox import Sandbox
from tests.integration.sandbox.audiences import CLIENT, GEO, REMOTE_MBOX, REMOTE_VIEW, Json, artifact, random_request
from tests.integration.sandbox.exchanges import connect, mboxes, poster

METHODS: tuple[DecisioningMethodName, ...] = ("server-side", "on-device", "hybrid")
REQUESTS = 150


@pytest.fixture
def edge() -> Iterator[Sandbox]:
    with Sandbox(artifact(), client=CLIENT, geo=GEO) as edge:
        yield edge


def content_of(response: Mapping[str, Any]) -> Json:
    """Return the parts of an answer that do not depend on where it was decided: content, tokens and clicks."""
    seen: Json = {}
    for part in ("execute", "prefetch"):
        answered = response.get(part, {})
        if "pageLoad" in answered:
            seen[f"{part} pageLoad"] = shown(answered["pageLoad"])
        for mbox in answered.get("mboxes", ()):
            what = shown(mbox) | {"clicks": clicks(mbox) if part == "execute" else None}
            seen.setdefault(f"{part} mbox {mbox['index']} {mbox['name']}", []).append(what)
        for view in answered.get("views", ()):
            seen.setdefault(f"view {view['name']}", []).append(shown(view) | {"clicks": clicks(view)})
    return seen


def shown(answer: Json) -> Json:
    options: list[Json] = []
    for option in answer.get("options", ()):
        tokens = {name: str(value) for name, value in option["responseTokens"].items()}
        assert tokens.pop("activity.decisioningMethod")
        options.append({"type": option.get("type"), "content": option.get("content"), "tokens": tokens})
    return {"options": options}


def clicks(answer: Json) -> list[str]:
    return [metric.get("selector", "") for metric in answer.get("metrics", ()) if metric["type"] == "click"]


def options(request: Json) -> Any:
    return {"request": DeliveryRequest.from_dict(request), "session_id": "session"}


def check(request: Json, results: Mapping[str, TargetDeliveryResponse]) -> Json:
    """Check that all results have the same content, and return it."""
    contents = {method: content_of(result.response.to_dict()) for method, result in results.items()}
    for method in METHODS:
        assert contents[method] == contents["server-side"], f"{method} differs for {json.dumps(request)}"
    remote = results["on-device"].meta["remote_mboxes"] + results["on-device"].meta["remote_views"]
    assert results["server-side"].meta["decisioning_method"] == "server-side"
    assert results["on-device"].meta["decisioning_method"] == "on-device"
    assert results["hybrid"].meta["decisioning_method"] == ("server-side" if remote else "on-device")
    return contents["server-side"]


def requests() -> list[Json]:
    chance = random.Random(20)
    return [random_request(chance) for _ in range(REQUESTS)]


def test_the_content_is_the_same_wherever_it_is_decided(edge: Sandbox) -> None:
    clients = {method: TargetClient.create(edge.client_options(method)) for method in METHODS}
    try:
        assert all(client.wait_until_ready(5) for client in clients.values())
        seen = [
            check(request, {method: client.get_offers(options(request)) for method, client in clients.items()})
            for request in requests()
        ]
    finally:
        for client in clients.values():
            client.close()
    assert_everything_was_seen(seen)


def test_the_content_is_the_same_in_asyncio(edge: Sandbox) -> None:
    async def ask(client: AsyncTargetClient) -> list[TargetDeliveryResponse]:
        async with client:
            assert await client.wait_until_ready(5)
            return [await client.get_offers(options(request)) for request in requests()]

    async def ask_all() -> list[list[TargetDeliveryResponse]]:
        clients = [AsyncTargetClient.create(edge.async_client_options(method)) for method in METHODS]
        return await asyncio.gather(*map(ask, clients))

    answers = zip(*asyncio.run(ask_all()), strict=True)
    seen = [
        check(request, dict(zip(METHODS, results, strict=True)))
        for request, results in zip(requests(), answers, strict=True)
    ]
    assert_everything_was_seen(seen)


def assert_everything_was_seen(seen: list[Json]) -> None:
    """Check that the random visitors have met every condition, so that the comparison covers every rule."""
    text = json.dumps(seen)
    rules = artifact()["rules"]
    names = {rule["meta"]["experience.name"] for by_name in rules.values() for of in by_name.values() for rule in of}
    never = {rules["mboxes"]["odd"][0]["meta"]["experience.name"]}
    assert {name for name in names if f'"{name}"' not in text} == never


@pytest.mark.parametrize(
    "id_", [{"thirdPartyId": "me"}, {"marketingCloudVisitorId": "me", "tntId": "other"}, {"tntId": "me.28_0"}]
)
def test_a_generated_id_does_not_change_what_the_visitor_sees(id_: Json) -> None:
    seen: set[str] = set()
    for secret in map(str, range(8)):  # each makes other tntIds
        with Sandbox(artifact(), client=CLIENT, secret=secret) as edge, connect(edge) as client:
            answer = poster(client)(id=id_, execute=mboxes("thirds"))
            seen.add(answer.json()["execute"]["mboxes"][0]["options"][0]["content"])
    assert len(seen) == 1


def test_the_edge_decides_remote_mboxes_and_views_itself(edge: Sandbox) -> None:
    with connect(edge) as client:
        post = poster(client)
        body = post(id={"tntId": "a.35_0"}, execute=mboxes(REMOTE_MBOX), prefetch={"views": [{"name": REMOTE_VIEW}]})
        assert body.json()["status"] == 200
        assert body.json()["execute"]["mboxes"][0]["options"][0]["content"] == "<p>price</p>"
        assert body.json()["prefetch"]["views"][0]["name"] == REMOTE_VIEW


def test_event_tokens_are_the_edges_own_and_come_back_to_the_right_experience(edge: Sandbox) -> None:
    with connect(edge) as client:
        post = poster(client)
        device = {token for token in json.dumps(artifact()).split('"') if token.startswith(("display-", "click-"))}
        asked = post(id={"tntId": "a.35_0"}, prefetch={"pageLoad": {}, "views": [{}], **mboxes("thirds", "halves")})
        assert not any(token in asked.text for token in device)
        for mbox in asked.json()["prefetch"]["mboxes"]:
            (option,) = mbox["options"]
            shown = {"id": mbox["name"], "type": "display", "timestamp": 1, "tokens": [option["eventToken"]]}
            tokens = option["responseTokens"]
            before = edge.ledger.impressions
            assert post(id={"tntId": "a.35_0"}, notifications=[{**shown, "mbox": {"name": mbox["name"]}}]).is_success
            counted = edge.ledger.impressions - before
            assert counted.total() == 1
            ((activity, experience),) = counted
            assert (activity, f"Experience {experience}") == (tokens["activity.id"], tokens["experience.name"])


def test_every_rule_that_applies_to_a_page_counts(edge: Sandbox) -> None:
    with connect(edge) as client:
        context = {"channel": "web", "address": {"url": "https://shop.test/sale"}}
        page = {"parameters": {"member": "yes"}}
        answer = poster(client)(id={"tntId": "a"}, context=context, execute={"pageLoad": page}).json()
        assert len(answer["execute"]["pageLoad"]["options"]) == 3
        assert edge.ledger.impressions.total() == 3
