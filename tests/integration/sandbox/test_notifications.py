"""The impressions and clicks that the sandbox counts when event tokens and states come back."""

from typing import Any

import pytest

from target_delivery.sandbox import Sandbox, demo_artifact
from tests.integration.sandbox.exchanges import (
    Post,
    click_token,
    connect,
    display_token,
    mboxes,
    notification,
    poster,
    prefetched,
    rejection,
)

PRODUCT1 = ("1002", "0")


def test_the_documented_job_counts_one_impression_when_product1_was_shown(edge: Sandbox, post: Post) -> None:
    home, product1 = post(prefetch=mboxes("home", "product1")).json()["prefetch"]["mboxes"]
    assert home["state"]
    assert edge.ledger.impressions == {}
    shown = notification("1", [display_token(product1)], mbox={"name": "product1", "state": product1["state"]})

    answer = post(notifications=[shown])
    assert answer.json()["notifications"] == [{"id": "1"}]
    assert edge.ledger.impressions == {PRODUCT1: 1}

    # The second call has another session, as in the documented example.
    answer = post(notifications=[shown], session="another")
    assert answer.json()["notifications"] == [{"id": "1"}]
    assert edge.ledger.impressions == {PRODUCT1: 1}
    assert edge.ledger.duplicates == 1
    assert edge.ledger.notifications == ["1", "1"]


def test_a_click_is_counted_apart(edge: Sandbox, post: Post) -> None:
    mbox = prefetched(post)
    answer = post(notifications=[notification("c", [click_token(mbox)], "click", mbox={"name": "product1"})])
    assert answer.status_code == 200
    assert edge.ledger.clicks == {PRODUCT1: 1}
    assert edge.ledger.impressions == {}


def test_a_click_token_of_an_execute_answer_is_accepted(edge: Sandbox, post: Post) -> None:
    (mbox,) = post(execute=mboxes("product1")).json()["execute"]["mboxes"]
    assert post(notifications=[notification("c", [click_token(mbox)], "click")]).status_code == 200
    assert (edge.ledger.impressions, edge.ledger.clicks) == ({PRODUCT1: 1}, {PRODUCT1: 1})


def test_views_and_page_loads_are_counted(edge: Sandbox, post: Post) -> None:
    asked = post(prefetch={"pageLoad": {}, "views": [{"name": "basket"}]}).json()["prefetch"]
    page, view = asked["pageLoad"], asked["views"][0]
    answer = post(
        notifications=[
            notification("p", [display_token(page)], pageLoad={"state": page["state"]}),
            notification("v", [display_token(view)], view={"name": "basket", "state": view["state"]}),
            notification("g", [click_token(page)], "click", mbox={"name": "target-global-mbox"}),
        ]
    )
    assert [named["id"] for named in answer.json()["notifications"]] == ["p", "v", "g"]
    assert edge.ledger.impressions == {("1004", "0"): 1, ("1005", "0"): 1}
    assert edge.ledger.clicks == {("1004", "0"): 1}


def test_a_notification_of_several_tokens_counts_each_once(edge: Sandbox, post: Post) -> None:
    tokens = [display_token(mbox) for mbox in (prefetched(post, "home"), prefetched(post))]
    post(notifications=[notification("n", [*tokens, tokens[0]])])
    assert edge.ledger.impressions == {("1001", "0"): 1, PRODUCT1: 1}
    assert edge.ledger.duplicates == 0


def test_a_notification_without_tokens_is_processed_and_counts_nothing(edge: Sandbox, post: Post) -> None:
    shown = {"id": "n", "type": "display", "timestamp": 1, "mbox": {"name": "product1"}}
    assert post(notifications=[shown]).json()["notifications"] == [{"id": "n"}]
    assert edge.ledger.notifications == ["n"]
    assert edge.ledger.impressions == {}


def test_every_display_with_an_id_of_its_own_is_counted(edge: Sandbox, post: Post) -> None:
    token = display_token(prefetched(post))
    post(notifications=[notification(id_, [token]) for id_ in ("a", "b", "a")])
    assert edge.ledger.impressions == {PRODUCT1: 2}
    assert edge.ledger.duplicates == 1


def test_visitors_may_use_the_same_notification_id(edge: Sandbox, post: Post) -> None:
    for session in ("a", "b"):
        token = display_token(prefetched(post, session=session))
        post(notifications=[notification("1", [token])], session=session)
    assert edge.ledger.impressions == {PRODUCT1: 2}


def test_an_impression_id_seen_before_is_not_counted_again_whatever_the_notification_id(
    edge: Sandbox, post: Post
) -> None:
    token = display_token(prefetched(post))
    for id_ in ("a", "b"):
        answer = post(notifications=[notification(id_, [token], impressionId="i")])
        assert answer.json()["notifications"] == [{"id": id_}]
    assert (edge.ledger.impressions, edge.ledger.duplicates) == ({PRODUCT1: 1}, 1)


def test_an_execute_with_an_impression_id_seen_before_is_answered_and_not_counted_again(
    edge: Sandbox, post: Post
) -> None:
    for session in ("a", "b"):
        answer = post(execute=mboxes("home", "home"), impressionId="i", session=session)
        assert len(answer.json()["execute"]["mboxes"]) == 2
    assert (edge.ledger.impressions, edge.ledger.duplicates) == ({("1001", "0"): 2}, 2)
    post(execute=mboxes("home"), impressionId="j")
    post(execute=mboxes("home"))
    post(execute=mboxes("home"))
    assert edge.ledger.impressions == {("1001", "0"): 5}


def test_a_reset_ledger_has_forgotten_everything(edge: Sandbox, post: Post) -> None:
    post(execute=mboxes("home"), impressionId="i")
    empty = Sandbox().ledger.to_dict()
    assert edge.ledger.to_dict() != empty
    edge.ledger.reset()
    assert edge.ledger.to_dict() == empty
    post(execute=mboxes("home"), impressionId="i")
    assert edge.ledger.impressions.total() == 1


def forged(token: str) -> str:
    return token[:30] + ("A" if token[30] != "A" else "B") + token[31:]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tokens": ["bm9uc2Vuc2U="]}, "unknown event token"),
        ({"tokens": ["no base64 at all!"]}, "unknown event token"),
        ({"tokens": ["ünïcode"]}, "unknown event token"),
        ({"tokens": ["FORGED"]}, "unknown event token"),
        ({"tokens": ["STATE"]}, "unknown event token"),
        ({"tokens": [""]}, "unknown event token"),
        ({"type": "click"}, "the event token is not of type 'click'"),
        ({"mbox": {"name": "home"}}, "the event token does not belong to mbox 'home'"),
        ({"mbox": None, "view": {"name": "product1"}}, "the event token does not belong to view 'product1'"),
        ({"mbox": None, "pageLoad": {}}, "the event token does not belong to mbox 'target-global-mbox'"),
        ({"view": {"name": "basket"}}, "one location is allowed, not mbox 'product1' and view 'basket'"),
        ({"mbox": {"name": "product1", "state": "nonsense"}}, "unknown state"),
        ({"mbox": {"name": "product1", "state": "TOKEN"}}, "unknown state"),
        ({"mbox": {"name": "product1", "state": "STATE OF HOME"}}, "the state does not belong to mbox 'product1'"),
        ({"mbox": {"state": "STATE OF HOME"}}, "the event token does not belong to mbox 'home'"),
    ],
)
def test_one_bad_notification_rejects_the_whole_request(
    edge: Sandbox, post: Post, change: dict[str, Any], reason: str
) -> None:
    mbox = prefetched(post)
    token = display_token(mbox)
    bad = notification("bad", [token], mbox={"name": "product1", "state": mbox["state"]}) | change
    stand_ins = {"FORGED": forged(token), "STATE": mbox["state"]}
    bad["tokens"] = [stand_ins.get(token, token) for token in bad["tokens"]]
    if bad["mbox"] is None:
        del bad["mbox"]
    elif "state" in bad["mbox"]:
        stand_ins = {"TOKEN": token, "STATE OF HOME": prefetched(post, "home")["state"]}
        bad["mbox"] = {**bad["mbox"], "state": stand_ins.get(bad["mbox"]["state"], bad["mbox"]["state"])}
    before = edge.ledger.to_dict()

    answer = post(execute=mboxes("home"), notifications=[notification("good", [token]), bad])

    assert rejection(answer) == f"notifications[1] (id 'bad'): {reason}"
    assert edge.ledger.to_dict() == before | {"rejected": 1}
    # The sandbox does not remember the good notification as processed.
    post(notifications=[notification("good", [token])])
    assert edge.ledger.impressions == {PRODUCT1: 1}


@pytest.mark.parametrize(("secret", "status"), [("common", 200), (b"common", 200), ("other", 400), (None, 400)])
def test_tokens_of_another_sandbox_are_known_by_the_common_secret(secret: str | bytes | None, status: int) -> None:
    with Sandbox(secret="common") as first, connect(first) as client:
        mbox = prefetched(poster(client))
    with Sandbox(secret=secret) as second, connect(second) as client:
        shown = notification("1", [display_token(mbox)], mbox={"name": "product1", "state": mbox["state"]})
        assert poster(client)(notifications=[shown]).status_code == status


def test_tokens_of_the_artifact_are_accepted_because_on_device_clients_send_them() -> None:
    artifact = demo_artifact()
    for name in ("home", "product1"):  # as in real artifacts, one token stands at two locations
        artifact["rules"]["mboxes"][name][0]["consequence"]["options"][0]["eventToken"] = "shared"
    with Sandbox(artifact) as edge, connect(edge) as client:
        post = poster(client)
        assert post(notifications=[notification("1", ["shared"], mbox={"name": "product1"})]).status_code == 200
        assert edge.ledger.impressions == {PRODUCT1: 1}
        click = notification("2", ["demo-1002-1-click"], "click", mbox={"name": "product1"})
        assert post(notifications=[click]).status_code == 200
        assert edge.ledger.clicks == {("1002", "1"): 1}
        wrong = notification("3", ["shared"], mbox={"name": "checkout-flags"})
        assert "does not belong to mbox 'checkout-flags'" in rejection(post(notifications=[wrong]))
