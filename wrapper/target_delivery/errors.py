"""Every error this SDK raises.

::

    TargetError
    ├── OptionError              an option or a request is wrong; nothing was sent
    ├── ClientClosedError        the client was closed before or during the call
    ├── NotReadyError            a decision on the device needs an artifact, and there is none yet
    ├── DecisioningError         in target_delivery.decisioning: ArtifactError, MissingExtraError
    ├── AttributeNotFoundError   the answer has no such mbox, or the mbox has no such key
    ├── OutboxError              a call of an outbox failed
    │   ├── OutboxFullError           the store has no room; nothing was stored
    │   ├── OutboxClosedError         the outbox is closed
    │   └── StoreError                the store cannot be opened, read or written
    └── DeliveryError            the call was sent and failed; has request_id and attempts
        ├── DeliveryConnectionError   no answer: the connection was refused, reset or broken off
        ├── DeliveryTimeoutError      the deadline passed
        ├── DeliveryStatusError       the edge (or something before it) answered with an error status
        └── InvalidAnswerError        the answer is truncated, not JSON, or not a Delivery API answer

No message contains an event token, a cookie or a visitor id. Control characters are written as escapes.
"""

from __future__ import annotations

from target_delivery._printable import printable

__all__ = [
    "AttributeNotFoundError",
    "ClientClosedError",
    "DeliveryConnectionError",
    "DeliveryError",
    "DeliveryStatusError",
    "DeliveryTimeoutError",
    "InvalidAnswerError",
    "NotReadyError",
    "OptionError",
    "OutboxClosedError",
    "OutboxError",
    "OutboxFullError",
    "StoreError",
    "TargetError",
]


class TargetError(Exception):
    """The root of all errors of this SDK."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(printable(one) if isinstance(one, str) else one for one in arguments))


class OptionError(TargetError, ValueError):
    """An option or a request is missing, unknown or unusable. Raised at the call, before anything is sent."""


class ClientClosedError(TargetError, RuntimeError):
    """The client is closed. Create a new one."""


CLOSED = "This client is closed; create a new one."
HTTP_CLIENT_CLOSED = "The http_client of this client is closed; create a new http_client and a new client."


class NotReadyError(TargetError):
    """A call must be decided on the device, and there is no artifact yet. ``wait_until_ready()`` waits for one."""


class AttributeNotFoundError(TargetError, KeyError):
    """The answer has no such mbox, or no such key in the JSON content of that mbox."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, but here the argument is a sentence.
        return Exception.__str__(self)


class OutboxError(TargetError):
    """A call of an outbox failed."""


class OutboxFullError(OutboxError):
    """The store has ``max_items`` notifications or ``max_bytes`` bytes. Nothing of this call was stored."""


class OutboxClosedError(OutboxError, RuntimeError):
    """The outbox is closed and takes no more notifications. The stored ones stay stored."""


class StoreError(OutboxError):
    """The store of an outbox cannot be opened, read or written: damaged, full disk, no permission, no connection.

    When ``send_notifications`` raises it, the notifications are perhaps not stored. It is safe to send them again,
    because the same notification of the same visitor always carries the same ``impressionId``.
    """


class DeliveryError(TargetError):
    """A call was sent to the Delivery API and did not succeed.

    Attributes:
        request_id: ``requestId`` of the call, which the edge's logs have, too.
        attempts: how many times the call was sent, retries included.
    """

    def __init__(self, message: str, *, request_id: str = "", attempts: int = 0) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.attempts = attempts


class DeliveryConnectionError(DeliveryError):
    """The last attempt brought no answer: the connection was refused, reset or broken off."""


class DeliveryTimeoutError(DeliveryError, TimeoutError):
    """The time of the option ``timeout``, which is for the whole call, passed before there was an answer.

    Attributes:
        timeout: the deadline that passed, in milliseconds.
    """

    def __init__(self, message: str, *, request_id: str = "", attempts: int = 0, timeout: int = 0) -> None:
        super().__init__(message, request_id=request_id, attempts=attempts)
        self.timeout = timeout


class DeliveryStatusError(DeliveryError):
    """The answer has an error status.

    Attributes:
        status: HTTP status of the answer.
        edge_message: ``message`` of the edge's ``UnexpectedError``; None when the answer is something else,
            for example the HTML page of a proxy.
        retry_after: seconds to wait before the next call, from the header Retry-After; None without one.
    """

    def __init__(
        self,
        message: str,
        *,
        request_id: str = "",
        attempts: int = 0,
        status: int = 0,
        edge_message: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id, attempts=attempts)
        self.status = status
        self.edge_message = edge_message
        self.retry_after = retry_after


class InvalidAnswerError(DeliveryError):
    """The answer was cut off, is too large, is not JSON, or is not a Delivery API answer.

    Attributes:
        status: HTTP status of the answer.
        excerpt: the first characters of the answer, with visitor ids and tokens redacted.
    """

    def __init__(
        self, message: str, *, request_id: str = "", attempts: int = 0, status: int = 0, excerpt: str = ""
    ) -> None:
        super().__init__(message, request_id=request_id, attempts=attempts)
        self.status = status
        self.excerpt = excerpt
