"""Attempts, retries and failures of one call, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import httpx2
import pytest

from target_delivery import (
    DeliveryConnectionError,
    DeliveryError,
    DeliveryStatusError,
    DeliveryTimeoutError,
    InvalidAnswerError,
)
from target_delivery._core.exchange import read_retry_after
from target_delivery._core.flow import Failure, Outcome
from target_delivery._http.failures import failure_of
from target_delivery_api.errors import AnswerTooLarge, TruncatedAnswer
from target_delivery_api.types import Answer
from tests.unit.core.shell import REQUEST, Shell, answer, core
from tests.virtual import VirtualTime

DAY = 86_400_000


def ask(shell: Shell, **options: Any) -> None:
    shell.run(core(shell.time, **options).get_offers({"request": REQUEST}, callbacks=False).flow)


def failed(error: Exception) -> Failure:
    """Return the failure that an exception of the HTTP library means."""
    failure = failure_of(error)
    assert failure is not None
    return failure


def cut_off(answer: Answer) -> Failure:
    return failed(TruncatedAnswer(answer))


def hook(status: int, **headers: str) -> Failure:
    sent = httpx.Request("POST", "https://mboxedge28.tt.omtrdc.net/")
    response = httpx.Response(status, headers=headers, request=sent)
    return failed(httpx.HTTPStatusError("SECRET", request=sent, response=response))


RETRIED: list[Outcome] = [
    failed(httpx.ConnectError("refused")),
    failed(httpx.ConnectTimeout("late")),
    failed(httpx.ReadTimeout("late")),
    failed(httpx.RemoteProtocolError("reset")),
    failed(httpx2.ReadError("reset")),
    cut_off(answer()),
    *(answer(status) for status in (429, 500, 502, 503, 504)),
    hook(503),
]
FINAL: list[Outcome] = [
    failed(httpx.UnsupportedProtocol("ftp")),
    failed(httpx2.UnsupportedProtocol("ftp")),
    failed(httpx.DecodingError("nonsense")),
    failed(httpx.TooManyRedirects("loop")),
    failed(AnswerTooLarge(answer(), 1024)),
    *(answer(status) for status in (400, 401, 403, 404, 501, 505)),
    hook(403),
]


@pytest.mark.parametrize("outcome", RETRIED, ids=repr)
def test_a_failure_that_may_pass_is_retried(outcome: Outcome) -> None:
    shell = Shell(VirtualTime(), outcome, outcome, answer())
    ask(shell)
    assert len(shell.sent) == 3
    assert shell.waits == [0.1, 0.2]
    first, *others = (step.request for step in shell.sent)
    assert all(other is first for other in others), "every attempt sends the same request"


@pytest.mark.parametrize("outcome", FINAL, ids=repr)
def test_any_other_failure_is_not(outcome: Outcome) -> None:
    shell = Shell(VirtualTime(), outcome)
    with pytest.raises(DeliveryError) as caught:
        ask(shell)
    assert caught.value.attempts == len(shell.sent) == 1
    assert shell.waits == []
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_retries_are_as_many_as_asked_for(retries: int) -> None:
    shell = Shell(VirtualTime(), answer(503))
    with pytest.raises(DeliveryStatusError) as caught:
        ask(shell, retries=retries)
    assert caught.value.attempts == len(shell.sent) == retries + 1


def test_the_wait_doubles_up_to_two_seconds() -> None:
    shell = Shell(VirtualTime(), answer(503))
    with pytest.raises(DeliveryStatusError):
        ask(shell, retries=8, timeout=DAY)
    assert shell.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0])


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", [answer, hook])
def test_retry_after_replaces_the_backoff(kind: Callable[..., Outcome], status: int) -> None:
    shell = Shell(VirtualTime(), kind(status, **{"retry-after": "1"}), answer())
    ask(shell)
    assert shell.waits == [1.0]


def test_retry_after_may_be_a_date() -> None:
    in_two_seconds = formatdate(1_700_000_002, usegmt=True)
    shell = Shell(VirtualTime(now=1_700_000_000.0), answer(503, retry_after=in_two_seconds), answer())
    ask(shell)
    assert shell.waits == [2.0]


def test_a_retry_after_beyond_the_deadline_is_not_waited_for() -> None:
    shell = Shell(VirtualTime(), answer(503, retry_after="30"))
    with pytest.raises(DeliveryStatusError) as caught:
        ask(shell, timeout=10_000)
    assert shell.waits == []
    assert caught.value.attempts == 1
    assert caught.value.retry_after == 30


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("9" * 30, 999_999_999.0),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("Tue, 99 Nov 2023 22:13:10 GMT", None),
    ],
)
def test_reading_retry_after(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, now=1_700_000_000.0) == seconds


def test_every_attempt_has_the_deadline_of_the_call() -> None:
    time = VirtualTime()
    begun = time.clock.monotonic()
    shell = Shell(time, answer(503), answer(503), answer())
    ask(shell, timeout=2000)
    assert [step.deadline for step in shell.sent] == [begun + 2.0] * 3


def test_a_deadline_that_passes_during_an_attempt_says_how_long_and_what_was_tried() -> None:
    time = VirtualTime()

    def late() -> Outcome:
        time.advance(0.5)
        return failed(httpx.ReadTimeout("SECRET"))

    shell = Shell(time, answer(503), late)
    with pytest.raises(DeliveryTimeoutError) as caught:
        ask(shell, timeout=500)
    error = caught.value
    assert (error.timeout, error.attempts) == (500, 2)
    assert str(error).startswith("No answer after 600 ms; the timeout is 500 ms. [request ")
    assert "2 attempts, failures: status 503; ReadTimeout]" in str(error)


def test_no_retry_when_the_wait_would_reach_the_deadline() -> None:
    shell = Shell(VirtualTime(), failed(httpx.ConnectError("refused")))
    with pytest.raises(DeliveryConnectionError) as caught:
        ask(shell, timeout=300)
    assert shell.waits == [0.1]  # the next one would be 0.2 s, which ends at the deadline
    assert caught.value.attempts == 2
    assert "No answer from mboxedge28.tt.omtrdc.net after 100 ms." in str(caught.value)
    assert "ConnectError (refused); ConnectError (refused)" in str(caught.value)


def test_the_last_failure_decides_on_the_error() -> None:
    shell = Shell(VirtualTime(), answer(503), cut_off(answer(200, b'{"sta')))
    with pytest.raises(InvalidAnswerError, match="cut off") as caught:
        ask(shell, retries=1)
    assert (caught.value.status, caught.value.excerpt, caught.value.attempts) == (200, '{"sta', 2)


def test_a_status_that_a_hook_refuses_is_a_status_error_without_its_text() -> None:
    shell = Shell(VirtualTime(), hook(403))
    with pytest.raises(DeliveryStatusError, match="A hook of the http_client refused") as caught:
        ask(shell)
    assert caught.value.status == 403
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_answer_that_is_too_large_says_so_and_names_the_option() -> None:
    shell = Shell(VirtualTime(), failed(AnswerTooLarge(answer(200, b'{"sta'), 1024)))
    with pytest.raises(InvalidAnswerError, match="larger than max_answer_bytes, 1024 bytes") as caught:
        ask(shell)
    assert (caught.value.status, caught.value.excerpt, caught.value.attempts) == (200, '{"sta', 1)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_only_the_text_of_a_failure_to_connect_is_shown(library: Any) -> None:
    assert failed(library.ConnectError("refused")).name == "ConnectError (refused)"
    for kind in (library.ReadError, library.RemoteProtocolError, library.ConnectTimeout, library.StreamError):
        assert failed(kind("SECRET")).name == kind.__name__


def test_any_other_exception_is_no_failure_of_the_wire() -> None:
    assert failure_of(RuntimeError("a bug")) is None
    assert failure_of(TimeoutError()) is None


def test_what_the_transport_raises_ends_the_call() -> None:
    def broken() -> Outcome:
        raise RuntimeError("a bug of the caller's transport")

    with pytest.raises(RuntimeError, match="a bug"):
        ask(Shell(VirtualTime(), broken))
