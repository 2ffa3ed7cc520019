"""On-device decisioning: load a rule artifact, decide a request, explain the decision.

Deciding is pure: it uses no network and no shared state, and reads the clock only when it is not given a time.
The rules are in docs/on-device.md.

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

This package needs the extra ``on-device``: ``pip install 'target-delivery[on-device]'``. It can be imported without
the extra; then every name but the errors raises MissingExtraError when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from target_delivery.decisioning.errors import (
    ArtifactError as ArtifactError,
    DecisioningError as DecisioningError,
    MissingExtraError as MissingExtraError,
)

_EXTRA = ("mmh3", "publicsuffixlist")


def require_extra() -> None:
    """Check that the packages of the extra ``on-device`` are installed.

    Raises:
        MissingExtraError: one is not. The message has the command that installs it.
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


if TYPE_CHECKING:
    from target_delivery.decisioning.allocation import allocate as allocate
    from target_delivery.decisioning.artifact import (
        Artifact as Artifact,
        compile_artifact as compile_artifact,
        decode_bin as decode_bin,
        load_artifact as load_artifact,
        read_artifact as read_artifact,
    )
    from target_delivery.decisioning.engine import (
        Decision as Decision,
        RemoteNeeds as RemoteNeeds,
        decide as decide,
        notification_request as notification_request,
        remote_needs as remote_needs,
    )
    from target_delivery.decisioning.explanation import Explanation as Explanation, explain as explain
    from target_delivery.decisioning.geo import (
        geo_address as geo_address,
        geo_of_headers as geo_of_headers,
        with_geo as with_geo,
    )
    from target_delivery.decisioning.rules import Rule as Rule
    from target_delivery.decisioning.trace import ArtifactSource as ArtifactSource
else:
    from target_delivery._lazy import lazy

    # Load names when they are first used: a client that asks the edge does not need the extra.
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "target_delivery.decisioning.allocation": ("allocate",),
            "target_delivery.decisioning.artifact": (
                "Artifact",
                "compile_artifact",
                "decode_bin",
                "load_artifact",
                "read_artifact",
            ),
            "target_delivery.decisioning.engine": (
                "Decision",
                "RemoteNeeds",
                "decide",
                "notification_request",
                "remote_needs",
            ),
            "target_delivery.decisioning.explanation": ("Explanation", "explain"),
            "target_delivery.decisioning.geo": ("geo_address", "geo_of_headers", "with_geo"),
            "target_delivery.decisioning.rules": ("Rule",),
            "target_delivery.decisioning.trace": ("ArtifactSource",),
        },
        eager=["ArtifactError", "DecisioningError", "MissingExtraError", "require_extra"],
        before=require_extra,
    )
