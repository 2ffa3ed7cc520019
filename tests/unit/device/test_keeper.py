"""The flow of an artifact keeper: a usable artifact is never lost, and every failure has an event."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from target_delivery import ArtifactDownloadFailed, ArtifactDownloadSucceeded, ClientReady, OptionError
from target_delivery._core.config import Config
from target_delivery._core.flow import Failure, Outcome, Send, Wait
from target_delivery._core.telemetry import TelemetryStore
from target_delivery._core.validation import read_client_options
from target_delivery._device.keeper import MAX_RETRIES, ArtifactKeeper
from target_delivery_api.types import Answer
from tests.virtual import VirtualTime

ARTIFACT: dict[str, Any] = {
    "version": "1.0.0",
    "meta": {"clientCode": "demo", "environment": "production"},
    "rules": {"mboxes": {"home": []}, "views": {}},
}


class Owner:
    """The owner of a keeper: keeps all its events."""

    def __init__(self, **options: Any) -> None:
        self.events: list[Any] = []
        self.ready = False
        names = ("client_ready", "artifact_download_succeeded", "artifact_download_failed", "geo_location_updated")
        given = {
            "client": "demo",
            "organization_id": "demo@AdobeOrg",
            "decisioning_method": "on-device",
            "events": dict.fromkeys(names, self.events.append),
            **options,
        }
        self.config: Config = read_client_options(given, "Client")
        self.telemetry = TelemetryStore()
        self.time = VirtualTime()
        self.keeper = ArtifactKeeper(
            self.config,
            self._end_wait,
            telemetry=self.telemetry,
            clock=self.time.clock,
            chance=self.time.chance,
        )
        self.flow = self.keeper.polling()

    def _end_wait(self, ready: bool) -> None:
        self.ready = True
        if ready:
            self.events.append(ClientReady())

    def seen(self) -> list[str]:
        types = [event.type for event in self.events]
        self.events.clear()
        return types


def answer(status: int = 200, content: bytes | dict[str, Any] = ARTIFACT, **headers: str) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(status_code=status, headers=headers, content=body)


def loaded(owner: Owner, outcome: Answer | None = None) -> Wait:
    """Let an owner download a usable artifact, and return the step that follows."""
    assert isinstance(next(owner.flow), Send)
    step = owner.flow.send(outcome or answer(etag='"1"'))
    assert isinstance(step, Wait)
    assert owner.keeper.loaded is not None
    owner.seen()
    return step


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "https://assets.adobetarget.com/demo/production/v1/rules.json"),
        ({"property_token": "p-1"}, "https://assets.adobetarget.com/demo/production/v1/p-1/rules.json"),
        ({"environment": "My-Env"}, "https://assets.adobetarget.com/demo/my-env/v1/rules.json"),
        ({"environment": "../x"}, "https://assets.adobetarget.com/demo/..%2Fx/v1/rules.json"),
        ({"cdn_environment": "staging"}, "https://assets.staging.adobetarget.com/demo/production/v1/rules.json"),
        ({"cdn_environment": "development"}, "https://assets.staging.adobetarget.com/demo/production/v1/rules.json"),
        ({"cdn_base_path": "cdn.example.com"}, "https://cdn.example.com/demo/production/v1/rules.json"),
        ({"cdn_base_path": "http://127.0.0.1:80/"}, "http://127.0.0.1:80/demo/production/v1/rules.json"),
        ({"artifact_location": "https://a.example/r.json"}, "https://a.example/r.json"),
    ],
)
def test_where_an_artifact_is(options: dict[str, Any], url: str) -> None:
    step = next(Owner(**options).flow)
    assert isinstance(step, Send)
    assert (step.request.method, step.request.url) == ("GET", str(httpx.URL(url)))


def test_the_first_artifact_makes_the_client_ready() -> None:
    owner = Owner()
    assert not owner.ready
    assert owner.seen() == []
    next(owner.flow)
    step = owner.flow.send(answer(**{"x-geo-city": "Zurich"}))
    assert step == Wait(300)
    assert owner.ready
    ready, succeeded, geo = owner.events
    assert ready.type == "client_ready"
    assert isinstance(succeeded, ArtifactDownloadSucceeded)
    assert succeeded["artifact_payload"] == ARTIFACT
    assert succeeded.artifact_location.endswith("/demo/production/v1/rules.json")
    assert geo.geo_context == {"city": "Zurich"}
    assert owner.keeper.loaded is not None
    assert owner.keeper.loaded.source.retrieval_count == 1
    (entry,) = owner.telemetry.take()
    assert entry["requestId"] == "ArtifactDownload"


def test_an_unchanged_artifact_is_not_downloaded_again() -> None:
    owner = Owner()
    loaded(owner)
    before = owner.keeper.loaded
    step = next(owner.flow)
    assert isinstance(step, Send)
    assert ("if-none-match", '"1"') in step.request.headers
    assert owner.flow.send(answer(304, b"")) == Wait(300)
    assert owner.keeper.loaded is before
    assert owner.seen() == []


def test_a_new_artifact_replaces_the_old_one_at_once() -> None:
    owner = Owner()
    loaded(owner)
    before = owner.keeper.loaded
    next(owner.flow)
    owner.flow.send(answer(content={**ARTIFACT, "version": "1.2.3"}, etag='"2"'))
    assert before is not None
    assert before.artifact.version == "1.0.0"
    assert owner.keeper.loaded is not None
    assert owner.keeper.loaded.artifact.version == "1.2.3"
    assert owner.keeper.loaded.source.retrieval_count == 2
    assert owner.seen() == ["artifact_download_succeeded"], "ready only once"


BAD = [
    Failure("ReadTimeout", may_pass=True),
    Failure("ConnectError (refused)", may_pass=True),
    answer(500, b""),
    answer(404, b"no"),
    answer(204, b""),
    answer(content=b""),
    answer(content=b'{"version": "1.0.0", "rules": {"mbo'),
    answer(content=b"[]"),
    answer(content=b"\xff\xfe"),
    answer(content={}),
    answer(content={"version": "1.0.0"}),
    answer(content={**ARTIFACT, "version": "2.0.0"}),
    answer(content=b"[" * 100_000),
]


@pytest.mark.parametrize("outcome", BAD, ids=range(len(BAD)))
def test_a_good_artifact_in_use_is_never_lost(outcome: Outcome) -> None:
    owner = Owner()
    loaded(owner)
    before = owner.keeper.loaded
    next(owner.flow)
    for attempt in range(MAX_RETRIES + 1):
        step = owner.flow.send(outcome)
        assert isinstance(step, Wait)
        (failed,) = owner.events
        assert isinstance(failed, ArtifactDownloadFailed)
        assert "cannot be used" in str(failed.error)
        owner.events.clear()
        if attempt < MAX_RETRIES:
            assert step.seconds == pytest.approx(min(10, 0.2 * 2**attempt)), "the longest that the backoff allows"
            step = next_send(owner)
    assert step == Wait(300), "polling goes on"
    assert owner.keeper.loaded is before
    assert isinstance(next(owner.flow), Send)
    owner.flow.send(answer(content={**ARTIFACT, "version": "1.1.0"}))
    assert owner.seen() == ["artifact_download_succeeded"]


def next_send(owner: Owner) -> Send:
    """End the wait, and return the next download."""
    step = next(owner.flow)
    assert isinstance(step, Send)
    return step


def test_an_account_without_on_device_decisioning_is_told_so_and_not_asked_again_at_once() -> None:
    owner = Owner()
    next(owner.flow)
    assert owner.flow.send(answer(403, b"")) == Wait(300)
    (failed,) = owner.events
    assert "switched off for this account" in str(failed.error)


def test_a_version_that_is_not_known_names_both() -> None:
    owner = Owner()
    next(owner.flow)
    owner.flow.send(answer(content={**ARTIFACT, "version": "2.0.0"}))
    assert "'2.0.0'" in str(owner.events[0].error)
    assert "1.x.y" in str(owner.events[0].error)


def test_never_poll() -> None:
    owner = Owner(polling_interval=0)
    next(owner.flow)
    with pytest.raises(StopIteration):
        owner.flow.send(answer())
    assert owner.keeper.loaded is not None
    assert owner.keeper.loaded.source.polling_halted


def test_an_artifact_in_hand_is_used_at_once_and_none_is_downloaded_first() -> None:
    owner = Owner(artifact_payload=ARTIFACT)
    assert owner.ready
    assert owner.seen() == ["client_ready"]
    assert owner.keeper.loaded is not None
    assert owner.keeper.loaded.source.location == "Not Applicable"
    assert next(owner.flow) == Wait(300)
    with pytest.raises(StopIteration):
        next(Owner(artifact_payload=ARTIFACT, polling_interval=0).flow)


@pytest.mark.parametrize("payload", [{}, {**ARTIFACT, "version": "9.0.0"}, {"version": "1.0.0", "rules": object()}])
def test_an_artifact_in_hand_that_is_none_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="'artifact_payload' is not a usable artifact"):
        Owner(artifact_payload=payload)


def test_the_wait_for_the_first_artifact_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    owner = Owner(maximum_wait_ready=0)
    step = next(owner.flow)
    assert isinstance(step, Send)
    owner.flow.send(Failure("ReadTimeout", may_pass=True))
    assert owner.seen() == ["artifact_download_failed", "client_ready"]
    assert owner.ready
    assert owner.keeper.loaded is None
    assert "No artifact arrived within 0 ms (maximum_wait_ready); downloading goes on." in caplog.text
    next_send(owner)
    owner.flow.send(answer())
    assert owner.seen() == ["artifact_download_succeeded"]


@pytest.mark.parametrize("interval", [0, 300_000])
def test_the_wait_is_bounded_also_after_a_download_that_is_not_tried_again(interval: int) -> None:
    owner = Owner(maximum_wait_ready=50, polling_interval=interval)
    next(owner.flow)
    step = owner.flow.send(answer(403, b""))
    assert isinstance(step, Wait)
    assert step.seconds == pytest.approx(0.05)
    owner.seen()
    owner.time.advance(step.seconds)
    if interval:
        step = next(owner.flow)
        assert isinstance(step, Wait)
        assert step.seconds == pytest.approx(299.95)
    else:
        with pytest.raises(StopIteration):
            next(owner.flow)
    assert owner.seen() == ["client_ready"]
    assert owner.ready


def test_the_wait_for_the_first_artifact_cuts_backoff_and_download_short() -> None:
    owner = Owner(maximum_wait_ready=500)
    begun = owner.time.clock.monotonic()
    step = next(owner.flow)
    assert isinstance(step, Send)
    assert step.deadline == begun + 0.5
    waits: list[float] = []
    while not owner.ready:
        step = (
            owner.flow.send(Failure("ConnectError (refused)", may_pass=True))
            if isinstance(step, Send)
            else next(owner.flow)
        )
        if isinstance(step, Wait):
            waits.append(step.seconds)
            owner.time.advance(step.seconds)
    # The second backoff, 0.4 s, is divided: the client is ready after 0.5 s, and the download comes 0.1 s later.
    assert waits == pytest.approx([0.2, 0.3, 0.1])
    assert owner.seen() == ["artifact_download_failed", "artifact_download_failed", "client_ready"]
    assert isinstance(next(owner.flow), Send)


def test_who_waits_is_woken_when_nothing_comes_any_more() -> None:
    owner = Owner(polling_interval=0)
    next(owner.flow)
    with pytest.raises(StopIteration):
        owner.flow.send(answer(403, b""))
    assert owner.ready
    assert owner.seen() == ["artifact_download_failed"]


def test_whatever_a_transport_raises_polling_goes_on() -> None:
    owner = Owner()
    next(owner.flow)
    assert isinstance(owner.flow.throw(RuntimeError("SECRET")), Wait)
    assert str(owner.events[0].error) == "The artifact of assets.adobetarget.com cannot be used: RuntimeError"


def test_no_token_in_an_error_or_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    owner = Owner(property_token="SECRET")
    next(owner.flow)
    owner.flow.send(answer(403, b""))
    assert "SECRET" in owner.events[0].artifact_location
    assert "SECRET" not in str(owner.events[0].error) + caplog.text


def test_rules_bin() -> None:
    key = b"k" * 32
    text = json.dumps(ARTIFACT).encode()
    mask = (b"demo@AdobeOrg" + key) * 100
    content = b"TGT:1\0\0\0" + key + bytes(a ^ b for a, b in zip(text, mask, strict=False))
    owner = Owner(artifact_location="https://a.example/rules.bin")
    loaded(owner, answer(content=content))


def redirect(location: str, status: int = 302) -> Answer:
    return Answer(status_code=status, headers={"location": location}, content=b"")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://other.example/rules.json", "https://other.example/rules.json"),
        ("/moved/rules.json?x=1", "https://assets.adobetarget.com/moved/rules.json?x=1"),
        ("rules-2.json", "https://assets.adobetarget.com/demo/production/v1/rules-2.json"),
        ("//other.example/r", "https://other.example/r"),
        ("https://user:SECRET@other.example/r", "https://other.example/r"),
    ],
)
def test_a_redirect_of_the_artifact_is_followed(status: int, location: str, target: str) -> None:
    owner = Owner()
    first = next(owner.flow)
    second = owner.flow.send(redirect(location, status))
    assert isinstance(first, Send)
    assert isinstance(second, Send)
    assert (second.request.method, str(second.request.url)) == ("GET", target)
    assert second.deadline == first.deadline
    assert "authorization" not in dict(second.request.headers)
    assert isinstance(owner.flow.send(answer(etag='"1"')), Wait)
    assert owner.keeper.loaded is not None


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://assets.adobetarget.com/r", "a Location that leads from https to http"),
        ("HTTP://other.example", "a Location that leads from https to http"),
        ("ftp://other.example/SECRET", "a Location that can be followed"),
        ("https://a:b/SECRET", "a Location that is no URL"),
        ("data:SECRET", "a Location that can be followed"),
    ],
)
def test_a_redirect_that_must_not_be_followed_is_a_failed_download(location: str, why: str) -> None:
    owner = Owner()
    next(owner.flow)
    assert isinstance(owner.flow.send(redirect(location)), Wait)
    assert why in str(owner.events[0].error)
    assert "SECRET" not in str(owner.events[0].error)


def test_redirects_that_go_round_in_circles_end() -> None:
    owner = Owner()
    step = next(owner.flow)
    for _ in range(6):
        assert isinstance(step, Send)
        step = owner.flow.send(redirect("/again"))
    assert isinstance(step, Wait)
    assert "more than 5 redirects" in str(owner.events[0].error)
    assert isinstance(owner.flow.send(None), Send), "the download is tried again"


def test_a_redirect_without_a_location_is_a_failed_download() -> None:
    owner = Owner()
    next(owner.flow)
    assert isinstance(owner.flow.send(answer(302)), Wait)
    assert "without a Location" in str(owner.events[0].error)
