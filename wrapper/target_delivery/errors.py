"""Every error this SDK raises.

::

    TargetError
    ├── OptionError              a call or a client was given something it cannot work with; nothing was sent
    ├── ClientClosedError        the client was closed before or during the call
    ├── NotReadyError            there is no artifact yet to decide with on the device
    ├── DecisioningError         of target_delivery.decisioning: ArtifactError, MissingExtraError
    ├── AttributeNotFoundError   an AttributesProvider has no such mbox or key
    ├── OutboxError              an outbox could not do what it was asked for
    │   ├── OutboxFullError           the store has no room; nothing was stored
    │   ├── OutboxClosedError         the outbox is closed
    │   └── StoreError                the store cannot be opened, read or written
    └── DeliveryError            the call was sent and failed; knows request_id and attempts
        ├── DeliveryConnectionError   no answer: connection refused, reset, broken off
        ├── DeliveryTimeoutError      the deadline passed
        ├── DeliveryStatusError       the edge (or something before it) answered with an error status
        └── InvalidAnswerError        the answer is not a Delivery API answer: truncated, not JSON, not an object

No message holds an event token, a cookie or a visitor id.
"""

from __future__ import annotations

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


class OptionError(TargetError, ValueError):
    """An option or a request is missing, unknown or unusable. Raised at the call, before anything is sent."""


class ClientClosedError(TargetError, RuntimeError):
    """The client is closed. Create a new one."""


CLOSED = "This client is closed; create a new one."
HTTP_CLIENT_CLOSED = "The http_client that this client was given is closed; create both anew."


class NotReadyError(TargetError):
    """A call has to be decided on the device, and the first artifact is not there yet."""


class AttributeNotFoundError(TargetError, KeyError):
    """The answer has no such mbox, or no such key in the JSON content of that mbox."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a sentence is not a key.
        return Exception.__str__(self)


class OutboxError(TargetError):
    """An outbox could not do what it was asked for."""


class OutboxFullError(OutboxError):
    """The store holds ``max_items`` notifications or ``max_bytes`` bytes. Nothing of the call was stored."""


class OutboxClosedError(OutboxError, RuntimeError):
    """The outbox is closed: it takes no more notifications. What it stored stays stored."""


class StoreError(OutboxError):
    """The store of an outbox cannot be opened, read or written: damaged, full disk, no permission, no connection.

    Of ``send_notifications`` it means that the notifications may not be stored. To give them again is safe: the same
    notification of the same visitor carries the same ``impressionId``.
    """


class DeliveryError(TargetError):
    """A call was sent to the Delivery API and did not succeed.

    Attributes:
        request_id: ``requestId`` of the call, as the edge's logs know it.
        attempts: how many times the call was sent, retries included.
    """

    def __init__(self, message: str, *, request_id: str = "", attempts: int = 0) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.attempts = attempts


class DeliveryConnectionError(DeliveryError):
    """There was no complete answer: the connection failed, was reset or was refused, on every attempt."""


class DeliveryTimeoutError(DeliveryError, TimeoutError):
    """The option ``timeout``, a deadline for the whole call, passed before there was an answer.

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
        retry_after: seconds after which the edge asks to be called again; None when it does not say.
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
    """The answer was cut off, is not JSON, or is not a Delivery API answer.

    Attributes:
        status: HTTP status of the answer.
        excerpt: the first characters of the answer, visitor ids and tokens redacted.
    """

    def __init__(
        self, message: str, *, request_id: str = "", attempts: int = 0, status: int = 0, excerpt: str = ""
    ) -> None:
        super().__init__(message, request_id=request_id, attempts=attempts)
        self.status = status
        self.excerpt = excerpt
