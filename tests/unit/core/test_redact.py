"""Texts that people read contain no secret of a visitor."""

from __future__ import annotations

from target_delivery._core.redact import redact

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
