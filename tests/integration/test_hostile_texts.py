"""Texts from elsewhere, in logs and errors: artifacts, answers of the edge, requests."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from target_delivery import (
    DeliveryRequest,
    DeliveryStatusError,
    ExecuteRequest,
    InvalidAnswerError,
    MboxRequest,
    OptionError,
    TargetError,
)
from target_delivery.decisioning import ArtifactError, load_artifact
from target_delivery.sandbox import Sandbox
from tests.integration.drivers import Driver, Wire
from tests.integration.rules import artifact, rule

EVIL = "x\x1b[2J\r\nERROR forged\x9b31m\u2028\u202e\ud800"


LIST: Any = [*range(99)]
ENDLESS: Any = {"all": [LIST, {"all": [LIST, {"all": [LIST, {"all": [LIST, True]}]}]}]}


def request(*names: str) -> Any:
    return {"request": DeliveryRequest(execute=ExecuteRequest(mboxes=[MboxRequest(name=name) for name in names]))}


def check(log: pytest.LogCaptureFixture, *words: str) -> None:
    """Check that each log line is one line of printable characters, and that the log has the words."""
    texts = [record.getMessage() for record in log.records]
    assert all(text.isprintable() for text in texts), texts
    assert all(any(word in text for text in texts) for word in words), texts


@pytest.mark.parametrize(
    "hostile",
    [
        artifact(rule(EVIL, condition={EVIL: 1})),
        artifact(rule("home", condition={"and": [{EVIL: [1]}]}, ruleKey=EVIL, activityId=EVIL)),
        artifact(rule("home", meta={"activity.id": EVIL}, condition=ENDLESS)),
        {**artifact(rule("home")), "version": EVIL},
        {**artifact(rule("home")), "rules": {"mboxes": {EVIL: 1}, "views": {}}},
    ],
    ids=["mbox", "operator", "activity", "version", "no rules"],
)
def test_an_artifact_cannot_forge_lines_of_the_log(
    edge: Sandbox, make: Callable[..., Driver], hostile: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "adobe.target")
    try:
        given = load_artifact(hostile)
    except ArtifactError as error:
        why = str(error)
        with pytest.raises(OptionError) as caught:
            make(edge, decisioning_method="on-device", artifact_payload=hostile)
        assert (why + str(caught.value)).isprintable()
        return
    assert given.warning.isprintable()
    client = make(edge, decisioning_method="on-device", artifact_payload=hostile)
    client.wait_until_ready(5)
    client.get_offers(request("home"))
    check(caplog, r"\x1b[2J")


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(400, json={"status": 400, "message": EVIL.replace("\ud800", "")}),
        lambda: httpx.Response(400, content=EVIL.encode("utf-8", "replace")),
        lambda: httpx.Response(200, content=EVIL.encode("utf-8", "replace")),
        lambda: httpx.Response(200, content=b"\x1b[2J\r\n" * 99),
        lambda: httpx.Response(500, json={"status": 500, "message": EVIL.replace("\ud800", "")}),
    ],
)
def test_an_answer_of_the_edge_cannot_forge_lines_of_the_log(
    client: Driver, wire: Wire, answer: Callable[[], httpx.Response], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "adobe.target")
    wire.answer = lambda _: answer()
    with pytest.raises((DeliveryStatusError, InvalidAnswerError)) as caught:
        client.get_offers(request("home"))
    assert str(caught.value).isprintable()
    check(caplog, "[2J")


def test_a_callers_own_texts_cannot_forge_lines_either(
    client: Driver, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "adobe.target")
    with pytest.raises(OptionError) as caught:
        client.get_offers({"request": {"context": {"channel": EVIL}}, EVIL: 1})
    assert str(caught.value).isprintable()
    client.get_offers(request(EVIL.replace("\ud800", "")))
    check(caplog, "Delivery API request")


def test_an_error_is_pickled_with_its_text() -> None:
    error = TargetError(f"a {EVIL} \\x1b")
    assert str(error).isprintable()
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
