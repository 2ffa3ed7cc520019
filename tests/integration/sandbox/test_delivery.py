"""The answers of the sandbox's Delivery API."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from target_delivery.sandbox import Artifact, Decision, Sandbox, demo_artifact, requested_items
from tests.integration.sandbox.exchanges import QUERY, URL, Post, connect, display_token, mboxes, poster, prefetched

HOME = ("1001", "0")
PRODUCT1 = ("1002", "0")


def test_a_prefetch_gives_content_tokens_and_state_and_counts_nothing(edge: Sandbox, post: Post) -> None:
    answer = post(prefetch=mboxes("home", "product1"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"status", "requestId", "id", "client", "edgeHost", "prefetch"}
    home, product1 = body["prefetch"]["mboxes"]
    assert home.keys() == {"index", "name", "options", "state"}
    assert (home["index"], home["name"]) == (0, "home")
    (option,) = home["options"]
    assert option.keys() == {"type", "content", "eventToken", "responseTokens"}
    assert (option["type"], option["content"]) == ("html", "<h1>Good to see you</h1>")
    assert (product1["index"], product1["name"]) == (1, "product1")
    assert product1["metrics"][0]["type"] == "click"
    tokens = {display_token(home), display_token(product1), product1["metrics"][0]["eventToken"]}
    assert len(tokens | {home["state"], product1["state"]}) == 5
    assert edge.ledger.impressions.total() == 0


def test_an_execute_counts_at_once_and_has_click_tokens_only(edge: Sandbox, post: Post) -> None:
    answer = post(execute=mboxes("home", "product1"))
    home, product1 = answer.json()["execute"]["mboxes"]
    assert home["options"][0].keys() == {"type", "content", "responseTokens"}
    assert home.keys() == {"index", "name", "options"}
    assert product1["metrics"] == [{"type": "click", "eventToken": product1["metrics"][0]["eventToken"]}]
    assert edge.ledger.impressions == {HOME: 1, PRODUCT1: 1}


def test_response_tokens_are_those_the_artifact_lists(post: Post) -> None:
    tokens = prefetched(post, "home")["options"][0]["responseTokens"]
    assert tokens == {
        "activity.id": "1001",
        "activity.name": "Welcome on the home page",
        "experience.id": "0",
        "experience.name": "Friendly",
        "offer.id": "2001",
        "offer.name": "Friendly of home",
        "option.id": "2",
        "option.name": "Option 1",
        "activity.decisioningMethod": "server-side",
    }


def test_json_content_stays_json(post: Post) -> None:
    (mbox,) = post(execute=mboxes("checkout-flags")).json()["execute"]["mboxes"]
    assert mbox["options"][0]["type"] == "json"
    assert mbox["options"][0]["content"]["onePageCheckout"] is True


@pytest.mark.parametrize("part", ["execute", "prefetch"])
def test_an_mbox_without_rules_comes_back_with_name_and_index_only(edge: Sandbox, post: Post, part: str) -> None:
    answer = post(**{part: {"mboxes": [{"index": 7, "name": "nobody-knows"}]}})
    assert answer.json()[part] == {"mboxes": [{"index": 7, "name": "nobody-knows"}]}
    assert edge.ledger.impressions.total() == 0


def test_a_page_load_is_the_global_mbox_without_a_name(edge: Sandbox, post: Post) -> None:
    executed = post(execute={"pageLoad": {}}).json()["execute"]["pageLoad"]
    assert executed.keys() == {"options", "metrics"}
    assert edge.ledger.impressions == {("1004", "0"): 1}
    page = post(prefetch={"pageLoad": {}}).json()["prefetch"]["pageLoad"]
    assert page.keys() == {"options", "metrics", "state"}


@pytest.mark.parametrize(("view", "names"), [({}, ["basket"]), ({"name": "basket"}, ["basket"]), ({"name": "x"}, [])])
def test_views_by_name_or_all(post: Post, view: dict[str, str], names: list[str]) -> None:
    views = post(prefetch={"views": [view]}).json()["prefetch"]["views"]
    assert [answered["name"] for answered in views] == names
    for answered in views:
        assert answered.keys() == {"name", "options", "metrics", "state"}
        assert answered["options"][0]["content"][0]["selector"] == "#basket h2"
        assert answered["metrics"][0]["selector"] == "#order"


def test_an_empty_part_is_answered_with_an_empty_part(post: Post) -> None:
    body = post(execute={}, prefetch={"mboxes": []}).json()
    assert (body["execute"], body["prefetch"]) == ({}, {"mboxes": []})
    assert "execute" not in post().json()


def test_a_visitor_without_ids_gets_one_with_a_cluster_and_keeps_it_in_the_session(edge: Sandbox, post: Post) -> None:
    body = post(session="a").json()
    assert re.fullmatch(r"[0-9a-f]{32}\.35_0", body["id"]["tntId"])
    assert body["edgeHost"] == "mboxedge35.tt.omtrdc.net"
    assert post(session="a").json()["id"] == body["id"]
    assert post(session="b").json()["id"] != body["id"]
    assert edge.ledger.visitors == 2


@pytest.mark.parametrize(
    ("sent", "answered"), [("123.28_0", "123.28_0"), ("123", "123.35_0")], ids=["with a hint", "without a hint"]
)
def test_a_tnt_id_is_kept(post: Post, sent: str, answered: str) -> None:
    id_ = {"tntId": sent, "thirdPartyId": "third"}
    assert post(id=id_).json()["id"] == {"tntId": answered, "thirdPartyId": "third"}


def test_a_known_visitor_gets_the_same_tnt_id_in_every_session(post: Post) -> None:
    answers = [post(session=session, id={"marketingCloudVisitorId": "42"}).json() for session in "ab"]
    assert answers[0]["id"] == answers[1]["id"]


def test_request_id_is_echoed_or_made(post: Post) -> None:
    assert post(requestId="mine").json()["requestId"] == "mine"
    made = post().json()["requestId"]
    assert made
    assert made != post().json()["requestId"]


def test_client_and_cluster_are_as_configured() -> None:
    with Sandbox(client="shop", cluster=28, organization_id="A1@AdobeOrg") as edge, connect(edge) as client:
        body = poster(client)().json()
        assert edge.client_options() == {
            "client": "shop",
            "organization_id": "A1@AdobeOrg",
            "server_domain": edge.server_domain,
            "secure": False,
            "trust_env": False,
        }
        assert edge.async_client_options() == edge.client_options()
    assert body["client"] == "shop"
    assert body["edgeHost"] == "mboxedge28.tt.omtrdc.net"
    assert body["id"]["tntId"].endswith(".28_0")


def test_a_beacon_is_answered_with_204_after_it_was_processed(edge: Sandbox, post: Post) -> None:
    answer = post(context={"channel": "web", "beacon": True}, execute=mboxes("home"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert edge.ledger.impressions == {HOME: 1}


def test_analytics_payloads_go_to_clients_that_log_themselves() -> None:
    artifact = demo_artifact()
    payload = {"payload": {"pe": "tnt", "tnta": "1:0:0|2"}}
    artifact["rules"]["mboxes"]["home"][0]["consequence"]["analytics"] = payload
    with Sandbox(artifact) as edge, connect(edge) as client:
        for logging, expected in (("client_side", payload), ("server_side", None)):
            asked = poster(client)(experienceCloud={"analytics": {"logging": logging}}, execute=mboxes("home"))
            assert asked.json()["execute"]["mboxes"][0].get("analytics") == expected


def test_an_artifact_file_is_served(tmp_path: Path) -> None:
    artifact = demo_artifact()
    rule = artifact["rules"]["mboxes"].pop("home")[0]
    rule["consequence"]["options"] = [{"eventToken": "default content"}]
    artifact["rules"]["mboxes"]["start"] = [rule]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(artifact))
    with Sandbox(file) as edge, connect(edge) as client:
        answer = poster(client)(execute=mboxes("start", "home"), prefetch=mboxes("start")).json()
        # Default content has no option to execute, but is displayed all the same.
        assert answer["execute"]["mboxes"] == [{"index": 0, "name": "start"}, {"index": 1, "name": "home"}]
        assert answer["prefetch"]["mboxes"][0]["options"][0].keys() == {"eventToken", "responseTokens"}
        assert edge.ledger.impressions == {HOME: 1}


def test_a_decider_chooses_the_rules() -> None:
    class LastRule:
        def decide(self, artifact: Artifact, request: Mapping[str, Any]) -> Sequence[Decision]:
            visitors.append(request["id"]["tntId"])
            return [
                Decision(item, item.name, artifact.mboxes[item.name or ""][-1:])
                for item in requested_items(artifact, request)
            ]

    visitors: list[str] = []
    with Sandbox(decider=LastRule()) as edge, connect(edge) as client:
        answer = poster(client)(id={"tntId": "v.35_0"}, execute=mboxes("home"))
        assert answer.json()["execute"]["mboxes"][0]["options"][0]["content"] == "<h1>Straight to the offers</h1>"
        assert edge.ledger.impressions == {("1001", "1"): 1}
    assert visitors == ["v.35_0"]


def test_received_requests_are_kept(edge: Sandbox, client: httpx.Client) -> None:
    poster(client)(requestId="r1")
    client.post(f"{URL}?imsOrgId=x", content=b"nonsense", headers={"X-EXC-SDK": "test"})
    first, second = edge.requests
    assert (first.method, first.path) == ("POST", URL)
    assert first.query == QUERY
    assert first.json["requestId"] == "r1"
    assert second.headers["x-exc-sdk"] == "test"
    assert second.query == {"imsOrgId": "x"}
    assert (second.body, second.json) == (b"nonsense", None)


def test_the_ledger_is_the_same_over_http(edge: Sandbox, client: httpx.Client) -> None:
    post = poster(client)
    post(execute=mboxes("home", "home", "product1"))
    post(execute={"mboxes": [{}]})
    expected = {
        "requests": 1,
        "rejected": 1,
        "visitors": 1,
        "impressions": {
            "total": 3,
            "byExperience": [
                {"activityId": "1001", "experienceId": "0", "count": 2},
                {"activityId": "1002", "experienceId": "0", "count": 1},
            ],
        },
        "clicks": {"total": 0, "byExperience": []},
        "notifications": [],
        "duplicates": 0,
    }
    assert client.get("/ledger").json() == expected
    assert edge.ledger.to_dict() == expected


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", URL, 405), ("POST", "/ledger", 405), ("GET", "/x", 404)]
)
def test_other_paths_and_methods_are_errors(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert f"{method} {path}" in answer.json()["message"]
