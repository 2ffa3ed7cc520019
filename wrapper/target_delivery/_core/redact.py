"""Removes visitor ids, tokens and cookies from texts that people read: error messages and excerpts of answers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_delivery_api.types import JsonValue

__all__ = ["WINDOW", "redact"]

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
_SECRET_FIELD = rf'("(?:{"|".join(sorted(_SECRET_KEYS))}|customerIds)"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|\[[^\]]*\]?)'
_REDACTED = "[redacted]"

WINDOW = 4096
"""How many characters of a text are read. A text from elsewhere can have any length, so a longer one is cut."""
_SHORT = 8
"""A secret with at least 8 characters is also found inside a word. A shorter one, such as ``4``, is in any number."""


def redact(text: str, request: dict[str, JsonValue], *session: str) -> str:
    """Return a text without the secrets of the request, and without the values of secret JSON fields.

    Args:
        text: a text from elsewhere, for example the message of an answer. Only its first 4096 characters are used.
        request: the request that was sent, as JSON.
        session: further secrets, for example the session id.
    """
    secrets = {form for secret in (*_secrets(request), *session) if secret.strip() for form in _forms(secret)}
    # A secret that begins within the window ends within this piece.
    piece = text[: WINDOW + max(map(len, secrets), default=0)]
    found = sorted((secret for secret in secrets if secret in piece), key=len, reverse=True)
    shown: list[str] = []
    end = 0
    for match in re.finditer("|".join([_SECRET_FIELD, *map(_pattern, found)]), piece):
        if match.start() >= WINDOW:
            break
        field: str | None = match[1]
        shown += [piece[end : match.start()], f'{field}"{_REDACTED}"' if field else _REDACTED]
        end = match.end()
    return "".join([*shown, piece[end:WINDOW]])


def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret as it may stand in a text: plain, percent-encoded in upper or lower case, or in JSON."""
    encoded = quote(secret, safe="", errors="replace")
    in_json = (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    return secret, encoded, _HEX.sub(lambda match: match[0].lower(), encoded), *in_json


def _pattern(secret: str) -> str:
    """Return the regular expression of a secret. A short one is found as a whole word only."""
    escaped = re.escape(secret)
    if len(secret) >= _SHORT:
        return escaped
    before = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2}))" if _WORD.match(secret[0]) else ""
    after = r"(?!\w)" if _WORD.match(secret[-1]) else ""
    return f"{before}{escaped}{after}"


_HEX = re.compile("%[0-9A-F]{2}")
_WORD = re.compile(r"\w")


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
