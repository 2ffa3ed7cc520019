"""Deciding on the device: load a rule artifact, decide, explain. No network, no clock of its own, no shared state.

::

    from target_delivery.decisioning import decide, explain, load_artifact

    artifact = load_artifact(open("rules.json", "rb").read())
    request = {
        "id": {"tntId": "338e3c1e51f7416a8e1ccba4f81acea0.28_0"},
        "context": {"channel": "web", "address": {"url": "https://example.com/"}},
        "prefetch": {"mboxes": [{"name": "hero", "index": 0}]},
    }
    decision = decide(artifact, request, client="acme")
    decision.response["prefetch"]["mboxes"][0]["options"]
    print(explain(artifact, request, client="acme"))  # which rule applied, and why others did not

Requests and answers are plain objects in the form of the Delivery API, with its camelCase names.

It needs the extra ``on-device``: ``pip install 'target-delivery[on-device]'``. Without it this package can be
imported, and what needs the extra raises MissingExtraError when it is first named.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from target_delivery.decisioning.errors import ArtifactError, DecisioningError, MissingExtraError

if TYPE_CHECKING:
    from target_delivery.decisioning.allocation import allocate
    from target_delivery.decisioning.artifact import (
        Artifact,
        Rule,
        compile_artifact,
        decode_bin,
        load_artifact,
        read_artifact,
    )
    from target_delivery.decisioning.engine import (
        Decision,
        RemoteNeeds,
        decide,
        notification_request,
        remote_needs,
    )
    from target_delivery.decisioning.explanation import Explanation, explain
    from target_delivery.decisioning.geo import geo_address, geo_of_headers, with_geo
    from target_delivery.decisioning.trace import ArtifactSource

__all__ = [
    "Artifact",
    "ArtifactError",
    "ArtifactSource",
    "Decision",
    "DecisioningError",
    "Explanation",
    "MissingExtraError",
    "RemoteNeeds",
    "Rule",
    "allocate",
    "compile_artifact",
    "decide",
    "decode_bin",
    "explain",
    "geo_address",
    "geo_of_headers",
    "load_artifact",
    "notification_request",
    "read_artifact",
    "remote_needs",
    "require_extra",
    "with_geo",
]

# Loaded when first named: a client that asks the edge does not need the extra.
_MODULES = {
    "allocation": ("allocate",),
    "artifact": ("Artifact", "Rule", "compile_artifact", "decode_bin", "load_artifact", "read_artifact"),
    "engine": ("Decision", "RemoteNeeds", "decide", "notification_request", "remote_needs"),
    "explanation": ("Explanation", "explain"),
    "geo": ("geo_address", "geo_of_headers", "with_geo"),
    "trace": ("ArtifactSource",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
_EXTRA = ("mmh3", "publicsuffixlist")


def require_extra() -> None:
    """Check that what deciding on the device needs is installed.

    Raises:
        MissingExtraError: it is not; the text has the command that installs it.
    """
    for package in _EXTRA:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtraError(
                f"on-device decisioning needs the package {package!r}, which cannot be imported ({error}): "
                "pip install 'target-delivery[on-device]'",
                name=package,
            ) from error


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_extra()
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
