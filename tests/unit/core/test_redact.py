"""Texts that people read contain no secret of a visitor."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given, strategies as st

from target_delivery._core.redact import WINDOW, redact

REQUEST = {
    "id": {"tntId": "device-1.28_0", "customerIds": [{"id": "customer-9", "integrationCode": "crm"}]},
    "property": {"token": "property-token"},
    "prefetch": {"mboxes": [{"name": "home", "parameters": {"colour": "red"}}]},
    "notifications": [{"id": "n1", "tokens": ["token-A", "token-B"], "mbox": {"state": "state-X"}}],
}


def test_the_secrets_of_the_request_are_redacted() -> None:
    text = "unknown token token-B of device-1 (device-1.28_0), customer-9, state-X, property-token, session-7"
    shown = redact(text, REQUEST, "session-7")
    assert shown == "unknown token {0} of {0} ({0}), {0}, {0}, {0}, {0}".format("[redacted]")


def test_what_is_not_secret_stays() -> None:
    text = "notification n1: mbox home, colour red, crm"
    assert redact(text, REQUEST) == text


def test_secret_fields_of_an_answer_are_redacted_even_when_it_is_cut_off() -> None:
    text = (
        '{"status": 200, "id": {"tntId": "new-device.35_0", "customerIds": [{"id": "other"}]}, "state":"half of a sta'
    )
    shown = redact(text, {})
    assert "new-device" not in shown
    assert "other" not in shown
    assert "half" not in shown
    assert shown.startswith('{"status": 200, "id": {"tntId": "[redacted]"')


def test_a_short_secret_is_found_as_a_whole_word_only() -> None:
    ids = [{"id": str(number)} for number in range(60)]
    request: Any = {"id": {"customerIds": ids, "tntId": "id"}}
    text = "Invalid request: status 400, invalid id 7, (12), 'id', customer=59; PC%2312%237, 2x, x2, _2, 420"
    assert redact(text, request) == (
        "Invalid request: status 400, invalid {0} {0}, ({0}), '{0}', customer={0}; PC%23{0}%23{0}, 2x, x2, _2, 420"
    ).format("[redacted]")


def test_a_long_secret_is_found_anywhere() -> None:
    request: Any = {"id": {"tntId": "device-1é.28_0"}}
    text = "xdevice-1éx device-1%C3%A9.28_0 device-1%c3%a9.28_0"
    assert redact(text, request) == "x[redacted]x [redacted] [redacted]"


def test_a_secret_in_json_is_redacted_whole() -> None:
    for secret in ('ab"cd-secret', "m\u00fcller-secret@example.com", "back\\slash-secret"):
        request: Any = {"id": {"thirdPartyId": secret}}
        for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), json.dumps({"a": secret})):
            assert "secret" not in redact(f"Invalid request: {text}", request)
        assert "secret" not in redact(json.dumps({"thirdPartyId": secret}), {})


def test_a_secret_in_the_replacement_is_not_replaced_again() -> None:
    request: Any = {"id": {"customerIds": [{"id": "redacted"}, {"id": "["}, {"id": " "}], "tntId": "a"}}
    assert redact('a b "state": "x" redacted', request) == '[redacted] b "state": "[redacted]" [redacted]'


def test_a_message_of_40_megabytes_costs_as_much_as_a_short_one() -> None:
    ids = [{"id": f"customer-{number}"} for number in range(1000)] + [{"id": str(number)} for number in range(1000)]
    request: Any = {"id": {"customerIds": ids}}
    started = time.process_time()
    every = " ".join(one["id"] for one in ids)
    for unit in (every, "customer-9 ", "x", '"', '"tokens":', '"state": "', "7 ", "%"):
        assert len(redact(unit * (40_000_000 // len(unit)), request)) <= 10 * WINDOW
    assert time.process_time() - started < 2  # about 0.05 s; reading everything takes minutes


@given(st.integers(0, 40), st.sampled_from(["secret-secret", "s" * WINDOW, "s" * (3 * WINDOW)]))
def test_a_secret_at_the_cut_is_not_shown_in_part(distance: int, secret: str) -> None:
    request: Any = {"id": {"tntId": secret}}
    for text in (secret * 3000 if len(secret) < 100 else secret * 2, "." * (WINDOW - distance) + secret + "."):
        shown = redact(text, request)
        assert "sec" not in shown
        assert "ss" not in shown
