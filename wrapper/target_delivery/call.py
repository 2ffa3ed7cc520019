"""The pure core of a call: the HTTP request of a prepared call, and what comes of its outcome.

``Core.call`` makes the HTTP request; ``interpret`` turns the outcome into a TargetDeliveryResponse or an error. Neither
does I/O.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn

import httpx
from attrs import frozen

from target_delivery import cookies, edge
from target_delivery._version import __version__
from target_delivery.completion import Completion, Prepared
from target_delivery.errors import (
    DeliveryConnectionError,
    DeliveryStatusError,
    DeliveryTimeoutError,
    InvalidAnswerError,
    OptionError,
)
from target_delivery.ids import new_id
from target_delivery.memory import Memory
from target_delivery.redact import redact
from target_delivery.response import TargetDeliveryResponse, results_in_order
from target_delivery.retry import Attempts, read_retry_after
from target_delivery_api.api.delivery import execute as endpoint
from target_delivery_api.errors import ModelError, TruncatedAnswer
from target_delivery_api.models import DeliveryRequest, DeliveryResponse, UnexpectedError
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_delivery.options import CallOptions, Config, MethodName
    from target_delivery.retry import Outcome

__all__ = ["Call", "Core", "whole"]

SDK_NAME = "target-delivery-python"
EXCERPT = 200
"""Characters of an answer that an error shows."""


@frozen
class Call:
    """One call to the edge, ready to be sent as often as it takes."""

    prepared: Prepared
    request: DeliveryRequest
    wire: httpx.Request
    attempts: Attempts


class Core:
    """What the calls of one client have in common, whichever way they are sent."""

    def __init__(self, config: Config, default_headers: httpx.Headers) -> None:
        """Take the checked options, and the headers that the HTTP client sends with every request."""
        self.config = config
        self.memory: Memory = Memory(config.target_location_hint)
        self._completion = Completion(config, self.memory)
        self._base_url = edge.url_maker(client=config.client, server_domain=config.server_domain, secure=config.secure)
        self._headers = {
            **default_headers,
            "x-exc-sdk": SDK_NAME,
            "x-exc-sdk-version": __version__,
        }

    def prepare(self, method: MethodName, options: CallOptions, mbox_names: Sequence[str] = ()) -> Call:
        """Make the call of what the caller gave.

        Args:
            method: the method that was called.
            options: its options.
            mbox_names: the mboxes that ``get_attributes`` was asked for.

        Raises:
            OptionError: the request cannot be sent as it is.
        """
        started = time.monotonic()
        return self.call(self.prepared(method, options, mbox_names), started)

    def prepared(self, method: MethodName, options: CallOptions, mbox_names: Sequence[str] = ()) -> Prepared:
        """Complete the request of a call for the edge, now or later; as ``prepare``, without the HTTP request."""
        prepared = self._completion.prepare(method, options, mbox_names)
        self._completion.complete_for_edge(prepared, options)
        return prepared

    def is_stitched(self, prepared: Prepared) -> bool:
        """Tell whether a prepared request shares its supplementalDataId with other calls of its page."""
        sdid = prepared.body["experienceCloud"]["analytics"]["supplementalDataId"]
        return self.memory.is_shared(prepared.session_id, sdid)

    def call(self, prepared: Prepared, started: float, retries: int | None = None) -> Call:
        """Make the call of a prepared request.

        Args:
            prepared: what is sent.
            started: when the call began, monotonic seconds; its deadline counts from here.
            retries: how often it may be sent again; None: as the client option says.

        Raises:
            OptionError: the request cannot be written as JSON.
        """
        try:
            request = DeliveryRequest.from_dict(prepared.body)
            wire = endpoint.build_request(
                base_url=self._base_url(prepared.cluster),
                ims_org_id=self.config.organization_id,
                session_id=prepared.session_id,
                version=self.config.version,
                body=request,
                headers={**self._headers, "x-request-id": new_id()},
            )
        except (TypeError, ValueError) as error:
            raise OptionError(f"The request cannot be written as JSON: {error}") from error
        self.config.logger.debug("Delivery API request %s %s", wire.url, _Text(wire.content))
        deadline = started + self.config.timeout / 1000
        retries = self.config.retries if retries is None else retries
        attempts = Attempts(retries=retries, started=started, deadline=deadline)
        return Call(prepared, request, wire, attempts)

    def interpret(self, call: Call, outcome: Outcome) -> TargetDeliveryResponse:
        """Make the result of a call of its last outcome.

        Raises:
            DeliveryError: one of its kinds, when there is no Delivery API answer.
        """
        if not isinstance(outcome, Answer):
            self._no_answer(call, outcome)
        self.config.logger.debug("Delivery API answer %d %s", outcome.status_code, _Text(outcome.content))
        response = self._parsed(call, outcome)
        cluster = edge.cluster_of_edge_host(response.edge_host)
        if cluster is not None:
            self.memory.location_hint = cluster
        prepared, now = call.prepared, time.time()
        tnt_id = response.id.tnt_id if response.id is not None else None
        results = list(results_in_order(response))
        options = (option for result in results for option in result.options or ())
        return TargetDeliveryResponse(
            response=response,
            target_cookie=cookies.target_cookie(prepared.session_id, tnt_id or prepared.device_id, now),
            target_location_hint_cookie=cookies.location_hint_cookie(prepared.cluster or cluster),
            analytics_details=[r.analytics for r in results if r.analytics is not None] or None,
            trace=[r.trace for r in results if r.trace is not None] or None,
            response_tokens=[o.response_tokens for o in options if o.response_tokens is not None] or None,
            meta={"decisioning_method": "server-side", "remote_mboxes": [], "remote_views": []},
            request=call.request,
        )

    def _parsed(self, call: Call, answer: Answer) -> DeliveryResponse:
        try:
            parsed = endpoint.parse(answer)
        except (ValueError, RecursionError) as error:
            if answer.status_code >= 300:
                self._error_status(call, answer, None)
            why = str(error) if isinstance(error, ModelError) else "not JSON"
            self._invalid_answer(call, answer.status_code, answer.content, why)
        if parsed is None:
            return DeliveryResponse(status=answer.status_code)
        if isinstance(parsed, UnexpectedError):
            self._error_status(call, answer, parsed.message)
        return parsed

    def _error_status(self, call: Call, answer: Answer, message: str | None) -> NoReturn:
        if message is not None:
            message = self._redacted(call, message)
        said = message or self._excerpt(call, answer.content) or "an empty body"
        raise DeliveryStatusError(
            f"The edge answered with status {answer.status_code}: {said} {self._history(call)}",
            request_id=call.request.request_id or "",
            attempts=call.attempts.count,
            status=answer.status_code,
            edge_message=message,
            retry_after=read_retry_after(answer.headers.get("retry-after")),
        )

    def _invalid_answer(self, call: Call, status: int, content: bytes, why: str) -> NoReturn:
        excerpt = self._excerpt(call, content)
        raise InvalidAnswerError(
            f"The answer with status {status} is no Delivery API answer ({why}): {excerpt!r} {self._history(call)}",
            request_id=call.request.request_id or "",
            attempts=call.attempts.count,
            status=status,
            excerpt=excerpt,
        )

    def _no_answer(self, call: Call, failure: httpx.HTTPError | httpx.StreamError) -> NoReturn:
        request_id, count = call.request.request_id or "", call.attempts.count
        elapsed = round((time.monotonic() - call.attempts.started) * 1000)
        if time.monotonic() >= call.attempts.deadline or isinstance(failure, httpx.TimeoutException):
            raise DeliveryTimeoutError(
                f"No answer after {elapsed} ms; the timeout is {self.config.timeout} ms. {self._history(call)}",
                request_id=request_id,
                attempts=count,
                timeout=self.config.timeout,
            ) from failure
        if isinstance(failure, TruncatedAnswer):
            self._invalid_answer(call, failure.status_code, failure.content, "cut off")
        if isinstance(failure, httpx.DecodingError):
            self._invalid_answer(call, 200, b"", "its Content-Encoding is broken")
        raise DeliveryConnectionError(
            f"No answer from {call.wire.url.host} after {elapsed} ms. {self._history(call)}",
            request_id=request_id,
            attempts=count,
        ) from failure

    def _history(self, call: Call) -> str:
        """Say how the call went: the last words of every message."""
        failures = "; ".join(call.attempts.failures) or "none"
        attempts = f"{call.attempts.count} attempt{'s' if call.attempts.count != 1 else ''}"
        return f"[request {call.request.request_id}, {attempts}, failures: {failures}]"

    def _excerpt(self, call: Call, content: bytes) -> str:
        # Redacted before it is cut, and from enough of the text that no secret is cut in two before it is found.
        text = content[: 20 * EXCERPT].decode("utf-8", "replace")
        return self._redacted(call, text)[:EXCERPT]

    def _redacted(self, call: Call, text: str) -> str:
        return redact(text, call.prepared.body, call.prepared.session_id)


def whole(response: TargetDeliveryResponse) -> TargetDeliveryResponse:
    """Finish a call whose result is the whole answer."""
    return response


class _Text:
    """Bytes that are decoded only when a log line with them is written."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __str__(self) -> str:
        return self._content.decode("utf-8", "replace")
