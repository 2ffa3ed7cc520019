"""The artifact and the geo look-ups, which clients that decide on the device get from the sandbox."""

import asyncio
import json
import queue
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from target_delivery import AsyncTargetClient, DeliveryRequest, Event, TargetClient
from target_delivery._core.validation import read_client_options
from target_delivery.sandbox import RefusedConnection, Sandbox, Status, demo_artifact
from tests.integration.sandbox.exchanges import Post, connect, display_token, mboxes, notification, poster, prefetched

RULES = "/sandbox/production/v1/rules.json"
HOME: Any = {"request": DeliveryRequest.from_dict({"id": {"tntId": "a"}, "execute": mboxes("home")})}


def another_artifact() -> dict[str, Any]:
    artifact = demo_artifact()
    artifact["rules"]["mboxes"]["home"][0]["consequence"]["options"] = [
        {"type": "html", "content": "another", "eventToken": "another-token"}
    ]
    return artifact


@pytest.mark.parametrize("path", [RULES, "/sandbox/staging/v1/rules.json", "/sandbox/production/v1/token/rules.json"])
def test_the_artifact_is_served_under_every_environment_and_property(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == demo_artifact()


def test_the_artifact_of_another_client_is_not_found(client: httpx.Client) -> None:
    answer = client.get(RULES.replace("sandbox", "demo"))
    assert answer.status_code == 404
    assert answer.json()["message"] == "this is the edge of client 'sandbox', not of 'demo'"


def test_an_artifact_that_a_client_has_is_not_sent_again(edge: Sandbox, client: httpx.Client) -> None:
    etag = client.get(RULES).headers["etag"]
    assert etag.startswith('"')
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = client.get(RULES, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert client.get(RULES, headers={"If-None-Match": '"x"'}).status_code == 200
    with Sandbox() as same, connect(same) as its_client:
        assert its_client.get(RULES).headers["etag"] == etag
    edge.set_artifact(another_artifact())
    assert client.get(RULES, headers={"If-None-Match": etag}).json() == another_artifact()


def test_a_new_artifact_is_used_at_once_and_tokens_of_the_earlier_one_stay_valid(
    edge: Sandbox, post: Post, tmp_path: Path
) -> None:
    token = display_token(prefetched(post, "home"))
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(another_artifact()))
    edge.set_artifact(file)
    assert prefetched(post, "home")["options"][0]["content"] == "another"
    tokens = [token, "demo-1001-0-display", "another-token"]
    told = [notification(str(at), [token], mbox={"name": "home"}) for at, token in enumerate(tokens)]
    assert post(notifications=told).status_code == 200
    assert edge.ledger.impressions == {("1001", "0"): 3}


def test_an_invalid_artifact_is_refused_and_the_earlier_one_stays(edge: Sandbox, client: httpx.Client) -> None:
    with pytest.raises(ValueError, match=r"the artifact has version '2\.0'"):
        edge.set_artifact({"version": "2.0"})
    assert client.get(RULES).json() == demo_artifact()


def test_a_later_change_of_the_mapping_does_not_change_the_artifact() -> None:
    artifact = demo_artifact()
    with Sandbox(artifact) as edge, connect(edge) as client:
        artifact["rules"]["mboxes"].clear()
        assert client.get(RULES).json() == demo_artifact()
        assert prefetched(poster(client), "home")["options"]


def test_a_geo_look_up_answers_with_the_place_of_the_address() -> None:
    places: Mapping[str, Mapping[str, str | float]] = {
        "203.0.113.7": {"countryCode": "NO", "stateCode": "50", "city": "Trondheim", "latitude": 63.4, "longitude": 1},
        "2001:db8::1": {"city": "Faro"},
    }
    with Sandbox(geo=places) as edge, connect(edge) as client:

        def locate(forwarded: str | None) -> Any:
            headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
            return client.get("/v1/geo", headers=headers).json()

        assert locate("203.0.113.7") == {
            "x-geo-country-code": "NO",
            "x-geo-region-code": "50",
            "x-geo-city": "Trondheim",
            "x-geo-latitude": 63.4,
            "x-geo-longitude": 1,
        }
        assert locate("2001:0DB8::1, 10.0.0.1") == {"x-geo-city": "Faro"}
        assert locate("198.51.100.1") == locate("nonsense") == locate(None)
        assert locate(None)["x-geo-city"] == "Bern"
    with Sandbox(geo={"*": {}}) as edge, connect(edge) as client:
        assert client.get("/v1/geo").json() == {}


@pytest.mark.parametrize(
    ("geo", "why"),
    [
        (
            {"203.0.113.7": {"country": "NO"}},
            r"geo\['203.0.113.7'\] has an unknown name 'country'; known are ",
        ),
        ({"home": {}}, r"geo: 'home' is neither an IP address nor '\*'"),
    ],
)
def test_a_wrong_place_is_refused(geo: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Sandbox(geo=geo)


def test_faults_hit_downloads_and_look_ups_only_with_a_match(edge: Sandbox, client: httpx.Client, post: Post) -> None:
    plain = edge.faults.add(Status(503), times=None)
    assert client.get(RULES).status_code == client.get("/v1/geo").status_code == 200
    assert post().status_code == 503
    plain.remove()
    off = edge.faults.add(Status(403), times=None, match=lambda request: request.path.endswith("rules.json"))
    lost = edge.faults.add(RefusedConnection(), match=lambda request: request.path == "/v1/geo")
    assert post().status_code == 200
    assert client.get(RULES).status_code == 403
    with pytest.raises(httpx.NetworkError):
        client.get("/v1/geo")
    assert client.get("/v1/geo").status_code == 200
    assert (off.struck, lost.struck) == (1, 1)
    paths = [(request.method, request.path) for request in edge.cdn_requests]
    assert paths == [("GET", RULES), ("GET", "/v1/geo"), ("GET", RULES), ("GET", "/v1/geo"), ("GET", "/v1/geo")]
    assert len(edge.requests) == 2


def test_client_options_for_decisions_on_the_device(edge: Sandbox) -> None:
    options = edge.client_options(decisioning_method="on-device")
    assert options == {
        **edge.client_options(),
        "decisioning_method": "on-device",
        "cdn_base_path": edge.url,
    }
    assert edge.async_client_options("on-device") == options
    with TargetClient.create(edge.client_options("on-device")) as client:
        assert client.wait_until_ready(5)
        assert client.get_offers(HOME).meta["decisioning_method"] == "on-device"


def content(result: Any) -> Any:
    return result.response.execute.mboxes[0].options[0].content


def test_a_client_picks_up_another_artifact_with_its_next_poll(edge: Sandbox) -> None:
    downloads: queue.SimpleQueue[Event] = queue.SimpleQueue()
    options = edge.client_options("on-device") | {"events": {"artifact_download_succeeded": downloads.put}}
    # The option allows five minutes at least, which is too long for a test.
    config = attrs.evolve(read_client_options(options, httpx.Client), polling_interval=20)
    with TargetClient(config) as client:
        downloads.get(timeout=5)
        assert content(client.get_offers(HOME)) == "<h1>Good to see you</h1>"
        edge.set_artifact(another_artifact())
        downloads.get(timeout=5)
        assert content(client.get_offers(HOME)) == "another"
    first, *later = edge.cdn_requests
    assert "if-none-match" not in first.headers
    assert all("if-none-match" in request.headers for request in later)


def test_a_client_picks_up_another_artifact_in_asyncio(edge: Sandbox) -> None:
    async def play() -> None:
        downloads: asyncio.Queue[Event] = asyncio.Queue()
        options = edge.async_client_options("hybrid") | {
            "events": {"artifact_download_succeeded": downloads.put_nowait}
        }
        config = attrs.evolve(read_client_options(options, httpx.AsyncClient), polling_interval=20)
        async with asyncio.timeout(5), AsyncTargetClient(config) as client:
            await downloads.get()
            edge.set_artifact(another_artifact())
            await downloads.get()
            assert content(await client.get_offers(HOME)) == "another"

    asyncio.run(play())


def test_a_client_that_gets_no_artifact_is_told_that_the_account_has_none(edge: Sandbox) -> None:
    failures: queue.SimpleQueue[Any] = queue.SimpleQueue()
    edge.faults.add(Status(403), match=lambda request: request.path.endswith("rules.json"))
    options = edge.client_options("hybrid") | {"events": {"artifact_download_failed": failures.put}}
    with TargetClient.create(options) as client:
        failed = failures.get(timeout=5)
        assert "403" in str(failed.error)
        assert client.get_offers(HOME).meta["decisioning_method"] == "server-side"
