"""The life of a rule artifact: downloaded, compiled aside, swapped in at once, never lost.

Everything here is pure but for the clock; the shells hold the conversation that ``ArtifactKeeper.polling`` is.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Protocol

import httpx
from attrs import frozen

from target_delivery._core import hosts
from target_delivery._core.flow import Conversation, Send, Sleep
from target_delivery._core.retry import name_of
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
from target_delivery.events import (
    ArtifactDownloadFailed,
    ArtifactDownloadSucceeded,
    ClientReady,
    GeoLocationUpdated,
    emit,
)
from target_delivery_api.types import Answer

if TYPE_CHECKING:
    from target_delivery._core.retry import Outcome
    from target_delivery._core.telemetry import TelemetryStore
    from target_delivery.options import Config

__all__ = ["ArtifactKeeper", "Flag", "Loaded"]

MAX_RETRIES = 10
"""How often a download that failed is tried again before the next poll."""
DOWNLOAD_TIMEOUT = 10.0
"""Seconds for one download."""
FIRST_BACKOFF, MAX_BACKOFF = 0.2, 10.0
"""Seconds between two tries: the first wait, doubled each time, and the longest; half of it is jitter."""


class Flag(Protocol):
    """What both ``threading.Event`` and ``asyncio.Event`` are."""

    def set(self) -> None:
        """Raise the flag."""
        ...

    def is_set(self) -> bool:
        """Tell whether it is raised."""
        ...


@frozen
class Loaded:
    """An artifact in use. One decision sees one of these, whatever is swapped in meanwhile."""

    artifact: Artifact
    source: ArtifactSource


class ArtifactKeeper:
    """Keeps the artifact of one client.

    Attributes:
        loaded: the artifact to decide with; None until there is one.
        ready: set once the client can be used: with the first artifact, or when ``maximum_wait_ready`` has passed.
    """

    def __init__(self, config: Config, telemetry: TelemetryStore | None, ready: Flag) -> None:
        """Take an artifact in hand, if there is one.

        Raises:
            OptionError: ``artifact_payload`` is no artifact that can be used.
        """
        self._config = config
        self._telemetry = telemetry
        self._url = hosts.artifact_url(config)
        self._etag: str | None = None
        self._ready_by: float | None = None
        self.loaded: Loaded | None = None
        self.ready: Flag = ready
        if config.artifact_payload is not None:
            try:
                artifact = load_artifact(config.artifact_payload)
            except ArtifactError as error:
                raise OptionError(f"Option 'artifact_payload' is no artifact: {error}") from error
            halted = config.polling_interval == 0
            self._use(artifact, ArtifactSource(polling_interval=config.polling_interval, polling_halted=halted))

    def polling(self) -> Conversation[None]:
        """Download the artifact now, unless there is one, and then every ``polling_interval``."""
        interval = self._config.polling_interval / 1000
        if self._config.maximum_wait_ready is not None:
            self._ready_by = time.monotonic() + self._config.maximum_wait_ready / 1000
        if self.loaded is None:
            yield from self._download()
        while interval:
            yield from self._wait(interval)
            yield from self._download()
        if self._ready_by is not None and not self.ready.is_set():
            yield Sleep(max(0.0, self._ready_by - time.monotonic()))
            self._check_wait()
        # Nothing comes any more: whoever waits has waited long enough.
        self.ready.set()

    def _download(self) -> Conversation[None]:
        for attempt in range(MAX_RETRIES + 1):
            started = time.monotonic()
            try:
                outcome = yield Send(self._request(), started + self._limited(DOWNLOAD_TIMEOUT))
            except ClientClosedError:
                raise
            except Exception as error:  # of a transport or a hook of the caller's
                outcome = httpx.TransportError(type(error).__name__)
            again = self._take(outcome, started)
            self._check_wait()
            if not again or attempt == MAX_RETRIES:
                return
            backoff = min(MAX_BACKOFF, FIRST_BACKOFF * 2**attempt) * random.uniform(0.5, 1)  # noqa: S311 - jitter
            yield from self._wait(backoff)

    def _wait(self, seconds: float) -> Conversation[None]:
        first = self._limited(seconds)
        yield Sleep(first)
        self._check_wait()
        if first < seconds:
            yield Sleep(seconds - first)

    def _request(self) -> httpx.Request:
        headers = {"accept": "application/json, */*"}
        if self._etag is not None and self.loaded is not None:
            headers["if-none-match"] = self._etag
        return httpx.Request("GET", self._url, headers=headers)

    def _take(self, outcome: Outcome | None, started: float) -> bool:
        """Use what a download brought; return whether to try again."""
        if not isinstance(outcome, Answer):
            self._fail(name_of(outcome) if outcome is not None else "no answer")
            return True
        if outcome.status_code == 304 and self.loaded is not None:
            return False
        if outcome.status_code == 403:
            self._fail("status 403: on-device decisioning is switched off for this account")
            return False
        if outcome.status_code != 200:
            self._fail(f"status {outcome.status_code}")
            return True
        downloaded = time.monotonic()
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
                last_retrieved=int(time.time() * 1000),
            ),
        )

    def _use(self, artifact: Artifact, source: ArtifactSource) -> None:
        if artifact.warning:
            self._config.logger.error("%s", artifact.warning)
        self.loaded = Loaded(artifact, source)
        self._announce()

    def _fail(self, why: str) -> None:
        # Without its URL, which can hold a property token or a signature; the event has it.
        error = ArtifactError(f"The artifact of {httpx.URL(self._url).host} cannot be used: {why}")
        self._config.logger.error("%s", error)
        emit(self._config, ArtifactDownloadFailed(artifact_location=self._url, error=error))

    def _measure(self, started: float, downloaded: float) -> None:
        if self._telemetry is not None:
            now = time.monotonic()
            self._telemetry.add(
                artifact_entry(
                    timestamp=int(time.time() * 1000),
                    execution=(now - started) * 1000,
                    parsing=(now - downloaded) * 1000,
                )
            )

    def _tell_geo(self, answer: Answer) -> None:
        geo = geo_of_headers(dict(answer.headers))
        if geo:
            emit(self._config, GeoLocationUpdated(geo_context=geo))

    def _announce(self) -> None:
        if not self.ready.is_set():
            self.ready.set()
            emit(self._config, ClientReady())

    def _limited(self, seconds: float) -> float:
        """Cut a wait short where the wait for the first artifact ends."""
        if self._ready_by is None or self.ready.is_set():
            return seconds
        return max(0.0, min(seconds, self._ready_by - time.monotonic()))

    def _check_wait(self) -> None:
        if self._ready_by is not None and not self.ready.is_set() and time.monotonic() >= self._ready_by:
            self._config.logger.error("No artifact within %s ms; still trying.", self._config.maximum_wait_ready)
            self._announce()
