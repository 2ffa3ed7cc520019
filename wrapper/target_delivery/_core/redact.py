"""Removes visitor ids, tokens and cookies from texts that people read: error messages and excerpts of answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_delivery_api.types import JsonValue

__all__ = ["redact"]

_SECRET_KEYS = frozenset(
    {
        "authorizationToken",
        "blob",
        "eventToken",
        "impressionId",
        "marketingCloudVisitorId",
        "sessionId",
        "state",
        "supplementalDataId",
        "thirdPartyId",
        "tntId",
        "token",
        "tokens",
    }
)
_SECRET_FIELD = re.compile(rf'("(?:{"|".join(sorted(_SECRET_KEYS))}|customerIds)"\s*:\s*)(?:"[^"]*"?|\[[^\]]*\]?)')
_REDACTED = "[redacted]"


def redact(text: str, request: dict[str, JsonValue], *session: str) -> str:
    """Return the text without the secrets of the request, and without the values of secret JSON fields.

    Args:
        text: a text from elsewhere, for example the message of an answer.
        request: the request that was sent, as JSON.
        session: further secrets, for example the session id.
    """
    text = _SECRET_FIELD.sub(rf'\1"{_REDACTED}"', text)
    secrets = {secret for secret in (*_secrets(request), *session) if secret}
    written = {form for secret in secrets for form in (secret, quote(secret, safe="", errors="replace"))}
    for secret in sorted(written, key=len, reverse=True):
        text = text.replace(secret, _REDACTED)
    return text


def _secrets(value: JsonValue, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _secrets(item, "tokens" if key == "customerIds" and name == "id" else name)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets(item, key)
    elif isinstance(value, str) and key in _SECRET_KEYS:
        yield value
        if key == "tntId":
            yield value.partition(".")[0]
