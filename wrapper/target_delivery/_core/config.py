"""The options of a client: the one place that has their names, types, defaults and checks."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final, get_args

from attrs import field, frozen

from target_delivery._core import checks
from target_delivery._core.hosts import cluster_of_hint, is_cdn_base, is_http_url, is_server_domain
from target_delivery.options import DecisioningMethodName, TargetLogger
from target_delivery_api.body import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_delivery._core.checks import Check

__all__ = ["CHECK", "DECISIONING_METHOD", "RETRIES", "TIMEOUT", "Config"]

CHECK: Final = "check"
"""Key of an option's check in the metadata of its field."""

_CLIENT_CODE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_DAY = 86_400_000
"""Milliseconds. A longer time is probably not meant in milliseconds."""

TIMEOUT: Check = checks.an_integer(
    "an int of milliseconds greater than 0, at most a day", lambda value: 0 < value <= _DAY
)
RETRIES: Check = checks.an_integer("an int of at least 0", lambda value: value >= 0)
DECISIONING_METHOD: Check = checks.one_of(*get_args(DecisioningMethodName))


def _by(check: Check) -> dict[str, Check]:
    return {CHECK: check}


@frozen(kw_only=True)
class Config:
    """The options of a client, checked and with their defaults.

    ``ClientOptions`` documents them, because editors show the documentation there; a test compares the two.
    """

    client: str = field(metadata=_by(checks.matching("1 to 128 letters, digits, '-' and '_'", _CLIENT_CODE.fullmatch)))
    organization_id: str = field(metadata=_by(checks.non_blank))
    timeout: int = field(default=3000, metadata=_by(TIMEOUT))
    retries: int = field(default=2, metadata=_by(RETRIES))
    max_answer_bytes: int = field(
        default=MAX_BYTES,
        metadata=_by(checks.an_integer("an int of bytes, at least 1024", lambda value: value >= 1024)),
    )
    server_domain: str | None = field(
        default=None,
        metadata=_by(
            checks.matching("a host with an optional ':port', without scheme, user or path", is_server_domain)
        ),
    )
    trust_env: bool = field(default=True, metadata=_by(checks.a_flag))
    secure: bool = field(default=True, metadata=_by(checks.a_flag))
    logger: TargetLogger = field(factory=lambda: logging.getLogger("adobe.target"), metadata=_by(checks.a_logger))
    target_location_hint: str | None = field(
        default=None, metadata=_by(checks.matching("an edge cluster, 1 to 5 digits", cluster_of_hint))
    )
    property_token: str | None = field(default=None, repr=False, metadata=_by(checks.non_blank))
    decisioning_method: DecisioningMethodName = field(default="server-side", metadata=_by(DECISIONING_METHOD))
    polling_interval: int = field(
        default=300_000,
        metadata=_by(
            checks.an_integer(
                "an int of milliseconds: 0 (never poll) or at least 300000, at most a day",
                lambda value: value == 0 or 300_000 <= value <= _DAY,
            )
        ),
    )
    maximum_wait_ready: int | None = field(
        default=None,
        metadata=_by(checks.an_integer("an int of milliseconds, at most a day", lambda value: 0 <= value <= _DAY)),
    )
    artifact_location: str | None = field(
        default=None, repr=False, metadata=_by(checks.matching("an http or https URL", is_http_url))
    )
    artifact_payload: Mapping[str, Any] | None = field(default=None, repr=False, metadata=_by(checks.a_mapping))
    environment_id: int | None = field(default=None, metadata=_by(checks.an_integer("an int", lambda _: True)))
    environment: str = field(default="production", metadata=_by(checks.non_blank))
    cdn_environment: str = field(default="production", metadata=_by(checks.non_blank))
    cdn_base_path: str | None = field(
        default=None, metadata=_by(checks.matching("a host, or an http or https URL", is_cdn_base))
    )
    telemetry_enabled: bool = field(default=True, metadata=_by(checks.a_flag))
    version: str | None = field(default=None, metadata=_by(checks.a_text))
    validate_requests: bool = field(default=False, metadata=_by(checks.a_flag))
    events: Mapping[str, Callable[..., object]] = field(factory=dict[str, Any], metadata=_by(checks.events))

    def describe(self) -> str:
        """Return the options that identify a client in its repr. None of them is secret."""
        edge = self.server_domain or f"{self.client}.tt.omtrdc.net"
        return f"client={self.client!r} decisioning_method={self.decisioning_method!r} edge={edge!r}"
