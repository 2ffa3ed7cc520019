"""Event tokens and states. They are signed, so that the edge recognizes its own without storing them."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from typing import Literal

from attrs import frozen

_MAC_BYTES = 16


@frozen
class Location:
    """The mbox or view that shows content. A pageLoad is the global mbox."""

    kind: Literal["mbox", "view"]
    name: str


@frozen
class Event:
    """The event that an event token stands for: content of an experience was displayed or clicked."""

    activity_id: str
    experience_id: str
    location: Location
    type: Literal["display", "click"]


class Tokens:
    """Makes event tokens, states and visitor ids, and reads the tokens and states that it made.

    Two instances with the same secret accept each other's tokens.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def event_token(self, event: Event, owner: str) -> str:
        """Return the token of an event.

        Args:
            event: the event to count when the token comes back.
            owner: identifies the visitor who gets the content.
        """
        return self._sign(
            [
                "event",
                event.activity_id,
                event.experience_id,
                event.location.kind,
                event.location.name,
                event.type,
                owner,
            ]
        )

    def state(self, location: Location) -> str:
        """Return the state of a prefetched location."""
        return self._sign(["state", location.kind, location.name])

    def read_event_token(self, token: str) -> tuple[Event, str] | None:
        """Return the event and the owner of a token; None if this secret did not sign it."""
        content = self._read("event", token)
        if content is None:
            return None
        activity, experience, kind, name, type_, owner = content
        location = Location("view" if kind == "view" else "mbox", name)
        return Event(activity, experience, location, "click" if type_ == "click" else "display"), owner

    def read_state(self, state: str) -> Location | None:
        """Return the location of a state; None if this secret did not sign it."""
        content = self._read("state", state)
        if content is None:
            return None
        kind, name = content
        return Location("view" if kind == "view" else "mbox", name)

    def visitor_id(self, known_by: str) -> str:
        """Return a visitor id of 32 hex digits, always the same for the same text."""
        return self._mac(b"visitor\0" + known_by.encode("utf-8", "surrogatepass")).hex()

    def _sign(self, content: list[str]) -> str:
        payload = json.dumps(content, separators=(",", ":")).encode()
        return b64encode(self._mac(payload) + payload).decode("ascii")

    def _read(self, purpose: str, token: str) -> list[str] | None:
        """Return the content that was signed for a purpose, or None.

        A valid signature guarantees the form of the content.
        """
        try:
            signed = b64decode(token, validate=True)
        except ValueError:
            return None
        mac, payload = signed[:_MAC_BYTES], signed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(payload)):
            return None
        content: list[str] = json.loads(payload)
        return content[1:] if content[0] == purpose else None

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._secret, payload, hashlib.sha256)[:_MAC_BYTES]
