"""Keeps a client's artifact up to date: downloads it, compiles it, and only then replaces the one in use.

Nothing here does I/O: ``ArtifactKeeper.polling`` is a flow that a shell runs. An artifact that cannot be used never
replaces one that can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from attrs import frozen

from target_delivery._core import hosts
from target_delivery._core.backoff import Backoff
from target_delivery._core.emit import emit
from target_delivery._core.exchange import name_of
from target_delivery._core.flow import Send, Wait
from target_delivery._core.telemetry import artifact_entry
from target_delivery.decisioning import (
    Artifact,
    ArtifactError,
    ArtifactSource,
    compile_artifact,
    geo_of_headers,
    load_artifact,
    read_artifact,
)
from target_delivery.errors import ClientClosedError, OptionError
from target_delivery.events import ArtifactDownloadFailed, ArtifactDownloadSucceeded, GeoLocationUpdated
from target_delivery_api.types import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_delivery._core.chance import Chance
    from target_delivery._core.clock import Clock
    from target_delivery._core.config import Config
    from target_delivery._core.flow import Flow, Outcome
    from target_delivery._core.telemetry import TelemetryStore

__all__ = ["ArtifactKeeper", "Loaded"]

MAX_RETRIES = 10
"""How many times a failed download is tried again before the next poll."""
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
MAX_BYTES = 256 * 2**20
"""Bytes of an artifact, both as it is received and as it is decompressed."""
DOWNLOAD_TIMEOUT = 10.0
"""Seconds for one download, redirects included."""
BACKOFF = Backoff(first=0.2, longest=10.0)


@frozen
class Loaded:
    """An artifact in use, and where it came from. Immutable, so that a decision never mixes two artifacts."""

    artifact: Artifact
    source: ArtifactSource


class ArtifactKeeper:
    """Keeps the artifact of one client.

    Attributes:
        loaded: the artifact in use; None before the first.
    """

    def __init__(
        self,
        config: Config,
        end_wait: Callable[[bool], None],
        *,
        telemetry: TelemetryStore | None,
        clock: Clock,
        chance: Chance,
    ) -> None:
        """Use the option ``artifact_payload`` at once, if it is given.

        Args:
            config: the options of the client.
            end_wait: called once, with True when there is a first artifact or ``maximum_wait_ready`` is over, with
                False when no artifact will come.
            telemetry: gets the timings of downloads.
            clock: tells the time.
            chance: makes the jitter.

        Raises:
            OptionError: ``artifact_payload`` is not a usable artifact.
        """
        self._config = config
        self._telemetry = telemetry
        self._clock = clock
        self._chance = chance
        self._url = config.artifact_location or hosts.artifact_url(
            hosts.cdn_base_url(environment=config.cdn_environment, base_path=config.cdn_base_path),
            client=config.client,
            environment=config.environment,
            property_token=config.property_token,
        )
        self._etag: str | None = None
        self._ready_by: float | None = None
        self.loaded: Loaded | None = None
        self._end_wait = end_wait
        self._waited = False
        if config.artifact_payload is not None:
            try:
                artifact = load_artifact(config.artifact_payload)
            except ArtifactError as error:
                raise OptionError(f"Option 'artifact_payload' is not a usable artifact: {error}") from error
            halted = config.polling_interval == 0
            self._use(artifact, ArtifactSource(polling_interval=config.polling_interval, polling_halted=halted))

    def polling(self) -> Flow[None]:
        """Download the artifact now, unless there is one, and then at every ``polling_interval``."""
        interval = self._config.polling_interval / 1000
        if self._config.maximum_wait_ready is not None:
            self._ready_by = self._clock.monotonic() + self._config.maximum_wait_ready / 1000
        if self.loaded is None:
            yield from self._download()
        while interval:
            yield from self._wait(interval)
            yield from self._download()
        if self._ready_by is not None and not self._waited:
            yield Wait(max(0.0, self._ready_by - self._clock.monotonic()))
            self._check_wait()
        self._announce(ready=False)

    def _download(self) -> Flow[None]:
        for attempt in range(MAX_RETRIES + 1):
            started = self._clock.monotonic()
            outcome: Outcome | Exception | None
            try:
                outcome = yield from self._fetch(started + self._limited(DOWNLOAD_TIMEOUT))
            except ClientClosedError:
                raise
            except Exception as error:  # from the caller's transport or hooks
                outcome = error
            again = self._use_outcome(outcome, started)
            self._check_wait()
            if not again or attempt == MAX_RETRIES:
                return
            yield from self._wait(BACKOFF.wait(attempt + 1, self._chance))

    def _fetch(self, deadline: float) -> Flow[Outcome | None]:
        """Ask for the artifact, and follow redirects.

        Raises:
            ArtifactError: a redirect has no usable URL or leads from https to http, or there are too many redirects.
        """
        headers = {"accept": "application/json, */*"}
        if self._etag is not None and self.loaded is not None:
            headers["if-none-match"] = self._etag
        url = httpx.URL(self._url)
        for _ in range(MAX_REDIRECTS + 1):
            outcome = yield Send(Request("GET", str(url), [*headers.items()]), deadline, MAX_BYTES)
            if not isinstance(outcome, Answer) or outcome.status_code not in REDIRECTS:
                return outcome
            url = _redirected(url, outcome)
        raise ArtifactError(f"more than {MAX_REDIRECTS} redirects")

    def _wait(self, seconds: float) -> Flow[None]:
        first = self._limited(seconds)
        yield Wait(first)
        self._check_wait()
        if first < seconds:
            yield Wait(seconds - first)

    def _use_outcome(self, outcome: Outcome | Exception | None, started: float) -> bool:
        """Use the outcome of a download; return whether to try again."""
        if not isinstance(outcome, Answer):
            if outcome is None:
                self._fail("no answer")
            else:
                self._fail(str(outcome) if isinstance(outcome, ArtifactError) else name_of(outcome))
            return True
        if outcome.status_code == 304 and self.loaded is not None:
            return False
        if outcome.status_code == 403:
            self._fail("status 403: on-device decisioning is switched off for this account")
            return False
        if outcome.status_code != 200:
            self._fail(f"status {outcome.status_code}")
            return True
        downloaded = self._clock.monotonic()
        try:
            payload = read_artifact(outcome.content, organization_id=self._config.organization_id)
            artifact = compile_artifact(payload)
        except ArtifactError as error:
            self._fail(str(error))
            return True
        self._etag = outcome.headers.get("etag")
        self._swap_in(artifact)
        emit(self._config, ArtifactDownloadSucceeded(artifact_location=self._url, artifact_payload=payload))
        self._measure(started, downloaded)
        self._tell_geo(outcome)
        return False

    def _swap_in(self, artifact: Artifact) -> None:
        interval = self._config.polling_interval
        before = self.loaded.source if self.loaded is not None else ArtifactSource()
        self._use(
            artifact,
            ArtifactSource(
                location=self._url,
                polling_interval=interval,
                polling_halted=interval == 0,
                retrieval_count=before.retrieval_count + 1,
                last_retrieved=int(self._clock.now() * 1000),
            ),
        )

    def _use(self, artifact: Artifact, source: ArtifactSource) -> None:
        if artifact.warning:
            self._config.logger.error("%s", artifact.warning)
        self.loaded = Loaded(artifact, source)
        self._announce()

    def _fail(self, why: str) -> None:
        # Without the URL, which can hold a property token or a signature. The event has the URL.
        error = ArtifactError(f"The artifact of {httpx.URL(self._url).host} cannot be used: {why}")
        self._config.logger.error("%s", error)
        emit(self._config, ArtifactDownloadFailed(artifact_location=self._url, error=error))

    def _measure(self, started: float, downloaded: float) -> None:
        if self._telemetry is not None:
            now = self._clock.monotonic()
            self._telemetry.add(
                artifact_entry(
                    timestamp=int(self._clock.now() * 1000),
                    execution=(now - started) * 1000,
                    parsing=(now - downloaded) * 1000,
                )
            )

    def _tell_geo(self, answer: Answer) -> None:
        geo = geo_of_headers(dict(answer.headers))
        if geo:
            emit(self._config, GeoLocationUpdated(geo_context=geo))

    def _announce(self, *, ready: bool = True) -> None:
        if not self._waited:
            self._waited = True
            self._end_wait(ready)

    def _limited(self, seconds: float) -> float:
        """Return a time in seconds, cut to the time that ``maximum_wait_ready`` leaves for the first artifact."""
        if self._ready_by is None or self._waited:
            return seconds
        return max(0.0, min(seconds, self._ready_by - self._clock.monotonic()))

    def _check_wait(self) -> None:
        if self._ready_by is not None and not self._waited and self._clock.monotonic() >= self._ready_by:
            self._config.logger.error(
                "No artifact arrived within %s ms (maximum_wait_ready); downloading goes on.",
                self._config.maximum_wait_ready,
            )
            self._announce()


def _redirected(url: httpx.URL, answer: Answer) -> httpx.URL:
    """Return the URL that a redirect leads to, without user and password.

    Raises:
        ArtifactError: the redirect has no usable URL, or leads from https to http.
    """
    why = f"status {answer.status_code} with"
    try:
        target = url.join(answer.headers.get("location", "")).copy_with(userinfo=b"", fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise ArtifactError(f"{why} a Location that is no URL") from error
    if "location" not in answer.headers or target.scheme not in ("http", "https") or not target.host:
        raise ArtifactError(f"{why}out a Location that can be followed")
    if url.scheme == "https" and target.scheme == "http":
        raise ArtifactError(f"{why} a Location that leads from https to http")
    return target
